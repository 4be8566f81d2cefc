"""Methods: what no operation has is refused, by the gateway where Envoy's codec reads it, else by Envoy."""

import pytest
from harness.raw_http1 import Http1Connection
from harness.raw_http2 import http2_request, request_headers
from scene import BOTH, CHAT, MODELS, Scene, assert_refused, head

pytestmark = pytest.mark.both_hosts

# Methods that Envoy's HTTP/1.1 codec reads although no operation has them.
READ = ("HEAD", "OPTIONS", "TRACE", "PATCH", "PROPFIND", "PURGE")
# Methods that it does not read; over HTTP/2 a method is any token.
UNREAD_OVER_HTTP1 = ("BREW", "M-SEARCH", "PRI", "get", "POSTS")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("method", READ)
@pytest.mark.parametrize("path", [MODELS, CHAT])
def test_a_method_that_no_operation_has(shipped: Scene, protocol: str, method: str, path: str) -> None:
    """HEAD is not read as GET, nor OPTIONS as a question: the operation is unknown, and the methods there are named."""
    assert_refused(shipped, shipped.ask(protocol, method, path), 401, "credential_missing")
    answer = shipped.ask(protocol, method, path, [shipped.credential])
    assert_refused(shipped, answer, 404, "operation_unknown")
    if method == "HEAD":
        assert answer.body == b"", "an answer to HEAD has no body"
    else:
        assert ("POST" if path == CHAT else "GET") in answer.json()["error"]["message"]
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_trace_echoes_nothing(shipped: Scene, protocol: str) -> None:
    """An answer to TRACE would show the caller's headers, the credential among them (RFC 9110 section 9.3.8)."""
    headers = [shipped.credential, ("cookie", "session=abc"), ("max-forwards", "0")]
    answer = shipped.ask(protocol, "TRACE", MODELS, headers)
    assert_refused(shipped, answer, 404, "operation_unknown")
    told = answer.body.decode() + str(answer.headers)
    assert shipped.key not in told and "session=abc" not in told


@pytest.mark.parametrize("method", UNREAD_OVER_HTTP1)
def test_a_method_that_nobody_knows(shipped: Scene, method: str) -> None:
    """Envoy's HTTP/1.1 codec answers 400 and closes; over HTTP/2 the gateway refuses."""
    request = head(method, MODELS, [shipped.credential])
    record = shipped.refused_by_envoy(lambda: shipped.raw(request), 400)
    assert record["http.request.method"] == ""
    answer = http2_request(shipped.port, request_headers(method, MODELS, [shipped.credential]))
    assert_refused(shipped, answer, 404, "operation_unknown")
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_query_is_not_known(shipped: Scene, protocol: str) -> None:
    """Envoy knows QUERY and wants a content type for it; the gateway has no operation with it."""
    shipped.refused_by_envoy(lambda: shipped.ask(protocol, "QUERY", MODELS, [shipped.credential]), 400)
    headers = [shipped.credential, ("content-type", "application/json")]
    assert_refused(shipped, shipped.ask(protocol, "QUERY", MODELS, headers, [b"{}"]), 404, "operation_unknown")
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_options_of_the_whole_server(shipped: Scene, protocol: str) -> None:
    """`OPTIONS *` has no path: Envoy answers 404 before any filter."""
    record = shipped.refused_by_envoy(lambda: shipped.ask(protocol, "OPTIONS", "*", [shipped.credential]), 404)
    assert record["url.path"] == "*"


@pytest.mark.parametrize("method", ["CONNECT", "GET"])
def test_a_target_of_the_wrong_form(shipped: Scene, method: str) -> None:
    """CONNECT with a path and GET with an authority are not HTTP (RFC 9112 section 3.2)."""
    target = MODELS if method == "CONNECT" else "api.openai.com:443"
    request = head(method, target, [shipped.credential])
    shipped.refused_by_envoy(lambda: shipped.raw(request, method), 400)
    assert shipped.simulator.received() == []


def test_a_preface_of_http2_with_something_else_behind_it(shipped: Scene) -> None:
    """It is HTTP/2 from its first line on; what is no frame ends the connection, and is no request."""
    with Http1Connection(shipped.port) as connection:
        connection.send(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + head("GET", MODELS, [shipped.credential]))
        while piece := connection.receive_bytes():
            assert b"HTTP/1" not in piece and b"gpt-4o" not in piece
    assert shipped.simulator.received() == []
