"""The provider simulator as a child process, and its control port."""

import json
import sys
import urllib.request
from pathlib import Path
from typing import Any

from . import evidence
from .deadline import wait_until
from .ports import LOOPBACK
from .processes import Process
from .wire import unheard

PROVIDERS = ("openai", "azure", "anthropic", "gemini", "bedrock", "vertex")
TESTS = Path(__file__).resolve().parent.parent
START_SECONDS = 20.0
CONTROL_SECONDS = 10.0


class Simulator:
    """A running simulator. `ports` maps each provider and `control` to its port."""

    def __init__(self, directory: Path, *, slow_seconds: float = 3.0) -> None:
        """Starts it on free ports and waits until all of them listen."""
        recorder = evidence.recorder()
        module = "simulator" if recorder is None else "harness.recording_simulator"
        command = [sys.executable, "-m", module, "--host", LOOPBACK, "--slow-seconds", str(slow_seconds)]
        self.process = Process("simulator", command, directory, {"PYTHONPATH": str(TESTS)})
        self.process.wait_ready(self._announced, START_SECONDS)
        self.ports: dict[str, int] = json.loads(self.process.output_path.read_text())
        self._asked_directly = set() if recorder is None else recorder.simulator_ports
        self._asked_directly.update(self.ports.values())

    def url(self, provider: str) -> str:
        """The base URL of a provider without Envoy in between."""
        return f"http://{LOOPBACK}:{self.ports[provider]}"

    def received(self, provider: str | None = None) -> list[dict[str, Any]]:
        """What reached the providers since the last clear, in order of arrival."""
        records = self._call("GET", "/received")
        return [record for record in records if provider in (None, record["provider"])]

    def authorizations(self, provider: str = "openai") -> list[str | None]:
        """The `Authorization` of each request that has reached the provider."""
        return [dict(record["headers"]).get("authorization") for record in self.received(provider)]

    def wait_received(self, count: int, *, seconds: float = 5.0) -> list[dict[str, Any]]:
        """All records once at least `count` of them have ended. Raises TimeoutError."""

        def ended() -> list[dict[str, Any]] | None:
            records = self.received()
            return records if sum(record["ended"] for record in records) >= count else None

        return wait_until(
            ended,
            what=f"{count} ended requests at the simulator",
            seconds=seconds,
            describe=lambda: str(self.received()),
        )

    def clear(self) -> None:
        """Forgets what was received."""
        self._call("DELETE", "/received")

    def set_jwks(self, document: dict[str, Any]) -> None:
        """Replaces the key set served at `/jwks.json` of the control port."""
        self._call("PUT", "/jwks.json", document)

    def set_jwks_mode(self, mode: str, delay: float = 1.0) -> None:
        """One of ok, 500, hang, garbage, slow, cut; `delay` in seconds is for slow."""
        self._call("PUT", "/jwks-mode", {"mode": mode, "delay": delay})

    def jwks_stats(self) -> dict[str, Any]:
        """`fetches`, `not_modified`, `by_mode` and `at`, the times of all fetches."""
        return self._call("GET", "/jwks-stats")

    def reset_jwks(self) -> None:
        """An empty key set, mode ok, counters at zero."""
        self._call("DELETE", "/jwks-stats")

    def stop(self) -> None:
        self.process.stop()
        # The next to get such a port may be a gateway.
        self._asked_directly.difference_update(self.ports.values())

    def _announced(self) -> bool:
        return self.process.output_path.read_bytes().endswith(b"\n")

    def _call(self, method: str, path: str, document: Any = None) -> Any:
        body = None if document is None else json.dumps(document).encode()
        request = urllib.request.Request(self.url("control") + path, data=body, method=method)
        with unheard(), urllib.request.urlopen(request, timeout=CONTROL_SECONDS) as response:
            return json.load(response)
