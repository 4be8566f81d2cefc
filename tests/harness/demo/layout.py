"""Where the demo's files are: what it reads, what was built, and the directory it writes to."""

import os
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
BOOTSTRAP = ROOT / "envoy" / "envoy.yaml"
GATEWAY = ROOT / "envoy" / "gateway.yaml"
POLICIES = ROOT / "policies"
# `make test` names the one that it has built.
COMMAND = Path(os.environ.get("CLAIMGATE_COMMAND", ROOT / "target" / "release" / "claimgate"))
WASM = ROOT / "target" / "claimgate.wasm"
RUN = ROOT / "target" / "run"
CERTIFICATES = ROOT / "target" / "demo-certificates"
COMPOSE = ROOT / "target" / "compose"


@dataclass(frozen=True)
class Layout:
    """The files of one demo, all in one directory."""

    directory: Path

    @property
    def bootstrap(self) -> Path:
        return self.directory / "envoy.yaml"

    @property
    def gateway(self) -> Path:
        """`envoy/gateway.yaml` with the hashes of the demo's keys."""
        return self.directory / "gateway.yaml"

    @property
    def ecds(self) -> Path:
        """What Envoy reads, and reads again whenever a new one is moved into its place."""
        return self.directory / "claimgate.ecds.json"

    @property
    def token(self) -> Path:
        return self.directory / "alice.jwt"

    @property
    def jwks(self) -> Path:
        return self.directory / "jwks.json"


def relative(path: Path) -> Path:
    """The path as a person at the top of the repository would write it."""
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
