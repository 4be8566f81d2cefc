"""What Envoy answers by itself reaches the caller in its own dialect with both ids, and the record says whose it was."""

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import openai
import pytest
from harness.bootstrap import discovered_filter, http_filter_type, prefix_route, static_cluster
from harness.deadline import wait_until
from harness.dialects import DIALECTS, GOOGLES, Request, chat, chat_document, error_message
from harness.exchange import PROTOCOLS, closed_port
from harness.gateway import Gateway, document, key_entry, rule, upstream_entries
from harness.raw import RawResponse
from harness.raw_provider import RawProvider
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

BOTH = sorted(PROTOCOLS)
# Between them, Envoy cannot hold what the gateway would read. Over HTTP/2 the stream's window is what it holds.
BUFFER_LIMIT, WINDOW, BODY_LIMIT = 16 * 1024, 65_535, "128KiB"


@dataclass(frozen=True)
class Fault:
    """Something wrong between the gateway and a provider, behind the routes `/<dialect>-<name>/`."""

    name: str
    status: int
    reason: str
    # Whether the request had been let through when Envoy answered.
    decision: str = "allow"
    model: str | None = None
    filler: int = 0
    # Ends the request; without it the caller stops in the middle of the body.
    ends: bool = True
    retry: str = "true"


FAULTS = (
    Fault("gone", 503, "upstream_unreachable"),
    Fault("empty", 503, "upstream_unreachable"),
    Fault("broken", 503, "upstream_reset"),
    Fault("full", 503, "overloaded"),
    Fault("slow", 504, "upstream_timeout", model="sim-slow"),
    Fault("limited", 429, "proxy_refused", retry="false"),
    Fault("large", 413, "body_too_large", decision="undecided", filler=WINDOW + 100, retry="false"),
    Fault("idle", 408, "request_timeout", decision="undecided", ends=False),
)
OPENAI_TYPES = {429: "rate_limit_error", 408: "invalid_request_error", 413: "invalid_request_error"}
ANTHROPIC_TYPES = {
    408: "invalid_request_error",
    413: "request_too_large",
    429: "rate_limit_error",
    502: "api_error",
    503: "api_error",
    504: "timeout_error",
}
GOOGLE_STATUSES = {
    408: "DEADLINE_EXCEEDED",
    413: "INVALID_ARGUMENT",
    429: "RESOURCE_EXHAUSTED",
    502: "UNAVAILABLE",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
BEDROCK_EXCEPTIONS = {
    408: "ModelTimeoutException",
    413: "ValidationException",
    429: "ThrottlingException",
    502: "ServiceUnavailableException",
    503: "ServiceUnavailableException",
    504: "ServiceUnavailableException",
}


@dataclass
class Scene:
    gateway: Gateway
    key: str

    def ask(self, protocol: str, request: Request, *, ends: bool = True) -> RawResponse:
        with PROTOCOLS[protocol](self.gateway.port) as exchange:
            headers = [(name, value) for name, value in request.headers.items()]
            exchange.open(request.method, request.path, headers, last=request.body is None)
            if request.body is not None:
                exchange.send(request.body if ends else request.body[:10])
                if ends:
                    exchange.end()
            return exchange.receive()

    def record(self, answer: RawResponse) -> dict[str, Any]:
        return self.gateway.audit(claimgate__decision_id=answer.header("x-claimgate-decision-id"))


@pytest.fixture(scope="module")
def scene(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    directory = tmp_path_factory.mktemp("local-replies")
    key, entry = key_entry("k1", tenant="acme")
    upstreams, clusters, routes = upstream_entries(), [], []
    # Takes a request, and closes the connection.
    silent = RawProvider()
    silent.clear(b"")
    for upstream in upstream_entries():
        name = upstream["cluster"]
        for fault in FAULTS:
            cluster = f"{name}-{fault.name}"
            upstreams.append({**upstream, "cluster": cluster, "path_prefix": f"/{cluster}"})
            port = silent.port if fault.name == "broken" else simulator.ports[name]
            clusters.append(faulty_cluster(fault.name, cluster, port))
            routes.append(faulty_route(fault.name, cluster))
    routes.append({"match": {"path": "/healthz"}, "route": {"cluster": "openai-gone"}})
    configuration = document(
        keys=[entry],
        upstreams=upstreams,
        body_limit=BODY_LIMIT,
        open=[{"method": "HEAD", "path": "/healthz"}],
        policies=[rule("limit", "!has(llm.max_tokens) || llm.max_tokens < 100000")],
    )
    options = {
        "clusters": clusters,
        "routes": routes,
        "buffer_limit": BUFFER_LIMIT,
        "connection_manager": {
            "http_filters": filters(directory),
            "preserve_external_request_id": True,
            "http2_protocol_options": {"initial_stream_window_size": WINDOW},
        },
    }
    with Gateway(configuration, simulator, directory, **options) as gateway:
        yield Scene(gateway, key)
        assert gateway.envoy.crashes() == 0, gateway.envoy.log()[-2000:]
    silent.stop()


def faulty_cluster(fault: str, name: str, port: int) -> dict[str, Any]:
    if fault == "gone":
        return static_cluster(name, closed_port())
    cluster = static_cluster(name, port)
    if fault == "empty":
        cluster["load_assignment"]["endpoints"] = []
    if fault == "full":
        cluster["circuit_breakers"] = {"thresholds": [{"max_requests": 0, "max_pending_requests": 0}]}
    return cluster


def faulty_route(fault: str, cluster: str) -> dict[str, Any]:
    action = {"slow": {"timeout": "0.2s"}, "idle": {"idle_timeout": "0.3s"}}.get(fault, {})
    route = prefix_route(f"/{cluster}/", cluster, **action)
    if fault == "limited":
        route["typed_per_filter_config"] = {"limit": rate_limit(enabled=True)}
    return route


def filters(directory: Path) -> list[dict[str, Any]]:
    """A filter behind the gateway refuses by itself."""
    return [
        discovered_filter(directory / "ecds" / "claimgate.json"),
        {"name": "limit", "typed_config": rate_limit(enabled=False)},
        {"name": "router", "typed_config": {"@type": http_filter_type("router.v3.Router")}},
    ]


def rate_limit(*, enabled: bool) -> dict[str, Any]:
    config: dict[str, Any] = {"@type": http_filter_type("local_ratelimit.v3.LocalRateLimit"), "stat_prefix": "limit"}
    if enabled:
        share = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
        # One token for a day, which the first request of each test may find.
        config["token_bucket"] = {"max_tokens": 1, "tokens_per_fill": 1, "fill_interval": "86400s"}
        config |= {"filter_enabled": share, "filter_enforced": share}
    return config


def request_to(fault: Fault, scene: Scene, dialect: str) -> Request:
    request = chat(dialect, scene.key, prefix=f"{dialect}-{fault.name}", model=fault.model)
    if fault.filler:
        content = json.dumps({**chat_document(dialect), "filler": "x" * fault.filler}).encode()
        request = replace(request, body=content)
    return request


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_an_error_of_envoys_own_is_in_the_callers_dialect(
    scene: Scene, fault: Fault, dialect: str, protocol: str
) -> None:
    request = request_to(fault, scene, dialect)
    if fault.name == "limited":
        scene.ask(protocol, request)
    request_id = f"req-{fault.name}-{dialect}-{protocol}"
    answer = scene.ask(protocol, request.with_headers(x_request_id=request_id), ends=fault.ends)
    assert (answer.status, answer.header("x-claimgate-reason")) == (fault.status, fault.reason), answer.body
    assert answer.header("x-request-id") == request_id
    assert answer.header("content-type") == "application/json"
    assert answer.header("x-should-retry") == fault.retry
    assert_shape(dialect, answer)
    record = scene.record(answer)
    assert record["claimgate.request_id"] == request_id
    assert (record["claimgate.decision"], record["claimgate.answered_by"]) == (fault.decision, "envoy")
    assert (record["error.type"], record["http.response.status_code"]) == (fault.reason, fault.status)
    assert "claimgate.reason" not in record
    assert record["claimgate.note"].startswith("envoy: ")


def assert_shape(dialect: str, answer: RawResponse) -> None:
    body, status = answer.json(), answer.status
    decision, reason = answer.header("x-claimgate-decision-id"), answer.header("x-claimgate-reason")
    assert f"[{reason}, decision {decision}]" in error_message(dialect, body)
    if dialect in ("openai", "azure"):
        assert (body["error"]["type"], body["error"]["code"]) == (OPENAI_TYPES.get(status, "server_error"), reason)
    elif dialect == "anthropic":
        assert (body["type"], body["error"]["type"]) == ("error", ANTHROPIC_TYPES[status])
        assert body["request_id"] == answer.header("request-id") == answer.header("x-request-id")
    elif dialect in GOOGLES:
        assert (body["error"]["code"], body["error"]["status"]) == (status, GOOGLE_STATUSES[status])
    else:
        assert answer.header("x-amzn-errortype") == BEDROCK_EXCEPTIONS[status]


@pytest.mark.parametrize("protocol", BOTH)
def test_the_record_tells_ours_envoys_and_the_providers_refusals_apart(scene: Scene, protocol: str) -> None:
    for request, status, answered_by, error in [
        (chat("openai"), 401, "gateway", "credential_missing"),
        (chat("openai", scene.key, prefix="openai-gone"), 503, "envoy", "upstream_unreachable"),
        (chat("openai", scene.key, model="sim-429"), 429, "provider", "429"),
    ]:
        answer = scene.ask(protocol, request.with_headers(x_request_id=f"apart-{protocol}-{status}"))
        assert answer.status == status
        record = scene.gateway.audit(claimgate__request_id=f"apart-{protocol}-{status}")
        assert (record["claimgate.answered_by"], record["error.type"]) == (answered_by, error)
        assert ("claimgate.reason" in record) == (answered_by == "gateway")
        # The provider's own words go through as they are.
        assert (answer.header("x-claimgate-reason") is None) == (answered_by == "provider")
    fine = scene.ask(protocol, chat("openai", scene.key).with_headers(x_request_id=f"fine-{protocol}"))
    assert fine.status == 200
    assert "error.type" not in scene.gateway.audit(claimgate__request_id=f"fine-{protocol}")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_the_provider_says_of_the_gateways_credential_is_no_fault_of_the_callers(
    scene: Scene, dialect: str, protocol: str
) -> None:
    for status in (401, 407):
        answer = scene.ask(protocol, chat(dialect, scene.key, model=f"sim-{status}"))
        assert (answer.status, answer.header("x-claimgate-reason")) == (502, "upstream_credential_refused"), answer.body
        assert answer.header("x-should-retry") == "false"
        for name in ("www-authenticate", "proxy-authenticate"):
            assert answer.header(name) is None
        assert answer.header("content-type") == "application/json"
        assert_shape(dialect, answer)
        record = scene.record(answer)
        assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("allow", "provider")
        assert record["error.type"] == "upstream_credential_refused"
        told = 403 if (dialect, status) == ("bedrock", 401) else status
        assert record["claimgate.note"] == f"the provider answered {told}", "AWS has 403 for a credential, too"
    forbidden = scene.ask(protocol, chat(dialect, scene.key, model="sim-403"))
    assert (forbidden.status, forbidden.header("x-claimgate-reason")) == (403, None), "the provider's own words"


def test_an_sdk_does_not_take_it_for_its_own_key(scene: Scene) -> None:
    client = openai.OpenAI(base_url=f"{scene.gateway.url}/openai/v1", api_key=scene.key, max_retries=0)
    with client, pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model="sim-401", messages=[{"role": "user", "content": "hi"}])
    assert (raised.value.status_code, raised.value.code) == (502, "upstream_credential_refused")


@pytest.mark.parametrize("protocol", BOTH)
def test_an_error_without_a_body_stays_without_one(scene: Scene, protocol: str) -> None:
    answer = scene.ask(protocol, Request("HEAD", "/healthz"))
    assert (answer.status, answer.header("x-claimgate-reason"), answer.body) == (503, "upstream_unreachable", b"")
    assert scene.record(answer)["claimgate.decision"] == "open"


def test_an_sdk_raises_its_own_class(scene: Scene) -> None:
    client = openai.OpenAI(base_url=f"{scene.gateway.url}/openai-gone/v1", api_key=scene.key, max_retries=0)
    with client, pytest.raises(openai.InternalServerError) as raised:
        client.chat.completions.create(model="gpt-4o", messages=[{"role": "user", "content": "hi"}])
    assert (raised.value.status_code, raised.value.code) == (503, "upstream_unreachable")
    assert raised.value.request_id == raised.value.response.headers["x-request-id"]


def test_the_counter_names_envoys_error(scene: Scene) -> None:
    name = "claimgate.decisions.decision.allow.reason.upstream_unreachable.dialect.openai.tenant.acme"

    def count() -> int:
        return sum(int(value) for stat, value in scene.gateway.envoy.stats(name.replace(".", r"\.")).items())

    # A module tells of what was counted a moment later.
    time.sleep(0.2)
    before = count()
    scene.ask("http1", chat("openai", scene.key, prefix="openai-gone"))
    wait_until(lambda: count() > before, what="the answer to be counted", seconds=5)
    assert count() == before + 1
