"""Upgrades and tunnels: a WebSocket where the operation is realtime, and nothing else, nowhere else."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from harness.raw import RawResponse
from harness.raw_http1 import Http1Connection
from harness.raw_http2 import Http2Connection, extended_connect
from scene import (
    BOTH,
    CHAT,
    MODELS,
    ORIGIN,
    REALTIME,
    Pairs,
    Scene,
    assert_answered,
    assert_refused,
    head,
    sent_headers,
)

pytestmark = pytest.mark.both_hosts

SWITCH = [("connection", "Upgrade"), ("upgrade", "websocket")]
# RFC 6455 section 4.1.
HANDSHAKE = [("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]
# A masked text frame of two bytes, masked with zeros.
FRAME = b"\x81\x82\x00\x00\x00\x00hi"


@contextmanager
def websocket(scene: Scene, protocol: str, path: str, headers: Pairs) -> Iterator[tuple[RawResponse, bytes]]:
    """Asks for a WebSocket; where it opens, also what comes back up to the echo of a frame."""
    if protocol == "http1":
        with Http1Connection(scene.port) as connection:
            connection.send(head("GET", path, [*SWITCH, *headers]))
            answer, frames = connection.receive(), b""
            if answer.status == 101:
                connection.send(FRAME)
                while not frames.endswith(b"hi"):
                    piece = connection.receive_bytes()
                    assert piece, frames
                    frames += piece
            yield answer, frames
        return
    with Http2Connection(scene.port) as connection:
        stream = connection.open(extended_connect("websocket", path, headers))
        answer = connection.receive_start(stream)
        if answer.status == 200:
            # The provider's first event comes by itself, and one byte of it is there.
            connection.send(stream, FRAME)
            while not answer.body.endswith(b"hi"):
                answer = connection.receive_start(stream, len(answer.body) + 1)
        else:
            answer = connection.receive(stream)
        yield answer, answer.body


def ask(scene: Scene, protocol: str, path: str, headers: Pairs) -> RawResponse:
    with websocket(scene, protocol, path, headers) as (answer, _):
        return answer


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("carrier", ["header", "subprotocol"])
def test_a_websocket_opens_for_realtime(permissive: Scene, protocol: str, carrier: str) -> None:
    """The upgrade is one request: key from a header or a browser's subprotocol, model from the query."""
    key = permissive.credential
    if carrier == "subprotocol":
        key = ("sec-websocket-protocol", f"realtime, openai-insecure-api-key.{permissive.key}")
    with websocket(permissive, protocol, REALTIME, [*HANDSHAKE, key]) as (answer, frames):
        assert answer.status == (101 if protocol == "http1" else 200)
        assert b"session.created" in frames and frames.endswith(b"hi")
    received = permissive.arrived()
    assert sent_headers(received, "authorization") == ["Bearer provider-secret-openai"]
    assert permissive.key not in json.dumps(received)
    assert sent_headers(received, "sec-websocket-protocol") == (["realtime"] if carrier == "subprotocol" else [])
    record = permissive.record(answer)
    said = (record["claimgate.decision"], record["gen_ai.operation.name"], record["gen_ai.request.model"])
    assert said == ("allow", "realtime", "gpt-realtime"), record


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    ("path", "credential", "status", "reason"),
    [
        pytest.param(REALTIME, False, 401, "credential_missing", id="no credential"),
        pytest.param("/openai/v1/realtime?model=forbidden", True, 403, "model_not_allowed", id="a forbidden model"),
        pytest.param("/openai/v1/realtime?model=a&model=b", True, 400, "path_ambiguous", id="two models"),
        pytest.param("/openai/v1/realtime?model=", True, 400, "path_ambiguous", id="an empty model"),
        pytest.param("/openai/v1/realtime", True, 403, "policy_error", id="no model where a rule reads it"),
        pytest.param(MODELS, True, 404, "operation_unknown", id="an operation that is no realtime"),
        pytest.param(CHAT, True, 404, "operation_unknown", id="an operation with a body"),
        pytest.param(
            "/openai/v1/responses", True, 403, "stateful_operation_shared_credential", id="responses by WebSocket"
        ),
        pytest.param("/nowhere", True, 404, "no_upstream", id="no route"),
    ],
)
def test_a_refused_upgrade_is_an_ordinary_denial(
    permissive: Scene, protocol: str, path: str, credential: bool, status: int, reason: str
) -> None:
    """The caller reads status, reason and body as of any request; no provider hears of it."""
    answer = ask(permissive, protocol, path, [*HANDSHAKE, *([permissive.credential] if credential else [])])
    assert_refused(permissive, answer, status, reason)
    assert answer.json()["error"]["code"] == reason
    assert permissive.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    "handshake",
    [
        pytest.param([("sec-websocket-version", "12"), HANDSHAKE[1]], id="another version"),
        pytest.param([HANDSHAKE[1]], id="no version"),
        # What browsers send over HTTP/2 (RFC 8441 section 5.1), and Envoy makes no key for an HTTP/1.1 provider.
        pytest.param([HANDSHAKE[0]], id="no key"),
    ],
)
def test_a_handshake_is_the_providers_to_judge(permissive: Scene, protocol: str, handshake: Pairs) -> None:
    """A wrong WebSocket version is passed on and refused by the provider; it counts as one allowed request."""
    answer = ask(permissive, protocol, REALTIME, [*handshake, permissive.credential])
    assert_answered(permissive, answer, 400)
    assert sent_headers(permissive.arrived(), "upgrade") == ["websocket"]


@pytest.mark.parametrize("protocol", BOTH)
def test_realtime_without_an_upgrade_is_unknown(shipped: Scene, protocol: str) -> None:
    """A plain GET of a realtime path is no operation: there would be an answer that nobody expects."""
    answer = shipped.ask(protocol, "GET", REALTIME, [shipped.credential])
    assert_refused(shipped, answer, 404, "operation_unknown")


def test_an_upgrade_with_a_body_is_refused(shipped: Scene) -> None:
    """An upgraded request is complete at its headers, so one that announces a body has two readings."""
    request = head("GET", REALTIME, [*SWITCH, *HANDSHAKE, shipped.credential, ("content-length", "5")])
    assert_refused(shipped, shipped.raw(request + b"hello"), 400, "body_unexpected")
    assert shipped.simulator.received() == []


def test_an_upgrade_has_no_chunks(shipped: Scene) -> None:
    """Envoy takes `Transfer-Encoding` off an upgrade before any filter sees it, so the provider sees none either."""
    chunked = [("transfer-encoding", "chunked"), shipped.credential]
    assert ask(shipped, "http1", REALTIME, [*HANDSHAKE, *chunked]).status == 101
    assert sent_headers(shipped.arrived(), "transfer-encoding") == []


def test_an_upgrade_with_another_method_is_unknown(shipped: Scene) -> None:
    """A WebSocket begins with GET (RFC 6455 section 4.1)."""
    for method in ("POST", "PUT"):
        answer = shipped.raw(head(method, REALTIME, [*SWITCH, *HANDSHAKE, shipped.credential]), method)
        assert_refused(shipped, answer, 404, "operation_unknown")


def test_a_websockets_origin_is_not_judged(shipped: Scene) -> None:
    """Browsers ask no preflight for a WebSocket: its credential is what counts, from whatever page it comes."""
    for origin, allowed in ((ORIGIN, [ORIGIN]), ("https://elsewhere.test", [])):
        protocols = ("sec-websocket-protocol", f"realtime, openai-insecure-api-key.{shipped.key}")
        assert ask(shipped, "http1", REALTIME, [*HANDSHAKE, ("origin", origin), protocols]).status == 101
        refused = ask(shipped, "http1", REALTIME, [*HANDSHAKE, ("origin", origin)])
        assert_refused(shipped, refused, 401, "credential_missing")
        assert [value for name, value in refused.headers if name == "access-control-allow-origin"] == allowed


H2C = [("connection", "Upgrade, HTTP2-Settings"), ("upgrade", "h2c"), ("http2-settings", "AAMAAABkAARAAAAAAAIAAAAA")]


def test_an_upgrade_to_h2c_is_overheard(shipped: Scene, permissive: Scene) -> None:
    """Envoy takes the offer off: the request is decided as an ordinary one, and no provider sees the offer."""
    for scene in (shipped, permissive):
        scene.simulator.clear()
        assert_answered(scene, scene.raw(head("GET", MODELS, [*H2C, scene.credential])))
        received = scene.arrived()
        assert sent_headers(received, "upgrade") == [] and sent_headers(received, "http2-settings") == []
        assert_refused(scene, scene.raw(head("GET", MODELS, H2C)), 401, "credential_missing")
        answer = scene.raw(head("GET", REALTIME, [*H2C, scene.credential]))
        assert_refused(scene, answer, 404, "operation_unknown")


@pytest.mark.parametrize("kind", ["TLS/1.0", "websocket, h2c", "anything", "webtransport"])
def test_an_upgrade_that_the_shipped_envoy_does_not_offer(shipped: Scene, kind: str) -> None:
    """Envoy itself answers 403, before any filter."""
    for path in (MODELS, REALTIME):
        request = head("GET", path, [("connection", "Upgrade"), ("upgrade", kind), shipped.credential])
        shipped.refused_by_envoy(lambda request=request: shipped.raw(request), 403)
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("path", [MODELS, REALTIME])
def test_an_upgrade_that_an_operator_offers_is_refused(permissive: Scene, protocol: str, path: str) -> None:
    """Whatever Envoy could upgrade to, the gateway knows WebSockets only."""
    if protocol == "http1":
        request = [("connection", "Upgrade"), ("upgrade", "anything"), permissive.credential]
        answer = permissive.raw(head("GET", path, request))
    else:
        with Http2Connection(permissive.port) as connection:
            stream = connection.open(extended_connect("anything", path, [permissive.credential]))
            answer = connection.receive(stream)
    assert_refused(permissive, answer, 404, "operation_unknown")
    assert permissive.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_a_tunnel_for_datagrams_is_refused(permissive: Scene, protocol: str) -> None:
    """CONNECT-UDP: Envoy answers 404 off its template path (RFC 9298), the gateway refuses on it."""

    def asked(path: str) -> RawResponse:
        headers = [("capsule-protocol", "?1"), permissive.credential]
        if protocol == "http1":
            return permissive.raw(head("GET", path, [("connection", "Upgrade"), ("upgrade", "connect-udp"), *headers]))
        with Http2Connection(permissive.port) as connection:
            return connection.receive(connection.open(extended_connect("connect-udp", path, headers)))

    permissive.refused_by_envoy(lambda: asked(REALTIME), 404)
    answer = asked("/.well-known/masque/udp/127.0.0.1/53/")
    assert_refused(permissive, answer, 400, "path_ambiguous")
    assert permissive.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    ("gateway", "credential", "status", "reason"),
    [
        ("shipped", False, 401, "credential_missing"),
        ("shipped", True, 404, "no_upstream"),
        # Where the operator has a route for tunnels to a provider.
        ("permissive", False, 401, "credential_missing"),
        ("permissive", True, 404, "operation_unknown"),
    ],
)
def test_connect_opens_no_tunnel(
    request: pytest.FixtureRequest, protocol: str, gateway: str, credential: bool, status: int, reason: str
) -> None:
    """CONNECT has no path, so it is no operation, with whatever route."""
    scene: Scene = request.getfixturevalue(gateway)
    headers: list[Any] = [scene.credential] if credential else []
    if protocol == "http1":
        answer = scene.raw(head("CONNECT", "api.openai.com:443", headers), "CONNECT")
    else:
        with Http2Connection(scene.port) as connection:
            stream = connection.open([(":method", "CONNECT"), (":authority", "api.openai.com:443"), *headers])
            answer = connection.receive(stream)
    assert_refused(scene, answer, status, reason)
    assert scene.simulator.received() == []


def test_the_shipped_envoy_offers_no_websocket_over_http2(shipped: Scene) -> None:
    """It does not announce extended CONNECT, so browsers open HTTP/1.1; who tries is reset."""
    with Http2Connection(shipped.port) as connection:

        def asked() -> RawResponse:
            headers = extended_connect("websocket", REALTIME, [*HANDSHAKE, shipped.credential])
            return connection.receive(connection.open(headers))

        shipped.reset_by_envoy(asked, "http2.invalid.header.field")
