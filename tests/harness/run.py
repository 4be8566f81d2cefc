"""`make run`: Envoy with the filter before the provider simulator, and commands to paste; ends with Ctrl-C.

PORT, BEDROCK_PORT, TLS_PORT and ADMIN_PORT move the listeners. CLAIMGATE_HOST is what the filter is: `wasm`, or `module`.
Everything it writes is under target/run, by PORT.
"""

import argparse
import fcntl
import os
import shutil
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType

# Instead of this directory, whose `envoy` would hide the package of that name.
sys.path[0] = str(Path(__file__).resolve().parent.parent)

# The path must be set first.
from harness import ecds, evidence  # noqa: E402
from harness.demo.bootstrap import Place, placed  # noqa: E402
from harness.demo.bundle import Bundle  # noqa: E402
from harness.demo.commands import examples, listing, over_tls  # noqa: E402
from harness.demo.credentials import mint_keys, provider_credentials  # noqa: E402
from harness.demo.failure import DemoFailed  # noqa: E402
from harness.demo.layout import GATEWAY, POLICIES, RUN, WASM, Layout, relative  # noqa: E402
from harness.demo.ports import DemoPorts  # noqa: E402
from harness.demo.tls import give_server, trusted  # noqa: E402
from harness.demo.tokens import TokenIssuer  # noqa: E402
from harness.ecds import Reload  # noqa: E402
from harness.envoy import Envoy  # noqa: E402
from harness.evidence import Kind  # noqa: E402
from harness.host import HOST, MODULE_FILE, Host  # noqa: E402
from harness.processes import ProcessFailed  # noqa: E402
from harness.simulator import Simulator  # noqa: E402

START_SECONDS = 120.0
LOOK_SECONDS = 0.3
TOKEN_RENEWAL_SECONDS = 300.0
FAILED = 1
FILES = {Host.WASM: WASM, Host.MODULE: MODULE_FILE}
STARTING = {
    Host.WASM: "starting Envoy; it compiles the filter, which takes some seconds",
    Host.MODULE: "starting Envoy; it loads the filter as a dynamic module",
}
REFUSALS = {Host.WASM: ("wasm log", "[wasm]"), Host.MODULE: ("[error][dynamic_modules]",)}
"""What marks a line of Envoy's log that says why it refused the filter."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="make run", description=__doc__)
    parser.add_argument("--config", type=Path, default=GATEWAY, help="what to serve, and to follow when it is edited")
    parser.add_argument("--policies", type=Path, default=POLICIES, help="the directory of its rules")
    arguments = parser.parse_args()
    # A shell without job control lets its background jobs ignore Ctrl-C.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _interrupt)
    # The terminal was closed; `nohup` asks to stay.
    if signal.getsignal(signal.SIGHUP) != signal.SIG_IGN:
        signal.signal(signal.SIGHUP, _interrupt)
    try:
        with ExitStack() as stack:
            ports = DemoPorts.from_environment(os.environ)
            ports.check_free()
            directory = RUN / str(ports.port)
            stack.enter_context(_own_directory(directory))
            keys = mint_keys()
            evidence.register(Kind.API_KEY, *(key.secret for key in keys.values()))
            edited = {"gateway": arguments.config, "policies": arguments.policies}
            bundle = Bundle(Layout(directory), keys, FILES[HOST], host=HOST, **edited)
            _serve(ports, bundle, stack)
    except KeyboardInterrupt:
        print("\nstopped", flush=True)
        return 0
    except (DemoFailed, ProcessFailed) as error:
        print(f"error: {error}", file=sys.stderr, flush=True)
        return FAILED
    return 0


def _serve(ports: DemoPorts, bundle: Bundle, stack: ExitStack) -> None:
    """Starts everything and stays until it is interrupted. Raises DemoFailed and ProcessFailed."""
    layout = bundle.layout
    ecds.move_into_place(layout.ecds, bundle.make())
    if bundle.warnings:
        _say(bundle.warnings)
    issuer = TokenIssuer(layout.gateway.read_text())
    issuer.write_token(layout.token)

    simulator = Simulator(layout.directory)
    stack.callback(simulator.stop)
    simulator.set_jwks(issuer.jwks())
    _say(STARTING[HOST])
    place = Place(
        ports.port,
        ports.bedrock_port,
        ports.admin_port,
        simulator.ports,
        layout.directory,
        tls_port=ports.tls_port,
    )
    give_server(place.certificates)
    credentials = provider_credentials(layout.gateway.read_text(), os.environ)
    envoy = Envoy(placed(place), layout.directory, environment=credentials, start_seconds=START_SECONDS)
    stack.callback(envoy.stop)
    if not ecds.applied_version(envoy):
        raise DemoFailed(f"Envoy did not take the bundle\n{_refusal(envoy, 0)}")
    # The audit log is all that Envoy writes to its standard output.
    (layout.directory / "audit.log").symlink_to(envoy.process.output_path.name)

    shown = examples(ports.port, ports.bedrock_port, bundle.keys, layout.token)
    _say(f"\n{listing([*shown, over_tls(ports.tls_port, bundle.keys, trusted())])}\n")
    _say(_pointers(ports, bundle))
    renewed = time.monotonic()
    while True:
        time.sleep(LOOK_SECONDS)
        for process in (simulator.process, envoy.process):
            if not process.alive():
                raise ProcessFailed(f"`{process.name}` ended\n{process.log_tail()}")
        if time.monotonic() - renewed > TOKEN_RENEWAL_SECONDS:
            issuer.write_token(layout.token)
            renewed = time.monotonic()
        if bundle.changed():
            _follow(bundle, envoy)


def _follow(bundle: Bundle, envoy: Envoy) -> None:
    """Gives Envoy the edited files; broken ones leave it with the last good configuration."""
    log_start = len(envoy.log())
    try:
        document = bundle.make()
        if document == bundle.layout.ecds.read_text():
            _say(f"{_clock()} saved, and nothing in it has changed")
            return
        verdict = ecds.reload(envoy, bundle.layout.ecds, document)
    except DemoFailed as error:
        _say(f"{error}\n{_clock()} not applied; the last good configuration stays")
        return
    except (OSError, TimeoutError) as error:
        _say(f"Envoy gave no verdict: {error}")
        return
    if bundle.warnings:
        _say(bundle.warnings)
    match verdict:
        case Reload.APPLIED | Reload.UNCHANGED:
            _say(f"{_clock()} applied")
        case Reload.REJECTED | Reload.UNREADABLE:
            _say(f"{_refusal(envoy, log_start)}\n{_clock()} not applied; the last good configuration stays")


def _pointers(ports: DemoPorts, bundle: Bundle) -> str:
    layout, files = bundle.layout, f"{relative(bundle.gateway)} or {relative(bundle.policies)}/*.cel"
    admin = f"http://127.0.0.1:{ports.admin_port}"
    authority = trusted()
    return "\n".join(
        [
            f"listening  http://127.0.0.1:{ports.port}, for Bedrock also http://127.0.0.1:{ports.bedrock_port}",
            f"           https://127.0.0.1:{ports.tls_port} for SDKs that send no key in the clear; they trust it by",
            f"           export SSL_CERT_FILE={authority} NODE_EXTRA_CA_CERTS={authority} AWS_CA_BUNDLE={authority}",
            f"audit      tail -f {layout.directory / 'audit.log'}",
            f"metrics    curl -s {admin}/stats/prometheus | grep ^claimgate_",
            f"policies   edit {files}: applied when saved, and said here",
            f"logs       {relative(layout.directory)}/envoy.log, {relative(layout.directory)}/simulator.log",
            "Ctrl-C stops everything.",
        ]
    )


def _refusal(envoy: Envoy, log_start: int) -> str:
    """What the filter wrote to Envoy's log from there on."""
    lines = [line for line in envoy.log()[log_start:].splitlines() if any(mark in line for mark in REFUSALS[HOST])]
    return "\n".join(dict.fromkeys(lines)) or envoy.process.log_tail()


@contextmanager
def _own_directory(directory: Path) -> Iterator[None]:
    """Empties the directory and keeps a demo out of it that starts at the same time. Raises DemoFailed."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory.parent / f"{directory.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DemoFailed(f"another demo starts in `{relative(directory)}`; choose another PORT") from None
        shutil.rmtree(directory)
        directory.mkdir()
        yield


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _say(text: str) -> None:
    print(text, flush=True)


def _clock() -> str:
    return time.strftime("%H:%M:%S")


if __name__ == "__main__":
    sys.exit(main())
