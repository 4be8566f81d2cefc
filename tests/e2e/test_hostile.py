"""Hostile requests against a real Envoy: a denial or a pass by rule, never a trap, and nothing passes undecided."""

import base64
import gzip
import json
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass

import h2.exceptions
import pytest
from harness.deadline import wait_until
from harness.exchange import PROTOCOLS
from harness.gateway import Gateway, Signer, document, issuer_entry, key_entry, rule
from harness.raw import RawResponse
from harness.raw_http1 import Http1Connection, http1_request
from harness.raw_http2 import Http2Connection, http2_request, request_headers
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

BOTH = sorted(PROTOCOLS)
SEED = 20_260_131
FUZZ_SECONDS = 10.0
CHAT = "/openai/v1/chat/completions"
MODELS = "/openai/v1/models"
JSON = ("content-type", "application/json")
GOOD = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
Pairs = list[tuple[str, str]]


@dataclass
class Target:
    """A gateway whose connection manager normalizes nothing, so that the filter sees what was sent."""

    gateway: Gateway
    simulator: Simulator
    key: str
    signer: Signer

    @property
    def credential(self) -> tuple[str, str]:
        return ("authorization", f"Bearer {self.key}")

    def ask(self, protocol: str, method: str, path: str, headers: Pairs, content: bytes | None = None) -> RawResponse:
        with PROTOCOLS[protocol](self.gateway.port) as exchange:
            exchange.open(method, path, headers, last=content is None)
            if content is not None:
                exchange.send(content)
                exchange.end()
            return exchange.receive()

    def chat(self, protocol: str, content: bytes, *headers: tuple[str, str]) -> RawResponse:
        return self.ask(protocol, "POST", CHAT, [self.credential, *(headers or [JSON])], content)


@pytest.fixture(scope="module")
def target(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    signer = Signer()
    key, entry = key_entry("k1", tenant="acme")
    configuration = document(
        keys=[entry],
        issuers=[issuer_entry(signer)],
        policies=[rule("models", 'llm.model != "forbidden"', when="llm.operation != 'models'")],
        body_limit="512KiB",
    )
    loose = {
        "normalize_path": None,
        "merge_slashes": None,
        "path_with_escaped_slashes_action": None,
        "common_http_protocol_options": {"max_headers_count": 2000},
        "http_protocol_options": {"enable_trailers": True},
        # An invalid request costs its stream and not the connection, which makes thousands of them quick.
        "http2_protocol_options": {"allow_connect": True, "override_stream_error_on_invalid_http_message": True},
        "delayed_close_timeout": "0.01s",
        "max_request_headers_kb": 4096,
        "preserve_external_request_id": True,
    }
    simulator.clear()
    directory = tmp_path_factory.mktemp("hostile")
    with Gateway(configuration, simulator, directory, connection_manager=loose) as gateway:
        yield Target(gateway, simulator, key, signer)
        assert_unharmed(Target(gateway, simulator, key, signer))


@pytest.fixture(autouse=True)
def unharmed(target: Target) -> Iterator[None]:
    """After every test: no trap, no reload, the next request is served, and what passed was decided."""
    target.simulator.clear()
    yield
    assert_unharmed(target)


def assert_unharmed(target: Target) -> None:
    envoy = target.gateway.envoy
    assert envoy.crashes() == 0, envoy.log()[-2000:]
    reloads = {name: value for name, value in envoy.stats("vm_reload").items() if value}
    assert not reloads
    # Both workers, probably.
    for protocol in BOTH * 4:
        answer = target.chat(protocol, json.dumps(GOOD).encode())
        assert answer.status == 200, answer
    assert_all_decided(target)


def assert_all_decided(target: Target) -> None:
    """Fails unless every request that reached a provider has a record that allowed it."""
    received = target.simulator.received()
    arrived = [_header(record["headers"], "x-request-id") for record in received]

    def undecided() -> set[str]:
        return set(arrived) - {
            record["claimgate.request_id"]
            for record in target.gateway.records()
            if record["claimgate.decision"] == "allow"
        }

    wait_until(lambda: not undecided(), what="records", seconds=10, describe=lambda: f"{undecided()}")
    for record in received:
        assert _header(record["headers"], "authorization") == "Bearer provider-secret-openai", record
        assert target.key not in json.dumps(record)


def _header(headers: list[list[str]], wanted: str) -> str:
    [value] = [value for name, value in headers if name.lower() == wanted]
    return value


def said(answer: RawResponse) -> tuple[int, str | None]:
    return answer.status, answer.header("x-claimgate-reason")


# Random bytes.


def random_headers(dice: random.Random, target: Target) -> Pairs:
    """Header lists around the names that the filter reads; values of every byte that a header may hold."""
    names = [
        *("authorization", "x-api-key", "api-key", "x-goog-api-key", "cookie", "content-type", "content-encoding"),
        *(
            "content-length",
            "upgrade",
            "x-request-id",
            "x-forwarded-for",
            "sec-websocket-protocol",
            "x-claimgate-reason",
        ),
        *("openai-project", "x-http-method-override", "traceparent", "accept", "te", "expect", "x-envoy-original-path"),
    ]
    good = [
        f"Bearer {target.key}",
        target.key,
        f"Bearer {target.signer.token()}",
        "Bearer ",
        "application/json",
        "gzip",
    ]
    visible = [chr(code) for code in range(0x20, 0x100) if code != 0x7F] + ["\t"]

    def value() -> str:
        match dice.randrange(5):
            case 0:
                return dice.choice(good)
            case 1:
                whole = dice.choice(good)
                cut = dice.randrange(len(whole) + 1)
                return whole[:cut] + dice.choice(visible) + whole[cut + 1 :]
            case 2:
                return "".join(dice.choices(visible, k=dice.choice([1, 8, 300])))
            case 3:
                return dice.choice(
                    ["", ",", ".", "..", "a.b.c", "a.b.c.d.e", "eyJ.eyJ.", "Basic x:y", "\xff\xfe", "-1"]
                )
            case _:
                parts = ({"alg": dice.choice(["none", "HS256", "ES256"]), "kid": "k1"}, {"iss": "https://login.test/"})
                return (
                    "Bearer "
                    + ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts)
                    + "."
                )

    def name() -> str:
        return dice.choice(names) if dice.random() < 0.85 else "x-" + "".join(dice.choices("abc-_.~!|\x80\xff", k=4))

    return [(name(), value().strip(" \t")) for _ in range(dice.randrange(6))]


def random_path(dice: random.Random) -> str:
    parts = [
        "v1",
        "models",
        "chat",
        "completions",
        "openai",
        "azure",
        "gemini",
        "bedrock",
        "model",
        "realtime",
        "..",
        "%2e%2e",
    ]
    parts += ["%2f", "%00", ";", "a:b", "", "%", "%zz", "%ff", "\xe9", "?", "?model=x&model=y", "?key=x", "#", "\\"]
    return dice.choice(["/", "/openai/v1/", "/gemini/v1beta/models/", ""]) + "/".join(
        dice.choices(parts, k=dice.randrange(4))
    )


def random_method(dice: random.Random) -> str:
    return dice.choice(["GET", "POST", "POST", "PUT", "HEAD", "CONNECT", "OPTIONS", "BREW", "get", "G\xc9T"])


def random_content(dice: random.Random) -> bytes:
    whole = bytearray(json.dumps({**GOOD, "stream": False, "max_tokens": 5}).encode())
    for _ in range(dice.randrange(3)):
        whole[dice.randrange(len(whole))] = dice.randrange(256)
    return bytes(whole[: dice.randrange(len(whole) + 1)] if dice.random() < 0.3 else whole)


@pytest.mark.alone
def test_random_requests_over_http1(target: Target) -> None:
    dice, sent, end = random.Random(SEED), 0, time.monotonic() + FUZZ_SECONDS
    while sent < 3000 and time.monotonic() < end:
        path = random_path(dice).replace(" ", "").encode("latin-1")
        content = random_content(dice)
        head = random_method(dice).encode("latin-1") + b" " + path + b" HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
        for name, value in random_headers(dice, target):
            head += name.encode("latin-1") + b": " + value.encode("latin-1") + b"\r\n"
        if dice.random() < 0.5:
            head += b"content-type: application/json\r\n"
        if dice.random() < 0.9:
            head += b"content-length: %d\r\n" % len(content)
        request = head + b"\r\n" + content
        if dice.random() < 0.2:
            spot = dice.randrange(len(request))
            request = request[:spot] + bytes([dice.randrange(256)]) + request[spot + 1 :]
        _send_and_leave(target.gateway.port, request)
        sent += 1
    assert sent > 300


def _send_and_leave(port: int, request: bytes) -> None:
    """Sends, says that no more comes, and reads to the end of whatever comes back."""
    with Http1Connection(port) as connection:
        try:
            connection.send(request)
            connection.close_writing()
            while connection.receive_bytes(seconds=5):
                pass
        except (ConnectionError, TimeoutError, OSError):
            # Envoy may close first, and an accepted upgrade stays open.
            return


@pytest.mark.alone
def test_random_requests_over_http2(target: Target) -> None:
    dice, sent, end = random.Random(SEED + 1), 0, time.monotonic() + FUZZ_SECONDS
    connection = Http2Connection(target.gateway.port)
    while sent < 3000 and time.monotonic() < end:
        method, path = random_method(dice), random_path(dice)
        headers = [(":method", method), (":scheme", "http"), (":authority", "x"), (":path", path)]
        if dice.random() < 0.05:
            dice.shuffle(headers)
            headers = headers[: 1 + dice.randrange(4)]
        headers += [(name.lower(), value) for name, value in random_headers(dice, target)]
        headers += [JSON] if dice.random() < 0.5 else []
        try:
            stream = connection.open(headers, last=dice.random() < 0.2)
            if dice.random() < 0.9:
                connection.send(stream, random_content(dice))
            match dice.randrange(4):
                case 0:
                    connection.reset(stream)
                    continue
                case 1:
                    connection.send_trailers(stream, [("x-end", "\xff"), ("authorization", "Bearer x")])
                case _:
                    connection.send(stream, b"", last=True)
            connection.receive(stream, seconds=5)
        except (h2.exceptions.ProtocolError, ConnectionError, TimeoutError, OSError):
            connection.close()
            connection = Http2Connection(target.gateway.port)
        finally:
            sent += 1
    connection.close()
    assert sent > 300


def test_random_bytes_instead_of_requests(target: Target) -> None:
    dice = random.Random(SEED + 2)
    preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
    starts = [b"", b"GET ", b"GET / HTTP/1.1\r\n", b"POST /openai/v1/models HTTP/1.1\r\nhost: x\r\n", preface]
    for _ in range(300):
        _send_and_leave(target.gateway.port, dice.choice(starts) + dice.randbytes(dice.choice([1, 9, 100, 2000])))


# Credentials.


def test_long_texts_are_cut_in_records(target: Target) -> None:
    model, path = "é" * 50_000, "/openai/v1/" + "x" * 50_000
    request_id = ("x-request-id", "req-hostile-long")
    target.chat("http1", json.dumps({**GOOD, "model": model}).encode(), JSON, request_id)
    record = target.gateway.audit(claimgate__request_id="req-hostile-long")
    assert record["claimgate.cut"] == ["gen_ai.request.model"]
    assert record["gen_ai.request.model"] == "é" * 510 + "…"
    target.ask("http1", "GET", path, [target.credential, ("x-request-id", "req-hostile-path")])
    record = target.gateway.audit(claimgate__request_id="req-hostile-path")
    assert record["claimgate.cut"] == ["url.path"] and record["url.path"].endswith("x…")
    assert len(json.dumps(record)) < 3000


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("carrier", ["authorization", "x-api-key"])
def test_large_tokens(target: Target, protocol: str, carrier: str) -> None:
    # The client's own HPACK needs a minute for a megabyte.
    size = 1_000_000 if protocol == "http1" else 60_000

    def segment(size: int) -> str:
        return base64.urlsafe_b64encode(b'{"alg":"ES256","kid":"k1"}' + b" " * size).decode().rstrip("=")

    prefix = "Bearer " if carrier == "authorization" else ""
    for token in ["A" * size, f"{segment(size)}.{segment(9)}.AA", "." * size, "A.A." + "A" * size]:
        answer = target.ask(protocol, "GET", MODELS, [(carrier, prefix + token)])
        assert said(answer) in ((401, "token_too_large"), (401, "credential_malformed"), (401, "token_malformed")), (
            answer
        )


@pytest.mark.parametrize("protocol", BOTH)
def test_two_credentials(target: Target, protocol: str) -> None:
    bearer, key = target.credential, target.key
    for headers in [
        [bearer, bearer],
        [bearer, ("authorization", "Bearer other")],
        [("authorization", "Bearer other"), bearer],
        [("authorization", f"Bearer {key}, Bearer {key}")],
        [("authorization", f"Bearer {key},")],
        [("x-api-key", key), ("x-api-key", key)],
        [("x-api-key", key), ("x-api-key", "other")],
        [("x-api-key", f"{key},{key}")],
        [bearer, ("x-api-key", "other")],
        [("api-key", key), ("x-goog-api-key", "other")],
    ]:
        answer = target.ask(protocol, "GET", MODELS, headers)
        assert said(answer) == (400, "ambiguous_credential"), (headers, answer)
    assert target.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_credentials_that_are_not_text(target: Target, protocol: str) -> None:
    for value in [
        "Bearer \xff\xfe",
        "\xc3\x28",
        f"Bearer {target.key}\xff",
        f"Bearer\xa0{target.key}",
        "Bearer \u00e9.\u00e9.\u00e9",
    ]:
        for name in ("authorization", "x-api-key", "api-key", "x-goog-api-key"):
            answer = target.ask(protocol, "GET", MODELS, [(name, value)])
            assert answer.status == 401, (name, value, answer)
            assert said(answer)[1] in ("credential_malformed", "credential_missing", "key_unknown", "token_malformed")
    assert target.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_headers_that_are_not_text_do_not_matter(target: Target, protocol: str) -> None:
    names = [
        "user-agent",
        "accept",
        "x-anything",
        "traceparent",
        "x-request-id",
        "openai-organization",
        "x-claimgate-x",
    ]
    odd = [(name, "\xff\xfe\x80") for name in names]
    answer = target.ask(protocol, "GET", MODELS, [target.credential, *odd])
    assert answer.status == 200, answer
    [received] = target.simulator.wait_received(1)
    sent_on = {name.lower() for name, _ in received["headers"]}
    assert "x-anything" in sent_on and not sent_on & {"openai-organization", "x-claimgate-x"}


@pytest.mark.parametrize("protocol", BOTH)
def test_many_headers(target: Target, protocol: str) -> None:
    for count, status in [(900, 200), (1900, 200), (5000, 0)]:
        headers = [(f"x-{index}", "1") for index in range(count)]
        answer = target.ask(
            protocol, "POST", "/openai/v1/embeddings", [*headers, target.credential, JSON], b'{"model": "gpt"}'
        )
        if status:
            # The provider may refuse so many; the gateway did not.
            assert answer.status and answer.header("x-claimgate-reason") is None, answer
        else:
            assert answer.status in (0, 400, 431), answer
    answer = target.ask(protocol, "GET", MODELS, [("x-same", "1")] * 1500)
    assert said(answer) == (401, "credential_missing")


# Bodies.

DEEP = b'{"model": "gpt-4o", "messages": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
CASES: list[tuple[str, bytes, int, str]] = [
    ("nothing", b"", 400, "body_malformed"),
    ("cut short", json.dumps(GOOD).encode()[:-3], 400, "body_malformed"),
    ("two objects", json.dumps(GOOD).encode() * 2, 400, "body_malformed"),
    ("a list", b'[{"model": "gpt-4o"}]', 400, "body_malformed"),
    ("a string", b'"gpt-4o"', 400, "body_malformed"),
    ("null", b"null", 400, "body_malformed"),
    ("deep", DEEP, 400, "body_ambiguous"),
    ("deep and cut", DEEP[:90_000], 400, "body_ambiguous"),
    ("not UTF-8", b'{"model": "gpt-4o\xff"}', 400, "body_malformed"),
    ("a lone surrogate", rb'{"model": "gpt\ud800"}', 400, ""),
    ("a byte order mark", b'\xef\xbb\xbf{"model": "gpt-4o"}', 400, ""),
    ("UTF-16", json.dumps(GOOD).encode("utf-16"), 400, ""),
    ("a NUL", b'{"model": "gpt-4o"}\x00', 400, "body_malformed"),
    ("a key twice", b'{"model": "gpt-4o", "model": "forbidden"}', 400, "body_ambiguous"),
    ("a key twice, escaped", rb'{"model": "gpt-4o", "mod\u0065l": "forbidden"}', 400, "body_ambiguous"),
    ("a key that differs in case", b'{"model": "gpt-4o", "Model": "forbidden"}', 400, "body_ambiguous"),
    ("a model that is no text", b'{"model": ["gpt-4o"]}', 400, ""),
    ("a comment", b'{"model": "gpt-4o" /* forbidden */}', 400, "body_malformed"),
    ("a trailing comma", b'{"model": "gpt-4o",}', 400, "body_malformed"),
    ("NaN", b'{"model": "gpt-4o", "temperature": NaN}', 400, "body_malformed"),
    ("a huge number", b'{"model": "gpt-4o", "max_tokens": 1e999}', 400, ""),
    ("a negative number", b'{"model": "gpt-4o", "max_tokens": -1}', 400, ""),
    ("gzip without its header", gzip.compress(json.dumps(GOOD).encode()), 400, "body_malformed"),
    ("a form", b"model=gpt-4o", 400, "body_malformed"),
    ("random bytes", random.Random(SEED).randbytes(5000), 400, "body_malformed"),
    ("the forbidden model", b'{"model": "forbidden"}', 403, "policy_denied"),
]


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("note, content, status, reason", CASES, ids=[case[0] for case in CASES])
def test_bodies(target: Target, protocol: str, note: str, content: bytes, status: int, reason: str) -> None:
    answer = target.chat(protocol, content)
    assert answer.status == status, (note, answer)
    reasons = (reason,) if reason else ("body_malformed", "body_ambiguous")
    assert said(answer)[1] in reasons, (note, answer)
    assert target.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    "headers",
    [
        [JSON, ("content-encoding", "gzip")],
        [JSON, ("content-encoding", "identity, gzip")],
        [JSON, ("content-encoding", "br")],
        [("content-type", "text/plain")],
        [("content-type", "application/json; charset=utf-16")],
        [("content-type", "multipart/form-data; boundary=x")],
        [JSON, ("content-type", "text/plain")],
        [("content-type", "\xff")],
        [("x-no-content-type", "1")],
    ],
)
def test_bodies_of_another_kind(target: Target, protocol: str, headers: Pairs) -> None:
    content = json.dumps(GOOD).encode()
    if "gzip" in dict(headers).get("content-encoding", ""):
        content = gzip.compress(content)
    assert said(target.chat(protocol, content, *headers)) == (415, "body_unsupported")
    assert target.simulator.received() == []


# Paths, which this connection manager passes on as they came.

PATHS: list[tuple[str, int, str]] = [
    ("/openai/v1/../v1/models", 400, "path_ambiguous"),
    ("/openai/v1/./models", 400, "path_ambiguous"),
    ("/openai/v1/models/..", 400, "path_ambiguous"),
    ("/openai/v1/%2e%2e/v1/models", 400, "path_ambiguous"),
    ("/openai/v1/%2E/models", 400, "path_ambiguous"),
    ("/openai/../anthropic/v1/models", 400, "path_ambiguous"),
    ("/openai//v1/models", 400, "path_ambiguous"),
    ("/openai/v1//models", 400, "path_ambiguous"),
    ("/openai/v1/models/", 400, "path_ambiguous"),
    ("/openai/v1\\models", 400, "path_ambiguous"),
    ("/openai/v1%5cmodels", 400, "path_ambiguous"),
    ("/openai/v1%2fmodels", 400, "path_ambiguous"),
    ("/openai/v1/models%2fgpt-4o", 400, "path_ambiguous"),
    ("/openai/v1/models%00", 400, "path_ambiguous"),
    ("/openai/v1/models;x=y", 400, "path_ambiguous"),
    ("/openai/v1/models%3bx", 400, "path_ambiguous"),
    ("/openai/v1/models%3fx", 400, "path_ambiguous"),
    ("/openai/v1/models%252e", 400, "path_ambiguous"),
    ("/openai/v1/models%", 400, "path_ambiguous"),
    ("/openai/v1/models%zz", 400, "path_ambiguous"),
    ("/openai/v1/models%ff", 400, "path_ambiguous"),
    ("/openai/v1/MODELS", 404, "operation_unknown"),
    ("/openai/V1/models", 404, "operation_unknown"),
    ("/openai/v1/model%73", 200, ""),
    ("/openai/v1/unknown", 404, "operation_unknown"),
    ("/openai/", 400, "path_ambiguous"),
    ("/OPENAI/v1/models", 404, "no_upstream"),
    ("/%6fpenai/v1/models", 404, "no_upstream"),
    ("//openai/v1/models", 404, "no_upstream"),
    ("/", 404, "no_upstream"),
]


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("path, status, reason", PATHS)
def test_paths(target: Target, protocol: str, path: str, status: int, reason: str) -> None:
    answer = target.ask(protocol, "GET", path, [target.credential])
    assert said(answer) == (status, reason or None), answer
    if status != 200:
        assert target.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    "path",
    [
        "/openai/v1/\xe9",
        "/openai/v1/models\xff",
        "/openai/v1/mod\x01els",
        "/openai/v1/models#x",
        "openai/v1/models",
        "*",
        "",
    ],
)
def test_paths_that_envoy_may_know_better(target: Target, protocol: str, path: str) -> None:
    if protocol == "http1":
        request = b"GET " + path.encode("latin-1") + b" HTTP/1.1\r\nhost: x\r\nauthorization: Bearer "
        answer = http1_request(target.gateway.port, request + target.key.encode() + b"\r\n\r\n")
    else:
        answer = http2_request(target.gateway.port, request_headers("GET", path, [target.credential]))
    assert answer.status in (0, 400, 404), answer
    assert target.simulator.received() == []


def test_an_absolute_target_is_read_as_its_path(target: Target) -> None:
    for path, status in [("/openai/v1/models", 200), ("/openai/v1/../models", 400), ("", 404)]:
        request = f"GET http://elsewhere.test{path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {target.key}\r\n\r\n"
        assert http1_request(target.gateway.port, request.encode()).status == status


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello",
        b"POST %s HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        b"POST %s HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"POST %s HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        b"POST %s HTTP/1.1\r\nhost: x\r\n authorization: Bearer x\r\n\r\n",
        b"POST %s HTTP/1.1\r\nhost: x\r\nauthorization : Bearer x\r\n\r\n",
        b"POST %s HTTP/1.1\r\nhost: x\r\nauthori\x00zation: Bearer x\r\n\r\n",
        b"POST %s HTTP/1.1\r\nhost: x\r\nx-a: b\x00c\r\n\r\n",
        b"POST %s HTTP/1.1\r\n\r\n",
        b"POST %s HTTP/1.0\r\n\r\n",
        b"POST %s HTTP/9.9\r\nhost: x\r\n\r\n",
        b"CONNECT %s HTTP/1.1\r\nhost: x\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nhost: x:443\r\n\r\n",
        b"POST %s HTTP/1.1\r\nhost: x\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAARAAAAAAAIAAAAA\r\nconnection: upgrade\r\n\r\n",
    ],
)
def test_requests_that_smuggle(target: Target, request_bytes: bytes) -> None:
    request = request_bytes.replace(b"%s", CHAT.encode())
    answer = http1_request(target.gateway.port, request)
    assert answer.status in (0, 400, 401, 403, 404, 405, 426, 501), answer
    assert target.simulator.received() == []


def test_streams_that_break_off(target: Target) -> None:
    """Half requests, resets and closed connections at every point."""
    for index in range(60):
        with Http2Connection(target.gateway.port) as connection:
            stream = connection.open(request_headers("POST", CHAT, [target.credential, JSON]))
            if index % 3:
                connection.send(stream, json.dumps(GOOD).encode()[: index * 3])
            if index % 2:
                connection.reset(stream)
        with Http1Connection(target.gateway.port) as connection:
            head = (
                f"POST {CHAT} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {target.key}\r\ncontent-length: 90\r\n\r\n"
            )
            connection.send((head.encode() + json.dumps(GOOD).encode())[: 5 + index * 4])
