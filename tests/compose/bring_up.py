"""Brings docker-compose.yml up once, on a machine that may be unable to pull: builds stand-in images, asks, tears down.

With `FLEET=1` the profile `fleet` too. Without an engine that answers, it starts `dockerd` (Debian's `docker.io`; needs
root) and ends it by its id. Compose is `docker compose`, or Debian's `docker-compose`.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parent.parent)

# The path must be set first.
from compose.command import INSTALL, compose_command  # noqa: E402
from compose.images import build_envoy, build_python, build_rate_limit, build_redis  # noqa: E402
from compose.prepare import prepare  # noqa: E402
from harness.deadline import wait_until  # noqa: E402
from harness.demo.failure import DemoFailed  # noqa: E402
from harness.demo.layout import ROOT  # noqa: E402
from harness.demo.ports import DemoPorts  # noqa: E402

ENGINE_SECONDS = 30.0
ANSWER_SECONDS = 120.0
PROJECT = "claimgate-trial"


def main() -> int:
    command = compose_command()
    if command is None or shutil.which("docker") is None:
        print(f"error: no docker or no compose; install with: {INSTALL}", file=sys.stderr)
        return 3
    try:
        ports = DemoPorts.from_environment(os.environ)
        ports.check_free()
    except DemoFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    with _engine():
        os.environ.setdefault("ENVOY_IMAGE", build_envoy())
        os.environ.setdefault("PYTHON_IMAGE", build_python())
        fleet = bool(os.environ.get("FLEET"))
        compose = [*command, "--project-name", PROJECT]
        if fleet:
            subprocess.run([ROOT / "tests" / "setup" / "rate_limit_service"], check=True)
            os.environ.setdefault("RATE_LIMIT_IMAGE", build_rate_limit())
            os.environ.setdefault("REDIS_IMAGE", build_redis())
            compose += ["--profile", "fleet"]
        shown = prepare(ports, fleet=fleet)
        try:
            up = subprocess.run([*compose, "up", "--detach"], cwd=ROOT, check=False)
            return 0 if up.returncode == 0 and _ask(ports, shown) else 1
        finally:
            # Envoy writes out its audit log when it ends.
            subprocess.run([*compose, "stop"], cwd=ROOT, check=False)
            subprocess.run([*compose, "logs", "--no-color"], cwd=ROOT, check=False)
            subprocess.run([*compose, "down", "--volumes"], cwd=ROOT, check=False)


def _ask(ports: DemoPorts, shown: str) -> bool:
    """Waits for the gateway, then sends the commands for an API key and a JWT."""

    def healthy() -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{ports.port}/healthz", timeout=2) as answer:
                return answer.status == 200
        except OSError:
            return False

    wait_until(healthy, what="Envoy in the container to answer", seconds=ANSWER_SECONDS)
    good = True
    for example in shown.split("\n\n"):
        outcome, command = example.split("\n", 1)
        finished = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
        statuses = [line for line in finished.stdout.splitlines() if line.isdigit() and len(line) == 3]
        expected = outcome.removeprefix("# ").partition(",")[0].split()
        verdict = "as said" if statuses == expected else f"answered {statuses}"
        print(f"{outcome}: {verdict}", flush=True)
        good = good and statuses == expected
    return good


@contextmanager
def _engine() -> Iterator[None]:
    if not _has_no_server():
        yield
        return
    with tempfile.TemporaryDirectory(prefix="claimgate-docker-") as name:
        directory = Path(name)
        os.environ["DOCKER_HOST"] = f"unix://{directory / 'docker.sock'}"
        command = ["dockerd", "--host", os.environ["DOCKER_HOST"], "--data-root", directory / "data"]
        command += ["--exec-root", directory / "exec", "--pidfile", directory / "pid"]
        log = directory / "log"
        with log.open("wb") as output:
            daemon = subprocess.Popen([str(part) for part in command], stdout=output, stderr=output)
        try:
            wait_until(
                lambda: daemon.poll() is not None or not _has_no_server(),
                what="`dockerd` to answer",
                seconds=ENGINE_SECONDS,
                describe=lambda: log.read_text()[-2000:],
            )
            if daemon.poll() is not None:
                raise SystemExit(f"error: `dockerd` ended\n{log.read_text()[-2000:]}")
            yield
        finally:
            daemon.send_signal(signal.SIGTERM)
            daemon.wait(ENGINE_SECONDS)


def _has_no_server() -> bool:
    """`docker info` would succeed without an engine in some releases."""
    command = ["docker", "version", "--format", "{{.Server.Version}}"]
    return subprocess.run(command, capture_output=True, check=False).returncode != 0


if __name__ == "__main__":
    sys.exit(main())
