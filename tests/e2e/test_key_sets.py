"""Key sets of remote issuers in a real Envoy with four workers: fetched once, shared, refreshed, and missed."""

import itertools
import json
import statistics
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from harness.caller import CHAT, CHAT_PATH, Caller, assert_refused, calling
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.gateway import Signer, base64url, document, issuer_entry
from harness.host import STATS
from harness.load import LoadReport, LoadRequest, run_load
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

WORKERS = 4
CONNECTIONS = 64
# Between two ticks of an idle worker, and what a loaded machine may add.
TICK, SLACK = 1.0, 2.0
OLD, NEW = Signer("ES256", "old"), Signer("ES256", "new")
numbers = itertools.count()


def key_set(*signers: Signer) -> dict[str, Any]:
    return {"keys": [signer.jwk() for signer in signers]}


class Source:
    """A remote issuer of its own, its times in seconds. The simulator serves one set under any query."""

    def __init__(self, *, cluster: str = "idp", **seconds: float) -> None:
        self.number = next(numbers)
        self.issuer = f"https://issuer-{self.number}.test/"
        self.seconds = {"refresh": 600.0, "refetch": 1.0, "timeout": 2.0, "max_stale": 3600.0, **seconds}
        times = {name: f"{int(value * 1000)}ms" for name, value in self.seconds.items()}
        self.remote = {"cluster": cluster, "host": "login.test", "path": f"/jwks.json?{self.number}", **times}

    def entry(self, **fields: Any) -> dict[str, Any]:
        return issuer_entry(OLD, issuer=self.issuer, jwks={"remote": self.remote}, **fields)

    def token(self, signer: Signer = OLD, **claims: Any) -> str:
        return signer.token(iss=self.issuer, **claims)


class Party:
    """The gateway, its identity provider, and one issuer at a time."""

    start: "Start"

    def __init__(self, caller: Caller, simulator: Simulator) -> None:
        self.caller, self.simulator = caller, simulator

    def trust(self, *sources: Source, mode: str = "ok", delay: float = 1.0, keys: Any = None) -> None:
        """Configures these issuers, whose set was never fetched before."""
        # Nobody asks for the old set any more, so that every fetch counted is one of the new ones.
        inline = document(issuers=[issuer_entry(NEW, issuer=f"https://nobody-{sources[0].number}.test/")])
        assert self.caller.gateway.reload(inline) is Reload.APPLIED
        self.simulator.reset_jwks()
        self.simulator.set_jwks(keys or key_set(OLD))
        self.simulator.set_jwks_mode(mode, delay)
        configuration = document(issuers=[source.entry() for source in sources])
        assert self.caller.gateway.reload(configuration) is Reload.APPLIED
        if mode == "ok":
            self.wait_fetches(1)
            self.wait_accepted(sources[0])

    def fetches(self) -> int:
        return self.simulator.jwks_stats()["fetches"]

    def wait_fetches(self, count: int, *, seconds: float = 5.0) -> None:
        wait_until(lambda: self.fetches() >= count, what=f"{count} fetches", seconds=seconds)

    def switch(self, mode: str, *, failures: int = 1) -> None:
        """Changes how the issuer answers, and waits until that has been noticed."""
        self.simulator.set_jwks_mode(mode)
        wait_until(
            lambda: self.simulator.jwks_stats()["by_mode"].get(mode, 0) >= failures,
            what=f"{failures} fetches in mode `{mode}`",
            seconds=10,
        )

    def wait_accepted(self, source: Source, signer: Signer = OLD, *, seconds: float = 5.0) -> float:
        """Asks until the issuer's tokens are accepted; returns how long that took."""
        began = time.monotonic()
        wait_until(lambda: self.ask(source, signer)[0].status_code == 200, what="an accepted token", seconds=seconds)
        return time.monotonic() - began

    def ask(self, source: Source, signer: Signer = OLD) -> tuple[httpx.Response, float]:
        """One request with a new token, and how long its answer took."""
        token = source.token(signer)
        began = time.monotonic()
        answer = self.caller.bearer(token)
        return answer, time.monotonic() - began

    def load(self, tokens: list[str], *, connections: int = CONNECTIONS) -> LoadReport:
        """One request per token."""
        for token in tokens[:20]:
            self.caller.secret(token)
        url = self.caller.gateway.url + CHAT_PATH
        requests = [LoadRequest(url, headers={"authorization": f"Bearer {token}"}, document=CHAT) for token in tokens]
        report = run_load(requests.__getitem__, total=len(tokens), connections=connections)
        assert not report.failures
        return report

    def stat(self, outcome: str) -> int:
        return self.caller.gateway.envoy.stat(f"{STATS}claimgate.key_fetches.outcome.{outcome}")


@dataclass(frozen=True)
class Start:
    """What was seen right after Envoy's start."""

    report: LoadReport
    connections_by_worker: list[int]
    fetches: int


@pytest.fixture(scope="module")
def party(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Party]:
    simulator.reset_jwks()
    simulator.set_jwks(key_set(OLD))
    source = Source()
    configuration = document(issuers=[source.entry()])
    directory = tmp_path_factory.mktemp("key_sets")
    with calling(configuration, simulator, directory, concurrency=WORKERS) as caller:
        party = Party(caller, simulator)
        party.wait_fetches(1)
        report = party.load([source.token(jti=str(number)) for number in range(256)])
        served = caller.gateway.envoy.stats(r"^listener\..*\.worker_\d+\.downstream_cx_total$")
        party.start = Start(report, [int(value) for value in served.values()], party.fetches())
        yield party
    simulator.reset_jwks()


def test_one_worker_fetches_for_all(party: Party) -> None:
    start = party.start
    assert start.report.statuses == {200: 256}
    assert len(start.connections_by_worker) == WORKERS and all(start.connections_by_worker)
    assert start.fetches == 1


def test_requests_that_come_before_the_keys_wait_for_one_fetch(party: Party) -> None:
    source = Source()
    party.trust(source, mode="slow", delay=0.5)
    report = party.load([source.token(jti=str(number)) for number in range(CONNECTIONS)])
    assert report.statuses == {200: CONNECTIONS}
    assert party.fetches() == 1
    assert report.seconds < source.seconds["timeout"] + SLACK


def test_two_issuers_with_one_source_share_its_fetch(party: Party) -> None:
    first, second = Source(), Source()
    second.remote = first.remote
    party.trust(first, second)
    party.wait_accepted(second)
    report = party.load([source.token(jti=str(n)) for n in range(32) for source in (first, second)])
    assert report.statuses == {200: 64}
    assert party.fetches() == 1


def test_a_set_is_refreshed_in_the_background(party: Party) -> None:
    source = Source(refresh=1.0, refetch=0.5)
    party.trust(source)
    # A fetch takes longer than any answer may.
    party.simulator.set_jwks_mode("slow", 1.0)
    durations, began = list[float](), time.monotonic()
    while party.fetches() < 4 and time.monotonic() - began < 20:
        answer, seconds = party.ask(source)
        assert answer.status_code == 200
        durations.append(seconds)
    assert party.fetches() >= 4
    assert sum(seconds > 0.5 for seconds in durations) < len(durations) / 20, "requests wait for a refresh"
    at = party.simulator.jwks_stats()["at"]
    gaps = [later - earlier for earlier, later in itertools.pairwise(at)]
    # Refreshed when due and not more often: its age counts from the end of a fetch.
    assert all(0.9 <= gap < 1.0 + 1.0 + TICK + SLACK for gap in gaps), gaps


def test_a_key_that_leaves_the_set_is_refused_after_the_refresh(party: Party) -> None:
    source = Source(refresh=1.0, refetch=0.5)
    party.trust(source, keys=key_set(OLD, NEW))
    assert party.ask(source, NEW)[0].status_code == 200
    party.simulator.set_jwks(key_set(NEW))
    answers = []

    def is_refused() -> bool:
        answers.append(party.ask(source)[0])
        return answers[-1].status_code == 401

    # One worker may refuse before the other has ticked.
    wait_until(is_refused, what="the old key to be refused", seconds=6)
    assert_refused(answers[-1], 401, "token_key_unknown")
    assert party.ask(source, NEW)[0].status_code == 200
    # On every worker, once each has ticked.
    party.wait_fetches(party.fetches() + 2)
    report = party.load([source.token(jti=str(number)) for number in range(CONNECTIONS)])
    assert report.statuses == {401: CONNECTIONS}


def test_a_new_key_is_fetched_when_its_first_token_comes(party: Party) -> None:
    source = Source(refetch=0.5)
    party.trust(source)
    wait_past(party, source)
    party.simulator.set_jwks(key_set(OLD, NEW))
    tokens = [source.token(signer, jti=str(number)) for number in range(128) for signer in (OLD, NEW)]
    report = party.load(tokens)
    assert report.statuses == {200: 256}, "a token was refused while keys rotated"
    assert party.fetches() == 2


def wait_past(party: Party, source: Source) -> None:
    """Until the last fetch is longer ago than `refetch`."""
    last = party.simulator.jwks_stats()["at"][-1]
    wait_until(lambda: time.time() - last > source.seconds["refetch"] + 0.2, what="the refetch time", seconds=5)


def test_a_set_without_key_ids_rotates(party: Party) -> None:
    """No id tells that the key is a new one, so that a signature which does not verify asks for a newer set."""
    source = Source(refetch=0.5)

    def bare(signer: Signer) -> dict[str, Any]:
        return {"keys": [{name: value for name, value in signer.jwk().items() if name != "kid"}]}

    party.trust(source, keys=bare(OLD))
    wait_past(party, source)
    party.simulator.set_jwks(bare(NEW))
    assert party.ask(source, NEW)[0].status_code == 200
    assert party.fetches() == 2
    assert_refused(party.ask(source, OLD)[0], 401, "token_signature_invalid")
    assert party.fetches() == 2, "not sooner than may be"


def test_a_new_key_within_the_refetch_time_is_accepted_when_that_is_over(party: Party) -> None:
    source = Source(refetch=2.0)
    party.trust(source)
    party.simulator.set_jwks(key_set(OLD, NEW))
    answer, seconds = party.ask(source, NEW)
    # Answered at once: fetching again is not allowed yet.
    assert_refused(answer, 401, "token_key_unknown")
    assert seconds < 1.0 and party.fetches() == 1
    assert party.wait_accepted(source, NEW) < source.seconds["refetch"] + SLACK
    assert party.fetches() == 2


def test_a_flood_of_unknown_keys_does_not_reach_the_issuer(party: Party) -> None:
    source = Source(refetch=0.5)
    party.trust(source)
    wait_past(party, source)
    before = party.fetches()
    strangers = [Signer("ES256", "") for _ in range(2)]
    tokens = []
    for number in range(3000):
        forged = strangers[number % 2].token({"kid": f"random-{number}"}, iss=source.issuer)
        tokens.append(source.token(jti=str(number)) if number % 10 == 0 else forged)
    report = party.load(tokens)
    assert report.statuses == {200: 300, 401: 2700}
    reasons = {answer.headers.get("x-claimgate-reason") for answer in report.answers if answer.status == 401}
    assert reasons == {"token_key_unknown"}
    stats = party.simulator.jwks_stats()
    flood = stats["at"][before:]
    assert 1 <= len(flood) <= report.seconds / source.seconds["refetch"] + 1
    assert all(later - earlier > 0.4 for earlier, later in itertools.pairwise(flood)), flood


def test_a_token_refused_for_another_reason_makes_nobody_fetch(party: Party) -> None:
    source = Source(refetch=0.2)
    party.trust(source)
    wait_past(party, source)
    unknown = {"kid": "random"}
    for token, reason in [
        (OLD.token(unknown, iss=source.issuer, exp=1), "token_expired"),
        (OLD.token(unknown, iss=source.issuer, aud="other"), "token_audience_mismatch"),
        (Signer("ES384", "random").token(iss=source.issuer), "token_algorithm_not_allowed"),
        (source.token(Signer("ES256", OLD.kid)), "token_signature_invalid"),
        (f"{source.token().rpartition('.')[0]}.{base64url(bytes(64))}", "token_signature_invalid"),
    ]:
        assert_refused(party.caller.bearer(token), 401, reason)
    assert party.fetches() == 1


@pytest.mark.parametrize("mode", ["500", "garbage", "hang", "cut", "empty"])
def test_a_set_is_served_stale_while_its_issuer_is_broken(party: Party, mode: str) -> None:
    source = Source(refresh=0.5, refetch=0.5, timeout=0.6)
    party.trust(source)
    failed = party.stat("failed")
    if mode == "empty":
        # A set without any key is a mistake, not a rotation.
        party.simulator.set_jwks({"keys": []})
        party.wait_fetches(party.fetches() + 2)
    else:
        party.switch(mode, failures=2)
    answers = [party.ask(source) for _ in range(20)]
    assert {answer.status_code for answer, _ in answers} == {200}
    assert statistics.median(seconds for _, seconds in answers) < 0.3
    report = party.load([source.token(jti=str(number)) for number in range(CONNECTIONS)])
    assert report.statuses == {200: CONNECTIONS}
    wait_until(lambda: party.stat("failed") > failed, what="a failed fetch to be counted", seconds=5)
    # Whether a new key is real cannot be told now.
    answer, seconds = party.ask(source, NEW)
    error = assert_refused(answer, 503, "identity_unavailable")
    assert answer.headers["x-should-retry"] == "true" and error["type"] == "server_error"
    assert 0.5 < seconds < source.seconds["timeout"] + SLACK
    party.simulator.set_jwks(key_set(OLD, NEW))
    party.simulator.set_jwks_mode("ok")
    assert party.wait_accepted(source, NEW) < source.seconds["refetch"] + source.seconds["timeout"] + TICK + SLACK
    assert party.ask(source)[0].status_code == 200


def test_a_set_that_is_too_stale_proves_nobody(party: Party) -> None:
    source = Source(refresh=0.5, refetch=0.5, timeout=0.5, max_stale=3.0)
    party.trust(source)
    party.switch("500")
    last_good = party.simulator.jwks_stats()["at"][-2]
    answer, _ = party.ask(source)
    assert answer.status_code == 200
    wait_until(lambda: party.ask(source)[0].status_code == 503, what="the set to be too stale", seconds=8)
    assert time.time() - last_good >= 2.9
    answer, seconds = party.ask(source)
    assert_refused(answer, 503, "identity_unavailable")
    assert 0.4 < seconds < source.seconds["timeout"] + SLACK
    assert party.caller.record(answer)["claimgate.note"] == "the issuer's keys did not come in time"
    party.simulator.set_jwks_mode("ok")
    assert party.wait_accepted(source) < source.seconds["refetch"] + source.seconds["timeout"] + SLACK


@pytest.mark.parametrize("mode", ["500", "garbage", "hang"])
def test_an_issuer_that_is_down_from_the_start(party: Party, mode: str) -> None:
    source = Source(refetch=1.0, timeout=0.5)
    party.trust(source, mode=mode)
    party.wait_fetches(1)
    for _ in range(2):
        answer, seconds = party.ask(source)
        assert_refused(answer, 503, "identity_unavailable")
        assert seconds < source.seconds["timeout"] + SLACK
    party.simulator.set_jwks_mode("ok")
    assert party.wait_accepted(source) < source.seconds["refetch"] + source.seconds["timeout"] + SLACK
    at = party.simulator.jwks_stats()["at"]
    assert all(later - earlier > 0.9 for earlier, later in itertools.pairwise(at)), at


def test_a_request_that_waits_passes_when_its_issuer_comes_back(party: Party) -> None:
    source = Source(refetch=0.5, timeout=4.0)
    party.trust(source, mode="500")
    party.wait_fetches(1)
    back = threading.Timer(1.0, party.simulator.set_jwks_mode, ["ok"])
    back.start()
    answer, seconds = party.ask(source)
    back.join()
    assert answer.status_code == 200 and 0.9 < seconds < 4.0
    assert json.loads(answer.request.content) == CHAT


def test_an_issuer_behind_no_cluster(party: Party) -> None:
    source = Source(cluster="nowhere", timeout=0.3)
    party.trust(source, mode="500")
    answer, seconds = party.ask(source)
    assert_refused(answer, 503, "identity_unavailable")
    assert seconds < source.seconds["timeout"] + SLACK
    wait_until(lambda: party.stat("undispatched"), what="the failed dispatch to be counted", seconds=5)
    assert "cannot fetch keys through the cluster `nowhere`" in party.caller.gateway.envoy.log()


def test_an_issuer_that_was_removed_is_asked_no_more(party: Party) -> None:
    source = Source(refresh=0.5, refetch=0.5)
    party.trust(source)
    party.wait_fetches(3)
    following = Source(refresh=0.5, refetch=0.5)
    party.trust(following)
    party.wait_fetches(4)
    at = party.simulator.jwks_stats()["at"]
    # A fetch of the old set would stand between two of the new one.
    assert all(later - earlier > 0.4 for earlier, later in itertools.pairwise(at)), at
