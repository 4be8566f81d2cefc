"""Two gateways for the forms that a request can have: the shipped bootstrap, and one of an operator who allows more."""

import json
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness import ecds
from harness.bootstrap import ACCESS_FORMAT, AUDIT_FORMAT, KEPT_REQUEST_IDS, LISTENER, Document
from harness.deadline import wait_until
from harness.demo.bootstrap import Place, placed
from harness.envoy import Envoy
from harness.exchange import PROTOCOLS
from harness.gateway import (
    PROVIDER_CREDENTIALS,
    Gateway,
    document,
    environment_keys,
    key_entry,
    rule,
    upstream_entries,
)
from harness.host import filter_config
from harness.raw import RawResponse
from harness.raw_http1 import http1_request
from harness.simulator import Simulator

BOTH = sorted(PROTOCOLS)
CHAT = "/openai/v1/chat/completions"
MODELS = "/openai/v1/models"
FORM = "/openai/v1/audio/transcriptions"
REALTIME = "/openai/v1/realtime?model=gpt-realtime"
# Its account is the tenant's own and no rule reads its body, which therefore passes unread.
UNREAD = "/anthropic/v1/messages"
REMOVE = "/anthropic/v1/files/file-1"
# An operator's own operation; the tables have none with HEAD.
PING = "/anthropic/v1/ping"
PROBE = "/openai/v1/health"
HEALTH = "/healthz"
JSON = ("content-type", "application/json")
ORIGIN = "https://app.test"
AUDIT_LOG = {"text_format_source": {"inline_string": AUDIT_FORMAT}}
BODY_LIMIT = 64 * 1024
FORM_LIMIT = 256 * 1024
# How many requests share the value of the header `counter`.
SCARCE = 2
Pairs = Sequence[tuple[str, str]]

# What docs/security.md tells an operator who serves browsers.
CORS_POLICY: Document = {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy",
    "allow_origin_string_match": [{"exact": ORIGIN}],
    "allow_methods": "GET, POST, DELETE",
    "allow_headers": "authorization, content-type, x-api-key, anthropic-version, x-request-id",
    "expose_headers": "x-request-id, x-claimgate-reason, x-claimgate-decision-id, retry-after",
    "max_age": "600",
}


@dataclass
class Scene:
    """A running gateway and one who calls it."""

    envoy: Envoy
    simulator: Simulator
    key: str
    listener: str = "gateway"
    early_reason: str | None = None
    """What the answer says where Envoy refuses before it asks any filter."""

    @property
    def port(self) -> int:
        return self.envoy.listener_port(self.listener)

    @property
    def credential(self) -> tuple[str, str]:
        return ("authorization", f"Bearer {self.key}")

    def counted(self) -> list[tuple[str, str]]:
        """Headers of requests that share a quota of `SCARCE` among them."""
        return [self.credential, ("counter", uuid.uuid4().hex)]

    def ask(
        self,
        protocol: str,
        method: str,
        path: str,
        headers: Pairs = (),
        content: Iterable[bytes] | None = None,
        trailers: Pairs = (),
    ) -> RawResponse:
        """One request; without `content` it ends with its headers."""
        with PROTOCOLS[protocol](self.port) as exchange:
            exchange.open(method, path, headers, last=content is None)
            if content is not None:
                for piece in content:
                    exchange.send(piece)
                exchange.end(trailers)
            return exchange.receive()

    def announce(self, protocol: str, method: str, path: str, headers: Pairs) -> RawResponse:
        """The answer to a request whose body is announced and does not come."""
        with PROTOCOLS[protocol](self.port) as exchange:
            exchange.open(method, path, headers)
            return exchange.receive()

    def raw(self, content: bytes, method: str = "GET") -> RawResponse:
        """The answer to exact bytes over HTTP/1.1."""
        return http1_request(self.port, content, method)

    def records(self) -> list[dict[str, Any]]:
        """The audit records so far, oldest first."""
        return [json.loads(line) for line in self.envoy.audit_lines() if line != "-"]

    def record(self, answer: RawResponse) -> dict[str, Any]:
        """The audit record of an answered request."""
        wanted = answer.header("x-request-id")
        assert wanted, answer
        return self.record_of(wanted)

    def record_of(self, request_id: str) -> dict[str, Any]:
        """The audit record with this request id, once it is written."""

        def found() -> list[dict[str, Any]]:
            return [record for record in self.records() if record["claimgate.request_id"] == request_id]

        [record] = wait_until(found, what=f"a record of `{request_id}`", seconds=5)
        return record

    def refused_by_envoy(self, asking: Callable[[], RawResponse], status: int) -> dict[str, Any]:
        """Fails unless Envoy itself refused, before it asked any filter; gives the record, which has no decision."""
        known = len(self.records())
        answer = asking()
        assert (answer.status, answer.header("x-claimgate-reason")) == (status, self.early_reason), answer

        def written() -> list[dict[str, Any]]:
            # The record of an earlier request may be written only now.
            names = ("claimgate.decision", "claimgate.answered_by", "http.response.status_code")
            new = self.records()[known:]
            return [record for record in new if [record.get(name) for name in names] == ["undecided", "envoy", status]]

        [record] = wait_until(written, what="a record of Envoy's refusal", seconds=5)
        return record

    def reset_by_envoy(self, asking: Callable[[], RawResponse], details: str) -> None:
        """Fails unless Envoy reset the stream without an answer, for this reason; only its own log shows it."""
        known = len(self.envoy.access_log_lines())
        answer = asking()
        assert answer.status == 0 and answer.reset_code, answer
        self.logged(known, details=details)
        assert self.simulator.received() == []

    def logged(self, known: int, **fields: Any) -> dict[str, Any]:
        """The line of Envoy's own log with these fields behind the first `known` ones, once it is written."""

        def found() -> dict[str, Any] | None:
            new = self.envoy.access_log_lines()[known:]
            return next((line for line in new if fields.items() <= line.items()), None)

        return wait_until(found, what=f"a line with {fields} in Envoy's log", seconds=5) or {}

    def arrived(self) -> dict[str, Any]:
        """The one request that reached a provider since the last clear, ended."""
        [received] = self.simulator.wait_received(1)
        return received


def body(model: str = "gpt-4o", *, size: int = 0) -> bytes:
    """A chat completion of exactly `size` bytes, or as short as it can be."""
    shortest = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]}).encode()
    return shortest[:-1] + b" " * max(0, size - len(shortest)) + b"}"


def head(method: str, target: str, headers: Pairs = (), *, version: str = "1.1") -> bytes:
    """The head of an HTTP/1 request as bytes, with a host."""
    lines = [f"{method} {target} HTTP/{version}", "host: gateway.test"]
    return "\r\n".join([*lines, *(f"{name}: {value}" for name, value in headers), "", ""]).encode("latin-1")


def sent_headers(received: Mapping[str, Any], name: str) -> list[str]:
    """Every value of a header that reached a provider."""
    return [value for key, value in received["headers"] if key.lower() == name]


def assert_answered(scene: Scene, answer: RawResponse, status: int = 200) -> dict[str, Any]:
    """Fails unless the provider answered; gives the record."""
    assert (answer.status, answer.complete) == (status, True), answer
    assert answer.header("x-claimgate-reason") is None, answer
    record = scene.record(answer)
    assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("allow", "provider"), record
    return record


def assert_refused(scene: Scene, answer: RawResponse, status: int, reason: str) -> dict[str, Any]:
    """Fails unless the gateway refused with this reason, in the answer and in the record, which it gives."""
    assert (answer.status, answer.header("x-claimgate-reason")) == (status, reason), answer
    record = scene.record(answer)
    said = tuple(record[name] for name in ("claimgate.decision", "claimgate.reason", "claimgate.answered_by"))
    assert said == ("deny", reason, "gateway"), record
    assert record["http.response.status_code"] == status
    return record


def configuration() -> tuple[dict[str, Any], str]:
    """What both gateways enforce, and a key."""
    key, entry = key_entry("app", tenant="acme")
    upstreams = upstream_entries()
    [anthropic] = [entry for entry in upstreams if entry["cluster"] == "anthropic"]
    anthropic["tenant"] = "acme"
    anthropic["operations"] = [{"method": "HEAD", "path": "/v1/ping", "operation": "ping"}]
    whole = document(
        keys=[entry],
        policies=[
            rule(
                "models",
                "llm.model != 'forbidden'",
                when="upstream.cluster != 'anthropic' && llm.operation != 'models'",
                reason="model_not_allowed",
            ),
        ],
        quotas=[
            {
                "id": "scarce",
                "when": "has(request.headers.counter)",
                "limit": SCARCE,
                "window": "1h",
                "per": ["request.headers.counter"],
            }
        ],
        upstreams=upstreams,
        open=[{"method": "GET", "path": PROBE}],
        body_limit=f"{BODY_LIMIT // 1024}KiB",
        form_limit=f"{FORM_LIMIT // 1024}KiB",
    )
    return whole, key


@contextmanager
def shipped(simulator: Simulator, directory: Path) -> Iterator[Scene]:
    """The shipped bootstrap, with what its comment on cors asks for, and its logs in files."""
    whole, key = configuration()
    typed = filter_config(json.dumps(whole), environment_keys=environment_keys(whole))
    ecds.move_into_place(directory / "claimgate.ecds.json", ecds.discovery_response(typed, "1"))
    bootstrap = placed(Place(0, 0, 0, simulator.ports, directory))
    for listener in bootstrap["static_resources"]["listeners"]:
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        [audit] = manager["access_log"]
        # Probes have no record; Envoy's own log has everything.
        manager["access_log"] = [
            _file_log(directory / "audit.log", AUDIT_LOG, audit["filter"]),
            _file_log(directory / "access.log", {"json_format": ACCESS_FORMAT}),
        ]
        if listener["name"] == LISTENER:
            [host] = manager["route_config"]["virtual_hosts"]
            host["typed_per_filter_config"] = {"envoy.filters.http.cors": CORS_POLICY}
    with Envoy(bootstrap, directory, environment=PROVIDER_CREDENTIALS) as envoy:
        assert ecds.applied_version(envoy), envoy.log()[-2000:]
        yield Scene(envoy, simulator, key, early_reason="proxy_refused")
        assert envoy.crashes() == 0, envoy.log()[-2000:]


@contextmanager
def permissive(simulator: Simulator, directory: Path) -> Iterator[Scene]:
    """An operator's own Envoy, which offers every kind of upgrade and tunnel, and keeps trailers."""
    whole, key = configuration()
    upgrades = ["websocket", "h2c", "connect-udp", "CONNECT", "anything"]
    manager = {
        "http_protocol_options": {"enable_trailers": True, "accept_http_10": True},
        "http2_protocol_options": {"allow_connect": True},
        "upgrade_configs": [{"upgrade_type": kind} for kind in upgrades],
        **KEPT_REQUEST_IDS,
    }
    tunnel = {
        "match": {"connect_matcher": {}},
        "route": {"cluster": "openai", "upgrade_configs": [{"upgrade_type": "CONNECT", "connect_config": {}}]},
    }
    options = {"connection_manager": manager, "routes": [tunnel]}
    with Gateway(whole, simulator, directory, **options) as gateway:
        yield Scene(gateway.envoy, simulator, key)
        assert gateway.envoy.crashes() == 0, gateway.envoy.log()[-2000:]


def _file_log(path: Path, log_format: Document, log_filter: Document | None = None) -> Document:
    kind = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
    log: Document = {"name": "envoy.access_loggers.file"}
    log["typed_config"] = {"@type": kind, "path": str(path), "log_format": log_format}
    return {**log, "filter": log_filter} if log_filter else log
