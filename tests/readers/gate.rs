//! The gate as one of several readers of bodies: a question per line in, an answer per line out, both JSON.
//!
//! A question names the dialect, the path, the content type and the body in base64; the answer has the facts,
//! or the reason why there are none.

use std::error::Error;
use std::io::{self, BufRead, Write};

use claimgate::dialect::{Wanted, read_body, recognise};
use claimgate::request::{Dialect, RequestHead};
use ct_codecs::{Base64, Decoder};
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Question {
    dialect: Dialect,
    path: String,
    content_type: String,
    body: String,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    for line in io::stdin().lock().lines() {
        let question: Question = serde_json::from_str(&line?)?;
        writeln!(output, "{}", answer(&question)?)?;
    }
    Ok(output.flush()?)
}

fn answer(question: &Question) -> Result<Value, Box<dyn Error>> {
    let headers = [(":method", "POST"), (":path", &question.path), ("content-type", &question.content_type)];
    let headers = headers.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    let head = RequestHead::new(headers.into());
    let operation = recognise(question.dialect, &head, None, &[])
        .map_err(|denial| format!("`{}` is {}", question.path, denial.reason().code()))?;
    let body = Base64::decode_to_vec(&question.body, None).map_err(|error| error.to_string())?;
    Ok(match read_body(&operation, &head, &body, &Wanted::default()) {
        Ok(facts) => {
            json!({"model": facts.model, "stream": facts.stream, "max_tokens": facts.max_tokens})
        }
        Err(denial) => json!({"refused": denial.reason().code()}),
    })
}
