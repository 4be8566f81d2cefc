"""Quotas of requests that two Envoys share: exact, told apart whatever the values are, and asked for no more than needed."""

from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from harness.fleet import MODELS, Fleet
from harness.raw_http2 import Http2Connection, request_headers
from harness.shared_quota import asking, shared_configuration, shared_quota
from harness.simulator import Simulator

pytestmark = [pytest.mark.both_hosts, pytest.mark.alone]
CONNECTIONS = 32
LIMIT = 100
PAIR = ["request.headers.one", "request.headers.two"]
PAIRS = [
    ("a_b", "c"),
    ("a", "b_c"),
    ("a_b_c", ""),
    ("", "a_b_c"),
    ("a,b", "c"),
    ("a", "b,c"),
    ("a%2Cb", "c"),
    ("a%5Fb", "c"),
    ("*", "c"),
    ("c_per_a", "b"),
    ("a_quota_b", "per_c"),
    ("x" * 300, "y"),
    ("x" * 301, "y"),
]


@pytest.fixture(scope="module")
def fleet(rate_limit_parts: None, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    quotas = [
        shared_quota("exact", LIMIT),
        shared_quota("half-days", 3, window="12h"),
        shared_quota("pairs", 1, per=PAIR),
        shared_quota("other_pairs", 1, per=PAIR),
        shared_quota("by-plan", "request.headers.plan == 'pro' ? 7 : 3"),
        shared_quota("untold", 1000),
        shared_quota("fresh", 1_000_000, fresh_for="1s"),
        shared_quota("fresh-tight", LIMIT, fresh_for="1s"),
        shared_quota("one-envoy", 2, engine="local", window="1h"),
        shared_quota("closed", 0),
        shared_quota("ample", 1_000_000),
        shared_quota("wide", 5, when="has(request.headers.asks) && request.headers.asks == 'both'"),
        shared_quota("narrow", 2, when="has(request.headers.asks) && request.headers.asks == 'both'"),
    ]
    directory = tmp_path_factory.mktemp("fleet")
    with Fleet(shared_configuration(quotas), simulator, directory, unconfigured=["untold"]) as running:
        yield running


def assert_refused(answer: httpx.Response, name: str, status: int = 429, reason: str = "quota_exceeded") -> None:
    assert (answer.status_code, answer.headers.get("x-claimgate-reason")) == (status, reason), answer.text
    assert f"(rule `{name}`)" in answer.text


def test_exactly_the_limit_passes_at_both_envoys_together(fleet: Fleet) -> None:
    for number in range(3):
        run = fleet.run()
        reports = fleet.load("exact", run, 2 * LIMIT, CONNECTIONS)
        answers = [answer for report in reports for answer in report.answers]
        assert not any(report.failures for report in reports)
        passed = [answer for answer in answers if answer.status == 200]
        refused = [answer for answer in answers if answer.status == 429]
        assert (len(passed), len(refused)) == (LIMIT, 3 * LIMIT), f"round {number}"
        assert all(report.statuses[200] > 0 for report in reports), "both took part"
        assert {answer.headers["x-claimgate-reason"] for answer in refused} == {"quota_exceeded"}
        left = sorted(int(answer.headers["x-ratelimit-remaining-requests"]) for answer in passed)
        assert left == list(range(LIMIT)), "every request that passed saw another remainder"
        assert fleet.counted("exact", run) >= LIMIT


def test_requests_that_come_together_are_asked_together_and_counted_each(fleet: Fleet) -> None:
    run, gateway, calls = fleet.run(), fleet.gateways[0], fleet.service.calls()
    headers = request_headers("GET", MODELS, asking("exact", run).items())
    with Http2Connection(gateway.port) as connection:
        streams = connection.open_together([headers] * (LIMIT + 20))
        answers = [connection.receive(stream) for stream in streams]
    assert Counter(answer.status for answer in answers) == {200: LIMIT, 429: 20}
    calls = fleet.service.calls() - calls
    print(f"{len(answers)} requests of one moment: {calls} calls")
    # How many arrive in one moment is the machine's affair.
    assert calls < len(answers) / 2


def test_what_one_envoy_has_spent_the_other_lacks(fleet: Fleet) -> None:
    run = fleet.run()
    assert [fleet.ask("half-days", run, at).status_code for at in (0, 1, 0)] == [200, 200, 200]
    for at in (0, 1):
        answer = fleet.ask("half-days", run, at)
        assert_refused(answer, "half-days")
        assert 0 < int(answer.headers["retry-after"]) <= 12 * 3600
    # A window that the service has no unit for is named.
    [key] = fleet.redis.counters(f"_quota_half-days_per_{run}_")
    assert "_window_" in key


def test_a_quota_of_one_envoy_stays_its_own(fleet: Fleet) -> None:
    run, before = fleet.run(), fleet.service.calls()
    for at in (0, 1):
        assert [fleet.ask("one-envoy", run, at).status_code for _ in range(3)] == [200, 200, 429]
    assert fleet.service.calls() == before


def test_nobody_shares_a_counter_by_the_names_he_chooses(fleet: Fleet) -> None:
    for name in ("pairs", "other_pairs"):
        for one, two in PAIRS:
            assert fleet.ask(name, "-", 0, one=one, two=two).status_code == 200, (one, two)
        for one, two in PAIRS:
            assert_refused(fleet.ask(name, "-", 1, one=one, two=two), name)
    keys = [key for key in fleet.redis.counters() if "pairs_per_" in key]
    assert len(keys) == 2 * len(PAIRS)
    # Domain, two entries and the window's beginning: the service's own underscores and no more.
    assert {key.count("_") for key in keys} == {5}, keys


def test_a_limit_that_cel_gives_is_the_service_s_too(fleet: Fleet) -> None:
    for plan, limit in (("pro", 7), ("trial", 3)):
        run = fleet.run()
        statuses = [fleet.ask("by-plan", run, number % 2, plan=plan).status_code for number in range(limit + 2)]
        assert statuses == [200] * limit + [429] * 2


def test_a_limit_of_none_refuses_the_first(fleet: Fleet) -> None:
    assert_refused(fleet.ask("closed", fleet.run()), "closed")


def test_all_of_several_quotas_must_have_room(fleet: Fleet) -> None:
    run = fleet.run()
    answers = [fleet.ask("both", run, number % 2) for number in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert_refused(answers[-1], "narrow")


def test_a_quota_that_the_service_was_not_told_of_is_refused(fleet: Fleet) -> None:
    assert_refused(fleet.ask("untold", fleet.run()), "untold", 503, "quota_unconfigured")


def test_who_meets_no_global_quota_asks_nobody(fleet: Fleet) -> None:
    before = fleet.service.calls()
    statuses = {fleet.ask("nothing", fleet.run(), number % 2).status_code for number in range(50)}
    assert (statuses, fleet.service.calls()) == ({200}, before)


def test_an_answer_that_stays_fresh_saves_most_questions_and_no_count(fleet: Fleet) -> None:
    run, total, before = fleet.run(), 1000, fleet.service.calls()
    reports = fleet.load("fresh", run, total, CONNECTIONS)
    assert all(report.statuses == {200: total} for report in reports)
    assert fleet.wait_counted("fresh", run, 2 * total) == 2 * total
    calls, seconds = fleet.service.calls() - before, max(report.seconds for report in reports)
    print(f"{2 * total} requests in {seconds:.1f} s at two Envoys: {calls} calls")
    assert calls < 2 * total / 10


def test_what_a_fresh_answer_may_cost_is_bounded(fleet: Fleet) -> None:
    run = fleet.run()
    reports = fleet.load("fresh-tight", run, 4 * LIMIT, CONNECTIONS)
    passed = [report.statuses[200] for report in reports]
    print(f"limit {LIMIT}, answers fresh for a second: {passed} passed at two Envoys")
    # Each Envoy counts exactly what it lets pass; what the other does it learns later.
    assert all(count <= LIMIT for count in passed) and sum(passed) >= LIMIT
    assert fleet.wait_counted("fresh-tight", run, sum(passed)) == sum(passed)
    for at in (0, 1):
        assert_refused(fleet.ask("fresh-tight", run, at), "fresh-tight")


def test_what_a_question_costs_the_service_and_redis(fleet: Fleet) -> None:
    run, total, parts = fleet.run(), 2000, (fleet.service.process, fleet.redis.process)
    before, calls = [part.cpu_seconds() for part in parts], fleet.service.calls()
    reports = fleet.load("ample", run, total, CONNECTIONS)
    assert all(report.statuses == {200: total} for report in reports)
    calls = fleet.service.calls() - calls
    service, redis = ((part.cpu_seconds() - at) / (2 * total) * 1e6 for part, at in zip(parts, before, strict=True))
    [key] = fleet.redis.counters(f"_quota_ample_per_{run}_")
    counter = fleet.redis.bytes_of(key)
    spent = f"{service:.0f} µs of the service's CPU and {redis:.0f} of Redis'"
    print(f"{2 * total} requests in {calls} calls, each request {spent}; a counter is {counter} bytes")
    assert calls <= 2 * total and counter < 1000 and 0 < redis < service < 10_000


def test_no_trap(fleet: Fleet) -> None:
    assert fleet.crashes() == 0


def test_limits_are_read_from_the_bundled_file(fleet: Fleet) -> None:
    limits = fleet.service.limits().splitlines()
    assert f"claimgate.quota_exact.per: unit=DAY requests_per_unit={LIMIT}, shadow_mode: false, quota_mode: false" in limits
    assert any(line.startswith("claimgate.quota_half-days.per.window: unit=DAY requests_per_unit=3,") for line in limits)
    assert not any("by-plan" in line or "one-envoy" in line for line in limits)
