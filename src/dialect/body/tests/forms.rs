use proptest::prelude::{prop, proptest};

use super::{FORM, facts, operation, read_as};
use crate::denial::Reason;
use crate::dialect::body::facts::BodyFacts;
use crate::dialect::body::multipart::form::Form;
use crate::request::Dialect;

fn form(parts: &[&str]) -> String {
    let parts: String = parts.iter().map(|part| format!("--b\r\n{part}\r\n")).collect();
    format!("{parts}--b--\r\n")
}

fn field(name: &str, value: &str) -> String {
    format!("Content-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}")
}

fn transcribe(body: &str) -> Result<BodyFacts, Reason> {
    read_as(&operation(Dialect::Openai, "/v1/audio/transcriptions"), FORM, body.as_bytes())
}

#[test]
fn the_model_of_a_form_is_read_wherever_it_stands() {
    let file = "content-disposition: form-data; name=\"file\"; filename=\"a.wav\"\r\ncontent-type: audio/wav\r\n\r\n\0\n--c\r\n";
    let named = |more: &str| format!("Content-Disposition: form-data; name=file{more}\r\n\r\nx");
    let token =
        "Content-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=model\r\n\r\nm";
    let rows = [
        ("first", form(&[&field("model", "m"), file]), facts(Some("m"), None, None)),
        ("last", form(&[file, &field("model", "m")]), facts(Some("m"), None, None)),
        ("not at all", form(&[file]), facts(None, None, None)),
        ("no parts", "--b--".to_owned(), facts(None, None, None)),
        (
            "with stream",
            form(&[&field("model", "m"), &field("stream", "true")]),
            facts(Some("m"), Some(true), None),
        ),
        (
            "a file as .NET names it",
            form(&[&named("; filename=a.wav; filename*=utf-8''a.wav"), &field("model", "m")]),
            facts(Some("m"), None, None),
        ),
        (
            "a file of other letters",
            form(&[
                &named("; filename=\"=?utf-8?B?w6k=?=\"; filename*=utf-8''%C3%A9.wav"),
                &field("model", "m"),
            ]),
            facts(Some("m"), None, None),
        ),
        (
            "the extended name first, with its language",
            form(&[&named("; filename*=UTF-8'en'a%20b.wav; filename=\"a b.wav\""), &field("model", "m")]),
            facts(Some("m"), None, None),
        ),
        (
            "the extended name alone, quoted",
            form(&[&named("; filename*=\"utf-8''a.wav\""), &field("model", "m")]),
            facts(Some("m"), None, None),
        ),
        (
            "a name in pieces",
            form(&[&named("; filename*0=\"a\"; filename*1*=b%20c"), &field("model", "m")]),
            facts(Some("m"), None, None),
        ),
        (
            "a quotation mark in a name",
            form(&[&named("; filename=it's.wav"), &field("model", "m")]),
            facts(Some("m"), None, None),
        ),
        (
            "a disposition in another order",
            form(&[
                "Content-Disposition: form-data; filename*=utf-8''a.wav; name=file\r\n\r\nx",
                &field("model", "m"),
            ]),
            facts(Some("m"), None, None),
        ),
        ("named by a token, with a charset", form(&[token]), facts(Some("m"), None, None)),
        (
            "beside a list",
            form(&[&field("timestamp_granularities[]", "word"), &field("model", "m")]),
            facts(Some("m"), None, None),
        ),
    ];
    for (note, body, expected) in rows {
        // A form without parts begins with its closing delimiter.
        assert_eq!(transcribe(&body), Ok(expected), "{note}");
    }
    let edit = operation(Dialect::Azure, "/openai/deployments/d/images/edits");
    let body = form(&[&field("model", "gpt-image-1")]);
    assert_eq!(read_as(&edit, FORM, body.as_bytes()).unwrap().model.as_deref(), Some("d"));
}

#[test]
fn a_form_that_parsers_read_differently_is_refused() {
    use Reason::{BodyAmbiguous, BodyMalformed};
    let with = |header: &str| form(&[&format!("{header}\r\n\r\nm")]);
    let model = field("model", "m");
    let rows = [
        ("the model twice", form(&[&model, &field("model", "x")]), BodyAmbiguous),
        ("the model in another case", form(&[&field("Model", "m")]), BodyAmbiguous),
        ("the model padded", form(&[&field("model ", "m")]), BodyAmbiguous),
        ("the model as a list", form(&[&field("model[]", "m")]), BodyAmbiguous),
        ("a long s", form(&[&field("\u{17f}tream", "true")]), BodyAmbiguous),
        ("a byte order mark before the name", form(&[&field("\u{feff}model", "m")]), BodyAmbiguous),
        ("a byte order mark before the model", form(&[&field("model", "\u{feff}m")]), BodyMalformed),
        (
            "a space of Unicode behind the name",
            with("Content-Disposition: form-data; name=\"model\"\u{a0}"),
            BodyAmbiguous,
        ),
        ("a space of Unicode in a header's name", form(&[&format!("X\u{a0}: y\r\n{model}")]), BodyAmbiguous),
        ("half a list, without quotes", with("Content-Disposition: form-data; name=model["), BodyAmbiguous),
        (
            "an item of a list, without quotes",
            with("Content-Disposition: form-data; name=model[x]"),
            BodyAmbiguous,
        ),
        (
            "a charset in a name, without quotes",
            with("Content-Disposition: form-data; name=''model"),
            BodyAmbiguous,
        ),
        (
            "an asterisk in a name, without quotes",
            with("Content-Disposition: form-data; name=model*"),
            BodyAmbiguous,
        ),
        ("a header without a name", form(&[&format!(": y\r\n{model}")]), BodyAmbiguous),
        ("an escaped name", form(&[&field("mod%65l", "m")]), BodyAmbiguous),
        ("a backslash in the name", form(&[&field("mod\\el", "m")]), BodyAmbiguous),
        ("the name twice", with("Content-Disposition: form-data; name=\"x\"; name=\"model\""), BodyAmbiguous),
        (
            "an extended name",
            with("Content-Disposition: form-data; name=\"x\"; name*=utf-8''model"),
            BodyAmbiguous,
        ),
        (
            "a name in pieces beside it",
            with("Content-Disposition: form-data; name=\"x\"; name*0=\"mo\"; name*1=\"del\""),
            BodyAmbiguous,
        ),
        (
            "a name in pieces alone",
            with("Content-Disposition: form-data; name*0=\"mo\"; name*1=\"del\""),
            BodyMalformed,
        ),
        (
            "the model as a file by its extended name",
            with("Content-Disposition: form-data; name=model; filename*=utf-8''m"),
            BodyAmbiguous,
        ),
        (
            "a file's name twice",
            with("Content-Disposition: form-data; name=file; filename*=utf-8''a; filename*=utf-8''b"),
            BodyAmbiguous,
        ),
        (
            "a parameter that only begins as a file's name",
            with("Content-Disposition: form-data; name=file; filenames=it's"),
            BodyAmbiguous,
        ),
        (
            "two dispositions",
            with("Content-Disposition: form-data; name=x\r\nContent-Disposition: form-data; name=model"),
            BodyAmbiguous,
        ),
        ("an attachment", with("Content-Disposition: attachment; name=\"model\""), BodyAmbiguous),
        (
            "the model as a file",
            with("Content-Disposition: form-data; name=\"model\"; filename=\"m\""),
            BodyAmbiguous,
        ),
        (
            "the model in another charset",
            with("Content-Disposition: form-data; name=model\r\nContent-Type: text/plain; charset=utf-16"),
            BodyAmbiguous,
        ),
        (
            "the model as JSON",
            with("Content-Disposition: form-data; name=model\r\nContent-Type: application/json"),
            BodyAmbiguous,
        ),
        (
            "a transfer encoding",
            with("Content-Disposition: form-data; name=model\r\nContent-Transfer-Encoding: base64"),
            BodyAmbiguous,
        ),
        ("a charset field", form(&[&field("_charset_", "utf-16")]), BodyAmbiguous),
        ("a folded header", with("Content-Disposition: form-data;\r\n name=\"model\""), BodyAmbiguous),
        (
            "a bare line feed in a header",
            with("X: y\nContent-Disposition: form-data; name=model"),
            BodyAmbiguous,
        ),
        ("a blank before the colon", with("Content-Disposition : form-data; name=model"), BodyAmbiguous),
        ("no disposition", with("X: y"), BodyMalformed),
        ("no name", with("Content-Disposition: form-data"), BodyMalformed),
        ("no headers", form(&["\r\nm"]), BodyMalformed),
        ("an empty model", form(&[&field("model", "")]), BodyMalformed),
        ("a line break in the model", form(&[&field("model", "m\r\nx")]), BodyMalformed),
        ("a stream that is neither", form(&[&field("stream", "1")]), BodyMalformed),
        ("bytes before the form", format!("x\r\n{}", form(&[&model])), BodyMalformed),
        ("bytes after the form", format!("{}x", form(&[&model])), BodyAmbiguous),
        ("another form after the form", format!("{0}{0}", form(&[&model])), BodyAmbiguous),
        ("no end", format!("--b\r\n{model}\r\n"), BodyMalformed),
        ("line feeds as delimiters", format!("--b\n{}\n--b--", model.replace('\r', "")), BodyAmbiguous),
        (
            "a delimiter behind a line feed",
            form(&["Content-Disposition: form-data; name=file\r\n\r\n\n--b\r\nx"]),
            BodyAmbiguous,
        ),
        (
            "a longer boundary in a part",
            form(&["Content-Disposition: form-data; name=file\r\n\r\n\r\n--bb\r\nx"]),
            BodyAmbiguous,
        ),
        ("padding behind a delimiter", format!("--b \r\n{model}\r\n--b--"), BodyAmbiguous),
        ("nothing", String::new(), BodyMalformed),
    ];
    for (note, body, expected) in rows {
        assert_eq!(transcribe(&body), Err(expected), "{note}");
    }
}

#[test]
fn what_one_part_may_keep_is_bounded() {
    let long = "x".repeat(9000);
    for (part, note) in [
        (field("model", &long), "a model that never ends"),
        (
            format!("X: {long}\r\nContent-Disposition: form-data; name=\"file\"\r\n\r\nx"),
            "headers that never end",
        ),
    ] {
        let whole = form(&[&part]);
        let mut pieces = Form::new("b");
        let refused = whole.as_bytes().chunks(100).map(|piece| pieces.take(piece)).find(Result::is_err);
        assert_eq!(refused.map(|taken| taken.unwrap_err().reason()), Some(Reason::BodyMalformed), "{note}");
    }
}

/// Parts, delimiters and line ends in any order, most of them broken.
const LIKE_A_FORM: &str = "(--b|--|\r\n|\r|x|Content-Disposition: form-data; name=\"model\"\r\n\r\nm|Content-Disposition: form-data; name=\"file\"\r\n\r\n){0,12}";

proptest! {
    #[test]
    fn a_form_is_read_alike_in_one_piece_and_in_many(parts in LIKE_A_FORM, size in 1_usize..9) {
        let body = format!("--b\r\n{parts}\r\n--b--");
        let mut whole = Form::new("b");
        let at_once = whole.take(body.as_bytes()).and_then(|()| whole.finish());
        let mut pieces = Form::new("b");
        let taken = body.as_bytes().chunks(size).try_for_each(|piece| pieces.take(piece));
        let in_pieces = taken.and_then(|()| pieces.finish());
        assert_eq!(at_once.map_err(|denial| denial.reason()), in_pieces.map_err(|denial| denial.reason()));
        assert_eq!(whole.facts().model, pieces.facts().model);
    }

    #[test]
    fn nothing_like_a_form_panics(parts in prop::collection::vec("(--b|\r\n|--|name=|\"|;|Content-Disposition: form-data|model|:|x){0,12}", 0..6)) {
        let _ = transcribe(&format!("--b\r\n{}", parts.concat()));
    }
}
