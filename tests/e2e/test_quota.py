"""Quotas in a real Envoy: exact across its workers, honest about what is left, and nobody shares by accident."""

import json
import math
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.bootstrap import prefix_route
from harness.dialects import chat, chat_document, credential_header
from harness.gateway import Gateway, Signer, document, issuer_entry, key_entry, rule, upstream_entries
from harness.lean_load import run_lean_load
from harness.ledger_page import values_of_one_page
from harness.load import LoadReport, LoadRequest, run_load
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

WORKERS = 4
CONNECTIONS = 64
LIMIT = 100
CHAT = "/openai/v1/chat/completions"
MODELS = "/openai/v1/models"
RATES = ("limit", "remaining", "reset")
# A sliding window gives room back up to a twelfth late (src/ledger/window.rs).
STEP = 1 / 12
MANY = 40_000

VOID: dict[str, Any] = {
    "clusters": [{"name": "void", "type": "STATIC", "load_assignment": {"cluster_name": "void"}}],
    "routes": [prefix_route("/void/", "void")],
}


def asks(what: str) -> str:
    return f"has(request.headers.asks) && request.headers.asks == '{what}'"


def quota(name: str, limit: int | str, window: str, per: list[str], **fields: Any) -> dict[str, Any]:
    """A quota for requests that ask for it by its name."""
    return {"id": name, "limit": limit, "window": window, "per": per, "when": asks(name), **fields}


def configuration(signer: Signer, entries: list[dict[str, Any]]) -> dict[str, Any]:
    run = ["has(request.headers.run) ? request.headers.run : ''"]
    upstreams = upstream_entries()
    upstreams[1]["credential"] = {"env": "ABSENT_API_KEY"}
    upstreams.append({**upstreams[0], "cluster": "void", "path_prefix": "/void"})
    return document(
        keys=entries,
        issuers=[issuer_entry(signer)],
        upstreams=upstreams,
        policies=[rule("not-denied", f"!({asks('denied')})"), rule("not-both", f"!({asks('policy-and-quota')})")],
        quotas=[
            quota("sliding", LIMIT, "1h", run),
            quota("fixed", LIMIT, "1h", run, window_kind="fixed"),
            quota("by-plan", "principal.claims.plan == 'pro' ? 7 : 3", "1h", ["principal.subject"]),
            quota("by-label", "int(principal.key.labels.limit)", "1h", ["principal.key.id"]),
            quota("joined", 1, "1h", ["request.headers.one", "request.headers.two"]),
            quota("typed", 1, "1h", ["request.headers.two == '1' ? dyn(1) : dyn('1')", "request.headers.one"]),
            quota("honest", 2, "3s", run),
            quota("honest-fixed", 2, "3s", run, window_kind="fixed"),
            # All three apply where one asks for `several`; the widest stands first.
            quota("wide", 10, "1h", run, when=asks("several")),
            quota("narrow", 3, "1m", run, when=asks("several")),
            quota("narrower", 2, "30s", [*run, "request.headers.who"], when=asks("several")),
            quota("shadow", 1, "1h", run, mode="shadow"),
            quota("shadow-broken", "int(request.headers.nobody)", "1h", run, mode="shadow"),
            quota("watching", 2, "1h", run, mode="shadow", when=asks("watched")),
            quota("watched", 2, "1h", ["request.headers.who"]),
            quota("zero", 0, "1h", run),
            quota("closed", 5, "1h", run, when=f"{asks('denied')} || {asks('closed')}"),
            quota("broken", "int(request.headers.nobody)", "1h", run),
            quota("negative", "size(request.headers.asks) - 1000", "1h", run),
            quota("worded", "request.headers.asks == 'x' ? dyn(1) : dyn('many')", "1h", run),
            quota("broken-per", 5, "1h", ["request.headers.nobody"]),
            quota("listed-per", 5, "1h", ["request.headers.asks == '' ? dyn('') : dyn(principal.scopes)"]),
            quota("broken-when", 5, "1h", run, when="has(request.headers.oops) && request.headers.nobody == 'x'"),
            quota("many", 1, "1h", ["request.headers.one"]),
            quota("paged", 1, "60s", ["request.headers.one"]),
            quota("paths", 2, "1h", ["request.path", *run]),
        ],
    )


class World:
    """A gateway with four workers, its callers, and a client."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.signer = Signer()
        self.key, entry = key_entry("caller", tenant="acme", labels={"limit": "4"})
        self.other_key, other = key_entry("other", tenant="acme", labels={"limit": "2"})
        self.wordy_key, wordy = key_entry("wordy", tenant="acme", labels={"limit": "lots"})
        self.simulator = simulator
        self.configuration = configuration(self.signer, [entry, other, wordy])
        self.gateway = Gateway(self.configuration, simulator, directory, concurrency=WORKERS, **VOID)
        self.client = httpx.Client(base_url=self.gateway.url, timeout=15)

    def ask(self, what: str, credential: str | None = None, path: str = MODELS, **headers: str) -> httpx.Response:
        """A cheap request that the quota `what` counts."""
        sent = {**credential_header("openai", credential or self.key), "asks": what, **headers}
        return self.client.get(path, headers=sent)

    def load(self, what: str, run: str, total: int) -> LoadReport:
        headers = {**credential_header("openai", self.key), "asks": what, "run": run}
        request = LoadRequest(self.gateway.url + MODELS, method="GET", headers=headers)
        return run_load(request, total=total, connections=CONNECTIONS)

    def stop(self) -> None:
        self.client.close()
        self.gateway.stop()


@pytest.fixture(scope="module")
def world(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(simulator, tmp_path_factory.mktemp("quota"))
    yield running
    running.stop()


def rates(answer: httpx.Response) -> tuple[int, int, int]:
    """Limit, remaining and reset in seconds."""
    limit, remaining, reset = (answer.headers[f"x-ratelimit-{name}-requests"] for name in RATES)
    parts = re.fullmatch(r"(?:(\d+)h)?(?:(\d+)m)?(\d+)s", reset)
    assert parts, reset
    hours, minutes, seconds = (int(part or 0) for part in parts.groups())
    return int(limit), int(remaining), hours * 3600 + minutes * 60 + seconds


def assert_refused(answer: httpx.Response, name: str, status: int = 429, reason: str = "quota_exceeded") -> None:
    assert (answer.status_code, answer.headers.get("x-claimgate-reason")) == (status, reason), answer.text
    assert f"(rule `{name}`)" in answer.text


@pytest.mark.parametrize("kind", ["sliding", "fixed"])
def test_exactly_the_limit_passes_whatever_the_concurrency(world: World, kind: str) -> None:
    for number in range(3):
        world.simulator.clear()
        report = world.load(kind, f"{kind}-{number}-{time.time_ns()}", total=4 * LIMIT)
        assert not report.failures
        assert report.statuses == {200: LIMIT, 429: 3 * LIMIT}, f"round {number}"
        assert len(world.simulator.received("openai")) == LIMIT
        left = sorted(
            int(answer.headers["x-ratelimit-remaining-requests"]) for answer in report.answers if answer.status == 200
        )
        assert left == list(range(LIMIT)), "every request that passed saw another remainder"


def test_all_workers_took_part(world: World) -> None:
    stats = world.gateway.envoy.stats(r"^listener\..*worker_\d+\.downstream_cx_total$")
    assert len(stats) == WORKERS and all(int(count) > 0 for count in stats.values()), stats


def test_a_limit_by_cel_over_the_principal(world: World) -> None:
    for plan, limit in [("pro", 7), ("free", 3)]:
        token = world.signer.token(sub=f"person-{plan}-{time.time_ns()}", plan=plan)
        answers = [world.ask("by-plan", token) for _ in range(limit + 2)]
        assert [answer.status_code for answer in answers] == [200] * limit + [429] * 2
        assert [rates(answer)[:2] for answer in answers[:limit]] == [(limit, limit - 1 - n) for n in range(limit)]
        assert_refused(answers[-1], "by-plan")
    for key, limit in [(world.key, 4), (world.other_key, 2)]:
        assert [world.ask("by-label", key).status_code for _ in range(limit + 1)] == [200] * limit + [429]


def test_a_parallel_load_meets_a_limit_by_cel_exactly(world: World) -> None:
    token = world.signer.token(sub=f"crowd-{time.time_ns()}", plan="pro")
    headers = {**credential_header("openai", token), "asks": "by-plan"}
    report = run_load(LoadRequest(world.gateway.url + MODELS, method="GET", headers=headers), total=28, connections=28)
    assert report.statuses == {200: 7, 429: 21}


def test_two_principals_do_not_share(world: World) -> None:
    one, two = (world.signer.token(sub=f"{name}-{time.time_ns()}", plan="free") for name in ("one", "two"))
    assert [world.ask("by-plan", one).status_code for _ in range(4)] == [200, 200, 200, 429]
    assert world.ask("by-plan", two).status_code == 200


@pytest.mark.parametrize(
    ("one", "two", "note"),
    [
        ("ab", "c", "a first pair"),
        ("a", "bc", "the same letters, cut elsewhere"),
        ("abc", "", "all in the first"),
        ("", "abc", "all in the second"),
        ("a,b", "c", "a comma in the first"),
        ("a", "b,c", "a comma in the second"),
        ("a_b", "c", "an underscore"),
        ("a", "b_c", "an underscore in the second"),
        ("a\tsb", "c", "a control character"),
        ("sab", "c", "the mark of a text"),
        ("joined", "ab", "the quota's own name"),
    ],
)
def test_a_descriptor_cannot_be_forged_by_joining(world: World, one: str, two: str, note: str) -> None:
    assert world.ask("joined", one=one, two=two).status_code == 200, note
    assert_refused(world.ask("joined", one=one, two=two), "joined")


def test_a_number_and_a_text_are_two_descriptors(world: World) -> None:
    assert world.ask("typed", one="x", two="1").status_code == 200
    assert world.ask("typed", one="x", two="2").status_code == 200
    assert_refused(world.ask("typed", one="x", two="1"), "typed")


def test_two_quotas_with_equal_values_do_not_share(world: World) -> None:
    run = f"same-{time.time_ns()}"
    assert [world.ask("honest", run=run).status_code for _ in range(3)] == [200, 200, 429]
    assert world.ask("sliding", run=run).status_code == 200


@pytest.mark.parametrize("kind", ["honest", "honest-fixed"])
def test_the_headers_are_right_at_every_point_and_the_wait_is_honest(world: World, kind: str) -> None:
    window = 3
    if kind == "honest-fixed":
        # At the beginning of a window, so that it does not end in between.
        time.sleep(window - time.time() % window + 0.05)
    run = f"{kind}-{time.time_ns()}"
    first = world.ask(kind, run=run)
    assert first.status_code == 200
    limit, remaining, reset = rates(first)
    assert (limit, remaining) == (2, 1)
    assert 1 <= reset <= math.ceil(window * (1 + STEP))
    second = world.ask(kind, run=run)
    assert second.status_code == 200 and rates(second)[:2] == (2, 0)
    refused = world.ask(kind, run=run)
    assert_refused(refused, kind)
    assert rates(refused)[:2] == (2, 0)
    wait = int(refused.headers["retry-after"])
    assert 1 <= wait <= math.ceil(window * (1 + STEP))
    assert refused.headers["x-should-retry"] == "true"
    # Not a moment too early: a second before the wait is over there is still no room.
    time.sleep(max(0.0, wait - 1.3))
    early = world.ask(kind, run=run)
    assert early.status_code == 429
    assert int(early.headers["retry-after"]) <= 2
    time.sleep(1.3 + 0.05)
    again = world.ask(kind, run=run)
    assert again.status_code == 200, "who waited as told is let in"
    # Refused requests cost nothing: they did not push the window on. The second may have been counted a step later.
    time.sleep(window * STEP)
    assert world.ask(kind, run=run).status_code == 200


def test_the_tightest_of_several_is_told(world: World) -> None:
    run = f"several-{time.time_ns()}"
    first = world.ask("several", run=run, who="a")
    assert rates(first)[:2] == (2, 1)
    second = world.ask("several", run=run, who="b")
    assert rates(second)[:2] in [(3, 1), (2, 1)], "both have one left"
    third = world.ask("several", run=run, who="c")
    assert rates(third)[:2] == (3, 0)
    refused = world.ask("several", run=run, who="d")
    assert_refused(refused, "narrow")
    assert rates(refused)[:2] == (3, 0)


def test_what_one_quota_refuses_costs_nothing_in_the_others(world: World) -> None:
    run = f"costless-{time.time_ns()}"
    assert [world.ask("several", run=run, who="a").status_code for _ in range(2)] == [200, 200]
    # `wide` and `narrow` have room, `narrower` refuses: neither of the others may be charged.
    for _ in range(20):
        assert_refused(world.ask("several", run=run, who="a"), "narrower")
    last = world.ask("several", run=run, who="b")
    assert last.status_code == 200 and rates(last)[:2] == (3, 0)
    assert_refused(world.ask("several", run=run, who="b"), "narrow")


def test_refusals_in_parallel_cost_nothing_in_the_others(world: World) -> None:
    run = f"parallel-{time.time_ns()}"
    headers = {**credential_header("openai", world.key), "asks": "several", "run": run, "who": "a"}
    request = LoadRequest(world.gateway.url + MODELS, method="GET", headers=headers)
    report = run_load(request, total=200, connections=CONNECTIONS)
    # A refused request holds its charge in the wider quotas for a moment, so one of the two may be refused there.
    assert 1 <= report.statuses[200] <= 2
    assert report.statuses[200] + report.statuses[429] == 200
    rest = [world.ask("several", run=run, who=f"b{number}").status_code for number in range(4)]
    assert rest.count(200) == 3 - report.statuses[200]


def test_a_shadow_quota_is_only_recorded(world: World) -> None:
    run = f"shadow-{time.time_ns()}"
    answers = [world.ask("shadow", run=run) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    told = [answer.headers["x-ratelimit-limit-requests"] for answer in answers]
    assert told == ["10000"] * 3, "it limits nobody, so the provider's own rates stay"
    records = [world.gateway.audit(claimgate__request_id=answer.headers["x-request-id"]) for answer in answers]
    shadows = [record.get("claimgate.shadow_denials", []) for record in records]
    assert shadows == [[], ["shadow"], ["shadow"]]


def test_a_shadow_quota_that_cannot_be_evaluated_is_only_recorded(world: World) -> None:
    answer = world.ask("shadow-broken")
    assert answer.status_code == 200, answer.text
    record = world.gateway.audit(claimgate__request_id=answer.headers["x-request-id"])
    assert record["claimgate.shadow_denials"] == ["shadow-broken"]


def test_a_refusal_gives_nothing_back_to_a_shadow_quota_that_had_no_room(world: World) -> None:
    run, others = f"watched-{time.time_ns()}", f"others-{time.time_ns()}"
    assert [world.ask("watched", run=run, who=run).status_code for _ in range(2)] == [200, 200]
    assert_refused(world.ask("watched", run=run, who=run), "watched")
    answer = world.ask("watched", run=run, who=others)
    assert answer.status_code == 200
    record = world.gateway.audit(claimgate__request_id=answer.headers["x-request-id"])
    assert record["claimgate.shadow_denials"] == ["watching"]


def test_a_limit_of_nothing_lets_nobody_in_and_promises_nothing(world: World) -> None:
    answer = world.ask("zero")
    assert_refused(answer, "zero")
    assert "retry-after" not in answer.headers
    assert answer.headers["x-should-retry"] == "false"
    assert rates(answer) == (0, 0, 0)


def test_a_wait_beyond_a_minute_is_not_worth_a_retry(world: World) -> None:
    run = f"long-{time.time_ns()}"
    assert world.ask("paths", run=run).status_code == 200
    assert world.ask("paths", run=run).status_code == 200
    refused = world.ask("paths", run=run)
    assert_refused(refused, "paths")
    assert int(refused.headers["retry-after"]) > 60
    assert refused.headers["x-should-retry"] == "false"
    # A query does not make another path.
    assert world.ask("paths", path=MODELS + "?limit=1", run=run).status_code == 429


def test_what_the_policy_denies_spends_nothing(world: World) -> None:
    run = f"closed-{time.time_ns()}"
    for _ in range(10):
        assert world.ask("denied", run=run).headers["x-claimgate-reason"] == "policy_denied"
    assert rates(world.ask("closed", run=run))[:2] == (5, 4)


def test_who_is_not_proven_or_asks_for_what_is_unknown_spends_nothing(world: World) -> None:
    run = f"unproven-{time.time_ns()}"
    for _ in range(3):
        assert world.ask("closed", "test-key-nobody", run=run).status_code == 401
        assert world.ask("closed", path="/openai/v1/unheard", run=run).status_code == 404
        assert world.ask("closed", path="/openai/v1/files", run=run).status_code == 403
    assert rates(world.ask("closed", run=run))[:2] == (5, 4)


def test_what_cannot_be_sent_on_spends_nothing(world: World) -> None:
    run = f"absent-{time.time_ns()}"
    for _ in range(3):
        answer = world.ask("closed", path="/azure/openai/v1/models", run=run)
        assert answer.headers["x-claimgate-reason"] == "provider_credential_missing"
    assert rates(world.ask("closed", run=run))[:2] == (5, 4)


@pytest.mark.parametrize("name", ["broken", "negative", "worded", "broken-per", "listed-per"])
def test_a_quota_that_cannot_be_evaluated_denies(world: World, name: str) -> None:
    answer = world.ask(name)
    assert_refused(answer, name, 403, "quota_error")
    record = world.gateway.audit(claimgate__request_id=answer.headers["x-request-id"])
    assert record["claimgate.note"] and record["claimgate.note"] not in answer.text


def test_a_condition_that_cannot_be_evaluated_denies(world: World) -> None:
    assert_refused(world.ask("anything", oops="1"), "broken-when", 403, "quota_error")


def test_a_label_that_is_no_number_denies(world: World) -> None:
    assert_refused(world.ask("by-label", world.wordy_key), "by-label", 403, "quota_error")


def test_counters_outlive_a_new_configuration(world: World) -> None:
    run = f"reload-{time.time_ns()}"
    assert rates(world.ask("sliding", run=run))[:2] == (LIMIT, LIMIT - 1)
    changed = {**world.configuration, "metric_tenants": 199}
    world.gateway.reload(changed)
    assert rates(world.ask("sliding", run=run))[:2] == (LIMIT, LIMIT - 2)


def test_a_body_is_answered_with_the_rates_too(world: World) -> None:
    """The headers stand beside the provider's, whose own are kept under another name."""
    sent = chat("openai", world.key).with_headers(asks="sliding", run=f"body-{time.time_ns()}")
    answer = world.client.post(CHAT, headers=dict(sent.headers), content=sent.body)
    assert rates(answer)[:2] == (LIMIT, LIMIT - 1)
    assert answer.headers["x-upstream-ratelimit-limit-requests"] == "10000"
    assert "x-ratelimit-limit-tokens" not in answer.headers
    streaming = {**chat_document("openai"), "stream": True}
    with world.client.stream("POST", CHAT, headers=dict(sent.headers), content=json.dumps(streaming)) as stream:
        assert rates(stream)[:2] == (LIMIT, LIMIT - 2)
        assert b"[DONE]" in stream.read()


def test_names_chosen_for_one_page_are_spread(world: World) -> None:
    """Whoever makes counters on purpose where somebody else's would be kept, by a plain hash, does not meet it."""
    values = values_of_one_page("paged", 60)
    caller, *crowd = values
    assert world.ask("paged", one=caller).status_code == 200
    answers = [world.ask("paged", one=value) for value in crowd]
    assert len(crowd) > 250 and {answer.status_code for answer in answers} == {200}
    assert_refused(world.ask("paged", one=caller), "paged")
    assert_refused(world.ask("paged", one=crowd[0]), "paged")


def test_many_descriptors_stay_bounded_and_do_not_free_the_used_up_one(world: World) -> None:
    """Distinct values come faster than they leave; the caller who used up his own stays refused.

    `CLAIMGATE_DESCRIPTORS=1000000` fills the whole table, which takes some minutes.
    """
    total = int(os.environ.get("CLAIMGATE_DESCRIPTORS", MANY))
    victim = f"victim-{time.time_ns()}"
    assert world.ask("many", one=victim).status_code == 200
    assert_refused(world.ask("many", one=victim), "many")
    before, began = world.gateway.envoy.rss_bytes(), time.monotonic()
    lines = ["GET /void/v1/models HTTP/1.1", "host: x", f"authorization: Bearer {world.key}", "asks: many", "one: "]
    head = "\r\n".join(lines) + victim

    # The cluster has no endpoint: each request is counted, and Envoy answers 503 at once.
    outcomes = run_lean_load(world.gateway.port, lambda number: f"{head}-{number}\r\n\r\n".encode(), total=total)
    seconds, after = time.monotonic() - began, world.gateway.envoy.rss_bytes()
    print(
        f"{total} descriptors in {seconds:.1f} s, {outcomes[429, 'too_many_counters']} too many: "
        f"{before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after"
    )
    # All are one caller's, which has a quarter of the table at most.
    assert outcomes.keys() <= {(503, "upstream_unreachable"), (429, "too_many_counters")}, outcomes
    assert outcomes.total() == total
    # The table has at most 32 MiB; the rest is buffers of connections.
    assert after - before < 60e6
    assert_refused(world.ask("many", one=victim), "many")
    assert_refused(world.ask("many", one=f"{victim}-0"), "many")


def test_counters_are_each_process_own(world: World, simulator: Simulator, tmp_path: Path) -> None:
    run = f"process-{time.time_ns()}"
    for _ in range(2):
        assert world.ask("paths", run=run).status_code == 200
    assert world.ask("paths", run=run).status_code == 429
    with Gateway(world.configuration, simulator, tmp_path, concurrency=1) as second:
        headers = {**credential_header("openai", world.key), "asks": "paths", "run": run}
        answer = httpx.get(second.url + MODELS, headers=headers)
        assert answer.status_code == 200 and rates(answer)[:2] == (2, 1)
        assert second.envoy.crashes() == 0


def test_no_trap(world: World) -> None:
    assert world.gateway.envoy.crashes() == 0
