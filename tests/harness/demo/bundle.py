"""The bundle: made by the `claimgate` command from the files a person edits, and made again when one changes."""

import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from ..host import Host
from .credentials import COMMAND_SECONDS, ApiKey, with_hashes
from .failure import DemoFailed
from .layout import COMMAND, GATEWAY, POLICIES, WASM, Layout, relative

Stamp = tuple[tuple[str, int, int], ...]
WRAPS = {Host.WASM: ("ecds", "--wasm"), Host.MODULE: ("module", "--module")}
"""How the command is told of a host, and where its file is."""


@dataclass
class Bundle:
    """What Envoy gets: a gateway.yaml with the demo's keys in it, and its policies."""

    layout: Layout
    keys: dict[str, ApiKey]
    file: Path = WASM
    """Where Envoy finds the filter."""
    gateway: Path = GATEWAY
    policies: Path = POLICIES
    host: Host = Host.WASM
    warnings: str = field(default="", init=False)
    """What the command had to say of files that it took."""
    _seen: Stamp = field(default=(), init=False)
    _looked: Stamp = field(default=(), init=False)

    def make(self) -> str:
        """The ECDS document. Raises DemoFailed with what the command says of the files."""
        self._seen = self._stamp()
        try:
            self.layout.gateway.write_text(with_hashes(self.gateway.read_text(), self.keys))
        except OSError as error:
            raise DemoFailed(f"`{relative(self.gateway)}`: {error.strerror}") from error
        draft = self.layout.directory / "bundle.json"
        command = [COMMAND, "bundle", "--config", self.layout.gateway, "--policies", self.policies]
        command += ["--wrap", *WRAPS[self.host], self.file, "--output", draft]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS)
        if finished.returncode != 0:
            raise DemoFailed(self._in_the_persons_words(finished.stderr or finished.stdout))
        self.warnings = self._in_the_persons_words(finished.stderr)
        return draft.read_text()

    def limits(self) -> str:
        """The file of the rate limit service, of what `make` took. Raises DemoFailed."""
        command = [COMMAND, "bundle", "--config", self.layout.gateway, "--policies", self.policies]
        command += ["--wrap", "rate-limit"]
        finished = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS)
        if finished.returncode != 0:
            raise DemoFailed(self._in_the_persons_words(finished.stderr))
        return finished.stdout

    def changed(self) -> bool:
        """Whether a file is not as it was when the bundle was made last, and stayed as it is for two looks."""
        stamp, before = self._stamp(), self._looked
        self._looked = stamp
        # An editor may be in the middle of writing.
        return stamp == before != self._seen

    def _in_the_persons_words(self, text: str) -> str:
        """Names the files that were edited, not the copies; line numbers are the same."""
        text = text.replace(str(self.layout.gateway), str(relative(self.gateway)))
        return text.replace(str(self.policies), str(relative(self.policies))).strip()

    def _stamp(self) -> Stamp:
        stamps = []
        for file in [self.gateway, *sorted(self.policies.rglob("*.cel"))]:
            try:
                status = file.stat()
            except FileNotFoundError:
                continue
            stamps.append((str(file), status.st_mtime_ns, status.st_size))
        return tuple(stamps)
