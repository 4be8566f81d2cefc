"""One attack, played twice: where nothing closes the door, and at the gateway."""

import contextlib
import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from .bootstrap import Document, static_cluster
from .ecds import Reload
from .envoy import Envoy
from .exchange import PROTOCOLS
from .gateway import Gateway, Signer
from .raw import RawResponse
from .raw_http1 import Http1Connection
from .raw_http2 import Http2Connection
from .raw_provider import RawProvider
from .simulator import Simulator

BOTH = sorted(PROTOCOLS)
JSON = ("content-type", "application/json")
CHAT = "/openai/v1/chat/completions"
MODELS = "/openai/v1/models"
FORBIDDEN = "forbidden"
"""The model that a rule of every gateway here refuses."""
REMOTE = "https://remote.test/"
"""An issuer whose keys are fetched again each second."""
LURES = ("x-tenant-id", "x-envoy-decorator-operation")
"""Headers that the filter takes off, and that routes here read."""
STAND_IN = "anybody"
"""A credential that is none, and too short to be taken for one."""

# What a WebSocket's request says over HTTP/1.1 (RFC 6455 section 4.1) and over HTTP/2 (RFC 8441).
WEBSOCKET = (("sec-websocket-version", "13"), ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="))
UPGRADE = (("connection", "Upgrade"), ("upgrade", "websocket"), *WEBSOCKET)

Pair = tuple[str, str]

# A connection manager that closes nothing, so that the filter alone stands against an attack.
LOOSE: dict[str, Any] = {
    "use_remote_address": None,
    "normalize_path": None,
    "merge_slashes": None,
    "path_with_escaped_slashes_action": None,
    "common_http_protocol_options": None,
    "http_protocol_options": {"enable_trailers": True},
    "http2_protocol_options": {"allow_connect": True},
    "preserve_external_request_id": True,
    # What Envoys take for the inside that are told nothing else.
    "internal_address_config": {"cidr_ranges": [{"address_prefix": "10.0.0.0", "prefix_len": 8}]},
}


@dataclass(frozen=True)
class Attack:
    """One request as an attacker writes it; it ends with its headers where it has no content."""

    method: str
    path: str
    headers: tuple[Pair, ...] = ()
    content: bytes | None = None
    trailers: tuple[Pair, ...] = ()

    def adding(self, *headers: Pair) -> "Attack":
        return replace(self, headers=(*self.headers, *headers))

    def under(self, prefix: str) -> "Attack":
        """The attack on another route: the first segment of its path replaced."""
        return replace(self, path=f"/{prefix}/{self.path.split('/', 2)[2]}")

    def play(self, port: int, protocol: str) -> RawResponse:
        """Sends it on a connection of its own. Raises TimeoutError."""
        with PROTOCOLS[protocol](port) as exchange:
            exchange.open(self.method, self.path, self.headers, last=self.content is None)
            if self.content is not None:
                exchange.send(self.content)
                exchange.end(self.trailers)
            return exchange.receive()


def posting(document: Any, path: str = CHAT, *headers: Pair) -> Attack:
    """A POST of JSON; bytes are sent as they are."""
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return Attack("POST", path, (JSON, *headers), content)


def upgrade(port: int, protocol: str, path: str, headers: tuple[Pair, ...]) -> RawResponse:
    """Asks for a WebSocket and leaves once it is open or refused. Over HTTP/2 an open one answers 200."""
    if protocol == "http1":
        lines = [f"GET {path} HTTP/1.1", "host: gateway.test"]
        lines += [f"{name}: {value}" for name, value in (*UPGRADE, *headers)]
        with Http1Connection(port) as connection:
            connection.send("\r\n".join([*lines, "", ""]).encode("latin-1"))
            return connection.receive()
    pseudo = [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":authority", "gateway.test")]
    with Http2Connection(port) as connection:
        stream = connection.open([*pseudo, (":path", path), *WEBSOCKET, *headers])
        return connection.receive_start(stream)


def values(received: dict[str, Any], name: str) -> list[str]:
    """The values of a header that a provider saw."""
    return [value for other, value in received["headers"] if other.lower() == name]


def trailing_cluster(name: str, port: int) -> Document:
    """A cluster that passes trailers on in both directions, as every HTTP/2 cluster does."""
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    kept = {"explicit_http_config": {"http_protocol_options": {"enable_trailers": True}}}
    typed = {options: {"@type": f"type.googleapis.com/{options}", **kept}}
    return {**static_cluster(name, port), "typed_extension_protocol_options": typed}


@dataclass
class Stage:
    """The same routes to the same providers behind a bare Envoy and behind a gateway."""

    bare: Envoy
    gateway: Gateway
    simulator: Simulator
    raw: RawProvider
    keys: dict[str, str]
    signer: Signer
    configuration: dict[str, Any]

    def bearer(self, name: str = "acme") -> Pair:
        """The credential of the key with this name."""
        return ("authorization", f"Bearer {self.keys[name]}")

    def clear(self) -> None:
        """Forgets what any provider saw."""
        self.simulator.clear()
        self.raw.clear()

    def open_door(self, attack: Attack, protocol: str) -> tuple[RawResponse, dict[str, Any]]:
        """Plays the attack where nothing is closed: the answer, and what the provider saw.

        A stand-in takes the place of each credential, which nobody asks for there.
        """
        self.clear()
        answer = self.without_keys(attack).play(self.bare.port, protocol)
        [received] = self.simulator.wait_received(1)
        return answer, received

    def without_keys(self, attack: Attack) -> Attack:
        """The attack with a stand-in for each credential."""

        def stood_in(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
            found = list(pairs)
            for key in self.keys.values():
                found = [(name, value.replace(key, STAND_IN)) for name, value in found]
            return tuple(found)

        return replace(attack, headers=stood_in(attack.headers), trailers=stood_in(attack.trailers))

    def passes(self, attack: Attack, protocol: str) -> tuple[RawResponse, dict[str, Any]]:
        """Plays the attack at the gateway, which lets it through: the answer, and what the provider saw."""
        self.clear()
        answer = attack.play(self.gateway.port, protocol)
        assert answer.header("x-claimgate-reason") is None, answer
        [received] = self.simulator.wait_received(1)
        return answer, received

    def refuses(self, attack: Attack, protocol: str, status: int, reason: str) -> dict[str, Any]:
        """Plays the attack at the gateway; fails unless it ends there. Gives the record."""
        self.clear()
        return self.refused(attack.play(self.gateway.port, protocol), status, reason)

    def refused(self, answer: RawResponse, status: int, reason: str) -> dict[str, Any]:
        """Fails unless this answer is a refusal, recorded as one, and no provider saw anything. Gives the record."""
        record = assert_refused(self.gateway, answer, status, reason)
        assert self.simulator.received() == [] and self.raw.received() == []
        return record

    @contextlib.contextmanager
    def changed(self, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
        """The gateway under an edited configuration, until the block ends."""
        configuration = copy.deepcopy(self.configuration)
        change(configuration)
        assert self.gateway.reload(configuration) is Reload.APPLIED
        try:
            yield
        finally:
            assert self.gateway.reload(self.configuration) is Reload.APPLIED


def assert_refused(gateway: Gateway, answer: RawResponse, status: int, reason: str) -> dict[str, Any]:
    """Fails unless the gateway refused for this reason, in the answer and in the record, which it gives."""
    assert (answer.status, answer.header("x-claimgate-reason")) == (status, reason), answer
    # A redirect that Envoy follows is decided twice under one request id.
    record = gateway.audit(claimgate__decision_id=answer.header("x-claimgate-decision-id"))
    told = tuple(record[f"claimgate.{name}"] for name in ("decision", "reason", "answered_by"))
    assert told == ("deny", reason, "gateway"), record
    return record
