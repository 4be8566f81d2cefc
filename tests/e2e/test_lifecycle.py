"""Every row of the lifecycle table in `src/lifecycle.rs`, over HTTP/1.1 and HTTP/2."""

import json
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from harness.bootstrap import prefix_route, static_cluster
from harness.deadline import wait_until
from harness.exchange import PROTOCOLS, Exchange, Http1Exchange, Http2Exchange, closed_port
from harness.gateway import Gateway, Signer, document, issuer_entry, key_entry, rule, upstream_entries
from harness.key_server import KeyServer
from harness.raw import RawResponse
from harness.raw_http1 import Http1Connection
from harness.raw_http2 import Http2Connection, request_headers
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

BOTH = sorted(PROTOCOLS)
CHAT = "/openai/v1/chat/completions"
MODELS = "/openai/v1/models"
# Its account is the tenant's own, so nothing of a body has to be read there.
UNREAD = "/anthropic/v1/messages"
# Where a rule reads the model.
READ = "upstream.cluster != 'anthropic' && llm.operation != 'models'"
REALTIME = "/openai/v1/realtime?model=gpt-realtime"
JSON = ("content-type", "application/json")
# Clusters beside those of the providers.
EXTRA = ("gone", "idle", "moved", "marked", "lost")
BODY_LIMIT = 64 * 1024
HOLD_SECONDS = 4
ISSUER_SECONDS = 1
TRAILERS = [("x-checksum", "1")]

# When the key set comes, counted in steps of the request that were taken before.
ARRIVALS = ("headers", "chunk", "end", "trailers")
LATE_ISSUERS = [f"{arrival}-{protocol}" for arrival in (*ARRIVALS, "none", "large", "abort") for protocol in BOTH]


def body(model: str = "gpt-4o", *, size: int = 0, **fields: Any) -> bytes:
    """A chat completion of exactly `size` bytes, or as short as it can be."""
    whole = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 16, **fields}
    shortest = json.dumps(whole).encode()
    return shortest[:-1] + b" " * max(0, size - len(shortest)) + b"}"


@dataclass
class Scene:
    """A gateway, what is around it, and credentials for it."""

    gateway: Gateway
    simulator: Simulator
    key_server: KeyServer
    key: str
    signer: Signer = field(default_factory=Signer)

    @property
    def credential(self) -> tuple[str, str]:
        return ("authorization", f"Bearer {self.key}")

    def token(self, issuer: str) -> tuple[str, str]:
        token = self.signer.token(iss=f"https://{issuer}.test/", tenant="acme")
        return ("authorization", f"Bearer {token}")

    @contextmanager
    def exchange(self, protocol: str) -> Iterator[Exchange]:
        with PROTOCOLS[protocol](self.gateway.port) as exchange:
            yield exchange

    def seen(self, step: Callable[[], None], size: int = 1) -> None:
        """Takes a step and waits until Envoy has read the bytes of it, of which there are at least `size`."""
        stat = "http.gateway.downstream_cx_rx_bytes_total"
        before = self.gateway.envoy.stat(stat)
        step()
        wait_until(lambda: self.gateway.envoy.stat(stat) >= before + size, what="Envoy to read a step", seconds=5)

    def record(self, request_id: str) -> dict[str, Any]:
        return self.gateway.audit(claimgate__request_id=request_id)


@pytest.fixture(scope="module")
def scene(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    key_server = KeyServer()
    key, entry = key_entry("k1", tenant="acme", scopes=["chat"])
    configuration = document(
        keys=[entry],
        issuers=[
            *(_late(name, "keys", timeout="60s") for name in LATE_ISSUERS if "none" not in name),
            *(_late(f"none-{protocol}", "keys", timeout=f"{ISSUER_SECONDS}s") for protocol in BOTH),
            *(_late(f"nowhere-{protocol}", "no-such-cluster", timeout=f"{ISSUER_SECONDS}s") for protocol in BOTH),
        ],
        policies=[
            rule("models", 'llm.model != "forbidden"', when=READ, reason="model_not_allowed"),
        ],
        upstreams=_upstreams(),
        hold_timeout=f"{HOLD_SECONDS}s",
        body_limit=f"{BODY_LIMIT // 1024}KiB",
    )
    ports = simulator.ports
    directory = tmp_path_factory.mktemp("lifecycle")
    clusters = [
        static_cluster("keys", key_server.port),
        *(static_cluster(name, closed_port() if name == "gone" else ports["openai"]) for name in EXTRA),
    ]
    options = {"connection_manager": _connection_manager(), "clusters": clusters, "routes": _routes()}
    with Gateway(configuration, simulator, directory, reroutes=True, **options) as gateway:
        scene = Scene(gateway, simulator, key_server, key)
        yield scene
        assert gateway.envoy.crashes() == 0, gateway.envoy.log()[-2000:]
    key_server.stop()


def _late(name: str, cluster: str, *, timeout: str) -> dict[str, Any]:
    remote = {"cluster": cluster, "host": "keys.test", "path": f"/{name}", "refetch": "300ms", "timeout": timeout}
    return issuer_entry(Signer(), issuer=f"https://{name}.test/", jwks={"remote": remote})


def _upstreams() -> list[dict[str, Any]]:
    entries = upstream_entries()
    [anthropic] = [entry for entry in entries if entry["cluster"] == "anthropic"]
    anthropic["tenant"] = "acme"
    [openai] = [entry for entry in entries if entry["cluster"] == "openai"]
    return entries + [{**openai, "cluster": name, "path_prefix": f"/{name}"} for name in EXTRA]


def _connection_manager() -> dict[str, Any]:
    return {
        # Or Envoy replaces what an untrusted caller sent before the filter sees it.
        "preserve_external_request_id": True,
        "http_protocol_options": {"enable_trailers": True},
        "http2_protocol_options": {"allow_connect": True},
    }


def _routes() -> list[dict[str, Any]]:
    """Routes that read what the filter edits, and so lead elsewhere after it."""

    def where(route: dict[str, Any], header: str, **string: str) -> dict[str, Any]:
        match = {**route["match"], "headers": [{"name": header, "string_match": string}]}
        return {**route, "match": match}

    return [
        where(prefix_route("/moved/", "anthropic"), "authorization", prefix="Bearer provider-"),
        prefix_route("/moved/", "moved"),
        where(prefix_route("/marked/", "marked"), "x-request-id", exact="to be replaced"),
        prefix_route("/marked/", "openai"),
        where(prefix_route("/lost/", "lost"), "authorization", prefix="Bearer test-key-"),
        prefix_route("/gone/", "gone"),
        prefix_route("/idle/", "idle", idle_timeout="1s"),
        {
            "name": "direct",
            "match": {"path": "/direct"},
            "direct_response": {"status": 200, "body": {"inline_string": "hello"}},
        },
    ]


def ask(
    scene: Scene,
    protocol: str,
    method: str,
    path: str,
    headers: list[tuple[str, str]] | None = None,
    content: list[bytes] | None = None,
    trailers: list[tuple[str, str]] | None = None,
) -> RawResponse:
    """One request from start to end; without `content` and `trailers` it ends with its headers."""
    with scene.exchange(protocol) as exchange:
        whole = content is None and trailers is None
        pairs = [scene.credential, JSON] if headers is None else headers
        exchange.open(method, path, pairs, last=whole)
        for piece in content or []:
            exchange.send(piece)
        if not whole:
            exchange.end(trailers or [])
        return exchange.receive()


def assert_answered(scene: Scene, answer: RawResponse, status: int = 200) -> dict[str, Any]:
    """Fails unless the provider answered; gives the record."""
    assert (answer.status, answer.complete) == (status, True), answer
    record = scene.record(answer.header("x-request-id") or "")
    said = tuple(record[name] for name in ("claimgate.decision", "claimgate.answered_by", "claimgate.aborted"))
    assert said == ("allow", "provider", False), record
    assert record["http.response.status_code"] == status
    return record


def assert_refused(scene: Scene, answer: RawResponse, status: int, reason: str) -> dict[str, Any]:
    """Fails unless the gateway refused with this reason, in the answer and in the record, which it gives."""
    assert (answer.status, answer.header("x-claimgate-reason")) == (status, reason), answer
    record = scene.record(answer.header("x-request-id") or "")
    said = tuple(record[name] for name in ("claimgate.decision", "claimgate.reason", "claimgate.answered_by"))
    assert said == ("deny", reason, "gateway"), record
    assert record["http.response.status_code"] == status
    return record


# Headers, body, trailers.


@pytest.mark.parametrize("protocol", BOTH)
def test_headers_with_end_of_stream(scene: Scene, protocol: str) -> None:
    record = assert_answered(scene, ask(scene, protocol, "GET", MODELS))
    assert record["gen_ai.operation.name"] == "models"
    assert_refused(scene, ask(scene, protocol, "GET", MODELS, []), 401, "credential_missing")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("pieces", [1, 7])
@pytest.mark.parametrize("trailers", [None, TRAILERS])
def test_a_body_is_seen_whole_by_the_rule(
    scene: Scene, protocol: str, pieces: int, trailers: list[tuple[str, str]] | None
) -> None:
    for model in ("gpt-4o", "forbidden"):
        scene.simulator.clear()
        content = body(model, size=5000)
        length = -(-len(content) // pieces)
        parts = [content[start : start + length] for start in range(0, len(content), length)]
        answer = ask(scene, protocol, "POST", CHAT, content=parts, trailers=trailers)
        if model == "forbidden":
            assert_refused(scene, answer, 403, "model_not_allowed")
            assert scene.simulator.received() == []
        else:
            assert assert_answered(scene, answer)["gen_ai.request.model"] == model
            [received] = scene.simulator.wait_received(1)
            assert received["body"].encode() == content


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("trailers", [None, TRAILERS])
def test_a_body_that_no_rule_reads_passes(scene: Scene, protocol: str, trailers: list[tuple[str, str]] | None) -> None:
    scene.simulator.clear()
    # Larger than what a rule may read.
    content = body("forbidden", size=3 * BODY_LIMIT)
    answer = ask(scene, protocol, "POST", UNREAD, content=[content[:100], content[100:]], trailers=trailers)
    assert_answered(scene, answer)
    [received] = scene.simulator.wait_received(1)
    assert received["body"].encode() == content


@pytest.mark.parametrize("protocol", BOTH)
def test_an_unread_body_arrives_while_it_is_sent(scene: Scene, protocol: str) -> None:
    scene.simulator.clear()
    with scene.exchange(protocol) as exchange:
        exchange.open("POST", UNREAD, [scene.credential, JSON])
        exchange.send(body()[:10])
        wait_until(lambda: scene.simulator.received(), what="the provider to see the headers", seconds=5)
        exchange.send(body()[10:])
        exchange.end()
        assert_answered(scene, exchange.receive())


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("path, reason", [(CHAT, "body_malformed"), (UNREAD, None)])
def test_trailers_without_a_body(scene: Scene, protocol: str, path: str, reason: str | None) -> None:
    answer = ask(scene, protocol, "POST", path, trailers=TRAILERS)
    if reason:
        assert_refused(scene, answer, 400, reason)
    else:
        # The provider misses the body; the gateway had no reason to.
        assert_answered(scene, answer, 400)


@pytest.mark.parametrize("protocol", BOTH)
def test_headers_alone_where_a_body_is_read(scene: Scene, protocol: str) -> None:
    assert_refused(scene, ask(scene, protocol, "POST", CHAT), 400, "body_malformed")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_body_beside_a_refusal_of_the_headers(scene: Scene, protocol: str) -> None:
    content = [body(size=2 * BODY_LIMIT)] * 4
    answer = ask(scene, protocol, "POST", CHAT, [JSON], content, TRAILERS)
    assert_refused(scene, answer, 401, "credential_missing")


# The bound of a body.


@pytest.mark.parametrize("protocol", BOTH)
def test_a_body_at_the_bound_is_read(scene: Scene, protocol: str) -> None:
    for headers in ([], [("content-length", str(BODY_LIMIT))]):
        content = body(size=BODY_LIMIT)
        assert len(content) == BODY_LIMIT
        answer = ask(scene, protocol, "POST", CHAT, [scene.credential, JSON, *headers], [content[:9], content[9:]])
        assert_answered(scene, answer)


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("ending", ["end", "trailers", "open"])
def test_a_body_beyond_the_bound_by_chunks(scene: Scene, protocol: str, ending: str) -> None:
    scene.simulator.clear()
    content = body(size=BODY_LIMIT + 1)
    with scene.exchange(protocol) as exchange:
        exchange.open("POST", CHAT, [scene.credential, JSON])
        for start in range(0, len(content), 16_000):
            exchange.send(content[start : start + 16_000])
        if ending != "open":
            exchange.end(TRAILERS if ending == "trailers" else [])
        answer = exchange.receive()
    assert_refused(scene, answer, 413, "body_too_large")
    assert answer.json()["error"]["code"] == "body_too_large"
    assert scene.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_a_body_beyond_the_bound_by_its_length(scene: Scene, protocol: str) -> None:
    with scene.exchange(protocol) as exchange:
        exchange.open("POST", CHAT, [scene.credential, JSON, ("content-length", str(BODY_LIMIT + 1))])
        # The answer comes before any of the body.
        assert_refused(scene, exchange.receive(), 413, "body_too_large")


# Upgrades.

UPGRADE = [
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
]
# A masked text frame of two bytes, `hi`, masked with zeros.
FRAME = b"\x81\x82\x00\x00\x00\x00hi"


def test_an_upgrade_over_http1(scene: Scene) -> None:
    scene.simulator.clear()
    protocols = ("sec-websocket-protocol", f"realtime, openai-insecure-api-key.{scene.key}, openai-beta.realtime-v1")
    with Http1Connection(scene.gateway.port) as connection:
        connection.send(_head("GET", REALTIME, [*UPGRADE, protocols]))
        answer = connection.receive()
        assert answer.status == 101 and answer.header("x-request-id")
        connection.send(FRAME)
        frames = b""
        while not frames.endswith(b"hi"):
            piece = connection.receive_bytes()
            assert piece
            frames += piece
        assert b"session.created" in frames
    [received] = scene.simulator.wait_received(1)
    headers = {name.lower(): value for name, value in received["headers"]}
    assert headers["sec-websocket-protocol"].replace(" ", "") == "realtime,openai-beta.realtime-v1"
    assert headers["authorization"] == "Bearer provider-secret-openai"
    assert scene.key not in json.dumps(received)
    record = scene.record(answer.header("x-request-id") or "")
    assert (record["claimgate.decision"], record["gen_ai.request.model"]) == ("allow", "gpt-realtime")
    assert record["http.response.status_code"] == 101


def test_an_upgrade_over_http2(scene: Scene) -> None:
    scene.simulator.clear()
    pseudo = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http")]
    headers = [*pseudo, (":authority", "gateway.test"), (":path", REALTIME), *UPGRADE[2:]]
    with Http2Connection(scene.gateway.port) as connection:
        stream = connection.open([*headers, scene.credential])
        # The provider's first event.
        answer = connection.receive_start(stream)
        assert answer.status == 200 and b"session.created" in answer.body
        connection.send(stream, FRAME)
        size = len(answer.body)
        answer = connection.receive_start(stream, size + 1)
        assert answer.body.endswith(b"hi")
        refused = connection.open(headers)
        assert_refused(scene, connection.receive(refused), 401, "credential_missing")
    [received] = scene.simulator.wait_received(1)
    assert ["authorization", "Bearer provider-secret-openai"] in [
        [name.lower(), value] for name, value in received["headers"]
    ]


@pytest.mark.parametrize(
    "path, headers, status, reason",
    [
        (REALTIME, [], 401, "credential_missing"),
        ("/openai/v1/realtime?model=forbidden", None, 403, "model_not_allowed"),
        (MODELS, None, 404, "operation_unknown"),
        (CHAT, None, 404, "operation_unknown"),
    ],
)
def test_a_refused_upgrade(
    scene: Scene, path: str, headers: list[tuple[str, str]] | None, status: int, reason: str
) -> None:
    scene.simulator.clear()
    with Http1Connection(scene.gateway.port) as connection:
        connection.send(_head("GET", path, [*UPGRADE, *([scene.credential] if headers is None else headers)]))
        assert_refused(scene, connection.receive(), status, reason)
    assert scene.simulator.received() == []


def test_an_upgrade_that_envoy_does_not_offer(scene: Scene) -> None:
    with Http1Connection(scene.gateway.port) as connection:
        headers = [("connection", "Upgrade"), ("upgrade", "unheard-of"), scene.credential]

        def asking() -> RawResponse:
            connection.send(_head("GET", REALTIME, headers))
            return connection.receive()

        assert_early_refusal(scene, asking, 403)


# Waiting for keys.


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("arrival", ARRIVALS)
def test_keys_arrive(scene: Scene, protocol: str, arrival: str) -> None:
    """The key set comes after this step of the request; the body is whole nevertheless, for rule and provider."""
    scene.simulator.clear()
    issuer = f"{arrival}-{protocol}"
    content = body("gpt-4o", size=3000)
    with scene.exchange(protocol) as exchange:
        scene.seen(lambda: exchange.open("POST", CHAT, [scene.token(issuer), JSON]), 100)
        scene.key_server.wait_asked(issuer)
        if arrival != "headers":
            scene.seen(lambda: exchange.send(content[:1000]), 1000)
        if arrival in ("end", "trailers"):
            scene.seen(lambda: exchange.send(content[1000:]), 2000)
            scene.seen(lambda: exchange.end(TRAILERS if arrival == "trailers" else []))
        assert scene.simulator.received() == []
        scene.key_server.publish(issuer, {"keys": [scene.signer.jwk()]})
        if arrival == "headers":
            exchange.send(content[:1000])
        if arrival in ("headers", "chunk"):
            exchange.send(content[1000:])
            exchange.end()
        record = assert_answered(scene, exchange.receive())
    assert record["claimgate.principal.kind"] == "jwt"
    [received] = scene.simulator.wait_received(1)
    assert received["body"].encode() == content
    # The rule still sees the body, now that the keys are there, and before.
    with scene.exchange(protocol) as exchange:
        exchange.open("POST", CHAT, [scene.token(issuer), JSON])
        exchange.send(body("forbidden"))
        exchange.end()
        assert_refused(scene, exchange.receive(), 403, "model_not_allowed")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_large_body_while_keys_are_awaited(scene: Scene, protocol: str) -> None:
    """What is held for the keys is bounded as what is held for a rule; the caller may come again."""
    scene.simulator.clear()
    issuer = f"large-{protocol}"
    with scene.exchange(protocol) as exchange:
        exchange.open("POST", CHAT, [scene.token(issuer), JSON])
        exchange.send(body(size=BODY_LIMIT + 1))
        exchange.end()
        answer = exchange.receive()
    assert_refused(scene, answer, 503, "identity_unavailable")
    assert answer.header("x-should-retry") == "true"
    assert scene.simulator.received() == []


def test_an_issuer_that_does_not_answer(scene: Scene) -> None:
    with Http1Exchange(scene.gateway.port) as first, Http2Exchange(scene.gateway.port) as second:
        exchanges = {"http1": first, "http2": second}
        start = time.monotonic()
        for protocol, exchange in exchanges.items():
            exchange.open("POST", CHAT, [scene.token(f"none-{protocol}"), JSON])
            exchange.send(body())
            exchange.end()
        for exchange in exchanges.values():
            assert_refused(scene, exchange.receive(), 503, "identity_unavailable")
        assert ISSUER_SECONDS * 0.9 < time.monotonic() - start < HOLD_SECONDS


def test_an_issuer_whose_cluster_does_not_exist(scene: Scene) -> None:
    start = time.monotonic()
    for protocol in BOTH:
        answer = ask(scene, protocol, "GET", MODELS, [scene.token(f"nowhere-{protocol}")])
        assert_refused(scene, answer, 503, "identity_unavailable")
    assert time.monotonic() - start < 2 * HOLD_SECONDS
    assert "cannot fetch keys through the cluster `no-such-cluster`" in scene.gateway.envoy.log()


def test_a_hold_that_takes_too_long(scene: Scene) -> None:
    with Http1Exchange(scene.gateway.port) as first, Http2Exchange(scene.gateway.port) as second:
        start = time.monotonic()
        for exchange in (first, second):
            exchange.open("POST", CHAT, [scene.credential, JSON])
            exchange.send(body()[:10])
        for exchange in (first, second):
            answer = exchange.receive(seconds=HOLD_SECONDS + 5)
            assert_refused(scene, answer, 503, "hold_timeout")
        assert HOLD_SECONDS * 0.9 < time.monotonic() - start < HOLD_SECONDS + 5


# Callers and providers that break off.


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("phase", ["body", "keys", "stream"])
def test_a_caller_that_leaves(scene: Scene, protocol: str, phase: str) -> None:
    scene.simulator.clear()
    request_id = str(uuid.uuid4())
    marked = [JSON, ("x-request-id", request_id)]
    with scene.exchange(protocol) as exchange:
        match phase:
            case "body":
                exchange.open("POST", CHAT, [scene.credential, *marked])
                scene.seen(lambda: exchange.send(body(size=1000)[:500]), 500)
            case "keys":
                issuer = f"abort-{protocol}"
                scene.seen(lambda: exchange.open("GET", MODELS, [scene.token(issuer), *marked], last=True), 100)
            case _:
                exchange.open("POST", CHAT, [scene.credential, *marked])
                exchange.send(body("sim-long-5000", stream=True, max_tokens=5000))
                exchange.end()
                assert exchange.receive_start().status == 200
        exchange.abort()
    record = scene.record(request_id)
    assert record["claimgate.aborted"] is True
    if phase == "stream":
        said = (record["claimgate.decision"], record["claimgate.answered_by"], record["http.response.status_code"])
        assert said == ("allow", "provider", 200)
    else:
        assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("undecided", "nobody")
        assert "http.response.status_code" not in record
    if phase == "keys":
        # Whoever waited is gone; the keys come nevertheless and wake nobody.
        scene.key_server.publish(issuer, {"keys": [scene.signer.jwk()]})
        assert_answered(scene, ask(scene, protocol, "GET", MODELS, [scene.token(issuer)]))


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("stream", [True, False])
def test_a_provider_that_breaks_off(scene: Scene, protocol: str, stream: bool) -> None:
    request_id = str(uuid.uuid4())
    headers = [scene.credential, JSON, ("x-request-id", request_id)]
    answer = ask(scene, protocol, "POST", CHAT, headers, [body("sim-cut", stream=stream)])
    assert answer.status == 200 and not answer.complete
    record = scene.record(request_id)
    said = (record["claimgate.decision"], record["claimgate.answered_by"], record["claimgate.aborted"])
    assert said == ("allow", "provider", True), record


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("status", [403, 429, 500])
def test_a_provider_that_refuses(scene: Scene, protocol: str, status: int) -> None:
    answer = ask(scene, protocol, "POST", CHAT, content=[body(f"sim-{status}")])
    assert_answered(scene, answer, status)
    assert answer.header("x-claimgate-reason") is None
    assert "error" in answer.json()
    assert (answer.header("retry-after") == "1") == (status == 429)


@pytest.mark.parametrize("protocol", BOTH)
def test_a_provider_that_cannot_be_reached(scene: Scene, protocol: str) -> None:
    answer = ask(scene, protocol, "POST", "/gone/v1/chat/completions", content=[body()])
    assert (answer.status, answer.header("x-claimgate-reason")) == (503, "upstream_unreachable")
    record = scene.record(answer.header("x-request-id") or "")
    assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("allow", "envoy")
    assert record["error.type"] == "upstream_unreachable"
    assert record["http.response.status_code"] == 503


@pytest.mark.parametrize("protocol", BOTH)
def test_a_slow_provider(scene: Scene, protocol: str) -> None:
    record = assert_answered(scene, ask(scene, protocol, "POST", CHAT, content=[body("sim-slow")]))
    assert record["claimgate.duration_ms"] >= 400


@pytest.mark.parametrize("protocol", BOTH)
def test_a_stream_is_not_delayed(scene: Scene, protocol: str) -> None:
    scene.simulator.clear()
    with scene.exchange(protocol) as exchange:
        exchange.open("POST", CHAT, [scene.credential, JSON])
        exchange.send(body("sim-long-400", stream=True, max_tokens=400))
        exchange.end()
        assert exchange.receive_start().body.startswith(b"data: " if protocol == "http2" else b"")
        # The first event is here, and the provider is not done.
        [received] = scene.simulator.received()
        assert received["ended"] is False
        answer = exchange.receive()
    assert answer.complete and answer.body.rstrip().endswith(b"data: [DONE]")
    assert_answered(scene, answer)


# What Envoy answers by itself.


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("path", ["/openai/v1/%2fmodels", "/openai/v1/%5Cmodels"])
def test_a_path_that_envoy_refuses_has_a_record(scene: Scene, protocol: str, path: str) -> None:
    assert_early_refusal(scene, lambda: ask(scene, protocol, "GET", path), 400)


TOO_MANY = [(f"x-{number}", "1") for number in range(101)]


def test_headers_that_envoy_refuses_over_http1_have_a_record(scene: Scene) -> None:
    headers = [scene.credential, *TOO_MANY]
    assert_early_refusal(scene, lambda: ask(scene, "http1", "GET", MODELS, headers), 431)


def assert_early_refusal(scene: Scene, asking: Callable[[], RawResponse], status: int) -> None:
    """Fails unless Envoy refused before it asked any filter; no callback of the answer is made then either.

    `asking` sends the request itself: its record may be written before its answer is read.
    """
    known = len(scene.gateway.records())
    answer = asking()
    assert answer.status == status and answer.header("x-claimgate-reason") is None
    wait_until(lambda: len(scene.gateway.records()) > known, what="a record", seconds=5)
    record = scene.gateway.records()[-1]
    said = tuple(record[name] for name in ("claimgate.decision", "claimgate.answered_by", "http.response.status_code"))
    assert said == ("undecided", "envoy", status), record


def test_an_answer_of_envoys_own_while_a_request_is_held(scene: Scene) -> None:
    with Http1Exchange(scene.gateway.port) as first, Http2Exchange(scene.gateway.port) as second:
        for exchange in (first, second):
            exchange.open("POST", "/idle/v1/chat/completions", [scene.credential, JSON])
            exchange.send(body()[:10])
        for exchange in (first, second):
            answer = exchange.receive()
            assert (answer.status, answer.header("x-claimgate-reason")) == (408, "request_timeout")
            record = scene.record(answer.header("x-request-id") or "")
            assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("undecided", "envoy")


def test_headers_that_envoy_refuses_over_http2_reset_the_stream(scene: Scene) -> None:
    """Envoy makes no filter for them, so its own access log is the only trace."""
    known = len(scene.gateway.envoy.access_log_lines())
    answer = ask(scene, "http2", "GET", MODELS, [scene.credential, *TOO_MANY])
    assert answer.status == 0 and answer.reset_code is not None
    assert "http2" in scene.gateway.envoy.access_log_lines(known + 1)[-1]["details"]


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("path", ["/direct", "/nowhere/v1/models"])
def test_no_cluster(scene: Scene, protocol: str, path: str) -> None:
    assert_refused(scene, ask(scene, protocol, "GET", path), 404, "no_upstream")


# Ids.


@pytest.mark.parametrize("protocol", BOTH)
def test_request_ids(scene: Scene, protocol: str) -> None:
    for value, kept in [("req_abc.1:2", True), ("a b", False), ('"', False), ("x" * 128, False), ("caf\xe9", False)]:
        for credential in ([scene.credential], []):
            scene.simulator.clear()
            sent = f"{value}-{protocol}-{len(credential)}"
            answer = ask(scene, protocol, "GET", MODELS, [*credential, ("x-request-id", sent)])
            returned = answer.header("x-request-id") or ""
            assert (returned == sent) is kept, (sent, returned)
            if not kept:
                assert uuid.UUID(returned).version == 4
            assert scene.record(returned)["http.response.status_code"] == (200 if credential else 401)
            if credential:
                [received] = scene.simulator.wait_received(1)
                assert [value for name, value in received["headers"] if name.lower() == "x-request-id"] == [returned]
                assert (answer.header("x-upstream-request-id") or "").startswith("req_")


# The route that Envoy chooses again after the filter's edits.


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("prefix, request_id", [("/moved", "known-id"), ("/marked", "to be replaced")])
def test_a_route_that_changed_after_the_decision(scene: Scene, protocol: str, prefix: str, request_id: str) -> None:
    headers = [scene.credential, JSON, ("x-request-id", request_id)]
    answer = ask(scene, protocol, "POST", f"{prefix}/v1/chat/completions", headers, [body()])
    record = assert_refused(scene, answer, 502, "route_changed")
    assert record["claimgate.upstream.cluster"] == prefix.removeprefix("/")
    assert b"choices" not in answer.body and b"[route_changed" in answer.body
    assert answer.header("x-upstream-request-id") is None and answer.header("openai-version") is None


@pytest.mark.parametrize("protocol", BOTH)
def test_a_route_that_is_lost_after_the_decision(scene: Scene, protocol: str) -> None:
    scene.simulator.clear()
    answer = ask(scene, protocol, "POST", "/lost/v1/chat/completions", content=[body()])
    assert (answer.status, answer.header("x-claimgate-reason")) == (404, "no_upstream")
    assert scene.simulator.received() == []
    assert scene.record(answer.header("x-request-id") or "")["claimgate.answered_by"] == "envoy"


# Methods and connections.


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_an_unknown_method(scene: Scene, protocol: str, method: str) -> None:
    answer = ask(scene, protocol, method, MODELS)
    if method in ("TRACE", "BREW") and answer.header("x-claimgate-reason") is None:
        # Envoy may know better.
        assert answer.status in (400, 403, 405) or answer.reset_code is not None
        return
    assert_refused(scene, answer, 404, "operation_unknown")
    assert (answer.body == b"") is (method == "HEAD")


def test_expect_100_continue(scene: Scene) -> None:
    for model, status in [("gpt-4o", 200), ("forbidden", 403)]:
        content = body(model)
        headers = [scene.credential, JSON, ("expect", "100-continue"), ("content-length", str(len(content)))]
        with Http1Connection(scene.gateway.port) as connection:
            connection.send(_head("POST", CHAT, headers))
            assert connection.receive_bytes() == b"HTTP/1.1 100 Continue\r\n\r\n"
            connection.send(content)
            assert connection.receive("POST").status == status


def test_pipelined_requests_are_decided_one_by_one(scene: Scene) -> None:
    def post(model: str) -> tuple[str, bytes]:
        content, request_id = body(model), str(uuid.uuid4())
        headers = [scene.credential, JSON, ("content-length", str(len(content))), ("x-request-id", request_id)]
        return request_id, _head("POST", CHAT, headers) + content

    # Envoy itself queues no more than two answers of its own.
    for models, statuses in [
        (("gpt-4o", "forbidden"), [200, 403]),
        (("forbidden", "gpt-4o"), [403, 200]),
        (("forbidden", "forbidden"), [403, 403]),
        (("gpt-4o", "gpt-4o", "gpt-4o", "gpt-4o", "gpt-4o"), [200] * 5),
    ]:
        requests = [post(model) for model in models]
        with Http1Connection(scene.gateway.port) as connection:
            connection.send(b"".join(content for _, content in requests))
            answers = [connection.receive() for _ in requests]
        assert [answer.status for answer in answers] == statuses
        assert [answer.header("x-request-id") for answer in answers] == [request_id for request_id, _ in requests]


@pytest.mark.parametrize("status, reason", [(401, "credential_missing"), (403, "model_not_allowed")])
def test_a_connection_lives_on_after_a_denial(scene: Scene, status: int, reason: str) -> None:
    content = body("forbidden")
    headers = [JSON, ("content-length", str(len(content)))]
    request = _head("POST", CHAT, [scene.credential, *headers]) + content
    if status == 401:
        request = _head("GET", MODELS, [])
    with Http1Connection(scene.gateway.port) as connection:
        for _ in range(3):
            connection.send(request)
            assert_refused(scene, connection.receive(), status, reason)
        connection.send(_head("GET", MODELS, [scene.credential]))
        assert_answered(scene, connection.receive())
    with Http2Connection(scene.gateway.port) as connection:
        for credential in ([], [scene.credential], []):
            stream = connection.open(request_headers("GET", MODELS, credential), last=True)
            assert connection.receive(stream).status == (200 if credential else 401)


def test_streams_of_one_connection_are_decided_one_by_one(scene: Scene) -> None:
    with Http2Connection(scene.gateway.port) as connection:
        models = ["gpt-4o", "forbidden"] * 10
        streams = [connection.open(request_headers("POST", CHAT, [scene.credential, JSON])) for _ in models]
        for stream, model in zip(streams, models, strict=True):
            connection.send(stream, body(model)[:20])
        for stream, model in reversed(list(zip(streams, models, strict=True))):
            connection.send(stream, body(model)[20:], last=True)
        statuses = [connection.receive(stream).status for stream in streams]
    assert statuses == [200, 403] * 10


def _head(method: str, path: str, headers: list[tuple[str, str]]) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: gateway.test", *(f"{name}: {value}" for name, value in headers)]
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
