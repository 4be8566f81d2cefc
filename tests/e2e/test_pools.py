"""Several keys of one provider in a real Envoy with four workers: a key that is held back rests, one that is refused is left out,
and at the cluster Envoy's own retry takes another one."""

import itertools
import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.bootstrap import prefix_route, static_cluster
from harness.caller import CHAT, Caller, assert_refused, calling
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.envoy import Envoy
from harness.gateway import (
    COMMAND,
    PROVIDER_CREDENTIALS,
    ROOT,
    document,
    key_entry,
    upstream_entries,
    with_half_at_cluster,
)
from harness.keyed_provider import KeyedProvider
from harness.load import LoadRequest, run_load
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

WORKERS = 4
PATH = "/keyed/v1/chat/completions"
KEYS = {f"KEYED_{name}": f"sk-keyed-{name.lower()}-of-the-provider" for name in ("ONE", "TWO", "THREE")}
ONE, TWO, THREE = KEYS.values()
NAMES = {value: name for name, value in KEYS.items()}
KEY, ENTRY = key_entry("pools", tenant="acme")
CALLERS = dict(key_entry(f"pool-caller-{number}", tenant="acme") for number in range(24))
_ids = itertools.count()


def configuration(pool: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """Each has a pool of another id, of which nothing is known yet."""
    members = [{"env": name} for name in list(KEYS)[:2]]
    name = f"keys-{next(_ids)}"
    upstream = {"cluster": "keyed", "dialect": "openai", "path_prefix": "/keyed", "credential": {"from": name}}
    credentials = [{"id": name, "pool": {"members": members, **(pool or {})}}]
    keys = [ENTRY, *CALLERS.values()]
    return document(keys=keys, credentials=credentials, upstreams=[*upstream_entries(), upstream], **sections)


class Shared:
    def __init__(self, caller: Caller, provider: KeyedProvider) -> None:
        self.caller, self.provider = caller, provider
        self.id = ""

    def configure(self, pool: dict[str, Any] | None = None, **sections: Any) -> None:
        configured = configuration(pool, **sections)
        self.id = configured["credentials"][0]["id"]
        assert self.caller.gateway.reload(configured) is Reload.APPLIED

    def ask(self, key: str = KEY, **body: Any) -> httpx.Response:
        return self.caller.chat({"authorization": f"Bearer {key}"}, PATH, **body)

    def key_for(self, caller: str = KEY) -> str:
        """The key that a request goes on with, which succeeds."""
        answer = self.ask(caller)
        assert answer.status_code == 200, answer.text
        return self.provider.keys()[-1]

    def counter(self, key: str, what: str) -> int:
        stats = self.caller.gateway.envoy.stats(f"claimgate\\.credentials.{self.id}.member.{NAMES[key]}.{what}")
        return sum(stats.values())


@pytest.fixture(scope="module")
def provider() -> Iterator[KeyedProvider]:
    with KeyedProvider(*KEYS.values()) as running:
        yield running


@pytest.fixture(scope="module")
def running(provider: KeyedProvider, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    options = {
        "concurrency": WORKERS,
        "environment": KEYS,
        "clusters": [static_cluster("keyed", provider.port)],
        "routes": [prefix_route("/keyed/", "keyed")],
    }
    with calling(configuration(), simulator, tmp_path_factory.mktemp("pools"), **options) as caller:
        caller.secrets.update([KEY, *KEYS.values()])
        yield Shared(caller, provider)


@pytest.fixture
def shared(running: Shared) -> Shared:
    running.provider.clear()
    running.configure()
    return running


def test_each_caller_keeps_its_key(shared: Shared) -> None:
    keys = [{shared.key_for(caller) for _ in range(4)} for caller in CALLERS]
    assert all(len(own) == 1 for own in keys), "from whichever worker"
    assert {key for own in keys for key in own} == {ONE, TWO}
    record = shared.caller.record(shared.ask())
    assert record["claimgate.upstream.credential.kind"] == "pool"
    assert record["claimgate.upstream.credential.member"] == NAMES[shared.provider.keys()[-1]]
    assert record["claimgate.upstream.credential.owner"] == "gateway"


def test_a_key_that_is_held_back_rests_on_all_workers(shared: Shared) -> None:
    shared.ask()
    [held] = shared.provider.keys()
    shared.provider.answers(held, 429, {"retry-after": "5", "x-ratelimit-remaining-requests": "0"})
    answer = shared.ask()
    # The provider's own, since another key cannot be tried here.
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "5")
    began = time.monotonic()
    load = LoadRequest(shared.caller.gateway.url + PATH, document=CHAT, headers={"authorization": f"Bearer {KEY}"})
    assert run_load(load, total=200, connections=16).statuses == {200: 200}
    assert held not in shared.provider.keys()[2:]
    wait_until(lambda: shared.counter(held, "resting") == 1, what="the gauge", seconds=5)
    assert shared.counter(held, "rested") == 1
    # Whoever it belongs to has it again once it is back.
    shared.provider.answers(held, 200)
    time.sleep(max(0.0, began + 5.1 - time.monotonic()))
    assert shared.ask().status_code == 200
    assert shared.provider.keys()[-1] == held


def test_it_rests_for_the_model_alone_where_rules_see_that(shared: Shared) -> None:
    shared.configure(policies=[{"file": "model.cel", "expression": "llm.model != 'none'"}])
    shared.ask(model="gpt-4o")
    [held] = shared.provider.keys()
    shared.provider.answers(held, 429)
    shared.ask(model="gpt-4o")
    shared.provider.answers(held, 200)
    for model, is_held in [("gpt-4o", False), ("o3", True)]:
        assert shared.ask(model=model).status_code == 200
        assert (shared.provider.keys()[-1] == held) is is_held


def test_a_key_that_is_refused_is_left_out(shared: Shared) -> None:
    shared.configure({"out": "7s"})
    first = shared.key_for()
    shared.provider.answers(first, 401)
    answer = shared.ask()
    assert_refused(answer, 502, "upstream_credential_refused")
    assert shared.caller.record(answer)["claimgate.upstream.credential.member"] == NAMES[first]
    assert [shared.ask().status_code for _ in range(20)] == [200] * 20
    log = shared.caller.gateway.envoy.log()
    line = f"credentials `{shared.id}`: the provider refuses the key in `{NAMES[first]}`; it is left out of such requests for 7 s"
    assert log.count(line) == 1
    second = shared.provider.keys()[-1]
    shared.provider.answers(second, 401)
    assert_refused(shared.ask(), 502, "upstream_credential_refused")
    # The provider is asked no more for this caller.
    count = len(shared.provider.keys())
    answer = shared.ask()
    assert_refused(answer, 503, "upstream_pool_exhausted")
    assert 1 <= int(answer.headers["retry-after"]) <= 7
    assert len(shared.provider.keys()) == count
    # Another one finds out by itself. What two have found holds for all.
    another, third, *_ = CALLERS
    assert [shared.ask(another).status_code for _ in range(3)] == [502, 502, 503]
    assert_refused(shared.ask(third), 503, "upstream_pool_exhausted")
    assert len(shared.provider.keys()) == count + 2
    wait_until(lambda: shared.counter(first, "out") == shared.counter(second, "out") == 1, what="the gauges", seconds=3)
    shared.provider.clear()
    wait_until(lambda: shared.ask().status_code == 200, what="a key is back", seconds=12)


def test_all_rest_and_the_provider_says_how_long(shared: Shared) -> None:
    for key, seconds in [(ONE, "20"), (TWO, "9")]:
        shared.provider.answers(key, 429, {"retry-after": seconds})
    told = [shared.ask().headers["retry-after"] for _ in range(6)]
    assert sorted(told[:2]) == ["20", "9"]
    assert told[2:] == ["9"] * 4, "that of the one which is back first"


@pytest.mark.parametrize("choose", ["weighted", "round_robin"])
def test_weights_share_the_traffic(shared: Shared, choose: str) -> None:
    members = [{"env": NAMES[ONE], "weight": 3}, {"env": NAMES[TWO]}]
    shared.configure({"choose": choose, "members": members})
    load = LoadRequest(shared.caller.gateway.url + PATH, document=CHAT, headers={"authorization": f"Bearer {KEY}"})
    assert run_load(load, total=800, connections=16).statuses == {200: 800}
    share = shared.provider.keys().count(ONE) / 800
    assert 0.68 < share < 0.82, Counter(shared.provider.keys())


@pytest.mark.parametrize(
    "pool, why",
    [
        ({"members": [{"env": "KEYED_ONE"}]}, "pool.members: there are 1; name 2 to 32 keys"),
        ({"members": [{"env": "KEYED_ONE"}, {"env": "KEYED_ONE"}]}, "pool.members[1].env: `KEYED_ONE` is named twice"),
        ({"choose": "hashed"}, "unknown variant `hashed`"),
        ({"out_on": [400]}, "pool.out_on: 400 says nothing of a key"),
        ({"out": "30d"}, "pool.out: `30d` is not from 1s to 1h"),
    ],
)
def test_a_pool_that_is_wrong_is_refused_with_its_place(shared: Shared, pool: dict[str, Any], why: str) -> None:
    assert shared.caller.gateway.reload(configuration(pool)) is Reload.REJECTED
    assert why in shared.caller.gateway.envoy.log()


def test_the_command_says_which_keys_are_there(tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    upstream = {"cluster": "keyed", "dialect": "openai", "credential": {"from": "keys"}}
    members = [{"env": name} for name in KEYS]
    gateway = {
        "keys": [ENTRY],
        "policies": [{"file": "model_allow_list.cel"}],
        "credentials": [{"id": "keys", "pool": {"members": members}}],
        "upstreams": [upstream],
    }
    file.write_text(json.dumps(gateway))
    command = [COMMAND, "credential", "test", "--config", file, "--policies", ROOT / "policies", "--id", "keys"]
    for environment, code, told in [
        (KEYS, 0, "keys: all 3 keys are there"),
        ({"KEYED_ONE": ONE}, 1, "keys: 1 of 3 keys are there; the environment lacks `KEYED_TWO`, `KEYED_THREE`"),
    ]:
        ran = subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, timeout=30)
        output = ran.stdout + ran.stderr
        assert (ran.returncode, told in output) == (code, True), output
        assert not any(key in output for key in KEYS.values())


@pytest.fixture(scope="module")
def at_cluster(
    provider: KeyedProvider, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Envoy]:
    """Both halves, and a route that retries after a 429."""
    directory = tmp_path_factory.mktemp("pools_at_cluster")
    quota = {"id": "calls", "limit": 1000, "window": "1h", "per": ["principal.subject"]}
    members = [{"env": name} for name in KEYS]
    configured = configuration({"members": members, "rest": "1s"}, attach="at_cluster", quotas=[quota])
    again = {"retry_on": "retriable-status-codes", "retriable_status_codes": [429], "num_retries": 2}
    route = prefix_route("/keyed/", "keyed", retry_policy=again)
    # Envoy retries three requests of a cluster at a time unless it is told otherwise.
    many = {"circuit_breakers": {"thresholds": [{"max_retries": 100}]}}
    cluster = static_cluster("keyed", provider.port) | many
    bootstrap = with_half_at_cluster(configured, simulator, directory, routes=[route], clusters=[cluster])
    with Envoy(bootstrap, directory, concurrency=WORKERS, environment={**PROVIDER_CREDENTIALS, **KEYS}) as envoy:
        yield envoy
        assert envoy.crashes() == 0
        assert not any(key in envoy.log() + envoy.admin("/config_dump?include_eds") for key in KEYS.values())


def ask(envoy: Envoy, key: str = KEY) -> httpx.Response:
    return httpx.post(f"{envoy.url}{PATH}", headers={"authorization": f"Bearer {key}"}, json=CHAT, timeout=15)


def record(envoy: Envoy, answer: httpx.Response) -> dict[str, Any]:
    def found() -> list[dict[str, Any]]:
        lines = (json.loads(line) for line in envoy.audit_lines() if line != "-")
        return [line for line in lines if line["claimgate.request_id"] == answer.headers["x-request-id"]]

    wait_until(lambda: bool(found()), what="the record", seconds=5)
    [only] = found()
    return only


def test_a_retry_at_the_cluster_takes_another_key(at_cluster: Envoy, provider: KeyedProvider) -> None:
    provider.clear()
    before = int(ask(at_cluster).headers["x-ratelimit-remaining-requests"])
    first = provider.keys()[-1]
    provider.clear()
    provider.answers(first, 429, {"retry-after": "2"})
    rests_until = time.monotonic() + 1.5
    answer = ask(at_cluster)
    assert answer.status_code == 200, answer.text
    (one, body), (other, same) = provider.received()
    assert one == first != other and body == same
    # The key that rests is not tried again meanwhile; a loaded machine does not come to eight.
    asked = 0
    while asked < 8 and time.monotonic() < rests_until:
        assert ask(at_cluster).status_code == 200
        asked += 1
    assert provider.keys()[2:] == [other] * asked and asked > 0
    # It was charged once, and its one record names the key that served.
    assert int(answer.headers["x-ratelimit-remaining-requests"]) == before - 1
    told = record(at_cluster, answer)
    assert told["claimgate.upstream.credential.member"] == NAMES[other]
    assert "x-claimgate-pool-member" not in answer.headers


def test_nobody_sees_that_a_key_is_used_up(at_cluster: Envoy, provider: KeyedProvider) -> None:
    provider.clear()
    provider.answers(ONE, 429)
    load = LoadRequest(at_cluster.url + PATH, document=CHAT, headers={"authorization": f"Bearer {KEY}"})
    callers = list(CALLERS)
    answers = [ask(at_cluster, caller).status_code for caller in callers]
    assert answers == [200] * len(callers)
    assert run_load(load, total=400, connections=16).statuses == {200: 400}
    assert {ONE, TWO, THREE} == set(provider.keys())


def test_at_the_cluster_too_a_refused_key_is_left_out(at_cluster: Envoy, provider: KeyedProvider) -> None:
    provider.clear()
    time.sleep(2.1)
    ask(at_cluster)
    first = provider.keys()[-1]
    provider.answers(first, 401)
    answer = ask(at_cluster)
    assert_refused(answer, 502, "upstream_credential_refused")
    assert record(at_cluster, answer)["claimgate.upstream.credential.member"] == NAMES[first]
    assert [ask(at_cluster).status_code for _ in range(12)] == [200] * 12
    assert provider.keys().count(first) == 2
