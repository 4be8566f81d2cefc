"""What is unusual about a call, in a real Envoy with four workers: rules refuse it, the record tells it, a counter counts it."""

import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from harness.bootstrap import KEPT_REQUEST_IDS
from harness.deadline import wait_until
from harness.dialects import chat, chat_document, credential_header
from harness.gateway import Gateway, document, key_entry, rule
from harness.load import LoadRequest, run_load
from harness.simulator import Simulator

SHIPPED = yaml.safe_load((Path(__file__).resolve().parents[2] / "envoy" / "envoy.yaml").read_text())
PERIOD = 5
USUAL, TOKENS, MODEL = 5, 150, "sim-tokens-100-50"
BODY = chat_document("openai", MODEL)
HERE, ELSEWHERE, NEXT_DOOR = "127.0.0.1", "127.0.1.1", "127.0.1.77"
CALLERS = ("burster", "spender", "roamer", "taster", "prober", "newcomer")


def of(caller: str) -> str:
    return f"principal.key.id == '{caller}'"


class World:
    """A gateway whose rules read what is unusual, and callers who have been there in one period before."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.keys, entries = {}, []
        for name in CALLERS:
            self.keys[name], entry = key_entry(name, tenant="acme")
            entries.append(entry)
        settings = {"period": f"{PERIOD}s", "warm_up": 1, "memory": 4, "least_requests": USUAL, "least_tokens": 100}
        configuration = document(
            client_address="peer",
            anomalies=settings,
            keys=entries,
            policies=[
                rule("allowed_models", "!llm.model.glob('forbidden*')"),
                rule("no_burst", "principal.anomaly.request_rate < 5.0", when=of("burster")),
                rule("no_splurge", "principal.anomaly.token_rate < 3.0", when=of("spender")),
                rule("known_networks", "!principal.anomaly.new_network", when=of("roamer")),
                rule("known_models", "!principal.anomaly.new_model", when=of("taster")),
                rule("no_probing", "principal.anomaly.denial_share < 0.5", when=of("prober")),
            ],
        )
        self.gateway = Gateway(
            configuration,
            simulator,
            directory,
            concurrency=4,
            connection_manager=KEPT_REQUEST_IDS,
            stats_tags=SHIPPED["stats_config"]["stats_tags"],
        )
        self.clients: dict[str, httpx.Client] = {}

    def send(self, caller: str, model: str = MODEL, address: str = HERE) -> httpx.Response:
        if address not in self.clients:
            transport = httpx.HTTPTransport(local_address=address)
            self.clients[address] = httpx.Client(base_url=self.gateway.url, timeout=30, transport=transport)
        request = chat("openai", self.keys[caller], model=model)
        return self.clients[address].post(request.path, headers=dict(request.headers), content=request.body)

    def rule_of(self, answer: httpx.Response) -> str | None:
        """The rule that refused; None where none did."""
        return self.record(answer).get("claimgate.rule") if answer.status_code == 403 else None

    def record(self, answer: httpx.Response) -> dict[str, Any]:
        return self.gateway.audit(claimgate__request_id=answer.headers["x-request-id"])

    def counted(self, kind: str) -> int:
        page = self.gateway.envoy.admin("/stats/prometheus")
        found = re.search(rf'^claimgate_anomalies\{{kind="{kind}"\}} (\d+)$', page, re.M)
        return int(found[1]) if found else 0


def begin_a_period() -> None:
    """Waits for the beginning of the next one, so that what follows is all in it."""
    period = int(time.time()) // PERIOD
    wait_until(lambda: int(time.time()) // PERIOD > period, what="another period", seconds=2 * PERIOD)


@pytest.fixture(scope="module")
def world(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(simulator, tmp_path_factory.mktemp("anomalies"))
    begin_a_period()
    for caller in ("burster", "roamer", "taster", "prober"):
        assert [running.send(caller).status_code for _ in range(USUAL)] == [200] * USUAL
    assert running.send("spender").status_code == 200
    begin_a_period()
    yield running
    for client in running.clients.values():
        client.close()
    running.gateway.stop()


def test_a_burst_is_refused_from_five_times_the_usual_on(world: World) -> None:
    begin_a_period()
    headers = {**credential_header("openai", world.keys["burster"]), "content-type": "application/json"}
    request = LoadRequest(f"{world.gateway.url}/openai/v1/chat/completions", headers=headers, document=BODY)
    # Over many connections, so that all workers have a part.
    report = run_load(request, total=39, connections=13)
    assert report.statuses == {200: 5 * USUAL - 1, 403: 40 - 5 * USUAL}, "exact across workers"
    refused = world.send("burster")
    assert world.rule_of(refused) == "no_burst"
    assert world.record(refused)["claimgate.anomalies"]["request_rate"] == 8.0
    assert world.counted("request_rate") == 41 - 5 * USUAL


def test_model_tokens_beyond_the_usual_are_refused(world: World) -> None:
    begin_a_period()
    answers = [world.send("spender") for _ in range(4)]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 403]
    assert world.rule_of(answers[-1]) == "no_splurge"


def test_another_network_is_refused_once(world: World) -> None:
    assert world.send("roamer").status_code == 200
    first = world.send("roamer", address=ELSEWHERE)
    assert world.rule_of(first) == "known_networks"
    assert world.record(first)["claimgate.anomalies"] == {"new_network": True}
    assert world.send("roamer", address=NEXT_DOOR).status_code == 200, "the same /24, known by now"
    assert world.counted("new_network") == 1


def test_another_model_is_refused_once(world: World) -> None:
    assert world.send("taster").status_code == 200
    assert world.rule_of(world.send("taster", "sim-default")) == "known_models"
    assert world.send("taster", "sim-default").status_code == 200


def test_a_caller_who_is_refused_often_is_refused(world: World) -> None:
    begin_a_period()
    assert world.send("prober").status_code == 200
    rules = {world.rule_of(world.send("prober", "forbidden-1")) for _ in range(20)}
    assert "allowed_models" in rules
    refused = world.send("prober")
    assert world.rule_of(refused) == "no_probing"
    assert world.record(refused)["claimgate.anomalies"]["denial_share"] > 0.8


def test_of_a_newcomer_nothing_is_unusual(world: World) -> None:
    answers = [world.send("newcomer", f"sim-{name}", address) for name in "ab" for address in (HERE, ELSEWHERE)]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert all("claimgate.anomalies" not in world.record(answer) for answer in answers)


def test_no_trap(world: World) -> None:
    assert world.gateway.envoy.crashes() == 0
