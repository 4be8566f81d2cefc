"""Forms (RFC 7578): where an operation takes one, its field `model` is read, and every form that two parsers could
read differently is refused."""

import pytest
from harness.raw import RawResponse
from scene import BODY_LIMIT, BOTH, CHAT, FORM, JSON, Scene, assert_answered, assert_refused, body

pytestmark = pytest.mark.both_hosts

BOUNDARY = "b1"


def part(name: str, content: bytes = b"x", more: str = "", headers: str = "") -> bytes:
    """One field; `more` stands behind its name, `headers` are further lines."""
    return f'Content-Disposition: form-data; name="{name}"{more}\r\n{headers}\r\n'.encode() + content


def form(*parts: bytes, boundary: str = BOUNDARY, end: bytes = b"--\r\n") -> bytes:
    delimiter = b"--" + boundary.encode()
    return b"".join(delimiter + b"\r\n" + content + b"\r\n" for content in parts) + delimiter + end


FILE = part("file", b"RIFF" * 100, '; filename="a.wav"', "Content-Type: audio/wav\r\n")
MODEL = part("model", b"whisper-1")
FORBIDDEN = part("model", b"forbidden")


# Older browsers sent several files of one name so.
NESTED = "Content-Type: multipart/mixed; boundary=b2\r\n"


def kind(boundary: str = BOUNDARY) -> tuple[str, str]:
    return ("content-type", f"multipart/form-data; boundary={boundary}")


def upload(scene: Scene, protocol: str, content: bytes, content_type: tuple[str, str] | None = None) -> RawResponse:
    return scene.ask(protocol, "POST", FORM, [scene.credential, content_type or kind()], [content])


ACCEPTED = {
    "a file and a model": form(FILE, MODEL),
    "the model first": form(MODEL, FILE),
    "a file that is named as the field": form(part("file", b"RIFF", '; filename="model"'), MODEL),
    "a form within a file": form(part("file", form(FORBIDDEN, boundary="b2"), '; filename="a"'), MODEL),
    "two files of one name": form(FILE, FILE, MODEL),
    "a file as .NET names it": form(part("file", more="; filename=a.wav; filename*=utf-8''a.wav"), MODEL),
    "a file of other letters": form(part("file", more="; filename=\"?.wav\"; filename*=utf-8''%C3%A9.wav"), MODEL),
    "a file's name in pieces": form(part("file", more='; filename*0="a"; filename*1=".wav"'), MODEL),
    "a file first, longer than other bodies": form(
        part("file", b"x" * (2 * BODY_LIMIT), '; filename="a.wav"'), part("prompt", b"x"), MODEL
    ),
    "an empty file": form(part("file", b"", '; filename="a.wav"'), MODEL),
    "no line break behind its end": form(FILE, MODEL, end=b"--"),
}


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("note", ACCEPTED)
def test_a_form_arrives_as_it_was_sent(shipped: Scene, protocol: str, note: str) -> None:
    """The model is read from its field, and the form passes byte by byte."""
    record = assert_answered(shipped, upload(shipped, protocol, ACCEPTED[note]))
    assert record["gen_ai.request.model"] == "whisper-1"
    assert shipped.arrived()["body"].encode() == ACCEPTED[note]


REFUSED = {
    "a forbidden model": (form(FILE, FORBIDDEN), 403, "model_not_allowed"),
    "no model": (form(FILE), 403, "policy_error"),
    "two models": (form(FILE, MODEL, FORBIDDEN), 400, "body_ambiguous"),
    "a second model behind a large file": (
        form(MODEL, part("file", b"x" * (BODY_LIMIT - 1000), '; filename="a"'), FORBIDDEN),
        400,
        "body_ambiguous",
    ),
    "a model as a file": (form(FILE, part("model", b"whisper-1", '; filename="m.txt"')), 400, "body_ambiguous"),
    "a model of another case": (form(FILE, MODEL, part("Model", b"forbidden")), 400, "body_ambiguous"),
    "a model as a list": (form(FILE, MODEL, part("model[]", b"forbidden")), 400, "body_ambiguous"),
    "a name that is encoded": (form(FILE, MODEL, part("x", more="; name*=utf-8''model")), 400, "body_ambiguous"),
    "a name in pieces": (form(FILE, MODEL, part("x", more='; name*0="mo"; name*1="del"')), 400, "body_ambiguous"),
    "a model as a file by its extended name": (
        form(FILE, part("model", b"whisper-1", "; filename*=utf-8''m")),
        400,
        "body_ambiguous",
    ),
    "a forbidden model behind a file longer than other bodies": (
        form(part("file", b"x" * (2 * BODY_LIMIT), '; filename="a.wav"'), FORBIDDEN),
        403,
        "model_not_allowed",
    ),
    "a quote escaped in a file's name": (
        form(part("file", more='; filename="a\\"; name=\\"model"'), MODEL),
        400,
        "body_ambiguous",
    ),
    "a form within the model": (
        form(FILE, part("model", form(FORBIDDEN, boundary="b2"), headers=NESTED)),
        400,
        "body_ambiguous",
    ),
    "a transfer encoding": (
        form(FILE, part("model", b"Zm9yYmlkZGVu", headers="Content-Transfer-Encoding: base64\r\n")),
        400,
        "body_ambiguous",
    ),
    "a charset for all": (form(FILE, MODEL, part("_charset_", b"utf-7")), 400, "body_ambiguous"),
    "the boundary within a file": (form(part("file", b"a--b1 b", '; filename="a"'), MODEL), 400, "body_ambiguous"),
    "a longer boundary within a file": (form(part("file", b"\r\n--b12\r\n"), MODEL), 400, "body_ambiguous"),
    "text before its beginning": (b"hello\r\n" + form(FILE, MODEL), 400, "body_malformed"),
    "text behind its end": (form(FILE, MODEL) + b"hello", 400, "body_ambiguous"),
    "a second form behind its end": (form(FILE, MODEL) + form(FORBIDDEN), 400, "body_ambiguous"),
    "no end": (form(FILE, MODEL, end=b"\r\n"), 400, "body_malformed"),
    "cut in a part": (form(FILE, MODEL)[:-20], 400, "body_malformed"),
    "cut in its last delimiter": (form(FILE, MODEL)[:-4], 400, "body_malformed"),
    "bare line feeds": (form(FILE, MODEL).replace(b"\r\n", b"\n"), 400, "body_ambiguous"),
    "nothing": (b"", 400, "body_malformed"),
    "only its end": (b"--b1--\r\n", 403, "policy_error"),
    "JSON": (body("whisper-1"), 400, "body_malformed"),
}


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("note", REFUSED)
def test_a_form_with_two_readings_is_refused(shipped: Scene, protocol: str, note: str) -> None:
    """No provider sees a form whose model another parser could read otherwise."""
    content, status, reason = REFUSED[note]
    assert_refused(shipped, upload(shipped, protocol, content), status, reason)
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    ("content_type", "is_read"),
    [
        ('multipart/form-data; boundary="b1"', True),
        ("multipart/form-data;boundary=b1", True),
        ("multipart/form-data; BOUNDARY=b1", True),
        ("multipart/form-data", False),
        ("multipart/form-data; boundary=", False),
        ('multipart/form-data; boundary=""', False),
        ("multipart/form-data; boundary=b1; boundary=b2", False),
        ("multipart/form-data; boundary=b2; boundary=b1", False),
        ("multipart/form-data; boundary*=b1", False),
        ("multipart/form-data; boundary=b1; charset=utf-16", False),
        ("multipart/form-data; boundary=b 1", False),
        ("multipart/form-data; boundary=" + "b" * 71, False),
        ("multipart/mixed; boundary=b1", False),
        ("multipart/form-data, application/json; boundary=b1", False),
        ("application/x-www-form-urlencoded", False),
        ("application/json", False),
    ],
)
def test_a_boundary_has_one_reading(shipped: Scene, protocol: str, content_type: str, is_read: bool) -> None:
    """The content type names a form and one plain boundary, or the upload is refused unread."""
    answer = upload(shipped, protocol, form(FILE, MODEL), ("content-type", content_type))
    if is_read:
        assert_answered(shipped, answer)
        return
    assert_refused(shipped, answer, 415, "body_unsupported")
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_a_form_is_no_body_of_an_operation_of_json(shipped: Scene, protocol: str) -> None:
    """And JSON is none of an operation that takes a form: neither is read as the other."""
    answer = shipped.ask(protocol, "POST", CHAT, [shipped.credential, kind()], [form(FILE, MODEL)])
    assert_refused(shipped, answer, 415, "body_unsupported")
    assert_refused(shipped, upload(shipped, protocol, body("whisper-1"), JSON), 415, "body_unsupported")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_form_beyond_the_bound_is_refused(shipped: Scene, protocol: str) -> None:
    """Beyond `form_limit` an upload is decided by its beginning, which must name the model."""
    content = form(part("file", b"x" * (BODY_LIMIT + 200_000), '; filename="a.wav"'), MODEL)
    announced = ("content-length", str(len(content)))
    for headers in ([], [announced]):
        headers = [shipped.credential, kind(), *headers]
        answer = shipped.ask(protocol, "POST", FORM, headers, [content[:BODY_LIMIT + 100_000], content[BODY_LIMIT + 100_000:]])
        assert_refused(shipped, answer, 413, "body_too_large")
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_a_form_at_the_bound_in_small_pieces_is_read(shipped: Scene, protocol: str) -> None:
    """How an upload is cut into chunks or frames changes nothing."""
    empty = form(part("file", b"", '; filename="a.wav"'), MODEL)
    content = form(part("file", b"x" * (BODY_LIMIT - len(empty)), '; filename="a.wav"'), MODEL)
    assert len(content) == BODY_LIMIT
    pieces = [content[start : start + 997] for start in range(0, len(content), 997)]
    assert_answered(shipped, shipped.ask(protocol, "POST", FORM, [shipped.credential, kind()], pieces))
    assert len(shipped.arrived()["body"]) == BODY_LIMIT
