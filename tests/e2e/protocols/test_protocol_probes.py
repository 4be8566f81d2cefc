"""Probes: what is answered without a credential gets none of a provider's, and costs nobody anything."""

import pytest
from harness.raw_http2 import Http2Connection, extended_connect
from scene import BOTH, HEALTH, MODELS, PROBE, SCARCE, Scene, assert_answered, assert_refused, head, sent_headers

pytestmark = pytest.mark.both_hosts

WEBSOCKET = [("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")]


@pytest.mark.parametrize("protocol", BOTH)
def test_envoys_health_check_answers_for_itself(shipped: Scene, protocol: str) -> None:
    """`/healthz` is answered before the gateway, has no record, and reaches no provider."""
    for headers in ([], [shipped.credential], [("authorization", "Bearer nobody")]):
        known = len(shipped.envoy.access_log_lines())
        answer = shipped.ask(protocol, "GET", HEALTH, headers)
        assert (answer.status, answer.body, answer.header("x-claimgate-reason")) == (200, b"", None)
        assert answer.header("x-request-id")
        shipped.logged(known, request_id=answer.header("x-request-id"), details="health_check_ok")
        # Both logs are written at once; a record would be there.
        assert answer.header("x-request-id") not in [record["claimgate.request_id"] for record in shipped.records()]
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", path) for path in (f"{HEALTH}?full", f"{HEALTH}/", "/healthz2", "/HEALTHZ")),
        *((method, HEALTH) for method in ("HEAD", "POST", "OPTIONS", "DELETE")),
    ],
)
def test_what_only_looks_like_the_health_check_is_refused(
    shipped: Scene, protocol: str, method: str, path: str
) -> None:
    """The path is compared whole, with its query, and the method is GET."""
    assert_refused(shipped, shipped.ask(protocol, method, path), 401, "credential_missing")
    assert_refused(shipped, shipped.ask(protocol, method, path, [shipped.credential]), 404, "no_upstream")


@pytest.mark.parametrize("protocol", BOTH)
def test_an_open_path_gets_no_credential(shipped: Scene, protocol: str) -> None:
    """An open request goes on without any credential, and so this provider refuses it."""
    answer = shipped.ask(protocol, "GET", PROBE)
    assert (answer.status, answer.header("x-claimgate-reason")) == (401, None), answer
    received = shipped.arrived()
    assert [name for name in ("authorization", "x-api-key", "api-key") if sent_headers(received, name)] == []
    record = shipped.record(answer)
    assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("open", "provider"), record
    assert not [name for name in record if name.startswith("claimgate.principal")]


@pytest.mark.parametrize("protocol", BOTH)
def test_a_probe_with_a_credential_is_judged_as_any_request(shipped: Scene, protocol: str) -> None:
    """Who claims to be somebody must prove it, on an open path too."""
    for headers, status, reason in [
        ([shipped.credential], 404, "operation_unknown"),
        ([("x-api-key", "nobody-at-all")], 401, "key_unknown"),
        ([("cookie", "session=abc")], 401, "credential_missing"),
        ([("openai-organization", "org-forged")], 401, "credential_missing"),
    ]:
        assert_refused(shipped, shipped.ask(protocol, "GET", PROBE, headers), status, reason)
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((method, PROBE) for method in ("HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE")),
        *(("GET", path) for path in (f"{PROBE}?", f"{PROBE}?x=1", f"{PROBE}/", f"{PROBE}s", "/OPENAI/v1/health")),
    ],
)
def test_only_the_listed_request_is_open(shipped: Scene, protocol: str, method: str, path: str) -> None:
    """Another method, a query, or another spelling needs a credential as everything does."""
    answer = shipped.ask(protocol, method, path)
    assert_refused(shipped, answer, 401, "credential_missing")
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_no_upgrade_is_open(permissive: Scene, protocol: str) -> None:
    """An open path is no tunnel: an upgrade there needs a credential."""
    if protocol == "http1":
        switch = [("connection", "Upgrade"), ("upgrade", "websocket"), *WEBSOCKET]
        answer = permissive.raw(head("GET", PROBE, switch))
    else:
        with Http2Connection(permissive.port) as connection:
            answer = connection.receive(connection.open(extended_connect("websocket", PROBE, WEBSOCKET)))
    assert_refused(permissive, answer, 401, "credential_missing")
    assert permissive.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_an_open_request_has_no_body(shipped: Scene, protocol: str) -> None:
    """What nobody has proven sends nothing on but its headers; with a body it is no longer open."""
    for headers in ([], [("content-length", "5")]):
        assert_refused(shipped, shipped.ask(protocol, "GET", PROBE, headers, [b"hello"]), 401, "credential_missing")
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("gateway", ["shipped", "permissive"])
def test_a_probe_spends_nothing(request: pytest.FixtureRequest, gateway: str) -> None:
    """Probes that fall under a quota leave all of it to the requests that are somebody's."""
    scene: Scene = request.getfixturevalue(gateway)
    counted = scene.counted()
    for protocol in BOTH:
        for _ in range(SCARCE):
            assert scene.ask(protocol, "GET", PROBE, counted[1:]).header("x-claimgate-reason") is None
            scene.ask(protocol, "GET", HEALTH, counted)
    for _ in range(SCARCE):
        assert_answered(scene, scene.ask("http1", "GET", MODELS, counted))
    assert_refused(scene, scene.ask("http1", "GET", MODELS, counted), 429, "quota_exceeded")
