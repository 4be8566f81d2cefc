"""Body, and model elsewhere: the model that a rule reads is the model that answers."""

import gzip
import json

import pytest

from harness.attacks import BOTH, CHAT, FORBIDDEN, JSON, Attack, Stage, posting

pytestmark = pytest.mark.both_hosts

HI = '"messages": [{"role": "user", "content": "hi"}]'
GOOD = f'{{"model": "gpt-4o", {HI}}}'.encode()
BAD = f'{{"model": "{FORBIDDEN}", {HI}}}'.encode()

# A reader that takes the first key sees an allowed model; the provider, as most do, takes the last.
HIDDEN_KEYS = {
    "the key twice": f'{{"model": "gpt-4o", {HI}, "model": "{FORBIDDEN}"}}',
    "the key twice, once escaped": rf'{{"model": "gpt-4o", {HI}, "mod\u0065l": "{FORBIDDEN}"}}',
}
# Bodies that another reader than the gateway's could still make sense of.
OTHER_READERS = {
    "a key in another case": (f'{{"model": "gpt-4o", {HI}, "Model": "{FORBIDDEN}"}}'.encode(), "body_ambiguous"),
    "a limit with a Kelvin sign": (f'{{"model": "gpt-4o", {HI}, "max_to\u212aens": 9999}}'.encode(), "body_ambiguous"),
    "a stream with a long s": (f'{{"model": "gpt-4o", {HI}, "\u017ftream": true}}'.encode(), "body_ambiguous"),
    "a byte order mark": (b"\xef\xbb\xbf" + BAD, "body_malformed"),
    "UTF-16": (BAD.decode().encode("utf-16"), "body_malformed"),
    "two documents": (GOOD + BAD, "body_malformed"),
    "a document behind a NUL": (GOOD + b"\0" + BAD, "body_malformed"),
    "a comment": (f'{{"model": "gpt-4o", /* "model": "{FORBIDDEN}", */ {HI}}}'.encode(), "body_malformed"),
    "brackets without end": (b'{"model": "gpt-4o", "messages": ' + b"[" * 5000 + b"]" * 5000 + b"}", "body_ambiguous"),
}
# What is said about the body, and the body.
OTHER_KINDS: dict[str, tuple[list[tuple[str, str]], bytes]] = {
    "gzip": ([JSON, ("content-encoding", "gzip")], gzip.compress(BAD)),
    "gzip within identity": ([JSON, ("content-encoding", "identity, gzip")], gzip.compress(BAD)),
    "another charset": ([("content-type", "application/json; charset=utf-16")], BAD.decode().encode("utf-16")),
    "two content types": ([JSON, ("content-type", "text/plain")], BAD),
    "two content types in one line": ([("content-type", "application/json, text/plain")], BAD),
    "no content type": ([], BAD),
    "a form": ([("content-type", "application/x-www-form-urlencoded")], f"model={FORBIDDEN}".encode()),
}
ELSEWHERE = {
    "a batch": ("/owned/v1/batches", {"input_file_id": "file-1", "endpoint": "/v1/chat/completions"}),
    "a stored prompt": ("/owned/v1/responses", {"prompt": {"id": "pmpt_1"}, "input": "hi"}),
    "an earlier response": ("/owned/v1/responses", {"previous_response_id": "resp_1", "input": "hi"}),
    "a list of models": ("/owned/v1/chat/completions", {"model": "gpt-4o", "models": [FORBIDDEN], "messages": []}),
    "fallbacks": ("/owned/v1/chat/completions", {"model": "gpt-4o", "fallbacks": [FORBIDDEN], "messages": []}),
    "a tool's model": (
        "/owned/v1/responses",
        {"model": "gpt-4o", "input": "hi", "tools": [{"type": "image_generation", "model": FORBIDDEN}]},
    ),
}


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", HIDDEN_KEYS)
def test_a_model_hidden_behind_another_answers_nobody(stage: Stage, protocol: str, name: str) -> None:
    attack = posting(HIDDEN_KEYS[name].encode(), CHAT, stage.bearer())
    answer, _ = stage.open_door(attack, protocol)
    assert answer.json()["model"] == FORBIDDEN
    record = stage.refuses(attack, protocol, 400, "body_ambiguous")
    assert "gen_ai.request.model" not in record


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", OTHER_READERS)
def test_a_body_for_another_reader_reaches_nobody(stage: Stage, protocol: str, name: str) -> None:
    content, reason = OTHER_READERS[name]
    attack = posting(content, CHAT, stage.bearer())
    _, seen = stage.open_door(attack, protocol)
    assert seen["body"].encode("utf-8", "surrogateescape") == content
    stage.refuses(attack, protocol, 400, reason)


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", OTHER_KINDS)
def test_a_body_of_another_kind_reaches_nobody(stage: Stage, protocol: str, name: str) -> None:
    headers, content = OTHER_KINDS[name]
    attack = Attack("POST", CHAT, (stage.bearer(), *headers), content)
    _, seen = stage.open_door(attack, protocol)
    assert seen["body"].encode("utf-8", "surrogateescape") == content
    stage.refuses(attack, protocol, 415, "body_unsupported")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_form_with_two_models_reaches_nobody(stage: Stage, protocol: str) -> None:
    def part(name: str, value: str) -> str:
        return f'--b\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'

    form = (part("model", "whisper-1") + part("file", "x" * 9000) + part("model", FORBIDDEN) + "--b--\r\n").encode()
    kind = ("content-type", "multipart/form-data; boundary=b")
    attack = Attack("POST", "/openai/v1/audio/transcriptions", (stage.bearer(), kind), form)
    _, seen = stage.open_door(attack, protocol)
    assert FORBIDDEN in seen["body"]
    stage.refuses(attack, protocol, 400, "body_ambiguous")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_model_in_path_and_body_must_agree(stage: Stage, protocol: str) -> None:
    body = {"model": FORBIDDEN, "messages": []}
    attack = posting(body, "/bedrock/model/amazon.nova-lite-v1:0/converse", stage.bearer())
    _, seen = stage.open_door(attack, protocol)
    assert json.loads(seen["body"])["model"] == FORBIDDEN
    stage.refuses(attack, protocol, 400, "model_mismatch")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("method, path", [("GET", "/openai/v1/models"), ("DELETE", "/owned/v1/files/file-1")])
def test_a_body_where_none_belongs_reaches_nobody(stage: Stage, protocol: str, method: str, path: str) -> None:
    """Nobody reads it here; a provider might, as the request of an operation that has one."""
    attack = Attack(method, path, (stage.bearer(), JSON), BAD)
    _, seen = stage.open_door(attack, protocol)
    assert seen["body"].encode() == BAD
    stage.refuses(attack, protocol, 400, "body_unexpected")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_forbidden_model_is_refused_as_such(stage: Stage, protocol: str) -> None:
    """So that the refusals above are of the disguise, and not of everything."""
    attack = posting(BAD, CHAT, stage.bearer())
    assert stage.refuses(attack, protocol, 403, "model_not_allowed")["gen_ai.request.model"] == FORBIDDEN
    answer, _ = stage.passes(posting(GOOD, CHAT, stage.bearer()), protocol)
    assert answer.json()["model"] == "gpt-4o"


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", ELSEWHERE)
def test_a_model_elsewhere_is_not_believed(stage: Stage, protocol: str, name: str) -> None:
    path, body = ELSEWHERE[name]
    attack = posting(body, path, stage.bearer())
    _, seen = stage.open_door(attack, protocol)
    assert json.loads(seen["body"]) == body
    stage.refuses(attack, protocol, 403, "model_unknowable")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_model_named_by_azures_header_is_not_believed(stage: Stage, protocol: str) -> None:
    body = {"model": "gpt-4o", "store": False, "input": "hi", "tools": [{"type": "image_generation"}]}
    header = ("x-ms-oai-image-generation-deployment", FORBIDDEN)
    attack = posting(body, "/azure/openai/v1/responses", stage.bearer(), header)
    stage.refuses(attack, protocol, 403, "model_unknowable")
