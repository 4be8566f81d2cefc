"""The shipped bootstrap: Envoy accepts it, also for real providers, and it does what its comments promise."""

import json
import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness import ecds
from harness.certificates import Authority
from harness.deadline import wait_until
from harness.demo.bootstrap import BEDROCK_LISTENER, Place, placed
from harness.demo.layout import BOOTSTRAP
from harness.envoy import Envoy, envoy_binary
from harness.exchange import PROTOCOLS
from harness.gateway import PROVIDER_CREDENTIALS, document, environment_keys, key_entry, rule
from harness.host import filter_config, wasm_config
from harness.raw import RawResponse
from harness.raw_http1 import http1_request
from harness.raw_http2 import Http2Connection, request_headers
from harness.simulator import Simulator
from harness.trap_module import write_trap_module

pytestmark = pytest.mark.both_hosts

ECDS_DIRECTORY = "/etc/claimgate"
ROOT_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PATH = "/openai/v1/models"
CHAT = "/openai/v1/chat/completions"
BOTH = sorted(PROTOCOLS)
TOO_MANY = [(f"x-{number}", "1") for number in range(101)]
BODY_LIMIT = 32 * 1024 * 1024
"""The default of `body_limit`."""


@pytest.fixture(scope="module")
def envoy(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Envoy]:
    """The shipped bootstrap with a filter that lets everything pass, to see what Envoy does around it."""
    directory = tmp_path_factory.mktemp("shipped")
    module = write_trap_module(directory / "pass.wasm")
    document = ecds.discovery_response(wasm_config(module, "anything"), "1")
    ecds.move_into_place(directory / "claimgate.ecds.json", document)
    with Envoy(placed(Place(0, 0, 0, simulator.ports, directory)), directory) as running:
        yield running


@dataclass
class Guarded:
    """The shipped bootstrap with the compiled filter."""

    envoy: Envoy
    key: str

    def ask(
        self, protocol: str, method: str, path: str, *headers: tuple[str, str], body: bytes | None = None
    ) -> RawResponse:
        """One request with the key; nobody in the bootstrap is asked for another."""
        with PROTOCOLS[protocol](self.envoy.port) as exchange:
            credential = ("authorization", f"Bearer {self.key}")
            exchange.open(method, path, [credential, *headers], last=body is None)
            if body is not None:
                exchange.send(body)
                exchange.end()
            return exchange.receive()

    def chat(self, protocol: str, size: int, *headers: tuple[str, str], model: str = "gpt-4o") -> RawResponse:
        """A chat of exactly `size` bytes, or as short as it can be."""
        text = json.dumps({"model": model, "messages": [{"role": "user", "content": "hi"}]})
        body = (text[:-1] + " " * max(0, size - len(text)) + "}").encode()
        return self.ask(protocol, "POST", CHAT, ("content-type", "application/json"), *headers, body=body)


@pytest.fixture(scope="module")
def guarded(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    directory = tmp_path_factory.mktemp("guarded")
    key, entry = key_entry("k1", tenant="acme")
    configuration = document(keys=[entry], policies=[rule("model", "llm.operation == 'models' || llm.model != 'x'")])
    keys = environment_keys(configuration)
    typed = filter_config(json.dumps(configuration), environment_keys=keys)
    ecds.move_into_place(directory / "claimgate.ecds.json", ecds.discovery_response(typed, "1"))
    bootstrap = placed(Place(0, 0, 0, simulator.ports, directory))
    with Envoy(bootstrap, directory, environment=PROVIDER_CREDENTIALS) as running:
        yield Guarded(running, key)
        assert running.crashes() == 0


def test_envoy_accepts_it(tmp_path: Path) -> None:
    _validate(BOOTSTRAP.read_text(), tmp_path)


def test_envoy_accepts_what_its_comments_say_of_real_providers(tmp_path: Path) -> None:
    if not ROOT_CERTIFICATES.exists():
        pytest.skip("root certificates: none here, install with `apt-get install ca-certificates`")
    text, clusters = BOOTSTRAP.read_text(), 7
    text, count = re.subn(r"type: STATIC # (type: LOGICAL_DNS)", r"\1", text)
    assert count == clusters
    text, count = re.subn(r"address: \{ socket_address: .*\n +# (address: .* port_value: 443 )", r"\1", text)
    assert count == clusters
    [block] = re.findall(r"^ +# transport_socket:\n(?: +# .*\n)+", text, re.MULTILINE)
    socket = block.replace("# ", "")
    text = text.replace(block, socket)

    def of_its_own(match: re.Match[str]) -> str:
        return socket.replace("api.openai.com", match[1])

    text, count = re.subn(r"^ +# transport_socket: as above, with `sni: (\S+)`\n", of_its_own, text, flags=re.MULTILINE)
    assert count == clusters - 1
    _validate(text, tmp_path)


@pytest.mark.parametrize(
    ("note", "path", "headers", "status"),
    [
        ("an escaped slash", "/openai/v1%2Fmodels", "", 400),
        ("a header read as another one is dropped", PATH, "authorization: Bearer a\r\nx_api_key: b\r\n", 200),
        ("no route", "/v1/models", "", 404),
        ("dot segments lead nowhere else", "/openai/../v1/models", "", 404),
        ("the probe needs no provider", "/healthz", "", 200),
        ("an ordinary request", PATH, "authorization: Bearer a\r\n", 200),
    ],
)
def test_paths_and_headers(envoy: Envoy, note: str, path: str, headers: str, status: int) -> None:
    request = f"GET {path} HTTP/1.1\r\nhost: gateway.test\r\n{headers}\r\n"
    answer = http1_request(envoy.port, request.encode())
    assert answer.status == status, note


def test_the_listener_for_bedrock_keeps_escaped_slashes_and_leads_nowhere_else(
    envoy: Envoy, simulator: Simulator
) -> None:
    simulator.clear()
    port = envoy.listener_port(BEDROCK_LISTENER)
    model = "arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Feu.amazon.nova-lite-v1%3A0"
    body = '{"messages":[{"role":"user","content":[{"text":"hi"}]}]}'
    head = f"POST /bedrock/model/{model}/converse HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer a\r\n"
    answer = http1_request(port, f"{head}content-length: {len(body)}\r\n\r\n{body}".encode(), "POST")
    assert answer.status == 200
    [record] = simulator.wait_received(1)
    assert (record["provider"], record["raw_path"]) == ("bedrock", f"/model/{model}/converse")
    assert http1_request(port, f"GET {PATH} HTTP/1.1\r\nhost: gateway.test\r\n\r\n".encode()).status == 404


def test_providers_see_their_own_host_and_nothing_of_the_caller(envoy: Envoy, simulator: Simulator) -> None:
    simulator.clear()
    sent = "x-request-id: caller-chose-this\r\nx-envoy-upstream-rq-timeout-ms: 1\r\n"
    sent += "".join(f"{name}: 10.1.2.3\r\n" for name in ("x-forwarded-for", "x-forwarded-host", "x-real-ip", "via"))
    request = f"GET {PATH} HTTP/1.1\r\nhost: gateway.test\r\nauthorization: Bearer a\r\n{sent}\r\n"
    answer = http1_request(envoy.port, request.encode())
    assert answer.status == 200
    assert dict(answer.headers)["server"] == "claimgate"
    [record] = simulator.wait_received(1)
    headers = {name.lower(): value for name, value in record["headers"]}
    assert headers["host"] == "api.openai.com"
    assert headers["x-request-id"] == "caller-chose-this"
    private = [name for name in headers if name.startswith(("x-forwarded-", "x-envoy-", "x-real-", "via"))]
    assert private == []


def test_every_answer_carries_a_request_id(envoy: Envoy) -> None:
    answers = [
        http1_request(envoy.port, f"GET {path} HTTP/1.1\r\nhost: gateway.test\r\n\r\n".encode())
        for path in (PATH, "/nowhere", "/healthz")
    ]
    identifiers = [value for answer in answers for name, value in answer.headers if name == "x-request-id"]
    assert len(set(identifiers)) == len(answers)


@pytest.mark.parametrize("protocol", BOTH)
def test_what_the_gateway_may_read_fits_into_what_envoy_holds(guarded: Guarded, protocol: str) -> None:
    for size in (70_000, 200_000, BODY_LIMIT):
        assert guarded.chat(protocol, size).status == 200, size
    answer = guarded.chat(protocol, BODY_LIMIT + 1)
    assert (answer.status, answer.header("x-claimgate-reason")) == (413, "body_too_large")
    assert "x-claimgate-decision-id" in dict(answer.headers)


@pytest.mark.parametrize("protocol", BOTH)
def test_a_caller_cannot_multiply_a_request_by_envoys_own_headers(
    guarded: Guarded, simulator: Simulator, protocol: str
) -> None:
    simulator.clear()
    steering = [("x-envoy-retry-on", "5xx"), ("x-envoy-max-retries", "3"), ("x-envoy-upstream-rq-timeout-ms", "1")]
    assert guarded.chat(protocol, 0, *steering, model="sim-500").status == 500
    [record] = simulator.wait_received(1)
    assert [name for name, _ in record["headers"] if name.lower().startswith("x-envoy-")] == []


@pytest.mark.parametrize("protocol", BOTH)
def test_what_envoy_refuses_before_any_filter_is_json_too(guarded: Guarded, protocol: str) -> None:
    answer = guarded.ask(protocol, "GET", "/openai/v1%2Fmodels")
    assert (answer.status, answer.header("x-claimgate-reason")) == (400, "proxy_refused")
    assert answer.json()["error"]["code"] == "proxy_refused"
    assert "path_normalization_failed" in answer.json()["error"]["message"]


@pytest.mark.parametrize("protocol", BOTH)
def test_our_own_denial_and_the_providers_error_keep_their_words(guarded: Guarded, protocol: str) -> None:
    denied = guarded.ask(protocol, "GET", "/nowhere")
    assert (denied.status, denied.header("x-claimgate-reason")) == (404, "no_upstream")
    assert denied.json()["error"]["code"] == "no_upstream"
    failed = guarded.chat(protocol, 0, model="sim-429")
    assert (failed.status, failed.header("x-claimgate-reason")) == (429, None)


@pytest.mark.parametrize("protocol", BOTH)
def test_overload_is_told_in_json(simulator: Simulator, tmp_path: Path, protocol: str) -> None:
    """Envoy runs no filter then, so the shape is the bootstrap's."""
    module = write_trap_module(tmp_path / "pass.wasm")
    ecds_document = ecds.discovery_response(wasm_config(module, "anything"), "1")
    ecds.move_into_place(tmp_path / "claimgate.ecds.json", ecds_document)
    bootstrap = placed(Place(0, 0, 0, simulator.ports, tmp_path))
    heap = {"@type": "type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig"}
    monitor = {"name": "envoy.resource_monitors.fixed_heap", "typed_config": {**heap, "max_heap_size_bytes": 1}}
    trigger = {"name": monitor["name"], "threshold": {"value": 0.5}}
    action = {"name": "envoy.overload_actions.stop_accepting_requests", "triggers": [trigger]}
    bootstrap["overload_manager"] = {"refresh_interval": "0.1s", "resource_monitors": [monitor], "actions": [action]}
    with Envoy(bootstrap, tmp_path) as envoy:
        gauge = "overload.envoy.overload_actions.stop_accepting_requests.active"
        wait_until(lambda: envoy.stat(gauge) == 1, what="the overload", seconds=5)
        with PROTOCOLS[protocol](envoy.port) as exchange:
            exchange.open("GET", PATH, last=True)
            answer = exchange.receive()
    assert (answer.status, answer.header("x-claimgate-reason")) == (503, "proxy_refused")
    assert "overload" in answer.json()["error"]["message"]


def test_a_malformed_request_over_http2_ends_its_own_stream_only(guarded: Guarded) -> None:
    credential = ("authorization", f"Bearer {guarded.key}")
    with Http2Connection(guarded.envoy.port) as connection:
        bad = connection.open(request_headers("GET", PATH, [credential, *TOO_MANY]), last=True)
        good = connection.open(request_headers("GET", PATH, [credential]), last=True)
        assert connection.receive(bad).reset_code is not None
        assert connection.receive(good).status == 200


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("method", ["POST", "DELETE", "HEAD"])
def test_the_probe_is_a_get(guarded: Guarded, protocol: str, method: str) -> None:
    answer = guarded.ask(protocol, method, "/healthz")
    assert (answer.status, answer.header("x-claimgate-reason")) == (404, "no_upstream")


def _validate(text: str, directory: Path) -> None:
    """Envoy checks that paths exist, so the file that `claimgate bundle` writes needs another place."""
    (directory / "claimgate.ecds.json").write_text("{}")
    bootstrap = directory / "envoy.yaml"
    bootstrap.write_text(text.replace(ECDS_DIRECTORY, str(directory)))
    Authority(directory / "tls")
    command = [envoy_binary(), "--mode", "validate", "--config-path", bootstrap, "--log-level", "warning"]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
