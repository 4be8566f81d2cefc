"""What a worker does by the clock in a real Envoy, while requests come that wait for others: it goes on.

One worker, whose tick Envoy begins anew whenever the filter says how often it wants one.
"""

import itertools
import time
from pathlib import Path

import pytest
from harness.caller import calling, chat_request
from harness.deadline import wait_until
from harness.gateway import Signer, document, issuer_entry
from harness.simulator import Simulator
from harness.steady_load import SteadyLoad

pytestmark = [pytest.mark.both_hosts, pytest.mark.alone]
# More often than any tick comes while they wait.
PER_SECOND = 400
# So that those who wait keep nobody else from asking.
CONNECTIONS = 1000
REFETCH = 0.5
# What a loaded machine may add.
SLACK = 1.5
OLD, NEW = Signer("ES256", "old"), Signer("ES256", "new")


def test_new_keys_are_fetched_while_their_tokens_pour_in(simulator: Simulator, tmp_path: Path) -> None:
    remote = {"cluster": "idp", "host": "login.test", "path": "/jwks.json?ticks", "refetch": f"{int(REFETCH * 1000)}ms"}
    simulator.reset_jwks()
    simulator.set_jwks({"keys": [OLD.jwk()]})
    configuration = document(issuers=[issuer_entry(OLD, jwks={"remote": remote})])
    with calling(configuration, simulator, tmp_path / "gateway", concurrency=1) as caller:
        wait_until(lambda: caller.bearer(OLD.token()).status_code == 200, what="the first keys", seconds=10)
        last = simulator.jwks_stats()["at"][-1]
        wait_until(lambda: time.time() - last > REFETCH + 0.2, what="the refetch time", seconds=5)
        simulator.set_jwks({"keys": [NEW.jwk()]})
        tokens = itertools.cycle([NEW.token(jti=str(number)) for number in range(200)])
        options = {"per_second": PER_SECOND, "connections": CONNECTIONS}
        with SteadyLoad(caller.gateway.port, lambda _: chat_request(next(tokens)), **options) as flood:
            wait_until(lambda: len(flood.report.noted) > 2 * PER_SECOND, what="two seconds of it", seconds=20)
        print(flood.report)
        assert set(flood.report.outcomes) == {(200, "")}
        assert flood.report.slowest(1.0) < SLACK
    simulator.reset_jwks()
