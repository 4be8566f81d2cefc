"""API keys from a polled feed in a real Envoy with several workers: added, rotated, withdrawn; feeds that fail."""

import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.bootstrap import static_cluster
from harness.caller import CHAT, CHAT_PATH, Caller, assert_refused, calling
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.gateway import document, key_entry
from harness.list_server import ListServer
from harness.mint import Mint
from harness.polled import TICK, clear, gauges, hang_out
from harness.simulator import Simulator

SECTION = "key_feeds"
WORKERS = 4
POLL, MAX_AGE = 1.0, 4.0
# Asking all workers for their verdict takes time of its own on a loaded machine.
SLACK = 2.0
TRIALS = 10
STEADY, STEADY_ENTRY = key_entry("steady", tenant="acme")
KEYS = [key_entry(f"k{number}", tenant="acme", scopes=["chat"]) for number in range(TRIALS)]
KEY, ENTRY = KEYS[0]
MINT = Mint()
UNKNOWN = (401, "key_unknown")
UNAVAILABLE = (503, "key_feed_unavailable")
PASSED = (200, None)


@pytest.fixture(scope="module")
def feed() -> Iterator[ListServer]:
    with ListServer("keys") as server:
        yield server


def configuration(when_stale: str = "deny", **sections: Any) -> dict[str, Any]:
    remote = {"cluster": "feed", "host": "feed.test", "path": "/keys.json", "timeout": "1s"}
    remote |= {"poll": f"{POLL:.0f}s", "max_age": f"{MAX_AGE:.0f}s"}
    feeds = [{"id": "main", "remote": remote, "when_stale": when_stale}]
    return document(**{"key_feeds": feeds, "keys": [STEADY_ENTRY], "tokens": MINT.section(), **sections})


def serving(feed: ListServer) -> dict[str, Any]:
    """The options of a gateway that polls this server."""
    clusters = [static_cluster("feed", feed.port)]
    return {"concurrency": WORKERS, "clusters": clusters, "environment": MINT.environment()}


@pytest.fixture(scope="module")
def caller(feed: ListServer, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    directory = tmp_path_factory.mktemp("key_feed")
    with calling(configuration(), simulator, directory, **serving(feed)) as running:
        wait_until(lambda: verdict(running, KEY) == UNKNOWN, what="the first document", seconds=10)
        running.secret(STEADY)
        yield running


@pytest.fixture(autouse=True)
def an_empty_feed(caller: Caller, feed: ListServer) -> Iterator[None]:
    yield
    clear(caller, feed, SECTION)


def polls(caller: Caller, outcome: str) -> int:
    return gauges(caller, SECTION).get(f"polls.outcome.{outcome}", 0)


def verdict(caller: Caller, credential: str) -> tuple[int, str | None]:
    """That of any worker, by a connection of its own; 0 where the answer was cut off, as one that was under way."""
    with httpx.Client(base_url=caller.gateway.url, timeout=15) as client:
        try:
            answer = client.post(CHAT_PATH, headers={"authorization": f"Bearer {credential}"}, json=CHAT)
        except httpx.RemoteProtocolError:
            return 0, None
    return answer.status_code, answer.headers.get("x-claimgate-reason")


def everywhere(caller: Caller, credential: str, wanted: tuple[int, str | None]) -> bool:
    """True where connections to all workers get this verdict."""
    return all(verdict(caller, credential) == wanted for _ in range(WORKERS * 3))


def wait_for(
    caller: Caller, credential: str, wanted: tuple[int, str | None], *, what: str, seconds: float = 5
) -> None:
    wait_until(lambda: everywhere(caller, credential, wanted), what=what, seconds=seconds)


@pytest.mark.alone
def test_a_key_is_known_to_all_workers_within_the_bound_and_unknown_again(caller: Caller, feed: ListServer) -> None:
    """The bound is the poll interval and one second."""
    delays: dict[str, list[float]] = {"added": [], "removed": []}
    for number, (key, entry) in enumerate(KEYS):
        # Not in step with the polls.
        time.sleep(number * POLL / TRIALS)
        for change, entries, wanted in (("added", [entry], PASSED), ("removed", [], UNKNOWN)):
            feed.publish(*entries)
            began = time.monotonic()
            wait_for(caller, key, wanted, what=f"{entry['id']}, {change}", seconds=10)
            delays[change].append(time.monotonic() - began)
        assert verdict(caller, STEADY) == PASSED, "a key of the configuration"
    for change, took in delays.items():
        worst = max(took)
        print(f"\n{change} on {WORKERS} workers: median {statistics.median(took):.2f} s, worst {worst:.2f} s")
        assert worst <= POLL + 1.0 + SLACK, took


def test_a_key_is_rotated_without_a_gap(caller: Caller, feed: ListServer) -> None:
    successor, new = key_entry("k0-b", tenant="acme")
    hang_out(feed, ENTRY)
    wait_for(caller, KEY, PASSED, what="the old key")
    hang_out(feed, ENTRY, new)
    wait_for(caller, successor, PASSED, what="the new key")
    assert everywhere(caller, KEY, PASSED), "both, for the overlap"
    hang_out(feed, {**ENTRY, "expires_at": "2020-01-01T00:00:00Z"}, new)
    wait_for(caller, KEY, (401, "key_expired"), what="the end of the old one")
    hang_out(feed, {**new, "disabled": True})
    wait_for(caller, successor, (401, "credential_revoked"), what="a key that is disabled")
    assert everywhere(caller, KEY, UNKNOWN)


def test_what_a_key_may_changes_with_its_entry(caller: Caller, feed: ListServer) -> None:
    hang_out(feed, ENTRY)
    wait_for(caller, KEY, PASSED, what="the key")
    answer = caller.bearer(KEY)
    assert caller.record(answer)["claimgate.principal.tenant"] == "acme"
    hang_out(feed, {**ENTRY, "tenant": "globex"})
    # Remembered by every worker as it was; none may say so any more.
    for _ in range(WORKERS * 3):
        with httpx.Client(base_url=caller.gateway.url, timeout=15) as client:
            answer = client.post(CHAT_PATH, headers={"authorization": f"Bearer {KEY}"}, json=CHAT)
        assert caller.record(answer)["claimgate.principal.tenant"] == "globex"


@pytest.mark.parametrize(
    ("entries", "place"),
    [
        ([KEYS[1][1], {**KEYS[2][1], "id": "steady"}], "keys[1].id: `steady` has the id of a key in the configuration"),
        ([{**STEADY_ENTRY, "id": "other"}], "keys[0].hash: `other` has the hash of a key in the configuration"),
        ([KEYS[1][1], {**KEYS[2][1], "id": "k1"}], "keys[1].id: `k1` is the id of two keys"),
        ([KEYS[1][1], {**KEYS[1][1], "id": "k2"}], "keys[1].hash: the hash of another key in this list"),
        ([KEYS[1][1], {**KEYS[2][1], "hash": KEYS[2][0]}], "keys[1].hash: not the hash of a key"),
        ([{**KEYS[1][1], "cidrs": ["10.0.0.0/8"]}], "keys[0].cidrs: "),
    ],
    ids=["id-of-another", "hash-of-another", "id-twice", "hash-twice", "no-hash", "no-address"],
)
def test_a_conflict_refuses_the_whole_feed_and_the_last_good_one_stays(
    caller: Caller, feed: ListServer, entries: list[dict[str, Any]], place: str
) -> None:
    # However slow this machine, the last good one is not too old then.
    assert caller.gateway.reload(configuration("continue")) is Reload.APPLIED
    try:
        hang_out(feed, ENTRY)
        wait_for(caller, KEY, PASSED, what="the last good feed")
        failed = polls(caller, "failed")
        feed.publish(*entries)
        wait_until(lambda: polls(caller, "failed") > failed, what="the refusal", seconds=10)
        time.sleep(2 * TICK)
        assert everywhere(caller, KEY, PASSED) and everywhere(caller, STEADY, PASSED)
        assert everywhere(caller, KEYS[1][0], UNKNOWN), "nothing of it is taken"
    finally:
        hang_out(feed)
        assert caller.gateway.reload(configuration()) is Reload.APPLIED
    lines = [line for line in caller.gateway.envoy.log().splitlines() if place in line]
    assert lines and all("the key feed `main`: " in line and "the last good one stays" in line for line in lines)


def test_a_feed_that_fails_stays_until_it_is_too_old_and_then_refuses_its_keys(
    caller: Caller, feed: ListServer
) -> None:
    hang_out(feed, ENTRY)
    token = MINT.token(ENTRY)
    for failure in ("error", "garbage", "slow", "large"):
        wait_for(caller, KEY, PASSED, what="the last good feed")
        before = polls(caller, "failed")
        feed.answer(failure)
        began = time.monotonic()
        wait_for(caller, KEY, UNAVAILABLE, what=f"too old: {failure}", seconds=20)
        assert time.monotonic() - began > MAX_AGE - POLL - 1, "the last good one served on"
        assert polls(caller, "failed") > before
        answer = caller.bearer(KEY)
        assert_refused(answer, *UNAVAILABLE)
        assert "the feed `main` is older than its `max_age`" in caller.record(answer)["claimgate.note"]
        assert_refused(caller.bearer(KEYS[1][0]), *UNAVAILABLE, "a key that nobody knows")
        assert_refused(caller.bearer(token), *UNAVAILABLE, "a token of its key")
        assert everywhere(caller, STEADY, PASSED), "nobody asks the feed about this key"
        wait_until(lambda: gauges(caller, SECTION)["stale"] == 1, what="the alarm", seconds=5)
        feed.answer("ok")
        wait_for(caller, KEY, PASSED, what="recovery", seconds=10)


def test_an_operator_may_choose_to_go_on(caller: Caller, feed: ListServer) -> None:
    hang_out(feed, ENTRY)
    assert caller.gateway.reload(configuration("continue")) is Reload.APPLIED
    try:
        feed.answer("error")
        wait_until(lambda: gauges(caller, SECTION)["stale"] == 1, what="the alarm", seconds=15)
        assert everywhere(caller, KEY, PASSED) and everywhere(caller, KEYS[1][0], UNKNOWN)
        assert gauges(caller, SECTION)["age_seconds"] >= MAX_AGE
    finally:
        feed.answer("ok")
        assert caller.gateway.reload(configuration()) is Reload.APPLIED


def test_a_feed_that_has_never_come_refuses_what_only_it_could_know(simulator: Simulator, tmp_path: Path) -> None:
    with ListServer("keys") as feed:
        feed.answer("error")
        with calling(configuration(), simulator, tmp_path, **serving(feed)) as caller:
            assert everywhere(caller, STEADY, PASSED)
            answer = caller.bearer(KEY)
            assert_refused(answer, *UNAVAILABLE)
            assert "the feed `main` has not come yet" in caller.record(answer)["claimgate.note"]
            feed.publish(ENTRY)
            feed.answer("ok")
            wait_for(caller, KEY, PASSED, what="the first document", seconds=10)


def test_a_feed_alone_is_a_configuration(simulator: Simulator, tmp_path: Path) -> None:
    with ListServer("keys") as feed:
        feed.publish(ENTRY)
        with calling(configuration(keys=[]), simulator, tmp_path, **serving(feed)) as caller:
            wait_for(caller, KEY, PASSED, what="the first document", seconds=10)
            assert caller.bearer(KEY).status_code == 200 and gauges(caller, SECTION)["entries"] == 1


def test_an_unchanged_feed_is_not_sent_again_and_one_worker_asks_for_all(caller: Caller, feed: ListServer) -> None:
    hang_out(feed, ENTRY)
    before, began = feed.counts(), time.monotonic()
    time.sleep(5 * POLL)
    after, took = feed.counts(), time.monotonic() - began
    assert after["sent"] == before["sent"], "nothing but 304"
    asked = after["unchanged"] - before["unchanged"]
    assert 2 <= asked <= took / POLL + 1, "one poll per interval, whatever the workers"
    assert everywhere(caller, KEY, PASSED)


def test_a_server_without_tags_sends_the_same_feed_again_and_nothing_changes(caller: Caller, feed: ListServer) -> None:
    hang_out(feed, ENTRY)
    wait_for(caller, KEY, PASSED, what="the key")
    feed.answer("untagged")
    before = (polls(caller, "unchanged"), polls(caller, "ok"))
    time.sleep(MAX_AGE + POLL)
    assert polls(caller, "unchanged") >= before[0] + 2 and polls(caller, "ok") == before[1]
    assert everywhere(caller, KEY, PASSED)


def test_a_new_configuration_knows_at_once_what_the_old_one_knew(caller: Caller, feed: ListServer) -> None:
    hang_out(feed, ENTRY)
    wait_for(caller, KEY, PASSED, what="the key")
    feed.answer("error")
    assert caller.gateway.reload(configuration(metric_tenants=7)) is Reload.APPLIED
    assert everywhere(caller, KEY, PASSED)
    feed.answer("ok")


def test_a_feed_that_conflicts_with_a_new_configuration_is_not_taken_over(caller: Caller, feed: ListServer) -> None:
    hang_out(feed, ENTRY)
    wait_for(caller, KEY, PASSED, what="the key")
    successor, new = key_entry("k0")
    assert caller.gateway.reload(configuration(keys=[STEADY_ENTRY, new])) is Reload.APPLIED
    try:
        assert everywhere(caller, successor, PASSED) and everywhere(caller, KEY, UNAVAILABLE)
        hang_out(feed, KEYS[1][1])
        wait_for(caller, KEYS[1][0], PASSED, what="a feed without the conflict")
    finally:
        assert caller.gateway.reload(configuration()) is Reload.APPLIED


def test_a_key_that_is_removed_takes_its_tokens_with_it(caller: Caller, feed: ListServer) -> None:
    hang_out(feed, ENTRY)
    token = MINT.token(ENTRY)
    wait_for(caller, token, PASSED, what="the token, remembered by every worker")
    feed.publish()
    wait_for(caller, token, (401, "parent_credential_invalid"), what="its end", seconds=POLL + 1.0 + SLACK)


@pytest.mark.parametrize("change", ["removed", "disabled"])
def test_a_stream_that_is_open_ends_with_its_key(caller: Caller, feed: ListServer, change: str) -> None:
    hang_out(feed, ENTRY)
    wait_for(caller, KEY, PASSED, what="the key")
    asked = {**CHAT, "model": "sim-long-4000", "stream": True}
    headers = {"authorization": f"Bearer {KEY}"}
    with httpx.Client(base_url=caller.gateway.url, timeout=20) as client:
        with client.stream("POST", CHAT_PATH, headers=headers, json=asked) as answer:
            assert answer.status_code == 200
            identifier = answer.headers["x-request-id"]
            pieces = answer.iter_raw()
            next(pieces)
            feed.publish(*([] if change == "removed" else [{**ENTRY, "disabled": True}]))
            began = time.monotonic()
            with pytest.raises(httpx.RemoteProtocolError):
                for _ in pieces:
                    pass
    assert time.monotonic() - began <= POLL + 1.0 + SLACK
    record = caller.gateway.audit(claimgate__request_id=identifier)
    wanted = {"claimgate.reason": "revoked_in_flight", "claimgate.decision": "deny", "claimgate.aborted": True}
    assert wanted.items() <= record.items(), record
    assert record["claimgate.note"] == "the key `k0` has left its feed, or is disabled"


def test_many_keys_fit(caller: Caller, feed: ListServer) -> None:
    """As many as docs/identity.md promises, among them one that is used."""
    many = [{**ENTRY, "id": f"many-{number}", "hash": f"sha256:{number:064x}"} for number in range(100_000)]
    feed.publish_text(json.dumps({"keys": [*many, ENTRY]}))
    began = time.monotonic()
    wait_for(caller, KEY, PASSED, what="100,000 keys", seconds=30)
    print(f"\n{len(many)} keys are known to {WORKERS} workers after {time.monotonic() - began:.1f} s")
    assert gauges(caller, SECTION)["entries"] == len(many) + 1
