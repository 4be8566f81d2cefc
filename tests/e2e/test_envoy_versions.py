"""The dynamic module in other versions of Envoy than the tests run with: served from 1.38 on, and refused by name before."""

import json
from pathlib import Path

import pytest

from harness.bootstrap import plain_bootstrap, static_cluster
from harness.caller import assert_refused, calling
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.envoy import Envoy
from harness.gateway import ROOT, Signer, document, issuer_entry, key_entry, rule
from harness.host import MODULE_FILE, STATS, Host, module_config
from harness.key_server import KeyServer
from harness.processes import ProcessFailed
from harness.simulator import Simulator

pytestmark = pytest.mark.only(Host.MODULE)
KEY, ENTRY = key_entry("versions", tenant="acme")
SIGNER = Signer("RS256")
QUOTA = {"id": "few", "when": "has(request.headers.few)", "limit": 2, "window": "1h", "per": ["principal.subject"]}


def envoy_of(version: str) -> Path:
    binary = ROOT / "target" / "envoys" / version / "envoy" / "_bin" / "envoy"
    assert binary.exists(), "run tests/setup/envoys"
    return binary


@pytest.mark.parametrize("version", ["1.38.3", "1.39.3"])
def test_it_serves(version: str, simulator: Simulator, tmp_path: Path) -> None:
    keys = KeyServer()
    keys.publish("keys", {"keys": [SIGNER.jwk()]})
    remote = {"cluster": "keys", "host": "login.test", "path": "/keys"}
    configuration = document(
        keys=[ENTRY],
        issuers=[issuer_entry(SIGNER, jwks={"remote": remote})],
        policies=[rule("model", "!has(llm.model) || llm.model != 'forbidden'")],
        quotas=[QUOTA],
    )
    options = {"clusters": [static_cluster("keys", keys.port)], "binary": envoy_of(version)}
    with calling(configuration, simulator, tmp_path, **options) as caller:
        gateway = caller.gateway
        for credential in (KEY, SIGNER.token(tenant="acme")):
            answer = caller.bearer(credential)
            assert answer.status_code == 200, answer.text
            record = caller.record(answer)
            assert record["gen_ai.usage.output_tokens"] > 0
            assert (record["claimgate.answered_by"], record["claimgate.aborted"]) == ("provider", False)
        assert_refused(caller.bearer("a-key-that-nobody-has-4711"), 401, "key_unknown")
        assert_refused(caller.bearer(KEY, model="forbidden"), 403, "policy_denied")
        few = {"authorization": f"Bearer {KEY}", "few": "1"}
        assert [caller.chat(few).status_code for _ in range(4)] == [200, 200, 429, 429]
        nowhere = caller.send("GET", "/nowhere", {"authorization": f"Bearer {KEY}"})
        assert_refused(nowhere, 404, "no_upstream")
        # Where nothing is counted between requests, the next one tells.
        counted = f"{STATS}claimgate.key_fetches.outcome.ok"
        wait_until(lambda: caller.bearer(KEY) and gateway.envoy.stat(counted) >= 1, what="the fetch to be counted", seconds=5)
        assert gateway.reload({**configuration, "policies": [rule("nobody", "false")]}) is Reload.APPLIED
        assert_refused(caller.bearer(KEY), 403, "policy_denied")
        assert "Unsupported attribute" not in gateway.envoy.log()
    keys.stop()


def test_an_envoy_that_is_too_old_says_what_it_lacks(
    simulator: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    typed = module_config(MODULE_FILE, json.dumps(document(keys=[ENTRY])))
    # It knows of no files yet.
    typed["dynamic_module_config"] = {"name": "claimgate"}
    bootstrap = plain_bootstrap(simulator.ports, tmp_path)
    [chain] = bootstrap["static_resources"]["listeners"][0]["filter_chains"]
    chain["filters"][0]["typed_config"]["http_filters"].insert(0, {"name": "claimgate", "typed_config": typed})
    monkeypatch.setenv("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", str(MODULE_FILE.parent))
    with pytest.raises(ProcessFailed) as refused:
        Envoy(bootstrap, tmp_path, binary=envoy_of("1.37.0"))
    assert "claimgate: this Envoy does not export `" in str(refused.value)
    assert "the module needs Envoy 1.38 or a later one" in str(refused.value)
