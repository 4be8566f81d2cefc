"""Route: Envoy's routing picks the upstream, and the credential goes nowhere else."""

import pytest

from harness.attacks import BOTH, CHAT, LURES, MODELS, Attack, Stage, assert_refused, posting, values
from harness.deadline import wait_until
from harness.gateway import PROVIDER_CREDENTIALS, Gateway

pytestmark = pytest.mark.both_hosts

CREDENTIAL = f"authorization: Bearer {PROVIDER_CREDENTIALS['OPENAI_API_KEY']}"


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("lure", LURES)
def test_a_stripped_header_does_not_lead_the_credential_astray(
    stage: Stage, at_cluster: Gateway, protocol: str, lure: str
) -> None:
    """A route that reads a header which the filter takes off is chosen again without it."""
    attack = Attack("GET", "/astray/v1/models", (stage.bearer(), (lure, "acme")))
    stage.clear()
    # In the chain the credential leaves before anybody can tell, and only the answer is withheld.
    record = assert_refused(stage.gateway, attack.play(stage.gateway.port, protocol), 502, "route_changed")
    assert record["claimgate.upstream.cluster"] == "astray"
    assert CREDENTIAL in stage.raw.wait_received(1)[0]

    stage.clear()
    assert_refused(at_cluster, attack.play(at_cluster.port, protocol), 502, "route_changed")
    assert stage.raw.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_a_mirror_does_not_get_the_credential(stage: Stage, at_cluster: Gateway, protocol: str) -> None:
    """A route's `request_mirror_policies` copy the request after the filter has changed it."""
    attack = Attack("GET", "/mirrored/v1/models", (stage.bearer(),))
    stage.clear()
    stage.passes(attack, protocol)
    assert CREDENTIAL in stage.raw.wait_received(1)[0]

    stage.clear()
    refusal = "refused at cluster `raw`: route_changed"
    before = at_cluster.envoy.log().count(refusal)
    assert attack.play(at_cluster.port, protocol).status == 200
    wait_until(lambda: at_cluster.envoy.log().count(refusal) > before, what="the copy to be refused", seconds=5)
    assert stage.raw.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_the_caller_does_not_choose_the_providers_address(stage: Stage, protocol: str) -> None:
    """Envoy reads the address from a header where a cluster says `use_http_header`."""
    header = ("x-envoy-original-dst-host", f"127.0.0.1:{stage.raw.port}")
    attack = Attack("GET", "/addressed/v1/models", (stage.bearer(), header))
    stage.clear()
    assert stage.without_keys(attack).play(stage.bare.port, protocol).status == 200
    assert len(stage.raw.wait_received(1)) == 1
    stage.clear()
    assert attack.play(stage.gateway.port, protocol).status == 503
    assert stage.raw.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_another_host_does_not_change_the_provider(stage: Stage, protocol: str) -> None:
    headers = (stage.bearer(), ("x-forwarded-host", "anthropic.test"), ("x-original-url", "/anthropic/v1/models"))
    headers += (("x-rewrite-url", "/anthropic/v1/models"), ("x-envoy-original-path", "/anthropic/v1/models"))
    _, seen = stage.passes(Attack("GET", MODELS, headers), protocol)
    assert (seen["provider"], seen["raw_path"]) == ("openai", "/v1/models")


@pytest.mark.parametrize("protocol", BOTH)
def test_an_answer_does_not_send_the_credential_elsewhere(stage: Stage, protocol: str) -> None:
    """A route's `internal_redirect_policy` follows a provider's redirect with the headers that the provider got."""
    redirect = "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://gateway.test/bedrock/guardrails\r\n"
    attack = Attack("GET", "/raw/v1/models", (stage.bearer(),))
    stage.clear()
    stage.raw.answer = f"{redirect}content-length: 0\r\n\r\n".encode()
    stage.without_keys(attack).play(stage.bare.port, protocol)
    [seen] = stage.simulator.wait_received(1)
    assert (seen["provider"], values(seen, "authorization")) == ("bedrock", ["Bearer anybody"])
    stage.simulator.clear()
    # It is decided once more, as a request of whoever has a provider's credential, which is nobody.
    answer = attack.play(stage.gateway.port, protocol)
    assert_refused(stage.gateway, answer, 401, "key_unknown")
    assert stage.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_one_admission_is_one_call(stage: Stage, protocol: str) -> None:
    """Envoy retries as often as a caller asks who claims an address of the inside."""
    claim = ("x-forwarded-for", "10.1.2.3")
    headers = (claim, ("x-envoy-retry-on", "5xx"), ("x-envoy-max-retries", "3"))
    attack = posting({"model": "sim-500", "messages": []}, CHAT, stage.bearer(), *headers)
    stage.clear()
    stage.without_keys(attack).play(stage.bare.port, protocol)
    assert len(stage.simulator.wait_received(4)) == 4
    stage.clear()
    assert attack.play(stage.gateway.port, protocol).status == 500
    assert len(stage.simulator.received()) == 1
