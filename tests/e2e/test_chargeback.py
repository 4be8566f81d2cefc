"""What the records of real traffic add up to, by `claimgate report`: what Envoy's counters say, and the simulator, to the token."""

import contextlib
import json
import random
import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from harness.bootstrap import KEPT_REQUEST_IDS
from harness.deadline import wait_until
from harness.dialects import DIALECTS, chat, chat_document, credential_header
from harness.ecds import Reload
from harness.gateway import COMMAND, Gateway, document, key_entry, upstream_entries
from harness.simulator import Simulator

SHIPPED = yaml.safe_load((Path(__file__).resolve().parents[2] / "envoy" / "envoy.yaml").read_text())
INPUT, OUTPUT = 120, 45
COST = INPUT + OUTPUT
MODEL = f"sim-tokens-{INPUT}-{OUTPUT}"
PRICES = {"version": "2026-11", "models": [{"model": "sim-*", "input": 2, "output": 10}]}
MICRODOLLARS = 2 * INPUT + 10 * OUTPUT
LIMIT, RESERVE = 100_000_000, 60
ABORTS, REFUSED = 40, 3
MESSAGES = "/anthropic/v1/messages"


def quota(name: str, unit: str, **fields: Any) -> dict[str, Any]:
    plain = {"id": name, "unit": unit, "limit": LIMIT, "window": "1h", "per": ["principal.tenant"]}
    return plain | ({} if unit == "requests" else {"reserve": RESERVE}) | fields


class World:
    """A gateway of two workers, and two tenants with all that can happen to their requests."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.simulator, self.directory = simulator, directory
        self.keys, entries = {}, []
        for tenant in ("acme", "initech"):
            self.keys[tenant], entry = key_entry(f"{tenant}-key", tenant=tenant)
            entries.append(entry)
        self.configuration = document(
            keys=entries,
            upstreams=upstream_entries(),
            prices=PRICES,
            quotas=[
                quota("tokens-per-hour", "tokens"),
                quota("money", "microdollars"),
                quota("watched", "output_tokens", mode="shadow"),
                quota("all", "requests"),
                quota("three", "requests", limit=3, when="has(request.headers.narrow)"),
                {"id": "in-flight", "unit": "concurrency", "limit": 1000, "per": ["principal.tenant"]},
            ],
        )
        self.gateway = Gateway(
            self.configuration,
            simulator,
            directory,
            concurrency=2,
            connection_manager=KEPT_REQUEST_IDS,
            stats_tags=SHIPPED["stats_config"]["stats_tags"],
        )
        self.client = httpx.Client(base_url=self.gateway.url, timeout=30)
        self.sent = 0

    def send(self, dialect: str, tenant: str, model: str = MODEL, **headers: str) -> int:
        self.sent += 1
        request = chat(dialect, self.keys[tenant], model=model).with_headers(**headers)
        return self.client.post(request.path, headers=dict(request.headers), content=request.body).status_code

    def stream(self, tenant: str, leave_after: float | None, model: str = "sim-long-40") -> None:
        self.sent += 1
        headers = {**credential_header("anthropic", self.keys[tenant]), "anthropic-version": "2023-06-01"}
        body = {**chat_document("anthropic", model), "stream": True}
        with (
            httpx.Client(base_url=self.gateway.url, timeout=30, verify=False) as client,
            client.stream("POST", MESSAGES, headers=headers, json=body) as answer,
        ):
            left_at = time.monotonic() + (30 if leave_after is None else leave_after)
            for _ in answer.iter_raw():
                if time.monotonic() > left_at:
                    return

    def settle(self) -> None:
        """Waits for the record of whatever was sent."""
        wait_until(lambda: len(self.gateway.records()) >= self.sent, what=f"{self.sent} records", seconds=30)

    def report(self, *arguments: str, status: int = 0, log: str = "audit.log") -> subprocess.CompletedProcess[str]:
        command = [str(COMMAND), "report", *arguments, str(self.directory / log)]
        ran = subprocess.run(command, capture_output=True, text=True)
        assert ran.returncode == status, ran.stderr
        return ran

    def rows(self, *by: str) -> list[dict[str, Any]]:
        return json.loads(self.report("--by", ",".join(by), "--format", "json").stdout)["rows"]

    def counters(self, page: str) -> str:
        # A module tells of what was counted a moment later.
        time.sleep(0.2)
        file = self.directory / "counters.txt"
        file.write_text(self.gateway.envoy.admin(page))
        return str(file)


@pytest.fixture(scope="module")
def world(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(simulator, tmp_path_factory.mktemp("chargeback"))
    simulator.clear()
    dice = random.Random(6)
    for dialect in DIALECTS:
        for tenant, times in (("acme", 3), ("initech", 2)):
            assert [running.send(dialect, tenant) for _ in range(times)] == [200] * times
    running.stream("acme", None, MODEL)
    narrow = [running.send("openai", "acme", narrow="yes") for _ in range(3 + REFUSED)]
    assert narrow == [200] * 3 + [429] * REFUSED
    assert running.send("openai", "initech", "sim-500") == 500
    with contextlib.suppress(httpx.RemoteProtocolError):
        running.send("openai", "initech", "sim-cut")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda seconds: running.stream("acme", seconds), [dice.uniform(0, 0.25) for _ in range(ABORTS)]))
    running.settle()
    yield running
    running.client.close()
    running.gateway.stop()


def answered(simulator: Simulator) -> Counter[str]:
    """How often each provider has answered with the usage that `MODEL` asks for."""
    asked = (record for record in simulator.received() if MODEL in record["raw_path"] + record["body"])
    return Counter(record["provider"] for record in asked)


def test_sums_are_what_the_providers_have_answered(world: World) -> None:
    told = answered(world.simulator)
    rows = {row["cluster"]: row for row in world.rows("cluster", "model") if row["model"] == MODEL}
    assert {name: row["requests"] - row["refused"] for name, row in rows.items()} == dict(told)
    for name, row in rows.items():
        answers = told[name]
        assert row["input_tokens"] == answers * INPUT and row["output_tokens"] == answers * OUTPUT, row
        assert (row["total_tokens"], row["microdollars"]) == (answers * COST, answers * MICRODOLLARS)
        assert (row["incomplete"], row["unpriced"], row["failed"]) == (0, 0, 0)


def test_tenants_pay_for_their_own_and_aborts_are_told(world: World) -> None:
    rows = {row["tenant"]: row for row in world.rows("tenant")}
    assert sum(row["requests"] for row in rows.values()) == world.sent
    assert (rows["acme"]["refused"], rows["initech"]["refused"]) == (REFUSED, 0)
    assert rows["initech"]["failed"] == 1, "the provider's 500"
    assert rows["initech"]["incomplete"] == 1, "the answer that broke off"
    assert rows["acme"]["incomplete"] == sum(record["claimgate.aborted"] for record in world.gateway.records()) - 1
    assert rows["acme"]["incomplete"] > ABORTS / 4


@pytest.mark.parametrize("page", ["/stats", "/stats/prometheus"])
def test_the_records_say_what_the_counters_say(world: World, page: str) -> None:
    ran = world.report("--by", "quota", "--format", "json", "--counters", world.counters(page))
    rows = {row["quota"]: row for row in json.loads(ran.stdout)["rows"]}
    allowed = world.sent - REFUSED
    assert rows["all"]["charged"] == allowed and rows["three"]["charged"] == 3, "a refusal charges nothing"
    assert "in-flight" not in rows
    # What was cut off costs at least what it held.
    records = [record for record in world.gateway.records() if record["claimgate.decision"] == "allow"]
    seen = sum(record.get("claimgate.usage.total_tokens", 0) for record in records)
    assert rows["tokens-per-hour"]["charged"] >= seen
    charged = sum(item["amount"] for r in records for item in r["claimgate.charged"] if item["unit"] == "tokens")
    assert rows["tokens-per-hour"]["charged"] == charged


def test_the_account_holds_what_the_records_say(world: World) -> None:
    rows = {(row["tenant"], row["quota"]): row["charged"] for row in world.rows("tenant", "quota")}
    for tenant in world.keys:
        request = chat("openai", world.keys[tenant], model="sim-tokens-0-0")
        world.sent += 1
        answer = world.client.post(request.path, headers=dict(request.headers), content=request.body)
        left = int(answer.headers["x-ratelimit-remaining-tokens"])
        assert LIMIT - left - RESERVE == rows[tenant, "tokens-per-hour"]
    world.settle()


def test_prometheus_has_a_counter_for_each_quota_and_no_more(world: World) -> None:
    page = world.gateway.envoy.admin("/stats/prometheus")
    found = set(re.findall(r'^claimgate_charges\{quota="([^"]+)",unit="([^"]+)"\}', page, re.M))
    charging = [entry for entry in world.configuration["quotas"] if entry["unit"] != "concurrency"]
    assert found == {(entry["id"], entry["unit"]) for entry in charging}


def test_a_lost_record_is_found(world: World) -> None:
    lines = (world.directory / "audit.log").read_text().splitlines(keepends=True)
    lost = next(number for number, line in enumerate(lines) if "tokens-per-hour" in line and f'"amount":{COST}' in line)
    (world.directory / "lost.log").write_text("".join(lines[:lost] + lines[lost + 1 :]))
    ran = world.report("--counters", world.counters("/stats"), status=1, log="lost.log")
    for name in ("tokens-per-hour", "money", "all"):
        assert f"the quota `{name}`" in ran.stderr
    assert "the quota `three`" not in ran.stderr
    (world.directory / "cut.log").write_text("".join(lines)[:-40])
    ran = world.report("--counters", world.counters("/stats"), status=1, log="cut.log")
    assert f"cut.log:{len(lines)}: the audit record is damaged" in ran.stderr


def test_another_configuration_goes_on_counting(world: World) -> None:
    changed = {**world.configuration, "prices": {**PRICES, "version": "2026-12"}}
    assert world.gateway.reload(changed) is Reload.APPLIED
    assert [world.send("openai", "acme") for _ in range(3)] == [200] * 3
    world.settle()
    world.report("--counters", world.counters("/stats"))
    versions = {row["price_version"]: row["requests"] for row in world.rows("price_version")}
    assert versions["2026-12"] == 3


def test_old_records_cost_the_same_by_the_same_prices(world: World) -> None:
    world.settle()
    table = world.directory / "prices.json"
    table.write_text(json.dumps({"prices": PRICES}))
    total = json.loads(world.report("--format", "json").stdout)["total"]
    assert total["microdollars"] > 0
    assert json.loads(world.report("--prices", str(table), "--format", "json").stdout)["total"] == total
    doubled = {"version": "dearer", "models": [{"model": "sim-*", "input": 4, "output": 20}]}
    table.write_text(json.dumps({"prices": doubled}))
    repriced = json.loads(world.report("--prices", str(table), "--format", "json").stdout)["total"]
    assert repriced["microdollars"] == 2 * total["microdollars"]

