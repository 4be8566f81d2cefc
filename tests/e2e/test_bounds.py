"""What one request, one caller and everybody together can make a worker hold, and how long a rule can take."""

import json
import select
import selectors
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from harness.bootstrap import static_cluster
from harness.deadline import wait_until
from harness.gateway import Gateway, Signer, document, issuer_entry, key_entry, rule
from harness.host import STATS
from harness.key_server import KeyServer
from harness.ports import LOOPBACK
from harness.simulator import Simulator

pytestmark = [pytest.mark.both_hosts, pytest.mark.alone]
CHAT = "/openai/v1/chat/completions"
UPLOAD = "/openai/v1/audio/transcriptions"
MIB = 1 << 20
PER_CALLER, WORKER = 4 * MIB, 16 * MIB
STALLING = "request.query.all(k, request.query.exists(j, j == k))"
HELD = f"{STATS}claimgate.held_bytes"


@dataclass
class Scene:
    """One worker with small bounds, an issuer whose keys never come, an honest caller and a greedy one."""

    gateway: Gateway
    honest: str
    greedy: str
    configuration: dict[str, Any]
    stranger: str = field(default_factory=lambda: Signer("EdDSA", "nobody").token())

    def ask(self, key: str, size: int = 0, path: str = CHAT) -> httpx.Response:
        headers = {"authorization": f"Bearer {key}", "content-type": "application/json"}
        return httpx.post(self.gateway.url + path, content=chat(size), headers=headers, timeout=20)

    def held(self) -> int:
        return int(self.gateway.envoy.stat(HELD))

    def wait_released(self) -> None:
        wait_until(lambda: self.held() == 0, what="all that was held to come back", seconds=15)


def chat(size: int) -> bytes:
    """A chat of exactly `size` bytes, or as short as it can be."""
    text = json.dumps({"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]})
    return (text[:-1] + " " * max(0, size - len(text)) + "}").encode()


def head(path: str, credential: str, length: int, kind: str = "application/json") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: gateway.test", f"authorization: Bearer {credential}"]
    return "\r\n".join([*lines, f"content-type: {kind}", f"content-length: {length}", "", ""]).encode()


@pytest.fixture(scope="module")
def scene(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    keys = KeyServer()
    try:
        honest, first = key_entry("honest", tenant="acme")
        greedy, second = key_entry("greedy", tenant="globex")
        remote = {"remote": {"cluster": "keys", "host": "keys.test", "path": "/never", "timeout": "4s"}}
        configuration = document(
            keys=[first, second],
            issuers=[{**issuer_entry(Signer("EdDSA", "k")), "jwks": remote}],
            policies=[
                rule("model", "!has(llm.model) || llm.model != 'x'"),
                rule("stalling", STALLING, when="has(request.query.stall)"),
            ],
            body_limit="1MiB",
            form_limit="2MiB",
            held_bytes=f"{WORKER}B",
            held_bytes_per_caller=f"{PER_CALLER}B",
            hold_timeout="4s",
        )
        directory = tmp_path_factory.mktemp("bounds")
        clusters = [static_cluster("keys", keys.port)]
        with Gateway(configuration, simulator, directory, concurrency=1, clusters=clusters) as gateway:
            yield Scene(gateway, honest, greedy, configuration)
            assert gateway.envoy.crashes() == 0
    finally:
        keys.stop()


class Crowd:
    """Requests that are sent but for their last byte; each is answered, or held."""

    def __init__(self, port: int) -> None:
        self.port, self.sockets, self.answers = port, ExitStack(), []
        self.waiting: list[tuple[socket.socket, bytes]] = []

    def __enter__(self) -> "Crowd":
        return self

    def __exit__(self, *_: object) -> None:
        self.sockets.close()

    def send(self, message: bytes) -> None:
        one = self.sockets.enter_context(socket.create_connection((LOOPBACK, self.port)))
        one.settimeout(10)
        one.sendall(message[:1000])
        # What is refused at its headers need not send the rest, and Envoy would not take it.
        if not select.select([one], [], [], 0.02)[0]:
            with suppress(OSError):
                one.sendall(message[1000:-1])
        self.waiting.append((one, message[-1:]))

    def settle(self, seconds: float = 1.0) -> None:
        """Takes the answers that come soon; what has none by then is held."""
        ready = selectors.DefaultSelector()
        for one, _ in self.waiting:
            ready.register(one, selectors.EVENT_READ)
        until = time.monotonic() + seconds
        answered: set[int] = set()
        while events := ready.select(max(0.0, until - time.monotonic())):
            for key, _ in events:
                one = key.fileobj
                assert isinstance(one, socket.socket)
                try:
                    self.answers.append(one.recv(65536))
                except OSError:
                    self.answers.append(b"")
                ready.unregister(one)
                answered.add(one.fileno())
        ready.close()
        self.waiting = [(one, last) for one, last in self.waiting if one.fileno() not in answered]

    def finish(self) -> list[bytes]:
        """Sends what was held to its end, and returns the answers."""
        for one, last in self.waiting:
            one.sendall(last)
        return [one.recv(65536) for one, _ in self.waiting]

    def refused(self) -> int:
        return sum(b"503" in answer[:15] and b"overloaded" in answer for answer in self.answers)


def test_one_caller_holds_so_much_and_the_others_go_on(scene: Scene) -> None:
    message = head(CHAT, scene.greedy, MIB) + chat(MIB)
    with Crowd(scene.gateway.port) as crowd:
        for _ in range(20):
            crowd.send(message)
        crowd.settle(0.5)
        assert 1 <= len(crowd.waiting) <= PER_CALLER // MIB
        assert crowd.refused() >= 15
        assert scene.ask(scene.honest, MIB).status_code == 200
        refused = scene.ask(scene.greedy, MIB)
        assert (refused.status_code, refused.headers["x-claimgate-reason"]) == (503, "overloaded")
        assert (refused.headers["retry-after"], refused.headers["x-should-retry"]) == ("1", "true")
        assert "hold 4 MiB" in refused.json()["error"]["message"]
        assert all(b"HTTP/1.1 200" in answer for answer in crowd.finish())
    # What was held is free again, at once.
    assert scene.ask(scene.greedy, MIB).status_code == 200
    scene.wait_released()


def test_what_is_not_announced_counts_as_it_comes(scene: Scene) -> None:
    lines = head(CHAT, scene.greedy, 0).replace(b"content-length: 0", b"transfer-encoding: chunked")
    body = chat(MIB - 1000)
    message = lines + f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
    with Crowd(scene.gateway.port) as crowd:
        for _ in range(20):
            crowd.send(message)
        crowd.settle()
        assert 1 <= len(crowd.waiting) <= PER_CALLER // (MIB - 1000)
        assert scene.ask(scene.honest).status_code == 200
    scene.wait_released()


def test_strangers_hold_so_much_while_keys_are_awaited(scene: Scene) -> None:
    """Ten times what one source may have; each body is whole."""
    before = scene.gateway.envoy.rss_bytes()
    with Crowd(scene.gateway.port) as crowd:
        for _ in range(40):
            crowd.send(head(CHAT, scene.stranger, MIB) + chat(MIB) + b"\n")
        began = time.monotonic()
        assert scene.ask(scene.honest, MIB).status_code == 200
        assert time.monotonic() - began < 3
        crowd.settle()
        assert len(crowd.waiting) <= PER_CALLER // MIB
        assert scene.gateway.envoy.rss_bytes() - before < 150 * MIB
    scene.wait_released()


def test_beginnings_of_forms_hold_so_much(scene: Scene) -> None:
    """Forms that do not name their model within what has come."""
    part = b'--b\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\n'
    message = head(UPLOAD, scene.greedy, 200 * MIB, "multipart/form-data; boundary=b") + part + b"x" * 600_000
    with Crowd(scene.gateway.port) as crowd:
        for _ in range(60):
            crowd.send(message)
        crowd.settle()
        assert len(crowd.waiting) <= PER_CALLER // 600_000 + 1
        assert scene.ask(scene.honest, MIB).status_code == 200
    scene.wait_released()


def test_a_flood_leaves_the_worker_alive(scene: Scene) -> None:
    """A stranger and a caller announce 60 times what a worker may hold, in a thousand requests."""
    before = scene.gateway.envoy.rss_bytes()
    refused = 0
    for _ in range(4):
        with Crowd(scene.gateway.port) as crowd:
            for place in range(250):
                credential = scene.stranger if place % 2 else scene.greedy
                crowd.send(head(CHAT, credential, MIB) + chat(MIB)[:20_000])
            crowd.settle(0.2)
            refused += crowd.refused()
            assert scene.ask(scene.honest).status_code == 200
    assert refused > 200
    assert scene.gateway.envoy.rss_bytes() - before < 400 * MIB
    assert scene.gateway.envoy.crashes() == 0
    scene.wait_released()


def test_what_an_older_configuration_holds_comes_back_too(scene: Scene) -> None:
    with Crowd(scene.gateway.port) as crowd:
        crowd.send(head(CHAT, scene.greedy, MIB) + chat(MIB))
        crowd.settle(0.2)
        scene.gateway.reload(scene.configuration)
        assert scene.ask(scene.honest, MIB).status_code == 200
        [answer] = crowd.finish()
        assert b"HTTP/1.1 200" in answer
    scene.wait_released()


def test_a_body_beyond_the_bound_is_told_which_it_is(scene: Scene) -> None:
    answer = scene.ask(scene.honest, MIB + 1)
    assert (answer.status_code, answer.headers["x-claimgate-reason"]) == (413, "body_too_large")
    assert "at most 1048576 bytes" in answer.json()["error"]["message"]
    assert "`body_limit`" in answer.json()["error"]["message"]


def test_a_rule_walks_so_far(scene: Scene) -> None:
    def asked(count: int) -> tuple[int, str | None, float]:
        query = "&".join(["stall=1", *(f"n{number}" for number in range(count - 1))])
        began = time.monotonic()
        answer = scene.ask(scene.honest, path=f"{CHAT}?{query}")
        return answer.status_code, answer.headers.get("x-claimgate-reason"), time.monotonic() - began

    assert asked(100)[:2] == (200, None)
    for count in (150, 3_000):
        status, reason, seconds = asked(count)
        assert (status, reason) == (403, "policy_error"), count
        assert seconds < 2, count
