"""Headers: those that come twice, those that are too many or too large, and those that steer a proxy."""

import pytest
from harness.raw import RawResponse
from harness.raw_http2 import Http2Connection
from scene import (
    BOTH,
    CHAT,
    JSON,
    MODELS,
    UNREAD,
    Pairs,
    Scene,
    assert_answered,
    assert_refused,
    body,
    sent_headers,
)

pytestmark = pytest.mark.both_hosts

OWN_HOST = "api.openai.com"


# The same header twice.


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("second", ["application/json", "text/plain", "application/json; charset=utf-16"])
def test_a_content_type_twice(shipped: Scene, protocol: str, second: str) -> None:
    """Where a body is read, two content types are none, equal ones too."""
    for headers in ([JSON, ("content-type", second)], [("content-type", f"application/json, {second}")]):
        answer = shipped.ask(protocol, "POST", CHAT, [*headers, shipped.credential], [body()])
        assert_refused(shipped, answer, 415, "body_unsupported")
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_headers_that_are_lists_pass(shipped: Scene, protocol: str) -> None:
    """`Accept` twice is one list, and a provider's version header is the provider's to judge."""
    accept = [("accept", "application/json"), ("accept", "text/event-stream")]
    versions = [("anthropic-version", "2023-06-01"), ("anthropic-version", "2099-01-01")]
    headers = [JSON, shipped.credential, *accept, *versions]
    assert_answered(shipped, shipped.ask(protocol, "POST", UNREAD, headers, [body()]))
    received = shipped.arrived()
    assert ",".join(sent_headers(received, "accept")).replace(" ", "") == "application/json,text/event-stream"
    assert sent_headers(received, "anthropic-version") == ["2023-06-01", "2099-01-01"]


@pytest.mark.parametrize("protocol", BOTH)
def test_a_request_id_twice_is_none(shipped: Scene, protocol: str) -> None:
    """One is made, which answer, record and provider share."""
    headers = [shipped.credential, ("x-request-id", "one"), ("x-request-id", "two")]
    answer = shipped.ask(protocol, "GET", MODELS, headers)
    assert_answered(shipped, answer)
    made = answer.header("x-request-id") or ""
    assert "one" not in made and "two" not in made
    assert sent_headers(shipped.arrived(), "x-request-id") == [made]


@pytest.mark.parametrize(
    ("hosts", "status"),
    [
        pytest.param(["a.test", "b.test"], 200, id="two"),
        pytest.param(["a.test", "a.test"], 200, id="two equal ones"),
        pytest.param([""], 200, id="an empty one"),
        pytest.param([], 400, id="none"),
        pytest.param(["a.test, b.test"], 400, id="a list"),
        pytest.param(["a test"], 400, id="a blank"),
        pytest.param(["a.test/openai"], 400, id="a path"),
    ],
)
def test_a_host_decides_nothing(shipped: Scene, hosts: list[str], status: int) -> None:
    """The shipped virtual host takes any, and the provider sees its own; Envoy refuses what cannot be one."""
    lines = [f"GET {MODELS} HTTP/1.1", *(f"host: {host}" for host in hosts), f"authorization: Bearer {shipped.key}"]
    request = "\r\n".join([*lines, "", ""]).encode()
    if status == 400:
        shipped.refused_by_envoy(lambda: shipped.raw(request), 400)
        assert shipped.simulator.received() == []
        return
    assert_answered(shipped, shipped.raw(request))
    assert sent_headers(shipped.arrived(), "host") == [OWN_HOST]


@pytest.mark.parametrize(
    ("authority", "details"),
    [
        pytest.param([(":authority", "a.test"), (":authority", "b.test")], "http2.invalid.header.field", id="two"),
        pytest.param([(":authority", "")], "http2.invalid.header.field", id="an empty one"),
        pytest.param([(":authority", "user:word@a.test")], "http2.invalid.header.field", id="with a user"),
        pytest.param([], "http2.violation.of.messaging.rule", id="none"),
    ],
)
def test_an_authority_that_is_none(shipped: Scene, authority: Pairs, details: str) -> None:
    """Over HTTP/2 Envoy resets the stream without an answer."""
    path = [(":method", "GET"), (":scheme", "http"), (":path", MODELS)]

    def asked() -> RawResponse:
        with Http2Connection(shipped.port) as connection:
            return connection.receive(connection.open([*path, *authority, shipped.credential], last=True))

    shipped.reset_by_envoy(asked, details)


def test_a_host_beside_an_authority(shipped: Scene) -> None:
    """`Host` is not read where `:authority` is there (RFC 9113 section 8.3.1), and the provider sees its own."""
    headers = [shipped.credential, ("host", "elsewhere.test")]
    assert_answered(shipped, shipped.ask("http2", "GET", MODELS, headers))
    assert sent_headers(shipped.arrived(), "host") == [OWN_HOST]


# Too large, too many.


def assert_too_large(scene: Scene, protocol: str, path: str, headers: Pairs, details: str) -> None:
    def asked() -> RawResponse:
        return scene.ask(protocol, "GET", path, headers)

    if protocol == "http1":
        scene.refused_by_envoy(asked, 431)
    else:
        # Refused by a reset, which is what the limit of a header list is in HTTP/2.
        scene.reset_by_envoy(asked, details)


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("place", ["a header", "the query", "the path", "a credential"])
def test_headers_beyond_60_kib_are_refused_by_envoy(shipped: Scene, protocol: str, place: str) -> None:
    """`max_request_headers_kb` bounds all headers and the path together: 431, over HTTP/2 a reset."""

    def request(size: int) -> tuple[str, Pairs]:
        filling = "x" * size
        match place:
            case "a header":
                return MODELS, [shipped.credential, ("x-large", filling)]
            case "the query":
                return f"{MODELS}?after={filling}", [shipped.credential]
            case "the path":
                return f"{MODELS}/{filling}", [shipped.credential]
            case _:
                return MODELS, [("x-api-key", filling)]

    answer = shipped.ask(protocol, "GET", *request(58_000))
    if place == "a credential":
        assert_refused(shipped, answer, 401, "credential_malformed")
    else:
        assert_answered(shipped, answer)
        assert shipped.arrived()
    shipped.simulator.clear()
    assert_too_large(shipped, protocol, *request(62_000), "http2.header_list_size_too_large")


@pytest.mark.parametrize("protocol", BOTH)
def test_more_than_100_headers_are_refused_by_envoy(shipped: Scene, protocol: str) -> None:
    """The pseudo-headers count over HTTP/2, `host` over HTTP/1.1."""

    def many(count: int) -> Pairs:
        return [shipped.credential, *((f"x-{index}", "1") for index in range(count))]

    assert_answered(shipped, shipped.ask(protocol, "GET", MODELS, many(90)))
    shipped.simulator.clear()
    assert_too_large(shipped, protocol, MODELS, many(100), "http2.too_many_headers")


# Headers that steer a proxy.

STEERING = [
    ("x-envoy-retry-on", "5xx,retriable-4xx,reset"),
    ("x-envoy-max-retries", "3"),
    ("x-envoy-upstream-rq-timeout-ms", "1"),
    ("x-envoy-upstream-rq-per-try-timeout-ms", "1"),
    ("x-envoy-hedge-on-per-try-timeout", "true"),
    ("x-envoy-upstream-alt-stat-name", "forged"),
    ("x-envoy-decorator-operation", "forged"),
    ("x-envoy-force-trace", "1"),
    ("x-envoy-internal", "true"),
    ("x-envoy-original-path", "/forged"),
]


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("gateway", ["shipped", "permissive"])
@pytest.mark.parametrize("model", ["sim-500", "sim-slow"])
def test_a_caller_does_not_steer_envoys_router(
    request: pytest.FixtureRequest, protocol: str, gateway: str, model: str
) -> None:
    """`x-envoy-*` of a caller is dropped, from inside too: one admitted request is one request of the provider."""
    scene: Scene = request.getfixturevalue(gateway)
    answer = scene.ask(protocol, "POST", CHAT, [JSON, scene.credential, *STEERING], [body(model)])
    assert_answered(scene, answer, 500 if model == "sim-500" else 200)
    received = scene.arrived()
    assert len(scene.simulator.received()) == 1
    # Envoy may add some of its own to what it sends.
    assert [name for name, value in received["headers"] if (name.lower(), value) in STEERING] == []


@pytest.mark.parametrize("nominated", ["authorization", "content-type", "x-request-id", "x-hop"])
def test_a_header_that_a_caller_calls_the_connections(shipped: Scene, nominated: str) -> None:
    """What `Connection` nominates is gone before the gateway looks (RFC 9110 section 7.6.1)."""
    lines = [f"POST {CHAT} HTTP/1.1", "host: gateway.test", f"authorization: Bearer {shipped.key}"]
    lines += ["content-type: application/json", "x-hop: 1", f"content-length: {len(body())}"]
    lines += [f"connection: {nominated}", "", ""]
    answer = shipped.raw("\r\n".join(lines).encode() + body(), "POST")
    if nominated == "authorization":
        assert_refused(shipped, answer, 401, "credential_missing")
    elif nominated == "content-type":
        assert_refused(shipped, answer, 415, "body_unsupported")
    else:
        assert_answered(shipped, answer)
        received = shipped.arrived()
        assert (sent_headers(received, "x-hop") == []) is (nominated == "x-hop")
        assert sent_headers(received, "authorization") == ["Bearer provider-secret-openai"]
        assert sent_headers(received, "x-request-id") == [answer.header("x-request-id")]
