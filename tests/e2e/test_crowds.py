"""Hundreds of streams of one worker whose wait, or whose life, ends at the same moment.

Envoy calls the filter for each one that ends, and goes on with the next within that call. Where one callback of the filter
ends some three hundred, the stack is full: the worker's VM traps, and answers nobody any more.
"""

import asyncio
import json
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from harness.bootstrap import static_cluster
from harness.caller import CHAT, CHAT_PATH, Caller, calling
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.gateway import Signer, document, issuer_entry, key_entry, rule
from harness.lean_load import Outcome, outcome_of, run_lean_load
from harness.list_server import ListServer
from harness.ports import LOOPBACK
from harness.simulator import Simulator

pytestmark = [pytest.mark.both_hosts, pytest.mark.alone]
CROWD = 500
SECONDS = 20.0
LATE, HOLD = 1.5, 2.0
KNOWN, STRANGER = Signer("ES256", "known"), Signer("ES256", "stranger")
GOOD, GOOD_ENTRY = key_entry("good", tenant="acme")
LEAVING, LEAVING_ENTRY = key_entry("leaving", tenant="acme")
REALTIME = "/openai/v1/realtime?model=gpt-realtime"
UPGRADE = {"connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13"}
UPGRADE["sec-websocket-key"] = "dGhlIHNhbXBsZSBub25jZQ=="


def configuration(**sections: Any) -> dict[str, Any]:
    remote = {"cluster": "lists", "host": "lists.test", "path": "/revoked.json", "poll": "1s"}
    return document(
        **{
            "keys": [GOOD_ENTRY, LEAVING_ENTRY],
            "revocations": [{"id": "main", "remote": remote}],
            # Nobody is decided on before the body has come.
            "policies": [rule("model", "llm.operation != 'chat' || has(llm.model)")],
            **sections,
        }
    )


@pytest.fixture(scope="module")
def lists() -> Iterator[ListServer]:
    with ListServer() as server:
        yield server


@pytest.fixture(scope="module")
def shared(lists: ListServer, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    options = {"concurrency": 1, "clusters": [static_cluster("lists", lists.port)]}
    with calling(configuration(), simulator, tmp_path_factory.mktemp("crowds"), **options) as running:
        yield running
    simulator.reset_jwks()


@pytest.fixture
def caller(shared: Caller, lists: ListServer) -> Iterator[Caller]:
    lists.publish()
    assert shared.gateway.reload(configuration()) in (Reload.APPLIED, Reload.UNCHANGED)
    wait_until(lambda: shared.bearer(LEAVING).status_code == 200, what="a key that is not revoked", seconds=10)
    yield shared
    assert shared.gateway.envoy.crashes() == 0, shared.gateway.envoy.log()[-1000:]
    assert shared.bearer(GOOD).status_code == 200


def request(method: str, path: str, credential: str, content: bytes = b"", **headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "host: gateway.test", f"authorization: Bearer {credential}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + content


def chat(credential: str, *, length: int = 0, **body: Any) -> bytes:
    """More may be announced than comes."""
    content = json.dumps({**CHAT, **body}).encode()
    announced = {"content-type": "application/json", "content-length": str(max(length, len(content)))}
    return request("POST", CHAT_PATH, credential, content, **announced)


def crowd(caller: Caller, content: bytes) -> Counter[Outcome]:
    """The same request once on each of many connections, which all wait at the same time."""
    return run_lean_load(caller.gateway.port, lambda _: content, total=CROWD, connections=CROWD, seconds=SECONDS)


def wait_for_crowd(caller: Caller) -> None:
    stat = "http.gateway.downstream_rq_active"
    wait_until(lambda: caller.gateway.envoy.stat(stat) >= CROWD, what="the whole crowd", seconds=SECONDS)


def test_a_crowd_is_refused_when_the_keys_come(caller: Caller, simulator: Simulator) -> None:
    simulator.reset_jwks()
    simulator.set_jwks({"keys": [KNOWN.jwk()]})
    simulator.set_jwks_mode("slow", LATE)
    remote = {"cluster": "idp", "host": "login.test", "path": "/jwks.json", "timeout": "10s"}
    issuer = issuer_entry(KNOWN, jwks={"remote": remote})
    assert caller.gateway.reload(configuration(issuers=[issuer])) is Reload.APPLIED
    assert crowd(caller, chat(STRANGER.token())) == {(401, "token_key_unknown"): CROWD}


def test_a_crowd_that_is_held_too_long(caller: Caller) -> None:
    assert caller.gateway.reload(configuration(hold_timeout=f"{HOLD:g}s")) is Reload.APPLIED
    assert crowd(caller, chat(GOOD, length=1000)) == {(503, "hold_timeout"): CROWD}


def test_a_crowd_that_is_revoked_before_its_answers_begin(caller: Caller, lists: ListServer) -> None:
    with ThreadPoolExecutor(1) as pool:
        outcomes: Future[Counter[Outcome]] = pool.submit(crowd, caller, chat(LEAVING, model="sim-slow-15"))
        wait_for_crowd(caller)
        lists.publish({"key": "leaving"})
        assert outcomes.result(SECONDS) == {(401, "revoked_in_flight"): CROWD}


def test_a_crowd_that_is_revoked_in_the_middle(caller: Caller, lists: ListServer) -> None:
    answered: list[Outcome] = []

    async def open_until_cut_off() -> Outcome:
        reader, writer = await asyncio.open_connection(LOOPBACK, caller.gateway.port)
        writer.write(request("GET", REALTIME, LEAVING, **UPGRADE))
        outcome = await outcome_of(reader)
        answered.append(outcome)
        try:
            while await reader.read(1024):
                pass
        except ConnectionResetError:
            pass
        writer.close()
        return outcome

    async def open_all() -> Counter[Outcome]:
        return Counter(await asyncio.gather(*(open_until_cut_off() for _ in range(CROWD))))

    with ThreadPoolExecutor(1) as pool:
        outcomes = pool.submit(asyncio.run, open_all())
        wait_until(lambda: len(answered) >= CROWD, what="every stream's 101", seconds=SECONDS)
        lists.publish({"key": "leaving"})
        began = time.monotonic()
        assert outcomes.result(SECONDS) == {(101, ""): CROWD}
    print(f"{CROWD} open streams were cut off within {time.monotonic() - began:.1f} s")
