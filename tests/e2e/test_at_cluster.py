"""The credential put on at the cluster: it closes the re-chosen route by construction."""

from pathlib import Path

import httpx
import pytest

from harness.envoy import Envoy
from harness.gateway import (
    PROVIDER_CREDENTIALS,
    Gateway,
    document,
    key_entry,
    rule,
    with_half_at_cluster,
)
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

KEY, ENTRY = key_entry("at-cluster", tenant="acme")
CHAT = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}

# The attack: a header that the filter strips chooses the route. Envoy chooses again after the strip.
LURING_ROUTES = [
    {
        "match": {"prefix": "/openai/", "headers": [{"name": "x-tenant-id", "string_match": {"exact": "acme"}}]},
        "route": {"cluster": "openai", "prefix_rewrite": "/"},
    },
    {"match": {"prefix": "/openai/"}, "route": {"cluster": "azure", "prefix_rewrite": "/"}},
]


@pytest.fixture(scope="module")
def envoy(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory):
    directory: Path = tmp_path_factory.mktemp("at-cluster")
    configuration = document(keys=[ENTRY], attach="at_cluster", policies=[rule("everybody", "true")])
    retry = {"retry_on": "5xx", "num_retries": 1}
    routes = [
        *LURING_ROUTES,
        {"match": {"prefix": "/gemini/"}, "route": {"cluster": "gemini", "prefix_rewrite": "/", "retry_policy": retry}},
    ]
    bootstrap = with_half_at_cluster(configuration, simulator, directory, routes=routes, reroutes=True)
    with Envoy(bootstrap, directory, environment=PROVIDER_CREDENTIALS) as envoy:
        yield envoy
        assert envoy.crashes() == 0


def ask(envoy: Envoy, path: str, **headers: str) -> httpx.Response:
    return httpx.post(f"{envoy.url}{path}", headers={"x-api-key": KEY, **headers}, json=CHAT)


def values(record: dict, name: str) -> list[str]:
    return [value for header, value in record["headers"] if header.lower() == name]


def test_the_credential_goes_on_at_the_decided_cluster(envoy: Envoy, simulator: Simulator) -> None:
    simulator.clear()
    answer = ask(envoy, "/anthropic/v1/messages")
    [record] = simulator.wait_received(1)
    assert answer.status_code in (200, 400)
    assert values(record, "x-api-key") == [PROVIDER_CREDENTIALS["ANTHROPIC_API_KEY"]]
    assert not any(KEY in value for _, value in record["headers"])


def test_each_retry_carries_the_credential(envoy: Envoy, simulator: Simulator) -> None:
    simulator.clear()
    path = "/gemini/v1beta/models/sim-500:generateContent"
    httpx.post(f"{envoy.url}{path}", headers={"x-api-key": KEY}, json={"contents": []})
    records = simulator.wait_received(2)
    assert [values(record, "x-goog-api-key") for record in records] == [[PROVIDER_CREDENTIALS["GEMINI_API_KEY"]]] * 2


def test_a_route_chosen_again_gets_no_credential_and_reaches_no_provider(envoy: Envoy, simulator: Simulator) -> None:
    simulator.clear()
    answer = ask(envoy, "/openai/v1/chat/completions", **{"x-tenant-id": "acme"})
    assert answer.status_code == 502
    assert answer.headers["x-claimgate-reason"] == "route_changed"
    assert answer.json()["error"]["code"] == "route_changed"
    assert simulator.received() == []


def test_in_the_chain_the_answer_is_withheld_but_the_request_went_out(
    simulator: Simulator, tmp_path: Path
) -> None:
    """The weakness that the other place of attachment does not have."""
    simulator.clear()
    with Gateway(document(keys=[ENTRY]), simulator, tmp_path, routes=LURING_ROUTES, reroutes=True) as gateway:
        answer = ask(gateway.envoy, "/openai/v1/chat/completions", **{"x-tenant-id": "acme"})
        assert answer.status_code == 502
        assert answer.headers["x-claimgate-reason"] == "route_changed"
        assert [record["provider"] for record in simulator.wait_received(1)] == ["azure"]
        assert gateway.audit(claimgate__reason="route_changed")["claimgate.upstream.cluster"] == "openai"
        assert gateway.envoy.crashes() == 0
