"""Connections: versions of HTTP, several requests on one, and what a denial does to it."""

import pytest
from harness.raw_http1 import Http1Connection
from harness.raw_http2 import Http2Connection, request_headers
from scene import BOTH, CHAT, JSON, MODELS, UNREAD, Pairs, Scene, assert_answered, assert_refused, body, head

pytestmark = pytest.mark.both_hosts


def post(path: str, headers: Pairs, content: bytes) -> bytes:
    return head("POST", path, [JSON, ("content-length", str(len(content))), *headers]) + content


# Versions.


@pytest.mark.parametrize(
    "request_line",
    [f"GET {MODELS} HTTP/1.0", f"GET {MODELS} HTTP/1.2", f"GET {MODELS} HTTP/2.0", f"GET {MODELS}"],
)
def test_a_version_that_the_shipped_envoy_does_not_speak(shipped: Scene, request_line: str) -> None:
    """HTTP/1.0, HTTP/0.9 and what does not exist: Envoy answers 426 and closes, before any filter."""
    request = f"{request_line}\r\nhost: gateway.test\r\nauthorization: Bearer {shipped.key}\r\n\r\n".encode()
    shipped.refused_by_envoy(lambda: shipped.raw(request), 426)
    assert shipped.simulator.received() == []


def test_http_1_0_is_decided_as_http_1_1(permissive: Scene) -> None:
    """Where an operator lets Envoy accept it, nothing else changes; the connection ends with the answer."""
    for headers, content, status, reason in [
        ([permissive.credential], body(), 200, None),
        ([permissive.credential], body("forbidden"), 403, "model_not_allowed"),
        ([], body(), 401, "credential_missing"),
    ]:
        length = ("content-length", str(len(content)))
        answer = permissive.raw(head("POST", CHAT, [JSON, length, *headers], version="1.0") + content, "POST")
        assert answer.header("connection") == "close"
        if reason:
            assert_refused(permissive, answer, status, reason)
        else:
            assert_answered(permissive, answer)
    # Its body ends where its length says, and without one there is none.
    answer = permissive.raw(head("POST", CHAT, [JSON, permissive.credential], version="1.0") + body(), "POST")
    assert_refused(permissive, answer, 400, "body_malformed")


# After a denial.


@pytest.mark.parametrize(
    ("headers", "content", "status", "reason"),
    [
        pytest.param(False, None, 401, "credential_missing", id="without a body"),
        pytest.param(True, body("forbidden"), 403, "model_not_allowed", id="by a body that was read"),
    ],
)
def test_a_connection_lives_on_where_the_request_was_read(
    shipped: Scene, headers: bool, content: bytes | None, status: int, reason: str
) -> None:
    """A whole request that is refused leaves the connection to the next."""
    credential = [shipped.credential] if headers else []
    request = head("GET", MODELS, credential) if content is None else post(CHAT, credential, content)
    with Http1Connection(shipped.port) as connection:
        for _ in range(2):
            connection.send(request)
            answer = connection.receive()
            assert_refused(shipped, answer, status, reason)
            assert answer.header("connection") is None
        connection.send(head("GET", MODELS, [shipped.credential]))
        assert_answered(shipped, connection.receive())


def test_a_connection_ends_where_a_body_was_not_read(shipped: Scene) -> None:
    """Refused by its headers, a request's body is nobody's: Envoy says `connection: close` and reads no further."""
    second = head("GET", MODELS, [shipped.credential])
    for content in (body(), b"5\r\nhello\r\n0\r\n\r\n"):
        with Http1Connection(shipped.port) as connection:
            connection.send(post(CHAT, [], content) + second)
            answer = connection.receive("POST")
            assert_refused(shipped, answer, 401, "credential_missing")
            assert answer.header("connection") == "close"
            assert connection.receive_bytes() == b""
    assert shipped.simulator.received() == []


def test_a_stream_that_is_refused_leaves_its_connection_alone(shipped: Scene) -> None:
    """Over HTTP/2 a refusal resets the rest of its request without an error, and other streams go on."""
    with Http2Connection(shipped.port) as connection:
        waiting = connection.open(request_headers("POST", CHAT, [JSON, shipped.credential]))
        refused = connection.receive(connection.open(request_headers("POST", CHAT, [JSON])))
        assert_refused(shipped, refused, 401, "credential_missing")
        assert refused.reset_code in (None, 0)
        connection.send(waiting, body(), last=True)
        assert_answered(shipped, connection.receive(waiting))


# Several requests at once.


def test_pipelined_requests_have_a_decision_each(shipped: Scene) -> None:
    """Answers come in the order of the requests, and the last of them may be a refusal."""
    key = [shipped.credential]
    requests = [
        (head("GET", MODELS, []), 401, "credential_missing"),
        (post(CHAT, key, body()), 200, None),
        (post(UNREAD, key, body()), 200, None),
        (head("GET", MODELS, key), 200, None),
        (post(CHAT, key, body("forbidden")), 403, "model_not_allowed"),
    ]
    with Http1Connection(shipped.port) as connection:
        connection.send(b"".join(request for request, _, _ in requests))
        answers = [connection.receive() for _ in requests]
    for answer, (_, status, reason) in zip(answers, requests, strict=True):
        if reason:
            assert_refused(shipped, answer, status, reason)
        else:
            assert_answered(shipped, answer)
    assert len(shipped.simulator.received()) == 3


def test_a_pipeline_may_end_behind_a_refusal(shipped: Scene) -> None:
    """Envoy holds back two answers at most: a request behind a refused one may meet a closed connection, undecided."""
    requests = [head("GET", MODELS, []), head("GET", MODELS, []), head("GET", MODELS, [shipped.credential])]
    known = len(shipped.envoy.access_log_lines())
    with Http1Connection(shipped.port) as connection:
        connection.send(b"".join(requests))
        for _ in range(2):
            assert_refused(shipped, connection.receive(), 401, "credential_missing")
        assert connection.receive_bytes() == b""
    shipped.logged(known, details="codec_error:Too_many_responses_queued.")
    assert shipped.simulator.received() == []


def test_a_request_within_a_body_is_none(shipped: Scene) -> None:
    """What looks like a second request belongs to the body that its length spans."""
    inner = head("GET", MODELS, [("authorization", "Bearer nobody")])
    content = body()[:-1].decode() + ', "user": ' + '"' + inner.decode().replace("\r\n", "\\r\\n") + '"}'
    with Http1Connection(shipped.port) as connection:
        connection.send(post(CHAT, [shipped.credential], content.encode()))
        assert_answered(shipped, connection.receive("POST"))
    [received] = shipped.simulator.wait_received(1)
    assert received["raw_path"] == "/v1/chat/completions"


@pytest.mark.parametrize("protocol", BOTH)
def test_a_credential_does_not_outlive_its_request(shipped: Scene, protocol: str) -> None:
    """Each request on a connection proves itself anew."""
    statuses = []
    if protocol == "http1":
        with Http1Connection(shipped.port) as connection:
            for headers in ([shipped.credential], [], [shipped.credential]):
                connection.send(head("GET", MODELS, headers))
                statuses.append(connection.receive().status)
    else:
        with Http2Connection(shipped.port) as connection:
            for headers in ([shipped.credential], [], [shipped.credential]):
                stream = connection.open(request_headers("GET", MODELS, headers), last=True)
                statuses.append(connection.receive(stream).status)
    assert statuses == [200, 401, 200]
