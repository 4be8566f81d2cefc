"""Bodies: where there may be one, how it is framed, and `Expect: 100-continue`."""

import pytest
from harness.raw import RawResponse
from harness.raw_http1 import Http1Connection
from harness.raw_http2 import Http2Connection, http2_request, request_headers
from scene import (
    BODY_LIMIT,
    BOTH,
    CHAT,
    JSON,
    MODELS,
    PING,
    REMOVE,
    UNREAD,
    Pairs,
    Scene,
    assert_answered,
    assert_refused,
    body,
    head,
    sent_headers,
)

pytestmark = pytest.mark.both_hosts

CHUNKED = ("transfer-encoding", "chunked")
# Operations with a method that has no body, and what the provider answers.
BODILESS = [("GET", MODELS, 200), ("DELETE", REMOVE, 404), ("HEAD", PING, 404)]


# A body on GET, HEAD or DELETE.


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(("method", "path", "status"), BODILESS)
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="in chunks or frames"),
        pytest.param([("content-length", "5")], id="with its length"),
        pytest.param([JSON], id="with its type"),
    ],
)
def test_a_body_where_none_has_a_meaning(
    shipped: Scene, protocol: str, method: str, path: str, status: int, headers: Pairs
) -> None:
    """RFC 9110 gives content no meaning there, so two servers may end the request in different places: refused."""
    answer = shipped.ask(protocol, method, path, [shipped.credential, *headers], [b"he", b"llo"])
    assert_refused(shipped, answer, 400, "body_unexpected")
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(("method", "path", "status"), BODILESS)
@pytest.mark.parametrize(
    ("headers", "content"),
    [
        pytest.param([], None, id="none"),
        pytest.param([("content-length", "0")], None, id="a length of zero"),
        pytest.param([], [b""], id="no chunk, or an empty frame"),
        pytest.param([JSON], None, id="a content type"),
    ],
)
def test_an_empty_body_is_none(
    shipped: Scene, protocol: str, method: str, path: str, status: int, headers: Pairs, content: list[bytes] | None
) -> None:
    """Clients send a length of zero, or end the request by an empty frame."""
    if protocol == "http1" and content:
        # Without a chunk: an empty one would be the end.
        answer = shipped.raw(head(method, path, [shipped.credential, CHUNKED]) + b"0\r\n\r\n", method)
    else:
        answer = shipped.ask(protocol, method, path, [shipped.credential, *headers], content)
    assert_answered(shipped, answer, status)


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(("method", "path", "status"), BODILESS)
def test_a_body_without_a_credential_is_refused_by_the_headers(
    shipped: Scene, protocol: str, method: str, path: str, status: int
) -> None:
    """Who is not proven waits for nothing: the refusal comes before the body."""
    answer = shipped.announce(protocol, method, path, [("content-length", "5")])
    assert_refused(shipped, answer, 401, "credential_missing")


# Expect: 100-continue (RFC 9110 section 10.1.1).


@pytest.mark.parametrize(
    ("path", "credential", "content", "status", "reason"),
    [
        pytest.param(CHAT, True, body(), 200, None, id="a body that is read"),
        pytest.param(UNREAD, True, body(), 200, None, id="a body that is not read"),
        pytest.param(CHAT, True, body("forbidden"), 403, "model_not_allowed", id="refused by the body"),
        pytest.param(CHAT, False, None, 401, "credential_missing", id="refused by the headers"),
        pytest.param("/nowhere", True, None, 404, "no_upstream", id="no route"),
    ],
)
def test_envoy_asks_for_the_body_before_the_decision(
    shipped: Scene, path: str, credential: bool, content: bytes | None, status: int, reason: str | None
) -> None:
    """Envoy answers 100 by itself, before any filter; a refusal by the headers follows without waiting for the body."""
    length = len(content) if content else BODY_LIMIT
    headers = [JSON, ("expect", "100-continue"), ("content-length", str(length))]
    with Http1Connection(shipped.port) as connection:
        connection.send(head("POST", path, [*headers, *([shipped.credential] if credential else [])]))
        assert connection.receive_interim() == b"HTTP/1.1 100 Continue\r\n\r\n"
        if content:
            connection.send(content)
        answer = connection.receive("POST")
    if reason:
        assert_refused(shipped, answer, status, reason)
        assert shipped.simulator.received() == []
    else:
        assert_answered(shipped, answer)
        received = shipped.arrived()
        assert received["body"].encode() == content and sent_headers(received, "expect") == []


def test_a_caller_need_not_wait_for_the_100(shipped: Scene) -> None:
    """The body may come at once; one answer follows the interim one."""
    with Http1Connection(shipped.port) as connection:
        headers = [JSON, shipped.credential, ("expect", "100-continue"), ("content-length", str(len(body())))]
        connection.send(head("POST", CHAT, headers) + body())
        assert_answered(shipped, connection.receive("POST"))


def test_http2_has_no_use_for_an_expectation(shipped: Scene) -> None:
    """The header is taken off, and the body is read as always."""
    headers = [shipped.credential, JSON, ("expect", "100-continue")]
    assert_answered(shipped, shipped.ask("http2", "POST", CHAT, headers, [body()]))
    assert sent_headers(shipped.arrived(), "expect") == []


def test_another_expectation_is_the_providers(shipped: Scene) -> None:
    """Envoy knows one expectation only, and passes others on."""
    headers = [JSON, shipped.credential, ("expect", "200-maybe"), ("content-length", str(len(body())))]
    assert_answered(shipped, shipped.raw(head("POST", CHAT, headers) + body(), "POST"))
    assert sent_headers(shipped.arrived(), "expect") == ["200-maybe"]


# Chunks (RFC 9112 section 7.1).


def chunk(content: bytes, *, size: bytes | None = None, extension: bytes = b"") -> bytes:
    return (b"%x" % len(content) if size is None else size) + extension + b"\r\n" + content + b"\r\n"


LAST = b"0\r\n\r\n"
WHOLE = {
    "one byte each": b"".join(chunk(bytes([byte])) for byte in body()) + LAST,
    "extensions": chunk(body(), extension=b';name=value;quoted="a;b"') + b"0;last\r\n\r\n",
    "a long extension": chunk(body(), extension=b";" + b"x" * 10_000) + LAST,
    "zeros before a size": chunk(body(), size=b"%08x" % len(body())) + LAST,
    "a blank behind a size": chunk(body(), size=b"%x " % len(body())) + LAST,
    "a size in capitals": chunk(body(size=200), size=b"C8") + LAST,
    "trailers": chunk(body()) + b"0\r\nx-checksum: 1\r\nauthorization: Bearer nobody\r\ncontent-length: 5\r\n\r\n",
}


@pytest.mark.parametrize("path", [CHAT, UNREAD])
@pytest.mark.parametrize("note", WHOLE)
def test_chunks_are_read_as_one_body(shipped: Scene, path: str, note: str) -> None:
    """Sizes, extensions and trailers are the connection's own: the provider gets the body, and none of them."""
    request = head("POST", path, [JSON, shipped.credential, CHUNKED]) + WHOLE[note]
    assert_answered(shipped, shipped.raw(request, "POST"))
    received = shipped.arrived()
    assert received["body"].encode() in (body(), body(size=200))
    assert sent_headers(received, "x-checksum") == [] and len(sent_headers(received, "content-type")) == 1


def test_trailers_do_not_count_as_headers(shipped: Scene) -> None:
    """A credential in trailers proves nobody: the decision is over when they come."""
    request = head("POST", CHAT, [JSON, CHUNKED]) + chunk(body())
    trailers = f"0\r\nauthorization: Bearer {shipped.key}\r\n\r\n".encode()
    assert_refused(shipped, shipped.raw(request + trailers, "POST"), 401, "credential_missing")
    answer = http2_request(
        shipped.port, request_headers("POST", CHAT, [JSON]), [body()], [("authorization", f"Bearer {shipped.key}")]
    )
    assert_refused(shipped, answer, 401, "credential_missing")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"fffffffffffffffff\r\n" + body(), id="a size beyond 64 bits"),
        pytest.param(b"-5\r\n" + body(), id="a negative size"),
        pytest.param(b"0x44\r\n" + body(), id="a prefix"),
        pytest.param(b"\r\n" + body(), id="no size"),
        pytest.param(b"%x\n%b\n0\n\n" % (len(body()), body()), id="bare line feeds"),
    ],
)
def test_chunks_that_envoy_cannot_read(shipped: Scene, content: bytes) -> None:
    """Envoy answers 400 and closes; the gateway has not decided, and nothing went on."""
    request = head("POST", CHAT, [JSON, shipped.credential, CHUNKED]) + content
    shipped.refused_by_envoy(lambda: shipped.raw(request, "POST"), 400)
    assert shipped.simulator.received() == []


def test_a_chunk_longer_than_its_size(shipped: Scene) -> None:
    """What stands behind the chunk is no request: the body ends there, and the connection with the answer."""
    request = head("POST", CHAT, [JSON, shipped.credential, CHUNKED]) + b"5\r\n" + body() + b"\r\n" + LAST
    answer = shipped.raw(request, "POST")
    assert answer.status == 400 and answer.header("connection") == "close"
    assert shipped.simulator.received() == []


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        pytest.param([("content-length", str(len(body())))] * 2, 400, id="a length twice"),
        pytest.param([("content-length", str(len(body()))), ("content-length", "5")], 400, id="two lengths"),
        pytest.param([("content-length", f"{len(body())}, {len(body())}")], 400, id="a list of lengths"),
        pytest.param([("content-length", f"+{len(body())}")], 400, id="a sign"),
        pytest.param([("content-length", str(len(body()))), CHUNKED], 400, id="a length and chunks"),
        pytest.param([("transfer-encoding", "identity"), ("content-length", "5")], 400, id="identity"),
        pytest.param([("transfer-encoding", "gzip, chunked")], 501, id="another coding"),
        pytest.param([("transfer-encoding", "chunked, chunked")], 501, id="chunks twice"),
        pytest.param([CHUNKED, ("transfer-encoding", "identity")], 501, id="two transfer encodings"),
    ],
)
def test_a_length_with_two_readings(shipped: Scene, headers: Pairs, status: int) -> None:
    """Where one server could see the next request, Envoy refuses and closes, before any filter."""
    request = head("POST", CHAT, [JSON, shipped.credential, *headers]) + body()
    shipped.refused_by_envoy(lambda: shipped.raw(request, "POST"), status)
    assert shipped.simulator.received() == []


# Frames (RFC 9113 section 8.1.1).


def by_frames(scene: Scene, path: str, headers: Pairs, parts: list[bytes], trailers: Pairs = ()) -> RawResponse:
    return http2_request(scene.port, request_headers("POST", path, [JSON, scene.credential, *headers]), parts, trailers)


@pytest.mark.parametrize("path", [CHAT, UNREAD])
@pytest.mark.parametrize(
    ("headers", "parts", "trailers"),
    [
        pytest.param([], [body()], [], id="no length"),
        pytest.param([("content-length", str(len(body())))], [body()], [], id="its length"),
        pytest.param([], [b"", body()[:5], b"", b"", body()[5:], b""], [], id="empty frames between"),
        pytest.param([], [b""] * 500 + [body()], [], id="many empty frames"),
        pytest.param([], [bytes([byte]) for byte in body()], [], id="one byte each"),
        pytest.param([], [body()], [("x-checksum", "1")], id="trailers"),
        pytest.param([("te", "trailers")], [body()], [], id="trailers announced"),
    ],
)
def test_frames_are_read_as_one_body(
    shipped: Scene, path: str, headers: Pairs, parts: list[bytes], trailers: Pairs
) -> None:
    """A body over HTTP/2 needs no length, and how it is cut changes nothing."""
    assert_answered(shipped, by_frames(shipped, path, headers, parts, trailers))
    assert shipped.arrived()["body"].encode() == body()


@pytest.mark.parametrize("length", [5, 500])
def test_a_length_that_the_frames_do_not_have(shipped: Scene, length: int) -> None:
    """Envoy resets the stream as malformed; a body that is read never arrives, one that passes is broken off."""
    headers = [("content-length", str(length)), ("x-request-id", f"length-{length}")]
    answer = by_frames(shipped, CHAT, headers, [body()])
    assert (answer.status, answer.reset_code) == (0, 1)
    record = shipped.record_of(f"length-{length}")
    said = (record["claimgate.decision"], record["claimgate.answered_by"], record["claimgate.aborted"])
    assert said == ("undecided", "nobody", True), record
    assert shipped.simulator.received() == []
    answer = by_frames(shipped, UNREAD, [("content-length", str(length))], [body()])
    assert (answer.status, answer.reset_code) == (0, 1)
    assert [received["completed"] for received in shipped.simulator.received()] in ([], [False])


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([("content-length", str(len(body())))] * 2, id="a length twice"),
        pytest.param([("content-length", "abc")], id="no number"),
        pytest.param([("content-length", "-1")], id="a negative number"),
        pytest.param([CHUNKED], id="a transfer encoding"),
        pytest.param([("connection", "close")], id="a header of the connection"),
        pytest.param([("te", "gzip")], id="another TE"),
    ],
)
def test_headers_that_http2_forbids(shipped: Scene, headers: Pairs) -> None:
    """Envoy resets the stream without an answer (RFC 9113 section 8.2.2), and the others of the connection go on."""
    with Http2Connection(shipped.port) as connection:

        def asked() -> RawResponse:
            stream = connection.open(request_headers("POST", CHAT, [JSON, shipped.credential, *headers]))
            return connection.receive(stream)

        waiting = connection.open(request_headers("POST", CHAT, [JSON, shipped.credential]))
        shipped.reset_by_envoy(asked, "http2.invalid.header.field")
        connection.send(waiting, body(), last=True)
        assert_answered(shipped, connection.receive(waiting))


@pytest.mark.parametrize("size", [70_000, 500_000])
def test_a_body_within_envoys_buffer_is_the_gateways_to_bound(shipped: Scene, size: int) -> None:
    """Beyond `body_limit` the refusal is ours, with its reason, over both protocols: Envoy's buffer is larger."""
    for protocol in BOTH:
        answer = shipped.ask(protocol, "POST", CHAT, [JSON, shipped.credential], [body(size=size)])
        assert_refused(shipped, answer, 413, "body_too_large")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_large_body_that_is_not_read_passes(shipped: Scene, protocol: str) -> None:
    """It streams through, larger than any buffer."""
    content = body(size=3_000_000)
    assert_answered(shipped, shipped.ask(protocol, "POST", UNREAD, [JSON, shipped.credential], [content]))
    assert len(shipped.arrived()["body"]) == len(content)
