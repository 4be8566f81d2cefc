"""What an answer cost is in its record, for every dialect, streamed or not; and the answer goes on as it came."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.bootstrap import KEPT_REQUEST_IDS, static_cluster
from harness.dialects import API_VERSION, VERTEX_BASE, Request, authorised, chat_document, raw_http1
from harness.gateway import Gateway, Signer, document, issuer_entry, key_entry, upstream_entries
from harness.key_server import KeyServer
from harness.raw import RawResponse
from harness.raw_http1 import Http1Connection, http1_request
from harness.raw_http2 import Http2Connection, http2_request, request_headers
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

INPUT, OUTPUT, CACHED = 120, 45, 100
MODEL = f"sim-tokens-{INPUT}-{OUTPUT}-{CACHED}"
NAMES = {
    "model": "gen_ai.response.model",
    "reasons": "gen_ai.response.finish_reasons",
    "input": "gen_ai.usage.input_tokens",
    "cache_read": "gen_ai.usage.cache_read.input_tokens",
    "cache_write": "gen_ai.usage.cache_creation.input_tokens",
    "output": "gen_ai.usage.output_tokens",
    "reasoning": "gen_ai.usage.reasoning.output_tokens",
    "audio_input": "claimgate.usage.audio_input_tokens",
    "audio_output": "claimgate.usage.audio_output_tokens",
    "image_input": "claimgate.usage.image_input_tokens",
    "total": "claimgate.usage.total_tokens",
    "complete": "claimgate.usage.complete",
    "unknown": "claimgate.usage.unknown",
}
PLAIN = {"input": INPUT, "output": OUTPUT, "total": INPUT + OUTPUT, "complete": True}
CACHING = {**PLAIN, "cache_read": CACHED}
OPENAI_CHAT = {**CACHING, "reasoning": 0, "audio_input": 0, "audio_output": 0, "model": MODEL, "reasons": ["stop"]}
RESPONSE = {**CACHING, "reasoning": 0, "model": MODEL}
ANTHROPIC = {**CACHING, "cache_write": 0, "model": MODEL, "reasons": ["end_turn"]}
GEMINI = {**CACHING, "model": MODEL, "reasons": ["STOP"]}
CONVERSE = {**CACHING, "cache_write": 0, "reasons": ["end_turn"]}
EMBEDDING = {"input": INPUT, "total": INPUT, "complete": True}

STREAM = {"stream": True}
WITH_USAGE = {**STREAM, "stream_options": {"include_usage": True}}
CHAT = {dialect: chat_document(dialect, MODEL) for dialect in ("openai", "azure", "anthropic", "gemini", "bedrock")}
VERTEX_CLAUDE = {name: value for name, value in CHAT["anthropic"].items() if name != "model"}
VERTEX_CLAUDE["anthropic_version"] = "vertex-2023-10-16"
VERTEX_CHAT = {**CHAT["openai"], "model": f"google/{MODEL}"}
VERTEX_ANSWER = {**OPENAI_CHAT, "model": f"google/{MODEL}"}
GOOGLE, CLAUDE = (f"{VERTEX_BASE}/publishers/{publisher}/models/{MODEL}" for publisher in ("google", "anthropic"))
FORM = (
    b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\n' + MODEL.encode() + b"\r\n"
    b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.mp3"\r\n\r\nsound\r\n--b--\r\n'
)
AZURE = f"/openai/deployments/{MODEL}"
# Dialect, path, body, and what the record must say.
METERED: list[tuple[str, str, Any, dict[str, Any]]] = [
    ("openai", "/v1/chat/completions", CHAT["openai"], OPENAI_CHAT),
    ("openai", "/v1/chat/completions", {**CHAT["openai"], **WITH_USAGE}, OPENAI_CHAT),
    ("openai", "/v1/completions", {"model": MODEL, "prompt": "a"}, OPENAI_CHAT),
    ("openai", "/v1/completions", {"model": MODEL, "prompt": "a", **WITH_USAGE}, OPENAI_CHAT),
    ("openai", "/v1/responses", {"model": MODEL, "input": "a", "store": False}, RESPONSE),
    ("openai", "/v1/responses", {"model": MODEL, "input": "a", "store": False, **STREAM}, RESPONSE),
    ("openai", "/v1/embeddings", {"model": MODEL, "input": ["a"] * 20}, {**EMBEDDING, "model": MODEL}),
    ("openai", "/v1/images/generations", {"model": MODEL, "prompt": "a"}, {**PLAIN, "image_input": 0}),
    ("openai", "/v1/audio/transcriptions", FORM, {**PLAIN, "audio_input": INPUT}),
    ("openai", "/v1/audio/speech", {"model": MODEL, "input": "a"}, {"complete": False, "unknown": "content_type"}),
    ("azure", f"{AZURE}/chat/completions?{API_VERSION}", CHAT["azure"], OPENAI_CHAT),
    ("azure", f"{AZURE}/chat/completions?{API_VERSION}", {**CHAT["azure"], **WITH_USAGE}, OPENAI_CHAT),
    ("azure", f"{AZURE}/embeddings?{API_VERSION}", {"input": "a"}, {**EMBEDDING, "model": MODEL}),
    ("azure", "/openai/v1/responses", {"model": MODEL, "input": "a", "store": False, **STREAM}, RESPONSE),
    ("anthropic", "/v1/messages", CHAT["anthropic"], ANTHROPIC),
    ("anthropic", "/v1/messages", {**CHAT["anthropic"], **STREAM}, ANTHROPIC),
    ("gemini", f"/v1beta/models/{MODEL}:generateContent", CHAT["gemini"], GEMINI),
    ("gemini", f"/v1beta/models/{MODEL}:streamGenerateContent?alt=sse", CHAT["gemini"], GEMINI),
    ("gemini", f"/v1beta/models/{MODEL}:streamGenerateContent", CHAT["gemini"], GEMINI),
    ("gemini", f"/v1beta/models/{MODEL}:embedContent", {"content": {"parts": [{"text": "a"}]}}, EMBEDDING),
    ("gemini", "/v1beta/openai/chat/completions", {**CHAT["openai"], **WITH_USAGE}, OPENAI_CHAT),
    ("bedrock", f"/model/{MODEL}/converse", CHAT["bedrock"], CONVERSE),
    ("bedrock", f"/model/{MODEL}/converse-stream", CHAT["bedrock"], CONVERSE),
    ("bedrock", f"/model/{MODEL}/invoke", CHAT["anthropic"], ANTHROPIC),
    ("bedrock", f"/model/{MODEL}/invoke-with-response-stream", CHAT["anthropic"], ANTHROPIC),
    ("vertex", f"{GOOGLE}:generateContent", CHAT["gemini"], GEMINI),
    ("vertex", f"{GOOGLE}:streamGenerateContent?alt=sse", CHAT["gemini"], GEMINI),
    ("vertex", f"{GOOGLE}:streamGenerateContent", CHAT["gemini"], GEMINI),
    ("vertex", f"{GOOGLE}:embedContent", {"content": {"parts": [{"text": "a"}]}}, EMBEDDING),
    ("vertex", f"{CLAUDE}:rawPredict", VERTEX_CLAUDE, ANTHROPIC),
    ("vertex", f"{CLAUDE}:streamRawPredict", {**VERTEX_CLAUDE, **STREAM}, ANTHROPIC),
    ("vertex", f"{VERTEX_BASE}/endpoints/openapi/chat/completions", VERTEX_CHAT, VERTEX_ANSWER),
    ("vertex", f"{VERTEX_BASE}/endpoints/openapi/chat/completions", {**VERTEX_CHAT, **WITH_USAGE}, VERTEX_ANSWER),
]


class World:
    """A gateway whose provider accounts are the caller's tenant's alone."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.simulator = simulator
        self.key, entry = key_entry("caller", tenant="acme")
        upstreams = [{**upstream, "tenant": "acme"} for upstream in upstream_entries()]
        self.configuration = document(keys=[entry], upstreams=upstreams)
        self.gateway = Gateway(
            self.configuration, simulator, directory, concurrency=1, connection_manager=KEPT_REQUEST_IDS
        )
        self.sent = 0

    def request(self, dialect: str, path: str, body: Any, **headers: str) -> Request:
        self.sent += 1
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "multipart/form-data; boundary=b" if isinstance(body, bytes) else "application/json"
        request = authorised(Request("POST", f"/{dialect}{path}"), dialect, self.key).with_body(content, kind)
        return request.with_headers(
            x_request_id=f"req-metering-{self.sent}", anthropic_version="2023-06-01", **headers
        )

    def send(self, request: Request) -> RawResponse:
        return http1_request(self.gateway.port, raw_http1(request), request.method)

    def told(self, request: Request) -> dict[str, Any]:
        """What the record of this request says of its cost."""
        record = self.gateway.audit(claimgate__request_id=request.headers["x-request-id"])
        return {name: record[told] for name, told in NAMES.items() if told in record}


@pytest.fixture(scope="module")
def world(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(simulator, tmp_path_factory.mktemp("metering"))
    yield running
    running.gateway.stop()


@pytest.mark.parametrize(("dialect", "path", "body", "expected"), METERED)
def test_the_record_has_the_usage_the_provider_told(
    world: World, dialect: str, path: str, body: Any, expected: dict[str, Any]
) -> None:
    request = world.request(dialect, path, body)
    answer = world.send(request)
    assert answer.status == 200, answer.body
    assert world.told(request) == expected
    again = world.request(dialect, path, body)
    headers = request_headers("POST", again.path, again.headers.items())
    assert http2_request(world.gateway.port, headers, [again.body or b""]).status == 200
    assert world.told(again) == expected


@pytest.mark.parametrize("dialect", ["openai", "anthropic", "gemini"])
def test_a_stream_in_small_pieces_goes_on_as_it_came(world: World, dialect: str) -> None:
    """`sim-split` sends pieces of seven bytes, so that each event is cut."""
    path, body = {
        "openai": ("/v1/chat/completions", {**CHAT["openai"], **WITH_USAGE, "model": "sim-split"}),
        "anthropic": ("/v1/messages", {**CHAT["anthropic"], **STREAM, "model": "sim-split"}),
        "gemini": ("/v1beta/models/sim-split:streamGenerateContent?alt=sse", CHAT["gemini"]),
    }[dialect]
    request = world.request(dialect, path, body)
    answer = world.send(request)
    events = [line[5:] for line in answer.body.replace(b"\r", b"").split(b"\n") if line.startswith(b"data:")]
    documents = [json.loads(event) for event in events if event.strip() != b"[DONE]"]
    assert len(documents) > 5
    told = world.told(request)
    wanted = {
        "openai": lambda: documents[-1]["usage"]["completion_tokens"],
        "anthropic": lambda: documents[-2]["usage"]["output_tokens"],
        "gemini": lambda: documents[-1]["usageMetadata"]["candidatesTokenCount"],
    }[dialect]()
    assert (told["output"], told["complete"]) == (wanted, True)


def test_a_stream_that_was_not_asked_for_its_usage_has_none(world: World) -> None:
    request = world.request("openai", "/v1/chat/completions", {**CHAT["openai"], **STREAM})
    assert b"usage" not in world.send(request).body
    expected = {"model": MODEL, "reasons": ["stop"], "complete": False, "unknown": "not_stated"}
    assert world.told(request) == expected


def test_a_caller_who_leaves_is_recorded_with_what_was_seen(world: World) -> None:
    body = {**CHAT["anthropic"], **STREAM, "model": "sim-long-2000", "max_tokens": 4000}
    request = world.request("anthropic", "/v1/messages", body)
    with Http2Connection(world.gateway.port) as connection:
        stream = connection.open(request_headers("POST", request.path, request.headers.items()))
        connection.send(stream, request.body or b"", last=True)
        assert connection.receive_start(stream, 500).status == 200
        connection.reset(stream)
        told = world.told(request)
    # The first event has the input and a first count of the output.
    assert told["input"] > 0
    assert told == {
        "input": told["input"], "cache_read": 0, "cache_write": 0, "output": 1, "total": told["input"] + 1,
        "model": "sim-long-2000", "complete": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("dialect", "path", "body", "unknown"),
    [
        ("openai", "/v1/chat/completions", {**CHAT["openai"], "model": "sim-cut"}, "cut_off"),
        ("openai", "/v1/chat/completions", {**CHAT["openai"], **WITH_USAGE, "model": "sim-cut"}, "cut_off"),
        ("bedrock", "/model/sim-cut/converse-stream", CHAT["bedrock"], "cut_off"),
        ("openai", "/v1/chat/completions", {**CHAT["openai"], "model": "sim-garbage"}, "unreadable"),
        ("anthropic", "/v1/messages", {**CHAT["anthropic"], "model": "sim-garbage"}, "unreadable"),
        ("openai", "/v1/chat/completions", {**CHAT["openai"], "model": "sim-gzip"}, "content_encoding"),
        ("openai", "/v1/chat/completions", {**CHAT["openai"], **WITH_USAGE, "model": "sim-gzip"}, "content_encoding"),
    ],
)
def test_what_cannot_be_read_is_told(world: World, dialect: str, path: str, body: Any, unknown: str) -> None:
    request = world.request(dialect, path, body)
    answer = world.send(request)
    told = world.told(request)
    assert (told["unknown"], told["complete"]) == (unknown, False)
    assert not {"input", "output", "total"} & told.keys()
    if unknown == "content_encoding":
        # It reaches the caller as it came.
        assert b"choices" in gzip.decompress(answer.body)


@pytest.mark.parametrize(("status", "told"), [(401, 502), (429, 429), (500, 500)])
def test_a_refusal_of_the_providers_costs_nothing(world: World, status: int, told: int) -> None:
    request = world.request("openai", "/v1/chat/completions", {**CHAT["openai"], "model": f"sim-{status}"})
    assert world.send(request).status == told
    assert world.told(request) == {}


def test_what_costs_nothing_is_not_metered(world: World) -> None:
    request = world.request("anthropic", "/v1/messages/count_tokens", CHAT["anthropic"])
    assert world.send(request).status == 200
    assert world.told(request) == {}
    models = replace(world.request("openai", "/v1/models", b""), method="GET", body=None)
    assert world.send(models).status == 200
    assert world.told(models) == {}


def test_the_provider_is_asked_not_to_compress_what_is_metered(world: World) -> None:
    def at_provider(request: Request) -> str | None:
        world.simulator.clear()
        assert world.send(request).status == 200
        (record,) = world.simulator.wait_received(1)
        return dict(record["headers"]).get("accept-encoding")

    path, body = "/v1/chat/completions", CHAT["openai"]
    assert at_provider(world.request("openai", path, body, accept_encoding="gzip, br")) == "identity"
    assert at_provider(world.request("openai", path, body)) is None
    unmetered = world.request("anthropic", "/v1/messages/count_tokens", CHAT["anthropic"], accept_encoding="gzip")
    assert at_provider(unmetered) == "gzip"


SHAPED = [
    ("?fields=candidates", {}),
    ("?%24fields=candidates", {}),
    ("?alt=sse&Fields=candidates", {}),
    ("?alt=proto", {}),
    ("?$alt=media", {}),
    ("?callback=f", {}),
    ("?uploadType=media", {}),
    ("", {"x_goog_fieldmask": "candidates"}),
    ("", {"range": "bytes=0-99"}),
]


@pytest.mark.parametrize(("query", "headers"), SHAPED)
def test_an_answer_without_its_usage_cannot_be_asked_for(world: World, query: str, headers: dict[str, str]) -> None:
    path = f"/v1beta/models/{MODEL}:generateContent{query}"
    answer = world.send(world.request("gemini", path, CHAT["gemini"], **headers))
    assert (answer.status, answer.header("x-claimgate-reason")) == (400, "usage_hidden")
    assert "leave out" in json.loads(answer.body)["error"]["message"]


def test_what_leaves_usage_where_it_is_passes(world: World) -> None:
    for query in ("?alt=json", "?prettyPrint=false", "?$alt=json;enum-encoding=int", "?quotaUser=a"):
        request = world.request("gemini", f"/v1beta/models/{MODEL}:generateContent{query}", CHAT["gemini"])
        assert world.send(request).status == 200
        assert world.told(request) == GEMINI
    unmetered = world.request("gemini", "/v1beta/models?fields=models(name)", b"")
    assert world.send(replace(unmetered, method="GET", body=None)).status == 200


def test_another_form_of_an_answer_is_not_asked_for(world: World) -> None:
    def at_provider(dialect: str, path: str, **headers: str) -> dict[str, str]:
        world.simulator.clear()
        assert world.send(world.request(dialect, path, CHAT[dialect], **headers)).status == 200
        (record,) = world.simulator.wait_received(1)
        return dict(record["headers"])

    generate, converse = f"/v1beta/models/{MODEL}:generateContent", f"/model/{MODEL}/converse"
    assert at_provider("gemini", generate, accept="application/x-protobuf")["accept"] == "*/*"
    assert at_provider("gemini", generate, accept="application/json")["accept"] == "application/json"
    sent = at_provider("bedrock", converse, accept="application/cbor", x_amzn_bedrock_accept="text/csv")
    assert (sent["accept"], sent["x-amzn-bedrock-accept"]) == ("*/*", "*/*")


def test_a_long_answer_is_metered_whole(world: World) -> None:
    """Its usage comes at the end of many pieces."""
    body = {"model": f"sim-tokens-{INPUT}-{OUTPUT}", "input": ["a"] * 20_000}
    request = world.request("openai", "/v1/embeddings", body)
    answer = httpx.post(f"{world.gateway.url}{request.path}", headers=dict(request.headers), content=request.body)
    assert len(answer.content) > 1_000_000
    assert world.told(request) == {**EMBEDDING, "model": f"sim-tokens-{INPUT}-{OUTPUT}"}


@pytest.fixture(scope="module")
def asking(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A gateway that asks for the usage of streams in place of its callers, because a quota counts model tokens."""
    quota = {"id": "tokens", "unit": "tokens", "limit": 10**9, "window": "1m", "per": ["principal.subject"]}
    configuration = {**world.configuration, "quotas": [quota]}
    directory = tmp_path_factory.mktemp("asking")
    with Gateway(
        configuration, world.simulator, directory, concurrency=1, connection_manager=KEPT_REQUEST_IDS
    ) as gateway:
        yield gateway


STREAMED = [
    ("openai", "/v1/chat/completions", {**CHAT["openai"], **STREAM}),
    ("openai", "/v1/completions", {"model": MODEL, "prompt": "a", **STREAM}),
    ("openai", "/v1/chat/completions", {**CHAT["openai"], "model": "sim-split", **STREAM}),
    ("azure", f"{AZURE}/chat/completions?{API_VERSION}", {**CHAT["azure"], **STREAM}),
    ("gemini", "/v1beta/openai/chat/completions", {**CHAT["openai"], **STREAM, "stream_options": {"include_usage": None}}),
]


def chunked(request: Request) -> bytes:
    """In chunks, so that no header tells the length of the body."""
    body = request.body or b""
    head = raw_http1(request, [("transfer-encoding", "chunked")], body=False)
    pieces = [body[start : start + 20] for start in range(0, len(body), 20)]
    return head + b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in [*pieces, b""])


@pytest.mark.parametrize("form", ["length", "chunks", "http2"])
@pytest.mark.parametrize(("dialect", "path", "body"), STREAMED)
def test_usage_is_asked_for_in_place_of_the_caller(
    world: World, asking: Gateway, dialect: str, path: str, body: Any, form: str
) -> None:
    request = world.request(dialect, path, body)
    world.simulator.clear()
    if form == "http2":
        headers = request_headers("POST", request.path, request.headers.items())
        answer = http2_request(asking.port, headers, [request.body or b""])
    else:
        answer = http1_request(asking.port, raw_http1(request) if form == "length" else chunked(request), "POST")
    assert answer.status == 200
    (received,) = world.simulator.wait_received(1)
    sent = json.loads(received["body"])
    assert sent.pop("stream_options") == {"include_usage": True}
    assert sent == {name: value for name, value in body.items() if name != "stream_options"}
    assert answer.body.endswith(b"data: [DONE]\n\n")
    events = [json.loads(event[6:]) for event in answer.body.split(b"\n\n") if event.startswith(b"data: {")]
    assert len(events) > 5
    assert not any(event.get("usage") for event in events), "the caller has not asked for it"
    assert any(event["choices"][0]["finish_reason"] == "stop" for event in events if event["choices"])
    record = asking.audit(claimgate__request_id=request.headers["x-request-id"])
    assert (record[NAMES["complete"]], record[NAMES["reasons"]]) == (True, ["stop"])
    if MODEL in str(body) + path:
        assert (record[NAMES["input"]], record[NAMES["output"]]) == (INPUT, OUTPUT)


@pytest.fixture
def keys() -> Iterator[KeyServer]:
    server = KeyServer()
    yield server
    server.stop()


def test_usage_is_asked_for_in_a_body_that_waited_for_keys(world: World, keys: KeyServer, tmp_path: Path) -> None:
    """Then the request goes on without a callback of its own."""
    signer = Signer()
    remote = {"cluster": "keys", "host": "login.test", "path": "/issuer", "timeout": "5s"}
    issuer = issuer_entry(signer, jwks={"remote": remote})
    configuration = {**world.configuration, "metering": {"stream_usage": "always"}, "issuers": [issuer]}
    with Gateway(
        configuration, world.simulator, tmp_path, concurrency=1, clusters=[static_cluster("keys", keys.port)]
    ) as gateway:
        request = world.request("openai", "/v1/chat/completions", {**CHAT["openai"], **STREAM})
        request = request.with_headers(authorization=f"Bearer {signer.token(tenant='acme')}")
        world.simulator.clear()
        with Http1Connection(gateway.port) as connection:
            connection.send(raw_http1(request))
            keys.wait_asked("issuer")
            keys.publish("issuer", {"keys": [signer.jwk()]})
            answer = connection.receive("POST")
        (received,) = world.simulator.wait_received(1)
        assert json.loads(received["body"])["stream_options"] == {"include_usage": True}
        assert answer.status == 200 and b"usage\":{" not in answer.body
        assert gateway.envoy.crashes() == 0


@pytest.mark.parametrize(
    "options",
    [
        '"Stream_Options":{"include_usage":false}',
        '"\u017ftream_options":{"include_usage":false}',
        '"stream_options":{"include_usage":true},"stream_options":{"include_usage":false}',
        '"stream_options":{"include_usage":true,"Include_Usage":false}',
        '"stream_options":{"include_usage":false,"include_usage":true}',
        '"stream_options":{"include_usage":true,"include_u\u017fage":false}',
    ],
)
def test_a_wish_for_usage_that_can_be_undone_is_refused(world: World, asking: Gateway, options: str) -> None:
    body = f'{{"model":"{MODEL}","stream":true,"messages":[],{options}}}'.encode()
    request = world.request("openai", "/v1/chat/completions", body).with_headers(content_type="application/json")
    answer = http1_request(asking.port, raw_http1(request), "POST")
    assert (answer.status, answer.header("x-claimgate-reason")) == (400, "body_ambiguous")


def test_a_caller_who_asks_for_usage_gets_it(world: World, asking: Gateway) -> None:
    request = world.request("openai", "/v1/chat/completions", {**CHAT["openai"], **WITH_USAGE})
    world.simulator.clear()
    answer = http1_request(asking.port, raw_http1(request), "POST")
    assert b'"total_tokens":165' in answer.body
    (received,) = world.simulator.wait_received(1)
    assert received["body"].encode() == request.body, "nothing is changed"


def test_a_refused_stream_goes_on_as_it_came(world: World, asking: Gateway) -> None:
    request = world.request("openai", "/v1/chat/completions", {**CHAT["openai"], **STREAM, "model": "sim-429"})
    answer = http1_request(asking.port, raw_http1(request), "POST")
    assert answer.status == 429
    assert json.loads(answer.body)["error"]["code"] == "rate_limit_exceeded"
    assert asking.envoy.crashes() == 0


def test_metering_can_be_left_off(world: World, tmp_path: Path) -> None:
    configuration = {**world.configuration, "metering": {"usage": "ignore"}}
    options = {"concurrency": 1, "connection_manager": KEPT_REQUEST_IDS}
    with Gateway(configuration, world.simulator, tmp_path, **options) as gateway:
        request = world.request("openai", "/v1/chat/completions", CHAT["openai"], accept_encoding="gzip")
        world.simulator.clear()
        assert http1_request(gateway.port, raw_http1(request), "POST").status == 200
        record = gateway.audit(claimgate__request_id=request.headers["x-request-id"])
        assert not any("usage" in name or "response.model" in name for name in record)
        (received,) = world.simulator.wait_received(1)
        assert dict(received["headers"])["accept-encoding"] == "gzip"


def test_no_trap(world: World) -> None:
    assert world.gateway.envoy.crashes() == 0
