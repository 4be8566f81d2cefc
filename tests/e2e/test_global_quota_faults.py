"""Redis or the rate limit service is killed, slow, or answers garbage: each quota does what it says, and nothing owed is lost."""

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
from harness.faulty_limit_service import FaultyLimitService
from harness.fleet import CHAT, MODELS, Fleet
from harness.gateway import Gateway
from harness.load import LoadRequest, run_load
from harness.raw_http2 import Http2Connection, request_headers
from harness.shared_quota import asking, shared_configuration, shared_quota
from harness.simulator import Simulator

pytestmark = [pytest.mark.both_hosts, pytest.mark.alone]
CROWD = 500
LIMIT = 5
COST = 150
MODEL = "sim-tokens-100-50"
TOTAL = "claimgate.usage.total_tokens"
# How an answer of the service may be wrong, without the descriptors that it does not know.
FAULTS = ("slow", "hang", "garbage", "few", "none", "error", "unavailable", "page", "cut")


def quotas() -> list[dict[str, Any]]:
    return [
        shared_quota("strict", LIMIT),
        shared_quota("lenient", LIMIT, on_failure="local"),
        shared_quota("strict-tokens", 1_000_000, "tokens", reserve=COST),
        shared_quota("lenient-tokens", LIMIT * COST, "tokens", reserve=COST, on_failure="local"),
        shared_quota("strict-fresh", 1_000_000, fresh_for="2s"),
    ]


@pytest.fixture(scope="module")
def fleet(rate_limit_parts: None, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    with Fleet(shared_configuration(quotas()), simulator, tmp_path_factory.mktemp("fleet")) as running:
        yield running


def outcome(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.headers.get("x-claimgate-reason", "")


PASSED, UNAVAILABLE, EXCEEDED = (200, ""), (503, "quota_unavailable"), (429, "quota_exceeded")


def wait_back(fleet: Fleet) -> None:
    """Waits until both Envoys reach the service, and it reaches Redis by each of its connections."""

    def is_back() -> bool:
        runs = [fleet.run() for _ in range(12)]
        return all(outcome(fleet.ask("strict", run, at)) == PASSED for run in runs for at in (0, 1))

    wait_until(is_back, what="the service to be reached again", seconds=30)


def assert_each_quota_does_what_it_says(fleet: Fleet) -> None:
    """While the service does not answer."""
    for at in (0, 1):
        run = fleet.run()
        assert outcome(fleet.ask("strict", run, at)) == UNAVAILABLE
        assert outcome(fleet.ask("strict-tokens", run, at, MODEL)) == UNAVAILABLE
    run = fleet.run()
    for at in (0, 1):
        # Each Envoy has the whole limit then.
        outcomes = [outcome(fleet.ask("lenient", run, at)) for _ in range(LIMIT + 1)]
        assert outcomes == [PASSED] * LIMIT + [EXCEEDED]
    alone = [record.get("claimgate.counted_alone") for record in fleet.records(run, 2 * (LIMIT + 1))]
    assert alone.count(["lenient"]) == 2 * LIMIT, "the record says who counted"


@pytest.mark.parametrize("name", ["redis", "service"])
def test_a_part_killed_and_back(fleet: Fleet, name: str) -> None:
    part = {"redis": fleet.redis, "service": fleet.service}[name]
    part.process.kill()
    assert_each_quota_does_what_it_says(fleet)
    part.start()
    wait_back(fleet)
    run = fleet.run()
    assert [outcome(fleet.ask("strict", run, at % 2)) for at in range(LIMIT + 1)] == [PASSED] * LIMIT + [EXCEEDED]


def test_whoever_is_paused_holds_nobody_longer_than_its_time(fleet: Fleet) -> None:
    for part in (fleet.service, fleet.redis):
        part.process.pause()
        began = time.monotonic()
        assert outcome(fleet.ask("strict", fleet.run())) == UNAVAILABLE
        assert time.monotonic() - began < 3, "the time limit is half a second"
        assert outcome(fleet.ask("lenient", fleet.run())) == PASSED
        part.process.resume()
        wait_back(fleet)


def test_what_is_owed_arrives_when_the_service_is_back(fleet: Fleet) -> None:
    run, alone = fleet.run(), fleet.run()
    with ThreadPoolExecutor(4) as pool:
        # Admitted before, and told what it costs while nobody counts.
        late = [pool.submit(fleet.ask, "strict-tokens", run, at, "sim-slow-2") for at in (0, 1, 0, 1)]
        wait_until(lambda: len(fleet.redis.counters(f"_{run}_")) > 0, what="the questions to be answered", seconds=10)
        time.sleep(0.5)
        fleet.service.process.kill()
        outcomes = [outcome(fleet.ask("lenient-tokens", alone, at, MODEL)) for at in (0, 1) for _ in range(LIMIT + 1)]
        assert outcomes == ([PASSED] * LIMIT + [EXCEEDED]) * 2
        assert [outcome(answer.result()) for answer in late] == [PASSED] * 4
    records, alone_records = fleet.records(run, 4), fleet.records(alone, 2 * (LIMIT + 1))
    fleet.service.start()
    wait_back(fleet)
    spent = sum(record[TOTAL] for record in records)
    assert spent > 0 and fleet.wait_counted("strict-tokens", run, spent, seconds=30) == spent
    spent = sum(record.get(TOTAL, 0) for record in alone_records)
    assert spent == 2 * LIMIT * COST
    assert fleet.wait_counted("lenient-tokens", alone, spent, seconds=30) == spent
    # They had the limit each; now both know that it is long gone.
    for at in (0, 1):
        assert outcome(fleet.ask("lenient-tokens", alone, at, MODEL)) == EXCEEDED


def test_a_report_that_waits_is_not_sent_twice(fleet: Fleet) -> None:
    run = fleet.run()
    assert outcome(fleet.ask("lenient-tokens", run, 0, MODEL)) == PASSED
    # The report of this one meets a Redis that hangs, for less than a report may take.
    fleet.redis.process.pause()
    assert [outcome(fleet.ask("lenient-tokens", run, 0, MODEL)) for _ in range(3)] == [PASSED] * 3
    fleet.redis.process.resume()
    wait_back(fleet)
    assert fleet.wait_counted("lenient-tokens", run, 4 * COST) == 4 * COST
    # Two more reports have had their turn by now.
    assert outcome(fleet.ask("lenient-tokens", run, 1, MODEL)) == PASSED
    assert fleet.wait_counted("lenient-tokens", run, 5 * COST) == 5 * COST


def test_what_an_envoy_alone_let_pass_is_counted_when_the_service_is_back(fleet: Fleet) -> None:
    run = fleet.run()
    fleet.service.process.kill()
    assert [outcome(fleet.ask("lenient", run, at)) for at in (0, 1, 0)] == [PASSED] * 3
    fleet.service.start()
    wait_back(fleet)
    assert fleet.wait_counted("lenient", run, 3, seconds=30) == 3
    outcomes = [outcome(fleet.ask("lenient", run, at)) for at in (0, 1, 0)]
    assert outcomes == [PASSED] * 2 + [EXCEEDED]


def test_a_fresh_answer_outlives_the_service_no_longer_than_it_is_fresh(fleet: Fleet) -> None:
    run = fleet.run()
    assert outcome(fleet.ask("strict-fresh", run)) == PASSED
    fleet.service.process.kill()
    wait_until(lambda: outcome(fleet.ask("strict-fresh", run)) == UNAVAILABLE, what="the answer to age", seconds=10)
    fleet.service.start()
    wait_back(fleet)


@pytest.fixture(scope="module")
def double() -> Iterator[FaultyLimitService]:
    with FaultyLimitService() as running:
        yield running


@pytest.fixture(scope="module")
def alone(
    double: FaultyLimitService, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    options = {"clusters": [double.cluster()], "connection_manager": KEPT_REQUEST_IDS}
    directory = tmp_path_factory.mktemp("alone")
    with Gateway(shared_configuration(quotas()), simulator, directory, **options) as gateway:
        with httpx.Client(base_url=gateway.url, timeout=30) as client:
            yield client
        assert gateway.envoy.crashes() == 0


def ask(client: httpx.Client, name: str, run: str) -> tuple[int, str]:
    return outcome(client.get(MODELS, headers=asking(name, run)))


@pytest.mark.parametrize("fault", FAULTS)
def test_each_wrong_answer_is_none(double: FaultyLimitService, alone: httpx.Client, fault: str) -> None:
    double.answer("ok")
    assert ask(alone, "strict", "before") == PASSED
    double.answer(fault)
    for run in (fault, f"{fault}-again"):
        assert ask(alone, "strict", run) == UNAVAILABLE
        assert ask(alone, "lenient", run) == PASSED
    double.answer("ok")
    assert ask(alone, "strict", fault) == PASSED


def test_a_descriptor_that_the_service_does_not_know_is_refused_whatever_a_quota_does_on_failure(
    double: FaultyLimitService, alone: httpx.Client
) -> None:
    for mode in ("unknown", "another"):
        double.answer(mode)
        for name in ("strict", "lenient"):
            assert ask(alone, name, mode) == (503, "quota_unconfigured"), mode
    double.answer("ok")


def test_a_service_that_envoy_does_not_know_is_one_that_does_not_answer(simulator: Simulator, tmp_path: Path) -> None:
    with Gateway(shared_configuration(quotas()), simulator, tmp_path) as gateway:
        with httpx.Client(base_url=gateway.url, timeout=30) as client:
            assert ask(client, "strict", "nowhere") == UNAVAILABLE
            assert [ask(client, "lenient", "nowhere") for _ in range(LIMIT + 1)] == [PASSED] * LIMIT + [EXCEEDED]
            answer = client.post(CHAT, headers=asking("strict-tokens", "nowhere"), json={"model": MODEL, "messages": []})
            assert outcome(answer) == UNAVAILABLE
        assert gateway.envoy.crashes() == 0


def test_a_clusters_name_that_happens_to_be_a_message_is_a_name(simulator: Simulator, tmp_path: Path) -> None:
    # `a` is the tag of a field of eight bytes, which follow. Envoy 1.40 aborts where a filter gives it the bare name.
    name = "authorino"
    # One of its own: questions of other tests' Envoys may still be on their way.
    with FaultyLimitService() as asked:
        options = {"clusters": [asked.cluster(name)]}
        with Gateway(shared_configuration(quotas(), cluster=name), simulator, tmp_path, **options) as gateway:
            with httpx.Client(base_url=gateway.url, timeout=30) as client:
                assert ask(client, "strict", "named") == PASSED
            assert asked.asked == 1
            assert gateway.envoy.crashes() == 0


def test_a_crowd_of_one_moment_is_answered_where_no_question_can_be_sent(simulator: Simulator, tmp_path: Path) -> None:
    with Gateway(shared_configuration(quotas()), simulator, tmp_path, concurrency=1) as gateway:
        for name, status in (("strict", 503), ("lenient", 200)):
            requests = [asking(name, f"crowd-{number}").items() for number in range(CROWD)]
            with Http2Connection(gateway.port) as connection:
                streams = connection.open_together(request_headers("GET", MODELS, headers) for headers in requests)
                answers = [connection.receive(stream) for stream in streams]
            assert Counter(answer.status for answer in answers) == {status: CROWD}, name
        assert gateway.envoy.crashes() == 0, gateway.envoy.log()[-2000:]


def test_a_crowd_that_waits_is_answered_when_the_service_goes(
    double: FaultyLimitService, simulator: Simulator, tmp_path: Path
) -> None:
    """Hundreds of streams of one worker whose questions end at the same moment, by a broken connection or by time."""
    options = {"clusters": [double.cluster()], "connection_manager": KEPT_REQUEST_IDS, "concurrency": 1}
    configuration = shared_configuration(quotas(), timeout="4s")
    with Gateway(configuration, simulator, tmp_path, **options) as gateway:
        for name, wanted in (("strict", UNAVAILABLE), ("lenient", PASSED)):
            for is_broken in (True, False):
                double.answer("hang")
                asked = double.asked

                def request(number: int, name: str = name, is_broken: bool = is_broken) -> LoadRequest:
                    headers = asking(name, f"crowd-{is_broken}-{number}")
                    return LoadRequest(gateway.url + MODELS, method="GET", headers=headers)

                with ThreadPoolExecutor(1) as pool:
                    load = pool.submit(run_load, request, total=CROWD, connections=CROWD)
                    if is_broken:
                        wait_until(lambda: double.asked - asked >= CROWD, what="the crowd", seconds=3.8)
                        double.drop()
                    report = load.result()
                outcomes = Counter((a.status, a.headers.get("x-claimgate-reason", "")) for a in report.answers)
                assert outcomes == {wanted: CROWD} and not report.failures, (name, is_broken)
                double.answer("ok")
                with httpx.Client(base_url=gateway.url, timeout=30) as client:
                    assert ask(client, "strict", f"after-{name}-{is_broken}") == PASSED
        assert gateway.envoy.crashes() == 0, gateway.envoy.log()[-2000:]


def test_no_trap(fleet: Fleet) -> None:
    assert fleet.crashes() == 0
