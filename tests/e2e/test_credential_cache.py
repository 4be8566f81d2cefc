"""What each worker remembers of verified credentials: bounded, counted, and gone with the configuration."""

import itertools
from collections.abc import Iterator

import pytest

from harness.caller import Caller
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.gateway import Gateway, Signer, document, issuer_entry, key_entry, rule
from harness.host import STATS
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

CAPACITY = 3
SIGNER = Signer("RS256")
KEY, KEY_ENTRY = key_entry("cached", tenant="acme")
NAMES = map("everybody-{}".format, itertools.count())


def configuration(**sections: object) -> dict:
    """A new one with each call."""
    known = {"keys": [KEY_ENTRY], "issuers": [issuer_entry(SIGNER)], "policies": [rule(next(NAMES), "true")]}
    return document(**{**known, "credential_cache": CAPACITY, **sections})


@pytest.fixture(scope="module")
def shared(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    with Gateway(configuration(), simulator, tmp_path_factory.mktemp("cache"), concurrency=1) as gateway:
        yield gateway


@pytest.fixture
def gateway(shared: Gateway) -> Gateway:
    """Nothing is remembered there; what was counted before stays."""
    assert shared.reload(configuration()) is Reload.APPLIED
    wait_for(shared, capacity=CAPACITY, entries=0)
    return shared


def figures(gateway: Gateway) -> dict[str, int]:
    prefix = f"{STATS}claimgate.credential_cache."
    stats = gateway.envoy.stats("claimgate.credential_cache")
    return {name.removeprefix(prefix): int(value) for name, value in stats.items()}


def wait_for(gateway: Gateway, **wanted: int) -> None:
    """Workers tell on their tick."""

    def told() -> bool:
        found = figures(gateway)
        return all(found.get(name) == value for name, value in wanted.items())

    wait_until(told, what=f"{wanted}", seconds=5, describe=lambda: str(figures(gateway)))


def test_hits_and_entries_are_told_and_bounded(gateway: Gateway) -> None:
    caller, before = Caller(gateway), figures(gateway)
    hits, misses = before["hits"], before["misses"]
    tokens = [SIGNER.token(jti=str(number)) for number in range(CAPACITY)]
    for token in tokens:
        for _ in range(4):
            assert caller.bearer(token).status_code == 200
    share = 100 * (hits + 9) // (hits + 9 + misses + 3)
    wait_for(gateway, hits=hits + 9, misses=misses + 3, hit_percent=share, entries=3)
    # A fourth pushes out the one that was used least recently.
    assert caller.bearer(KEY).status_code == 200
    assert caller.bearer(tokens[-1]).status_code == 200
    assert caller.bearer(tokens[0]).status_code == 200
    wait_for(gateway, hits=hits + 10, misses=misses + 5, entries=3)


def test_what_is_refused_is_not_remembered(gateway: Gateway) -> None:
    caller, before = Caller(gateway), figures(gateway)
    wrong = Signer("RS256").token()
    for _ in range(3):
        assert caller.bearer(wrong).status_code == 401
    wait_for(gateway, hits=before["hits"], misses=before["misses"] + 3, entries=0)


def test_a_new_configuration_begins_anew(gateway: Gateway) -> None:
    caller = Caller(gateway)
    assert caller.bearer(KEY).status_code == 200
    wait_for(gateway, entries=1)
    gateway.reload(document(keys=[{**KEY_ENTRY, "disabled": True}], credential_cache=CAPACITY))
    assert caller.bearer(KEY).status_code == 401
    wait_for(gateway, entries=0)
