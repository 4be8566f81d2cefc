"""Hold, trailers and upgrades: nothing leaves before all of it was decided."""

import json
import time
from collections.abc import Iterator

import pytest

from harness.attacks import (
    BOTH,
    CHAT,
    FORBIDDEN,
    JSON,
    LOOSE,
    Attack,
    Pair,
    Stage,
    assert_refused,
    posting,
    upgrade,
    values,
)
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.exchange import PROTOCOLS
from harness.gateway import PROVIDER_CREDENTIALS, Gateway, document, key_entry
from harness.host import Host
from harness.raw import RawResponse
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

BAD = json.dumps({"model": FORBIDDEN, "messages": [{"role": "user", "content": "hi"}]}).encode()
GOOD = BAD.replace(FORBIDDEN.encode(), b"gpt-4o")
REALTIME = "/openai/v1/realtime"
SUBPROTOCOL = "openai-insecure-api-key."
HOLD_SECONDS = 1


# Hold.


@pytest.mark.parametrize("protocol", BOTH)
def test_no_header_leaves_before_the_body_was_read(stage: Stage, protocol: str) -> None:
    """A provider's credential must not be on its way while the rule still waits for the model."""
    stage.clear()
    with PROTOCOLS[protocol](stage.bare.port) as exchange:
        exchange.open("POST", CHAT, [JSON])
        exchange.send(BAD[:9])
        wait_until(stage.simulator.received, what="the headers to arrive", seconds=5)
    stage.simulator.wait_received(1)
    stage.clear()
    read = stage.gateway.envoy.stat("http.gateway.downstream_cx_rx_bytes_total")
    with PROTOCOLS[protocol](stage.gateway.port) as exchange:
        exchange.open("POST", CHAT, [JSON, stage.bearer()])
        exchange.send(BAD[:9])
        wait_until(
            lambda: stage.gateway.envoy.stat("http.gateway.downstream_cx_rx_bytes_total") > read,
            what="Envoy to read the beginning",
            seconds=5,
        )
        assert stage.simulator.received() == []
        exchange.send(BAD[9:])
        exchange.end()
        stage.refused(exchange.receive(), 403, "model_not_allowed")


@pytest.fixture(scope="module")
def unable(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, Pair]]:
    """A host without what `hold: headers_and_body` promises, and a credential there."""
    key, entry = key_entry("held", tenant="acme")
    configuration = document(keys=[entry], hold_timeout=f"{HOLD_SECONDS}s")
    plugin = {"allow_on_headers_stop_iteration": False}
    directory = tmp_path_factory.mktemp("unable")
    with Gateway(configuration, simulator, directory, plugin=plugin, connection_manager=LOOSE) as gateway:
        yield gateway, ("authorization", f"Bearer {key}")
        assert gateway.envoy.crashes() == 0


@pytest.mark.only(Host.WASM)
@pytest.mark.parametrize("protocol", BOTH)
def test_a_host_that_cannot_hold_lets_nothing_pass(
    unable: tuple[Gateway, Pair], simulator: Simulator, protocol: str
) -> None:
    gateway, bearer = unable
    simulator.clear()
    began = time.monotonic()
    assert_refused(gateway, posting(GOOD, CHAT, bearer).play(gateway.port, protocol), 503, "hold_timeout")
    assert time.monotonic() - began >= HOLD_SECONDS
    assert simulator.received() == []


def test_a_host_that_says_so_gets_no_rule_on_the_body(stage: Stage) -> None:
    log = len(stage.gateway.envoy.log())
    try:
        assert stage.gateway.reload({**stage.configuration, "hold": "headers"}) is Reload.REJECTED
        assert "hold: `headers` lets the headers leave before the body is read" in stage.gateway.envoy.log()[log:]
    finally:
        assert stage.gateway.reload(stage.configuration) is Reload.APPLIED


@pytest.mark.parametrize("protocol", BOTH)
def test_a_request_that_never_ends_is_not_held_for_ever(stage: Stage, protocol: str) -> None:
    with (
        stage.changed(lambda configuration: configuration.update(hold_timeout=f"{HOLD_SECONDS}s")),
        PROTOCOLS[protocol](stage.gateway.port) as exchange,
    ):
        stage.clear()
        exchange.open("POST", CHAT, [JSON, stage.bearer()])
        exchange.send(GOOD[:-1])
        stage.refused(exchange.receive(), 503, "hold_timeout")


# Trailers: nothing is released by a default callback.


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("pieces", [0, 1, 2])
def test_trailers_do_not_release_an_undecided_request(stage: Stage, protocol: str, pieces: int) -> None:
    """A body that ends with trailers never says that it ends."""

    def play(port: int) -> None:
        exchange.open("POST", CHAT, [JSON, *([stage.bearer()] if port == stage.gateway.port else [])])
        for start in range(pieces):
            exchange.send(BAD[:9] if start + 1 < pieces else BAD[9 * (pieces - 1) :])
        exchange.end([("x-checksum", "1")])

    stage.clear()
    with PROTOCOLS[protocol](stage.bare.port) as exchange:
        play(stage.bare.port)
        [seen] = stage.simulator.wait_received(1)
        assert seen["body"].encode() == (BAD if pieces else b"")
    stage.clear()
    with PROTOCOLS[protocol](stage.gateway.port) as exchange:
        play(stage.gateway.port)
        answer = exchange.receive()
    stage.refused(answer, 403 if pieces else 400, "model_not_allowed" if pieces else "body_malformed")


CLAIMS = ("x-api-key", "x-tenant-id", "x_tenant_id", "openai-organization", "x-claimgate-tenant", "cookie")
# A body that is read, and one that passes while it comes.
HELD, UNREAD = "/raw/v1/chat/completions", "/raw-owned/v1/files"


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("path", [HELD, UNREAD])
def test_trailers_carry_nobody_to_a_provider(stage: Stage, at_cluster: Gateway, protocol: str, path: str) -> None:
    """What is taken off the headers must not come behind the body."""
    trailers = (stage.bearer(), *((name, "forged") for name in CLAIMS), ("x-checksum", "1"))
    attack = Attack("POST", path, (stage.bearer(), JSON), GOOD, trailers)
    stage.clear()
    stage.without_keys(attack).play(stage.bare.port, protocol)
    assert stage.raw.wait_received(1)[0].count("forged") == len(CLAIMS)
    for port in (stage.gateway.port, at_cluster.port):
        stage.clear()
        assert attack.play(port, protocol).status == 200
        [seen] = stage.raw.wait_received(1)
        assert "x-checksum: 1" in seen
        assert "forged" not in seen and stage.keys["acme"] not in seen


# Upgrades.


@pytest.mark.parametrize("protocol", BOTH)
def test_an_upgrade_is_decided_at_its_headers(stage: Stage, protocol: str) -> None:
    opened = (101, 200)

    def ask(path: str, *headers: Pair) -> RawResponse:
        stage.clear()
        return upgrade(stage.gateway.port, protocol, path, headers)

    allowed = f"{REALTIME}?model=gpt-realtime"
    stage.clear()
    bare = upgrade(stage.bare.port, protocol, f"{REALTIME}?model={FORBIDDEN}", (("authorization", "Bearer anybody"),))
    assert bare.status in opened and stage.simulator.wait_received(1)
    stage.refused(ask(allowed), 401, "credential_missing")
    stage.refused(ask(f"{REALTIME}?model={FORBIDDEN}", stage.bearer()), 403, "model_not_allowed")
    for query in (f"model=gpt-realtime&model={FORBIDDEN}", f"model=gpt-realtime&MODEL={FORBIDDEN}", "model=a;model=b"):
        stage.refused(ask(f"{REALTIME}?{query}", stage.bearer()), 400, "path_ambiguous")
    joining = ask(f"{allowed}&call_id=c", stage.bearer())
    stage.refused(joining, 403, "stateful_operation_shared_credential")
    assert ask(allowed, stage.bearer()).status in opened


@pytest.mark.parametrize("protocol", BOTH)
def test_a_browsers_key_does_not_reach_the_provider(stage: Stage, protocol: str) -> None:
    offered = f"realtime, {SUBPROTOCOL}{{}}, openai-organization.globex"
    name = "sec-websocket-protocol"
    stage.clear()
    upgrade(stage.bare.port, protocol, f"{REALTIME}?model=gpt-realtime", ((name, offered.format("anybody")),))
    [seen] = stage.simulator.wait_received(1)
    assert f"{SUBPROTOCOL}anybody" in values(seen, name)[0]
    stage.clear()
    headers = ((name, offered.format(stage.keys["acme"])),)
    assert upgrade(stage.gateway.port, protocol, f"{REALTIME}?model=gpt-realtime", headers).status in (101, 200)
    [seen] = stage.simulator.wait_received(1)
    assert values(seen, name) == ["realtime"] and stage.keys["acme"] not in json.dumps(seen)
    assert values(seen, "authorization") == [f"Bearer {PROVIDER_CREDENTIALS['OPENAI_API_KEY']}"]


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("path", [CHAT, "/openai/v1/models", "/openai/v1/embeddings"])
def test_an_upgrade_is_no_tunnel_for_what_has_a_body(stage: Stage, protocol: str, path: str) -> None:
    """Its body would be frames, which nobody reads."""
    stage.clear()
    upgrade(stage.bare.port, protocol, path, (("authorization", "Bearer anybody"),))
    assert stage.simulator.wait_received(1)[0]["raw_path"] == path.removeprefix("/openai")
    stage.clear()
    stage.refused(upgrade(stage.gateway.port, protocol, path, (stage.bearer(),)), 404, "operation_unknown")


@pytest.mark.parametrize("protocol", BOTH)
def test_connect_makes_no_tunnel(stage: Stage, protocol: str) -> None:
    """CONNECT to a provider's address, which no route here accepts."""
    target = f"127.0.0.1:{stage.simulator.ports['openai']}"
    stage.clear()
    with PROTOCOLS[protocol](stage.gateway.port) as exchange:
        exchange.open("CONNECT", target, [stage.bearer()], last=True)
        answer = exchange.receive()
    assert answer.status in (0, 400, 404), answer
    assert stage.simulator.received() == []
