"""`make compose`: writes to target/compose what docker-compose.yml mounts, and prints commands to try.

Run again, it makes new keys and a new token; a running Envoy takes them without a restart.
"""

import os
import sys
from pathlib import Path

import yaml

sys.path[0] = str(Path(__file__).resolve().parent.parent)

# The path must be set first.
from harness import ecds  # noqa: E402
from harness.demo.bootstrap import Place, placed, shipped_simulator_ports  # noqa: E402
from harness.demo.bundle import Bundle  # noqa: E402
from harness.demo.commands import examples, listing  # noqa: E402
from harness.demo.credentials import make_signing_key, mint_keys  # noqa: E402
from harness.demo.failure import DemoFailed  # noqa: E402
from harness.demo.layout import COMPOSE, GATEWAY, Layout  # noqa: E402
from harness.demo.ports import DemoPorts  # noqa: E402
from harness.demo.tokens import TokenIssuer  # noqa: E402

EVERYWHERE = "0.0.0.0"
SIMULATOR = "simulator"
TOKEN_SECONDS = 3600
MOUNTED = Path("/etc/claimgate")
MOUNTED_WASM = Path("/opt/claimgate/claimgate.wasm")
INNER_PORTS = DemoPorts.from_environment({})
"""The ports inside of the containers; PORT and its siblings move only the published ones."""


def main() -> int:
    try:
        ports = DemoPorts.from_environment(os.environ)
        shown = prepare(ports)
    except DemoFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"{shown}\n\nstart with: docker compose up\nstop with:  docker compose down --volumes")
    return 0


def prepare(ports: DemoPorts) -> str:
    """Writes the files and returns the commands. Raises DemoFailed."""
    private, mounted = Layout(COMPOSE), Layout(COMPOSE / "envoy")
    mounted.directory.mkdir(parents=True, exist_ok=True)
    # The simulator reads the key set when it starts, so the key stays.
    issuer, keys = TokenIssuer(GATEWAY.read_text(), COMPOSE / "issuer.pem"), mint_keys()
    issuer.write_token(private.token, TOKEN_SECONDS)
    ecds.move_into_place(private.jwks, issuer.jwks())
    place = Place(
        INNER_PORTS.port,
        INNER_PORTS.bedrock_port,
        INNER_PORTS.admin_port,
        shipped_simulator_ports(),
        MOUNTED,
        address=EVERYWHERE,
        simulator_host=SIMULATOR,
    )
    mounted.bootstrap.write_text(yaml.safe_dump(placed(place), sort_keys=False))
    bundle = Bundle(mounted, keys, MOUNTED_WASM)
    ecds.move_into_place(mounted.ecds, bundle.make())
    ecds.move_into_place(COMPOSE / "signing.env", f"CLAIMGATE_SIGNING_KEY='{make_signing_key()}'\n")
    if bundle.warnings:
        print(bundle.warnings, file=sys.stderr)
    return listing(examples(ports.port, ports.bedrock_port, keys, private.token))


if __name__ == "__main__":
    sys.exit(main())
