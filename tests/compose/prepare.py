"""`make compose`: writes to target/compose what docker-compose.yml mounts, and prints commands to try.

Run again, it makes new keys and a new token; a running Envoy takes them without a restart. With `FLEET=1` the quotas are
counted by the rate limit service of the profile `fleet`, for both of its Envoys.
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
from harness.demo.commands import examples, listing, over_tls, shared  # noqa: E402
from harness.demo.credentials import make_signing_key, mint_keys  # noqa: E402
from harness.demo.failure import DemoFailed  # noqa: E402
from harness.demo.fleet import counted_together, with_service  # noqa: E402
from harness.demo.layout import COMPOSE, GATEWAY, Layout  # noqa: E402
from harness.demo.ports import DemoPorts  # noqa: E402
from harness.demo.tls import give_server, trusted  # noqa: E402
from harness.demo.tokens import TokenIssuer  # noqa: E402

EVERYWHERE = "0.0.0.0"
SIMULATOR, SERVICE = "simulator", "rate-limit"
LIMITS = COMPOSE / "limits" / "config" / "claimgate.yaml"
TOKEN_SECONDS = 3600
MOUNTED = Path("/etc/claimgate")
MOUNTED_WASM = Path("/opt/claimgate/claimgate.wasm")
INNER_PORTS = DemoPorts.from_environment({})
"""The ports inside of the containers; PORT and its siblings move only the published ones."""


def main() -> int:
    try:
        ports = DemoPorts.from_environment(os.environ)
        fleet = bool(os.environ.get("FLEET"))
        shown = prepare(ports, fleet=fleet)
    except DemoFailed as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    compose = "docker compose --profile fleet" if fleet else "docker compose"
    print(f"{shown}\n\nstart with: {compose} up\nstop with:  {compose} down --volumes")
    return 0


def prepare(ports: DemoPorts, *, fleet: bool = False) -> str:
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
        tls_port=INNER_PORTS.tls_port,
    )
    give_server(mounted.directory / place.certificates.name)
    bootstrap, gateway = placed(place), GATEWAY
    if fleet:
        bootstrap, gateway = with_service(bootstrap, SERVICE), COMPOSE / "gateway.yaml"
        gateway.write_text(counted_together(GATEWAY.read_text()))
    mounted.bootstrap.write_text(yaml.safe_dump(bootstrap, sort_keys=False))
    bundle = Bundle(mounted, keys, MOUNTED_WASM, gateway)
    ecds.move_into_place(mounted.ecds, bundle.make())
    if fleet:
        LIMITS.parent.mkdir(parents=True, exist_ok=True)
        ecds.move_into_place(LIMITS, bundle.limits())
    ecds.move_into_place(COMPOSE / "signing.env", f"CLAIMGATE_SIGNING_KEY='{make_signing_key()}'\n")
    if bundle.warnings:
        print(bundle.warnings, file=sys.stderr)
    shown = examples(ports.port, ports.bedrock_port, keys, private.token)
    shown.append(over_tls(ports.tls_port, keys, trusted()))
    return listing([*shown, shared(ports.port, second_port(), keys)] if fleet else shown)


def second_port() -> int:
    """Where the other Envoy of the profile `fleet` listens."""
    return int(os.environ.get("SECOND_PORT") or 10010)


if __name__ == "__main__":
    sys.exit(main())
