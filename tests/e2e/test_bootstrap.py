"""The shipped bootstrap: Envoy accepts it, also for real providers, and it does what its comments promise."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import ecds
from harness.demo.bootstrap import BEDROCK_LISTENER, Place, placed
from harness.demo.layout import BOOTSTRAP
from harness.envoy import Envoy, envoy_binary
from harness.raw_http1 import http1_request
from harness.simulator import Simulator
from harness.trap_module import write_trap_module

ECDS_DIRECTORY = "/etc/claimgate"
ROOT_CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")
PATH = "/openai/v1/models"


@pytest.fixture(scope="module")
def envoy(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Envoy]:
    """The shipped bootstrap with a filter that lets everything pass, to see what Envoy does around it."""
    directory = tmp_path_factory.mktemp("shipped")
    module = write_trap_module(directory / "pass.wasm")
    document = ecds.discovery_response(ecds.wasm_config(module, "anything"), "1")
    ecds.move_into_place(directory / "claimgate.ecds.json", document)
    with Envoy(placed(Place(0, 0, 0, simulator.ports, directory)), directory) as running:
        yield running


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
        ("a header that a provider may read as another one", PATH, "x_api_key: a\r\n", 400),
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


def _validate(text: str, directory: Path) -> None:
    """Envoy checks that paths exist, so the file that `claimgate bundle` writes needs another place."""
    (directory / "claimgate.ecds.json").write_text("{}")
    bootstrap = directory / "envoy.yaml"
    bootstrap.write_text(text.replace(ECDS_DIRECTORY, str(directory)))
    command = [envoy_binary(), "--mode", "validate", "--config-path", bootstrap, "--log-level", "warning"]
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
