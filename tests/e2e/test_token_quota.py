"""Quotas of model tokens and of requests in flight in a real Envoy with four workers: bounded, exact in the end."""

import contextlib
import random
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.bootstrap import KEPT_REQUEST_IDS
from harness.deadline import wait_until
from harness.dialects import VERTEX_BASE, chat_document, credential_header
from harness.gateway import Gateway, document, key_entry, upstream_entries
from harness.load import LoadReport, LoadRequest, run_load
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

WORKERS, CONNECTIONS = 4, 64
CHAT = "/openai/v1/chat/completions"
MESSAGES = "/anthropic/v1/messages"
INPUT, OUTPUT = 100, 50
COST = INPUT + OUTPUT
MODEL = f"sim-tokens-{INPUT}-{OUTPUT}"
FREE = "sim-tokens-0-0"
LIMIT = 20 * COST
ABORTS = 1000
LONG = "sim-long-100"
STREAMS = {
    "openai": CHAT,
    "anthropic": MESSAGES,
    "gemini": f"/gemini/v1beta/models/{LONG}:streamGenerateContent?alt=sse",
    "bedrock": f"/bedrock/model/{LONG}/converse-stream",
    "vertex": f"/vertex{VERTEX_BASE}/publishers/google/models/{LONG}:streamGenerateContent?alt=sse",
}
# Dollars per million, of input and of output.
PRICES = {"version": "test-1", "models": [{"model": "sim-tokens-*", "input": 2, "output": 10}]}
TOTAL, COMPLETE = "claimgate.usage.total_tokens", "claimgate.usage.complete"


def quota(name: str, limit: int, unit: str, **fields: Any) -> dict[str, Any]:
    """A quota for requests that ask for it by its name, each run with an account of its own."""
    when = f"has(request.headers.asks) && request.headers.asks == '{name}'"
    entry = {"id": name, "limit": limit, "unit": unit, "per": ["request.headers.run"], "when": when}
    return entry | ({} if unit == "concurrency" else {"window": "1h"}) | fields


class World:
    """A gateway with four workers, and a caller whose every run is somebody else to the quotas."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.key, entry = key_entry("caller", tenant="acme")
        quotas = [
            quota("even", LIMIT, "tokens", reserve=COST),
            quota("cheap", LIMIT, "tokens", reserve=50),
            quota("input", 1000, "input_tokens", reserve=100),
            quota("output", 1000, "output_tokens", reserve=100),
            quota("wide", 10_000_000, "tokens", reserve=80),
            quota("flights", 5, "concurrency"),
            quota("money", 5000, "microdollars", reserve=1000),
        ]
        upstreams = [{**upstream, "tenant": "acme"} for upstream in upstream_entries()]
        configuration = document(keys=[entry], upstreams=upstreams, quotas=quotas, prices=PRICES)
        self.gateway = Gateway(
            configuration, simulator, directory, concurrency=WORKERS, connection_manager=KEPT_REQUEST_IDS
        )
        self.client = httpx.Client(base_url=self.gateway.url, timeout=30)
        self.runs = 0

    def run(self) -> str:
        self.runs += 1
        return f"run-{self.runs}"

    def headers(self, asks: str, run: str) -> dict[str, str]:
        return {**credential_header("openai", self.key), "asks": asks, "run": run, "x-request-id": run}

    def ask(self, asks: str, run: str, model: str = MODEL, path: str = CHAT, **body: Any) -> httpx.Response:
        dialect = path.split("/")[1]
        content = {**chat_document(dialect, model), **body}
        return self.client.post(path, headers=self.headers(asks, run), json=content)

    def load(self, asks: str, run: str, total: int, model: str = MODEL) -> LoadReport:
        headers, content = self.headers(asks, run), chat_document("openai", model)
        request = LoadRequest(self.gateway.url + CHAT, headers=headers, document=content)
        return run_load(request, total=total, connections=CONNECTIONS)

    def spent(self, asks: str, run: str, limit: int, reserve: int) -> int:
        """What is on the account, by a request that costs nothing."""
        answer = self.ask(asks, run, FREE)
        left = int(answer.headers["x-ratelimit-remaining-tokens"])
        return limit - left - (reserve if answer.status_code == 200 else 0)

    def records(self, run: str, count: int) -> list[dict[str, Any]]:
        """The records of a run, once there are so many: what they tell is charged by then."""

        def found() -> list[dict[str, Any]]:
            return [record for record in self.gateway.records() if record["claimgate.request_id"] == run]

        wait_until(lambda: len(found()) >= count, what=f"{count} records", seconds=30)
        return found()


def plain_client(world: World) -> httpx.Client:
    """A connection of its own, made at once: without TLS no certificates need be read."""
    return httpx.Client(base_url=world.gateway.url, timeout=30, verify=False)


@pytest.fixture(scope="module")
def world(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(simulator, tmp_path_factory.mktemp("token-quota"))
    yield running
    running.client.close()
    running.gateway.stop()


def test_an_estimate_that_is_right_lets_exactly_the_limit_pass(world: World) -> None:
    run = world.run()
    report = world.load("even", run, total=400)
    assert set(report.statuses) == {200, 429} and report.statuses[200] == LIMIT // COST, report.statuses
    assert world.spent("even", run, LIMIT, COST) == LIMIT
    refused = next(answer for answer in report.answers if answer.status == 429)
    assert refused.headers["x-claimgate-reason"] == "quota_exceeded"
    assert "x-ratelimit-remaining-tokens" in refused.headers and "retry-after" in refused.headers


def test_an_estimate_that_is_too_low_is_exceeded_by_no_more_than_the_bound(world: World) -> None:
    reserve, run = 50, world.run()
    report = world.load("cheap", run, total=600)
    records = world.records(run, 600)
    spent = sum(record.get(TOTAL, 0) for record in records)
    bound = LIMIT + CONNECTIONS * (COST - reserve)
    print(f"limit {LIMIT}, held {reserve} of {COST} each, {CONNECTIONS} at once: {spent} spent, bound {bound}")
    assert spent == report.statuses[200] * COST
    assert LIMIT - reserve < spent <= bound, "nobody is refused while an estimate is left"
    assert world.ask("cheap", run, FREE).status_code == 429


@pytest.mark.parametrize(("asks", "charged"), [("input", INPUT), ("output", OUTPUT)])
def test_one_side_is_counted_alone_and_told_at_every_point(world: World, asks: str, charged: int) -> None:
    run = world.run()
    for asked in range(4):
        answer = world.ask(asks, run)
        assert answer.headers["x-ratelimit-limit-tokens"] == "1000"
        # As little as the bytes of this body may cost, or as much as may be held.
        held = len(answer.request.content) // 4 if asks == "input" else 100
        assert answer.headers["x-ratelimit-remaining-tokens"] == str(1000 - asked * charged - held)
        world.records(run, asked + 1)


@pytest.mark.parametrize(("model", "charged"), [("sim-500", 0), ("sim-429", 0), ("sim-cut", 80), ("sim-garbage", 80)])
def test_what_is_charged_where_nothing_is_told(world: World, model: str, charged: int) -> None:
    run = world.run()
    with contextlib.suppress(httpx.RemoteProtocolError):
        world.ask("wide", run, model)
    world.records(run, 1)
    answer = world.ask("wide", run, FREE)
    assert 10_000_000 - int(answer.headers["x-ratelimit-remaining-tokens"]) == charged + 80


def test_who_leaves_before_the_answer_is_charged_what_was_held(world: World) -> None:
    run = world.run()
    with pytest.raises(httpx.ReadTimeout):
        headers, body = world.headers("wide", run), chat_document("openai", "sim-slow-5")
        httpx.post(world.gateway.url + CHAT, headers=headers, json=body, timeout=0.5)
    [record] = world.records(run, 1)
    assert (record["claimgate.aborted"], record["claimgate.answered_by"]) == (True, "nobody")
    answer = world.ask("wide", run, FREE)
    assert 10_000_000 - int(answer.headers["x-ratelimit-remaining-tokens"]) == 80 + 80


def due(record: dict[str, Any], held: int) -> int:
    """What a stream costs by the rule for its end."""
    if record[COMPLETE]:
        return record[TOTAL]
    told = {side: record.get(f"gen_ai.usage.{side}_tokens", 0) for side in ("input", "output")}
    seen = {side: record.get(f"claimgate.usage.estimated_{side}_tokens", told[side]) for side in told}
    assert seen["output"] >= record.get("claimgate.usage.events", 0) and seen["input"] > 0
    return max(held, record.get(TOTAL, 0), sum(seen.values()))


def test_every_aborted_stream_is_charged(world: World) -> None:
    run, dice = world.run(), random.Random(7)

    def abort(case: tuple[str, float]) -> None:
        dialect, seconds = case
        headers = {**world.headers("wide", run), "anthropic-version": "2023-06-01"}
        asks = {"stream": True} if dialect in ("openai", "anthropic") else {}
        body = {**chat_document(dialect, LONG), **asks}
        with (
            plain_client(world) as client,
            client.stream("POST", STREAMS[dialect], headers=headers, json=body) as answer,
        ):
            assert answer.status_code == 200
            left_at = time.monotonic() + seconds
            for _ in answer.iter_raw():
                if time.monotonic() > left_at:
                    return

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(abort, [(dice.choice(list(STREAMS)), dice.uniform(0, 0.5)) for _ in range(ABORTS)]))
    records = world.records(run, ABORTS)
    for record in records:
        assert record["claimgate.charged"] == [{"quota": "wide", "unit": "tokens", "amount": due(record, 80)}]
    told = sum(record["claimgate.charged"][0]["amount"] for record in records)
    broken_off = Counter(record["claimgate.upstream.cluster"] for record in records if not record[COMPLETE])
    print(f"{ABORTS} streams, broken off {dict(broken_off)}: {told} model tokens charged")
    assert len(records) == ABORTS and set(broken_off) == set(STREAMS) and broken_off.total() > ABORTS / 4
    assert all(record["claimgate.aborted"] for record in records if not record[COMPLETE])
    answer = world.ask("wide", run, FREE)
    assert 10_000_000 - int(answer.headers["x-ratelimit-remaining-tokens"]) - 80 == told


def test_a_long_stream_that_is_broken_off_is_charged_by_its_events(world: World) -> None:
    run, body = world.run(), {**chat_document("openai", "sim-long-2000"), "stream": True}
    with world.client.stream("POST", CHAT, headers=world.headers("wide", run), json=body) as answer:
        for number, _ in enumerate(answer.iter_lines()):
            if number > 600:
                break
    [record] = world.records(run, 1)
    events = record["claimgate.usage.events"]
    print(f"{events} events went by, 80 model tokens were held")
    assert not record[COMPLETE] and events >= 300
    estimated = [record[f"claimgate.usage.estimated_{side}_tokens"] for side in ("input", "output")]
    assert estimated[1] >= events
    answer = world.ask("wide", run, FREE)
    assert 10_000_000 - int(answer.headers["x-ratelimit-remaining-tokens"]) == sum(estimated) + 80


PROMPT = "lorem ipsum dolor " * 2_000
# What tells its usage at its end alone, and what the first event has of it.
LEFT: list[tuple[str, dict[str, Any]]] = [
    (CHAT, {"messages": [{"role": "user", "content": PROMPT}], "stream": True}),
    ("/openai/v1/completions", {"prompt": PROMPT, "stream": True}),
    ("/openai/v1/responses", {"input": PROMPT, "stream": True, "store": False}),
    (f"/bedrock/model/{LONG}/converse-stream", {"messages": [{"role": "user", "content": [{"text": PROMPT}]}]}),
]


@pytest.mark.parametrize(("path", "body"), LEFT)
def test_who_leaves_before_the_usage_pays_for_the_prompt(world: World, path: str, body: dict[str, Any]) -> None:
    run, model = world.run(), {} if "bedrock" in path else {"model": LONG}
    with (
        plain_client(world) as client,
        client.stream("POST", path, headers=world.headers("wide", run), json={**model, **body}) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        next(answer.iter_raw())
    [record] = world.records(run, 1)
    [charge] = record["claimgate.charged"]
    print(f"{path}: {charge['amount']} model tokens charged for a prompt of {len(PROMPT)} bytes")
    assert not record[COMPLETE] and charge["amount"] >= len(PROMPT) // 4


def test_a_picture_is_no_text(world: World) -> None:
    run, picture = world.run(), "data:image/png;base64," + "QUJD" * 20_000
    content = [{"type": "image_url", "image_url": {"url": picture}}]
    body = {"model": "sim-cut", "messages": [{"role": "user", "content": content}]}
    with contextlib.suppress(httpx.RemoteProtocolError):
        world.client.post(CHAT, headers=world.headers("wide", run), json=body)
    [record] = world.records(run, 1)
    assert record["claimgate.charged"] == [{"quota": "wide", "unit": "tokens", "amount": 80}], "what was held"


@pytest.mark.parametrize("figure", [2**40 + 1, 2**63, 2**64])
def test_a_figure_that_no_answer_can_have_locks_no_account(world: World, figure: int) -> None:
    run = world.run()
    assert world.ask("wide", run, f"sim-tokens-{figure}-1").status_code == 200
    [record] = world.records(run, 1)
    assert (record[COMPLETE], record["claimgate.usage.unknown"]) == (False, "unreadable")
    assert record["claimgate.charged"] == [{"quota": "wide", "unit": "tokens", "amount": 80}], "what was held"
    assert world.ask("wide", run).status_code == 200


LATER = [
    ("/openai/v1/responses", {"model": MODEL, "input": "a", "background": True}),
    ("/azure/openai/v1/responses", {"model": MODEL, "input": "a", "background": True, "stream": True}),
    ("/openai/v1/fine_tuning/jobs", {"model": MODEL, "training_file": "f"}),
    (f"/gemini/v1beta/models/{MODEL}:predictLongRunning", {"instances": []}),
    (f"/gemini/v1beta/models/{MODEL}:batchGenerateContent", {"batch": {}}),
]


@pytest.mark.parametrize(("path", "body"), LATER)
def test_work_that_is_done_later_is_refused(world: World, path: str, body: dict[str, Any]) -> None:
    answer = world.client.post(path, headers=world.headers("wide", world.run()), json=body)
    assert (answer.status_code, answer.headers["x-claimgate-reason"]) == (403, "usage_unknowable")


def test_no_more_are_in_flight_than_may_be(world: World) -> None:
    run, began, ended = world.run(), [], []

    def ask(_: int) -> int:
        headers, body = world.headers("flights", run), chat_document("openai", "sim-slow-4")
        with plain_client(world) as client:
            began.append(time.monotonic())
            answer = client.post(CHAT, headers=headers, json=body)
        if answer.status_code == 200:
            ended.append(time.monotonic())
        else:
            assert (answer.status_code, answer.headers["retry-after"]) == (429, "1"), answer.text
        return answer.status_code

    with ThreadPoolExecutor(CONNECTIONS) as pool:
        statuses = list(pool.map(ask, range(CONNECTIONS)))
    assert max(began) < min(ended), "all of them came while the first were under way"
    assert statuses.count(200) == 5
    wait_until(lambda: world.ask("flights", run).status_code == 200, what="a place", seconds=5)


def test_a_tunnel_whose_cost_nobody_sees_is_refused(world: World) -> None:
    headers = {**world.headers("even", world.run()), "connection": "upgrade", "upgrade": "websocket"}
    headers |= {"sec-websocket-version": "13", "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ=="}
    answer = world.client.get("/openai/v1/realtime?model=gpt-realtime", headers=headers)
    assert (answer.status_code, answer.headers["x-claimgate-reason"]) == (403, "usage_unknowable")


def test_money_is_counted_to_the_microdollar(world: World) -> None:
    run = world.run()
    answers = [world.ask("money", run) for _ in range(7)]
    cost = 2 * INPUT + 10 * OUTPUT
    # Each holds a thousand, so the seventh would still find 5000 - 6 × 700.
    assert [answer.status_code for answer in answers] == [200] * 6 + [429], "4200 are spent, and 800 are left"
    told = world.records(run, 7)
    costs = [record.get("claimgate.cost.microdollars") for record in told]
    assert (costs.count(cost), costs.count(None)) == (6, 1)
    versions = [record.get("claimgate.cost.price_version") for record in told]
    assert (versions.count("test-1"), versions.count(None)) == (6, 1)
    refused = world.ask("money", run, "sim-unheard-of")
    assert (refused.status_code, refused.headers["x-claimgate-reason"]) == (403, "model_unpriced")


def test_no_trap(world: World) -> None:
    assert world.gateway.envoy.crashes() == 0
