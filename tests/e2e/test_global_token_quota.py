"""Quotas of model tokens and money that two Envoys share: all is charged, and what passes beyond the limit is bounded."""

import contextlib
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from harness.deadline import wait_until
from harness.dialects import chat_document
from harness.ecds import Reload
from harness.fleet import CHAT, WORKERS, Fleet
from harness.load import LoadRequest, run_load
from harness.shared_quota import asking, shared_configuration, shared_quota
from harness.simulator import Simulator

pytestmark = [pytest.mark.both_hosts, pytest.mark.alone]
CONNECTIONS = 32
INPUT, OUTPUT = 100, 50
COST = INPUT + OUTPUT
MODEL = f"sim-tokens-{INPUT}-{OUTPUT}"
FREE = "sim-tokens-0-0"
LIMIT = 300 * COST
CHARGE_SECONDS, TIMEOUT_SECONDS = 0.25, 0.5
HELD = 80
ABORTS = 100
MANY = 700
MICRODOLLARS_PER_HIT = 100
TOTAL, COMPLETE, SPENT = "claimgate.usage.total_tokens", "claimgate.usage.complete", "claimgate.cost.microdollars"


@pytest.fixture(scope="module")
def fleet(rate_limit_parts: None, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Fleet(shared_configuration(quotas()), simulator, tmp_path_factory.mktemp("fleet")) as running:
        yield running


def quotas() -> list[dict[str, Any]]:
    return [
        shared_quota("even", LIMIT, "tokens", reserve=COST),
        shared_quota("cheap", LIMIT, "tokens", reserve=50),
        shared_quota("fresh", 60 * COST, "tokens", reserve=COST, fresh_for="1s"),
        shared_quota("wide", 10_000_000, "tokens", reserve=HELD),
        shared_quota("input", 10_000, "input_tokens"),
        shared_quota("money", 1_000_000, "microdollars", reserve=1000),
    ]


def told(record: dict[str, Any]) -> int:
    """What a record says that its request cost, by the rule for answers that broke off."""
    return record[TOTAL] if record.get(COMPLETE) else max(record.get(TOTAL, 0), HELD)


def test_one_envoy_that_holds_enough_lets_exactly_the_limit_pass(fleet: Fleet) -> None:
    run = fleet.run()
    [report] = fleet.load("even", run, 400, 2 * CONNECTIONS, MODEL, gateways=fleet.gateways[:1])
    assert report.statuses == {200: LIMIT // COST, 429: 400 - LIMIT // COST}
    assert fleet.wait_counted("even", run, LIMIT) == LIMIT


@pytest.mark.parametrize(("name", "held"), [("even", COST), ("cheap", 50)])
def test_what_passes_beyond_the_limit_is_bounded_and_all_of_it_is_charged(fleet: Fleet, name: str, held: int) -> None:
    run, total = fleet.run(), 500
    reports = fleet.load(name, run, total, CONNECTIONS, MODEL)
    assert all(set(report.statuses) <= {200, 429} for report in reports), [report.statuses for report in reports]
    passed = sum(report.statuses[200] for report in reports)
    records = fleet.records(run, 2 * total)
    spent = sum(record.get(TOTAL, 0) for record in records)
    assert spent == passed * COST
    assert fleet.wait_counted(name, run, spent) == spent, "the sum of the records is what Redis has counted"
    # Of what the other Envoy has in flight or has not reported yet, an Envoy knows nothing; of its own it knows the estimate.
    per_second = max(report.statuses[200] / report.seconds for report in reports)
    unreported = per_second * (CHARGE_SECONDS + TIMEOUT_SECONDS) * COST
    bound = CONNECTIONS * COST + unreported + 2 * CONNECTIONS * (COST - held)
    print(
        f"limit {LIMIT}, held {held} of {COST} each, 2 × {CONNECTIONS} at once: {spent} spent, "
        f"{spent - LIMIT} beyond the limit, bound {bound:.0f}"
    )
    assert LIMIT - held < spent <= LIMIT + bound, "nobody is refused while an estimate is left"
    refused = [answer for report in reports for answer in report.answers if answer.status == 429]
    assert {answer.headers["x-claimgate-reason"] for answer in refused} == {"quota_exceeded"}
    for at in (0, 1):
        answer = fleet.ask(name, run, at, FREE)
        assert (answer.status_code, answer.headers["x-claimgate-reason"]) == (429, "quota_exceeded")


def test_what_fresh_answers_may_cost_is_bounded_by_the_limit_of_each_envoy(fleet: Fleet) -> None:
    run, total, before = fleet.run(), 300, fleet.service.calls()
    reports = fleet.load("fresh", run, total, CONNECTIONS, MODEL)
    passed = [report.statuses[200] for report in reports]
    calls = fleet.service.calls() - before
    print(f"60 requests are the limit, answers are fresh for a second: {passed} passed at two Envoys, {calls} calls")
    assert all(count <= 60 for count in passed) and sum(passed) >= 60
    assert fleet.wait_counted("fresh", run, sum(passed) * COST) == sum(passed) * COST
    assert calls < 2 * total / 4


def test_one_side_is_counted_alone(fleet: Fleet) -> None:
    run = fleet.run()
    for number in range(4):
        assert fleet.ask("input", run, number % 2, MODEL).status_code == 200
    assert fleet.wait_counted("input", run, 4 * INPUT) == 4 * INPUT


def test_remaining_is_what_the_service_has_left(fleet: Fleet) -> None:
    run = fleet.run()
    for number in range(4):
        answer = fleet.ask("wide", run, number % 2, MODEL)
        assert answer.headers["x-ratelimit-limit-tokens"] == "10000000"
        assert int(answer.headers["x-ratelimit-remaining-tokens"]) == 10_000_000 - number * COST - HELD
        fleet.wait_counted("wide", run, (number + 1) * COST)


def test_money_is_counted_to_the_hit_and_no_remainder_is_lost(fleet: Fleet) -> None:
    run, count = fleet.run(), 20
    for number in range(count):
        assert fleet.ask("money", run, number % 2, "sim-tokens-103-51").status_code == 200
    records = fleet.records(run, count)
    spent = sum(record[SPENT] for record in records)
    assert spent == count * (2 * 103 + 10 * 51)
    # Each worker keeps what is less than one hit until there is more.
    whole, workers = spent // MICRODOLLARS_PER_HIT, 2 * WORKERS
    counted = fleet.wait_counted("money", run, whole - workers)
    print(f"{spent} microdollars spent, {counted * MICRODOLLARS_PER_HIT} counted by {workers} workers")
    assert counted <= whole


def test_streams_are_charged_whole_and_broken_off(fleet: Fleet) -> None:
    run, dice = fleet.run(), random.Random(7)

    def stream(number: int) -> None:
        seconds = dice.uniform(0, 0.3) if number % 4 else 30
        model = "sim-long-40" if number % 4 else MODEL
        body = {**chat_document("openai", model), "stream": True}
        url = fleet.gateways[number % 2].url + CHAT
        with httpx.Client(timeout=30) as client, contextlib.ExitStack() as stack:
            answer = stack.enter_context(client.stream("POST", url, headers=asking("wide", run), json=body))
            assert answer.status_code == 200
            left_at = time.monotonic() + seconds
            for _ in answer.iter_raw():
                if time.monotonic() > left_at:
                    return

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(stream, range(ABORTS)))
    records = fleet.records(run, ABORTS)
    spent = sum(map(told, records))
    broken_off = sum(not record[COMPLETE] for record in records)
    print(f"{ABORTS} streams, {broken_off} broken off: {spent} model tokens told")
    assert broken_off > ABORTS / 5
    assert fleet.wait_counted("wide", run, spent) == spent


def test_what_is_owed_is_reported_while_answers_keep_coming(fleet: Fleet) -> None:
    run, until, asked = fleet.run(), time.monotonic() + 2, 0
    # One connection is one worker's, which has an answer of the service every few milliseconds.
    while time.monotonic() < until:
        assert fleet.ask("wide", run, 0, MODEL).status_code == 200
        asked += 1
    counted = fleet.counted("wide", run)
    print(f"{asked} requests in two seconds: {counted} of {asked * COST} model tokens were reported by then")
    assert counted > asked * COST / 2


def test_what_many_owe_is_reported_to_the_last(fleet: Fleet) -> None:
    """More counters than one report tells of."""
    part = f"{fleet.run()}-of-many"

    def request(at: int, number: int) -> LoadRequest:
        content = chat_document("openai", MODEL)
        return LoadRequest(fleet.gateways[at].url + CHAT, headers=asking("wide", f"{part}-{number}"), document=content)

    for at in (0, 1):
        report = run_load(lambda number, at=at: request(at, number), total=MANY, connections=CONNECTIONS)
        assert report.statuses == {200: MANY}
    wait_until(lambda: fleet.redis.counted(part) >= 2 * MANY * COST, what="all to be counted", seconds=30)
    counters = fleet.redis.counters(part)
    assert len(counters) == MANY and set(counters.values()) == {2 * COST}


def test_what_is_owed_outlives_the_configuration_it_was_spent_under(fleet: Fleet) -> None:
    run = fleet.run()
    with ThreadPoolExecutor(2) as pool:
        late = [pool.submit(fleet.ask, "wide", run, at, "sim-slow-2") for at in (0, 1)]
        wait_until(lambda: len(fleet.redis.counters(f"_{run}_")) > 0, what="a question to be answered", seconds=10)
        time.sleep(0.5)
        for gateway in fleet.gateways:
            assert gateway.reload(shared_configuration(quotas(), charge_every="200ms")) is Reload.APPLIED
        assert [answer.result().status_code for answer in late] == [200, 200]
    spent = sum(record[TOTAL] for record in fleet.records(run, 2))
    assert spent > 0 and fleet.wait_counted("wide", run, spent) == spent


def test_no_trap(fleet: Fleet) -> None:
    assert fleet.crashes() == 0
