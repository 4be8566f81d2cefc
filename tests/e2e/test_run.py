"""`make run`: what it prints works when it is pasted, edits act, and Ctrl-C leaves nothing behind.

The demo has the host of this run.
"""

import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from harness.deadline import wait_until
from harness.demo.commands import Example
from harness.demo.credentials import ApiKey, with_hashes
from harness.demo.layout import GATEWAY, POLICIES, ROOT, RUN
from harness.ports import LOOPBACK, free_ports
from harness.processes import Process

pytestmark = pytest.mark.both_hosts

READY = "Ctrl-C stops everything."
READY_SECONDS = 150.0
EDIT_SECONDS = 30.0
PORTS = ("PORT", "BEDROCK_PORT", "ADMIN_PORT", "TLS_PORT")
WASM_TARGET, NATIVE = "--target wasm32-wasip1", "--profile module"


class Demo:
    """A demo of its own, from copies of the files that a person would edit."""

    def __init__(self, directory: Path) -> None:
        self.gateway = directory / "gateway.yaml"
        self.policies = directory / "policies"
        shutil.copy(GATEWAY, self.gateway)
        shutil.copytree(POLICIES, self.policies)
        self.port, bedrock_port, self.admin_port, self.tls_port = free_ports(4)
        self.ports = (self.port, bedrock_port, self.admin_port, self.tls_port)
        command = [sys.executable, ROOT / "tests" / "harness" / "run.py"]
        command += ["--config", self.gateway, "--policies", self.policies]
        environment = {
            "PORT": str(self.port),
            "BEDROCK_PORT": str(bedrock_port),
            "ADMIN_PORT": str(self.admin_port),
            "TLS_PORT": str(self.tls_port),
        }
        self.process = Process("run", command, directory, environment)
        self.process.wait_ready(lambda: READY in self.output(), READY_SECONDS)

    @property
    def directory(self) -> Path:
        """Where the demo writes."""
        return RUN / str(self.port)

    def output(self) -> str:
        return self.process.output_path.read_text()

    def examples(self) -> list[Example]:
        """The commands as they were printed."""
        found = re.findall(r"^# (\d.*)\n((?:curl|for) .*)$", self.output(), re.MULTILINE)
        return [Example(outcome, command) for outcome, command in found]

    def wait_said(self, words: str, since: int) -> str:
        """What it printed since then, once these words are in it."""

        def said() -> str | None:
            text = self.output()[since:]
            return text if words in text else None

        return wait_until(said, what=f"`{words}` to be printed", seconds=EDIT_SECONDS, describe=self.output) or ""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    running = Demo(tmp_path_factory.mktemp("run"))
    yield running
    running.process.stop()
    shutil.rmtree(running.directory)
    (RUN / f"{running.port}.lock").unlink()


def test_each_command_answers_what_is_said_above_it(demo: Demo) -> None:
    examples = demo.examples()
    assert len(examples) >= 12
    answers = {example.outcome: _statuses(example) for example in examples}
    promised = {example.outcome: example.outcome.partition(",")[0].split() for example in examples}
    assert answers == promised, demo.process.log()


def test_the_audit_log_has_the_requests_and_no_key(demo: Demo) -> None:
    [first, *_] = demo.examples()
    assert _statuses(first) == ["200"]
    log = demo.directory / "audit.log"
    wait_until(lambda: '"acme"' in log.read_text(), what="a record in the audit log", seconds=5.0)
    secrets = set(re.findall(r"-H '(?:authorization: Bearer|x-api-key:|api-key:) ?(\S+)'", demo.output()))
    assert len(secrets) == 4
    for file in demo.directory.glob("*.log"):
        assert not [secret for secret in secrets if secret in file.read_text()], file


def test_prometheus_has_the_decisions(demo: Demo) -> None:
    [first, *_] = demo.examples()
    assert _statuses(first) == ["200"]
    with urllib.request.urlopen(f"http://{LOOPBACK}:{demo.admin_port}/stats/prometheus") as answer:
        lines = answer.read().decode().splitlines()
    decisions = [line for line in lines if line.startswith("claimgate_decisions{")]
    assert [line for line in decisions if 'decision="allow"' in line and 'dialect="openai"' in line], decisions
    assert 'claimgate_key_fetches{outcome="ok"} 1' in lines


def test_an_sdk_trusts_the_listener_with_tls_as_it_is_told(demo: Demo) -> None:
    [exports] = re.findall(r"^ +export (SSL_CERT_FILE=.*)$", demo.output(), re.MULTILINE)
    told = dict(pair.split("=", 1) for pair in exports.split())
    assert set(told) == {"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "AWS_CA_BUNDLE"}
    [key] = set(re.findall(r"^curl .*--cacert .*Bearer (\S+)'", demo.output(), re.MULTILINE))
    for authority in set(told.values()):
        context = ssl.create_default_context(cafile=authority)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        for host in (LOOPBACK, "localhost"):
            with httpx.Client(verify=context, trust_env=False) as client:
                url = f"https://{host}:{demo.tls_port}/openai/v1/models"
                assert client.get(url, headers={"authorization": f"Bearer {key}"}).status_code == 200, host


def test_an_edit_acts_and_a_broken_one_is_told_and_does_not(demo: Demo) -> None:
    allowed, good = demo.examples()[0], demo.gateway.read_text()
    since = len(demo.output())
    demo.gateway.write_text(f"{good}\nno_such_field: 1\n")
    told = demo.wait_said("the last good configuration stays", since)
    assert "gateway.yaml" in told and "no_such_field" in told
    assert _statuses(allowed) == ["200"]

    since = len(demo.output())
    demo.gateway.write_text(re.sub(r"(id: search-prod\b.*?\n)", r"\1    disabled: true\n", good, count=1))
    demo.wait_said(" applied", since)
    assert _statuses(allowed) == ["401"]

    since = len(demo.output())
    demo.gateway.write_text(good)
    demo.wait_said(" applied", since)
    assert _statuses(allowed) == ["200"]


def test_a_taken_port_is_told_with_the_variable_that_moves_it(tmp_path: Path) -> None:
    free = free_ports(len(PORTS))
    for index, name in enumerate(PORTS):
        ports = dict(zip(PORTS, map(str, free), strict=True))
        with socket.create_server((LOOPBACK, free[index])):
            finished = _run(ports)
        assert finished.returncode == 1
        expected = f"error: port `{free[index]}` is taken; choose another with `make run {name}=…`\n"
        assert finished.stderr == expected


@pytest.mark.parametrize(
    ("ports", "error"),
    [
        ({"PORT": "http"}, "PORT: `http` is not a port; give a number from 1 to 65535"),
        ({"ADMIN_PORT": "0"}, "ADMIN_PORT: `0` is not a port; give a number from 1 to 65535"),
        ({"PORT": "65535"}, "BEDROCK_PORT: `65536` is not a port; give a number from 1 to 65535"),
        ({"PORT": "23000", "ADMIN_PORT": "23000"}, "port `23000` is asked for twice; set PORT or ADMIN_PORT to another"),
    ],
)
def test_what_is_no_port_is_told(ports: dict[str, str], error: str) -> None:
    finished = _run(ports)
    assert (finished.returncode, finished.stderr) == (1, f"error: {error}\n")


@pytest.mark.parametrize(("host", "built", "other"), [("wasm", WASM_TARGET, NATIVE), ("module", NATIVE, WASM_TARGET)])
def test_only_what_the_host_needs_is_built(host: str, built: str, other: str) -> None:
    planned = _make("-n", "run", f"HOST={host}").stdout
    assert built in planned and other not in planned, planned


def test_a_host_of_the_shells_is_none_of_ours_and_another_one_is_refused() -> None:
    assert WASM_TARGET in _make("-n", "run", HOST="gateway-17.example").stdout
    assert NATIVE in _make("-n", "run", HOST="module").stdout
    refused = _make("run", "HOST=native")
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "error: HOST: `native` is no host; write HOST=wasm or HOST=module\n" in refused.stderr


def test_ctrl_c_stops_everything(tmp_path: Path) -> None:
    running = Demo(tmp_path)
    children = [int(child) for child in _children(running.process.pid)]
    assert len(children) == 2, "the simulator and Envoy"
    running.process.signal(signal.SIGINT)
    assert running.process.wait_ended(15.0) == 0
    assert [child for child in children if Path(f"/proc/{child}").exists()] == []
    for port in running.ports:
        socket.create_server((LOOPBACK, port)).close()
    shutil.rmtree(running.directory)
    (RUN / f"{running.port}.lock").unlink()


def test_hashes_go_to_the_entries_of_their_ids() -> None:
    keys = {"a": ApiKey("", "sha256:new-a"), "b": ApiKey("", "sha256:new-b"), "gone": ApiKey("", "sha256:gone")}
    text = 'keys:\n  - id: other\n    hash: sha256:0\n  - id: "a" # it\n    tenant: x\n    hash: sha256:1 # old\n'
    text += "  - { id: b, hash: sha256:2, tenant: y }\n"
    assert with_hashes(text, keys) == text.replace("sha256:1", "sha256:new-a").replace("sha256:2", "sha256:new-b")


def _statuses(example: Example) -> list[str]:
    finished = subprocess.run(["bash", "-c", example.command], capture_output=True, text=True, timeout=60)
    return re.findall(r"^\d{3}$", finished.stdout, re.MULTILINE)


def _run(ports: dict[str, str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "tests" / "harness" / "run.py")]
    environment = {name: value for name, value in os.environ.items() if name not in PORTS}
    return subprocess.run(command, env={**environment, **ports}, capture_output=True, text=True, timeout=60)


def _make(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    # Perhaps it is make that runs the tests.
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS"))}
    command = ["make", "--directory", ROOT, "--no-print-directory", *arguments]
    return subprocess.run(command, env={**environment, **variables}, capture_output=True, text=True, timeout=60)


def _children(process: int) -> list[str]:
    return Path(f"/proc/{process}/task/{process}/children").read_text().split()
