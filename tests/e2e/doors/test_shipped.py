"""The shipped Envoy configuration with the filter in it: what its options close, and what comes in without them."""

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from harness import ecds
from harness.attacks import BOTH, CHAT, FORBIDDEN, MODELS, Attack, posting, values
from harness.deadline import wait_until
from harness.demo.bootstrap import BEDROCK_LISTENER, Place, placed
from harness.envoy import Envoy
from harness.gateway import PROVIDER_CREDENTIALS, document, environment_keys, key_entry, rule
from harness.host import filter_config
from harness.raw import RawResponse
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

# What the connection manager closes; an Envoy without these options is the one that the attacks are compared with.
HARDENING = (
    "use_remote_address",
    "internal_address_config",
    "skip_xff_append",
    "normalize_path",
    "merge_slashes",
    "path_with_escaped_slashes_action",
    "common_http_protocol_options",
)
ORIGIN = "https://app.test"
BODY_LIMIT = 1536 * 1024
LARGE = 1200 * 1024


@dataclass
class Shipped:
    """The shipped listeners before the simulator, and their twin without filter and hardening."""

    envoy: Envoy
    twin: Envoy
    simulator: Simulator
    key: str
    confined: str
    """A key that may be used from 10.0.0.0/8 only."""

    @property
    def bearer(self) -> tuple[str, str]:
        return ("authorization", f"Bearer {self.key}")

    @property
    def bedrock_port(self) -> int:
        return self.envoy.listener_port(BEDROCK_LISTENER)

    def twin_lets_in(self, attack: Attack, protocol: str) -> dict[str, Any]:
        """What the provider saw of an attack at the twin."""
        self.simulator.clear()
        attack.play(self.twin.port, protocol)
        [seen] = self.simulator.wait_received(1)
        return seen

    def play(self, attack: Attack, protocol: str, port: int | None = None) -> RawResponse:
        self.simulator.clear()
        return attack.play(port or self.envoy.port, protocol)

    def refuses(
        self, attack: Attack, protocol: str, status: int, reason: str, port: int | None = None
    ) -> dict[str, Any]:
        """Fails unless the filter refused, and recorded it. Gives the record."""
        answer = self.play(attack, protocol, port)
        assert (answer.status, answer.header("x-claimgate-reason")) == (status, reason), answer
        assert self.simulator.received() == []
        record = self.record(answer)
        assert (record["claimgate.decision"], record["claimgate.reason"]) == ("deny", reason)
        return record

    def record(self, answer: RawResponse) -> dict[str, Any]:
        """The record of an answered request, from Envoy's standard output."""
        wanted = answer.header("x-request-id")

        def found() -> dict[str, Any] | None:
            lines = self.envoy.process.output_path.read_text().splitlines()
            records = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
            return next((record for record in records if record["claimgate.request_id"] == wanted), None)

        return wait_until(found, what=f"a record of `{wanted}`", seconds=10)


@pytest.fixture(scope="module")
def shipped(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    directory = tmp_path_factory.mktemp("shipped-doors")
    key, entry = key_entry("shipped", tenant="acme")
    confined, confined_entry = key_entry("confined", tenant="acme", cidrs=["10.0.0.0/8"])
    configuration = document(
        keys=[entry, confined_entry],
        client_address="peer",
        body_limit=f"{BODY_LIMIT // 1024}KiB",
        policies=[rule("models", f'llm.model != "{FORBIDDEN}"', when="llm.operation == 'chat'")],
    )
    typed = filter_config(json.dumps(configuration), environment_keys=environment_keys(configuration))
    ecds.move_into_place(directory / "claimgate.ecds.json", ecds.discovery_response(typed, "1"))
    bootstrap = placed(Place(0, 0, 0, simulator.ports, directory))
    for listener in bootstrap["static_resources"]["listeners"]:
        _allow_origin(_manager(listener))
    twin_directory = tmp_path_factory.mktemp("twin")
    with (
        Envoy(bootstrap, directory, environment=PROVIDER_CREDENTIALS) as envoy,
        Envoy(_twin(bootstrap), twin_directory) as twin,
    ):
        yield Shipped(envoy, twin, simulator, key, confined)
        assert envoy.crashes() == 0, envoy.log()[-2000:]


def _manager(listener: dict[str, Any]) -> dict[str, Any]:
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


def _allow_origin(manager: dict[str, Any]) -> None:
    """What an operator adds for a browser's application."""
    kind = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy"
    allowed = {"@type": kind, "allow_origin_string_match": [{"exact": ORIGIN}], "allow_methods": "POST"}
    manager["route_config"]["virtual_hosts"][0]["typed_per_filter_config"] = {"envoy.filters.http.cors": allowed}


def _twin(bootstrap: dict[str, Any]) -> dict[str, Any]:
    twin = copy.deepcopy(bootstrap)
    for listener in twin["static_resources"]["listeners"]:
        manager = _manager(listener)
        del listener["per_connection_buffer_limit_bytes"]
        manager["http_filters"] = manager["http_filters"][-1:]
        for option in HARDENING:
            del manager[option]
    return twin


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("path", ["/openai/v1%2Ffiles", "/openai/v1/models/..%2ffiles", "/openai/v1%5cfiles"])
def test_an_escaped_slash_is_refused_at_the_listener(shipped: Shipped, protocol: str, path: str) -> None:
    attack = Attack("GET", path)
    assert f"/openai{shipped.twin_lets_in(attack, protocol)['raw_path']}" == path
    answer = shipped.play(attack.adding(shipped.bearer), protocol)
    assert (answer.status, answer.header("x-claimgate-reason")) == (400, "proxy_refused")
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    "path, arrives",
    [
        ("/openai/v1//models", "/v1/models"),
        ("/openai/v1/files/../models", "/v1/models"),
        ("/openai/v1/files/%2e%2e/models", "/v1/models"),
        ("/openai/v1/files\\..\\models", "/v1/models"),
        ("/openai/v1/files/..;/models", "/v1/models"),
        ("/openai/v1/models;x", None),
        ("/openai/v1/models/%252e%252e/files", None),
    ],
)
def test_the_filter_sees_the_path_that_is_forwarded(
    shipped: Shipped, protocol: str, path: str, arrives: str | None
) -> None:
    assert f"/openai{shipped.twin_lets_in(Attack('GET', path), protocol)['raw_path']}" == path
    attack = Attack("GET", path, (shipped.bearer,))
    if arrives is None:
        shipped.refuses(attack, protocol, 400, "path_ambiguous")
        return
    answer = shipped.play(attack, protocol)
    [seen] = shipped.simulator.wait_received(1)
    assert (answer.status, seen["raw_path"]) == (200, arrives)
    assert shipped.record(answer)["url.path"] == f"/openai{arrives}"


@pytest.mark.parametrize("protocol", BOTH)
def test_an_address_in_a_header_opens_no_network(shipped: Shipped, protocol: str) -> None:
    forged = (("x-forwarded-for", "10.1.2.3"), ("x-envoy-external-address", "10.1.2.3"))
    attack = Attack("GET", MODELS, (("authorization", f"Bearer {shipped.confined}"), *forged))
    record = shipped.refuses(attack, protocol, 403, "network_not_allowed")
    assert record["client.address"] == "127.0.0.1"


@pytest.mark.parametrize("protocol", BOTH)
def test_one_admission_is_one_call(shipped: Shipped, protocol: str) -> None:
    """Nobody is internal, so nobody may ask Envoy to retry, to hedge or to wait."""
    headers = (shipped.bearer, ("x-envoy-retry-on", "5xx"), ("x-envoy-max-retries", "3"))
    assert shipped.play(posting({"model": "sim-500", "messages": []}, CHAT, *headers), protocol).status == 500
    assert len(shipped.simulator.received()) == 1


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", ["x-envoy-decorator-operation", "x-envoy-original-dst-host"])
def test_envoys_own_headers_are_not_the_callers_to_write(shipped: Shipped, protocol: str, name: str) -> None:
    attack = Attack("GET", MODELS, ((name, "forged"),))
    assert values(shipped.twin_lets_in(attack, protocol), name) == ["forged"]
    shipped.play(attack.adding(shipped.bearer), protocol)
    [seen] = shipped.simulator.wait_received(1)
    assert values(seen, name) == []


@pytest.mark.parametrize("protocol", BOTH)
def test_a_large_body_is_read_and_not_cut(shipped: Shipped, protocol: str) -> None:
    """Envoy's own buffer limit, without the shipped one, is below the bound, and its refusal no refusal of ours."""
    for model, size in [("gpt-4o", LARGE), (FORBIDDEN, LARGE), (FORBIDDEN, BODY_LIMIT + 1)]:
        body = json.dumps({"model": model, "messages": []}).encode()
        attack = posting(body[:-1] + b" " * (size - len(body)) + b"}", CHAT, shipped.bearer)
        if size > BODY_LIMIT:
            shipped.refuses(attack, protocol, 413, "body_too_large")
        elif model == FORBIDDEN:
            shipped.refuses(attack, protocol, 403, "policy_denied")
        else:
            assert shipped.play(attack, protocol).status == 200


@pytest.mark.parametrize("protocol", BOTH)
def test_cors_answers_before_the_gate_and_for_its_origins_only(shipped: Shipped, protocol: str) -> None:
    asking = (("access-control-request-method", "POST"), ("access-control-request-headers", "authorization"))
    attack = Attack("OPTIONS", CHAT, (("origin", ORIGIN), *asking))
    assert shipped.twin_lets_in(attack, protocol)["method"] == "OPTIONS"
    answer = shipped.play(attack, protocol)
    assert (answer.status, answer.header("access-control-allow-origin")) == (200, ORIGIN)
    assert shipped.simulator.received() == []
    other = Attack("OPTIONS", CHAT, (("origin", "https://evil.test"), *asking))
    shipped.refuses(other, protocol, 401, "credential_missing")
    # Whoever is not asking first is decided, whatever origin it names.
    shipped.refuses(posting({}, CHAT, ("origin", ORIGIN)), protocol, 401, "credential_missing")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_probe_reaches_no_provider(shipped: Shipped, protocol: str) -> None:
    assert shipped.play(Attack("GET", "/healthz"), protocol).status == 200
    assert shipped.simulator.received() == []
    for path in ("/healthz/", "/openai/healthz", "/healthz?x"):
        answer = shipped.play(Attack("GET", path), protocol)
        assert (answer.status, answer.header("x-claimgate-reason")) == (401, "credential_missing"), path


@pytest.mark.parametrize("protocol", BOTH)
def test_the_listener_for_bedrock_keeps_escaped_slashes_for_arns_alone(shipped: Shipped, protocol: str) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}

    def asking(model: str) -> Attack:
        return posting(body, f"/bedrock/model/{model}/converse", shipped.bearer)

    port = shipped.bedrock_port
    arn = "arn:aws:bedrock:eu-west-1:1:inference-profile%2Feu.amazon.nova-lite-v1:0"
    assert shipped.play(asking(arn), protocol, port).status == 200
    for model in ("a%2F..%2Fb", "arn:aws%2F..%2Fb", "arn:aws%5Cb", "a%252Fb"):
        shipped.refuses(asking(model), protocol, 400, "path_ambiguous", port)
    # No other provider is reached here, however its path is written.
    for path in (MODELS, "/bedrock/../openai/v1/models", "/bedrock/%2e%2e/openai/v1/models"):
        shipped.refuses(Attack("GET", path, (shipped.bearer,)), protocol, 404, "no_upstream", port)
    escaped = Attack("GET", "/bedrock/..%2Fopenai/v1/models", (shipped.bearer,))
    shipped.refuses(escaped, protocol, 400, "path_ambiguous", port)


@pytest.mark.parametrize("protocol", BOTH)
def test_a_provider_is_called_by_its_own_name(shipped: Shipped, protocol: str) -> None:
    """Whatever host the caller names, in whatever way."""
    names = (("x-forwarded-host", "evil.test"), ("x-host", "evil.test"), ("forwarded", "host=evil.test"))
    shipped.play(Attack("GET", MODELS, (shipped.bearer, *names)), protocol)
    [seen] = shipped.simulator.wait_received(1)
    assert values(seen, "host") == ["api.openai.com"]
    assert values(seen, "x-forwarded-host") == values(seen, "forwarded") == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    "name",
    [
        "x_api_key",
        "api_key",
        "openai_organization",
        "x_tenant_id",
        "x_claimgate_tenant",
        "x_http_method_override",
        "transfer_encoding",
    ],
)
def test_a_header_with_an_underscore_is_dropped_and_the_request_goes_on(
    shipped: Shipped, protocol: str, name: str
) -> None:
    attack = Attack("GET", "/openai/v1/models", ((name, "of-somebody"),))
    let_in = shipped.twin_lets_in(attack, protocol)["headers"]
    assert (name, "of-somebody") in [(header.lower(), value) for header, value in let_in]
    answer = shipped.play(attack.adding(shipped.bearer), protocol)
    assert answer.status == 200, answer
    [seen] = shipped.simulator.wait_received(1)
    assert "of-somebody" not in [value for _, value in seen["headers"]]
