"""`claimgate check --envoy`: its corpus is what Envoy accepts, and a running Envoy's own account can be judged."""

import datetime
import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from harness import envoy_corpus
from harness.bootstrap import Document
from harness.demo.bootstrap import Place, placed
from harness.demo.layout import COMMAND, ROOT, WASM
from harness.envoy import Envoy, envoy_binary
from harness.host import HOST, MODULE_FILE, Host
from harness.simulator import Simulator
from harness.trap_module import write_trap_module

VALIDATE_SECONDS = 180
# What `cargo test` has built in any case.
LIBRARY = MODULE_FILE if MODULE_FILE.exists() else ROOT / "target" / "debug" / "libclaimgate.so"


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The files that the corpus names; the wasm filter is a tiny one, so that each configuration loads at once."""
    directory = tmp_path_factory.mktemp("corpus")
    anybodys = directory / "anybody"
    anybodys.mkdir()
    anybodys.chmod(0o777)
    (anybodys / LIBRARY.name).symlink_to(LIBRARY)
    discovered = directory / envoy_corpus.ECDS_FILE
    discovered.write_text("{}")
    return {
        envoy_corpus.MODULE: write_trap_module(directory / "pass.wasm"),
        envoy_corpus.LIBRARY: LIBRARY,
        envoy_corpus.ANYBODYS_LIBRARY: anybodys / LIBRARY.name,
        envoy_corpus.ECDS_FILE: discovered,
        envoy_corpus.AUTHORITIES: _authority(directory / "authority.pem"),
    }


@pytest.mark.parametrize("door", envoy_corpus.doors())
def test_envoy_accepts_what_the_corpus_says_of(door: str, places: dict[str, Path], tmp_path: Path) -> None:
    for case in envoy_corpus.cases(door):
        _validate(envoy_corpus.placed(case.document, places), tmp_path, case.what)


def test_envoy_and_the_filter_accept_the_good_configuration(places: dict[str, Path], tmp_path: Path) -> None:
    text = envoy_corpus.placed(envoy_corpus.good(), {**places, envoy_corpus.MODULE: WASM})
    _validate(text, tmp_path, "with the compiled filter")
    _validate(envoy_corpus.placed(envoy_corpus.good(Host.MODULE), places), tmp_path, "with the module")


def test_a_running_envoys_dump_of_the_shipped_configuration_has_no_finding(
    simulator: Simulator, tmp_path: Path
) -> None:
    of_host = {Host.WASM: ("ecds", "--wasm", WASM), Host.MODULE: ("module", "--module", MODULE_FILE)}
    run = _judged_while_running(simulator, tmp_path, of_host[HOST], lambda bootstrap: None)
    assert (run.returncode, run.stderr) == (0, "")
    report = json.loads(run.stdout)
    assert report == {"ok": True, "errors": [], "warnings": [], "notes": []}


def test_a_running_envoys_dump_shows_the_doors_that_somebody_opened(simulator: Simulator, tmp_path: Path) -> None:
    def open_doors(bootstrap: Document) -> None:
        [manager, _] = [_manager(listener) for listener in bootstrap["static_resources"]["listeners"]]
        del manager["use_remote_address"]
        routes = manager["route_config"]["virtual_hosts"][0]["routes"]
        routes[2]["match"]["headers"] = [{"name": "x-tenant-id", "present_match": True}]
        routes[3]["route"]["request_mirror_policies"] = [{"cluster": "idp"}]

    wrap = ("ecds", "--wasm", write_trap_module(tmp_path / "pass.wasm"))
    run = _judged_while_running(simulator, tmp_path, wrap, open_doors)
    report = json.loads(run.stdout)
    assert run.returncode == 2
    assert {error["code"] for error in report["errors"]} == {"route_reads_edited_header", "mirror_gets_credential"}
    assert {warning["code"] for warning in report["warnings"]} == {"remote_address_unused"}
    [lured] = [error for error in report["errors"] if error["code"] == "route_reads_edited_header"]
    assert lured["path"].endswith(
        ".listener.filter_chains[0].filters[0].typed_config.route_config.virtual_hosts[0].routes[2].match.headers[0].name"
    )


def _judged_while_running(
    simulator: Simulator, directory: Path, wrap: tuple[str | Path, ...], change: Callable[[Document], None]
) -> subprocess.CompletedProcess[str]:
    """What the command says of an Envoy's /config_dump, with nothing else to read."""
    file = directory / "claimgate.ecds.json"
    _command("bundle", "--wrap", *wrap, "--output", file, directory=ROOT).check_returncode()
    bootstrap = placed(Place(0, 0, 0, simulator.ports, directory))
    change(bootstrap)
    with Envoy(bootstrap, directory) as envoy:
        (directory / "dump.json").write_text(json.dumps(envoy.config_dump()))
    # Or the command would read the filter's configuration from there.
    file.unlink()
    return _command("check", "--envoy", "dump.json", "--format", "json", directory=directory)


def _command(*arguments: str | Path, directory: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([COMMAND, *arguments], cwd=directory, capture_output=True, text=True)


def _manager(listener: Document) -> dict[str, Any]:
    return listener["filter_chains"][0]["filters"][0]["typed_config"]


def _validate(text: str, directory: Path, what: str) -> None:
    file = directory / "envoy.json"
    file.write_text(text)
    command = [envoy_binary(), "--mode", "validate", "--config-path", file, "--log-level", "error"]
    # Where Envoy looks for a module that is given by its name, and the system's loader for a file.
    searched = {"ENVOY_DYNAMIC_MODULES_SEARCH_PATH": str(LIBRARY.parent), "LD_LIBRARY_PATH": str(LIBRARY.parent)}
    environment = {**os.environ, **searched}
    finished = subprocess.run(command, capture_output=True, text=True, timeout=VALIDATE_SECONDS, env=environment)
    assert finished.returncode == 0, f"{what}: {finished.stderr}"


def _authority(file: Path) -> Path:
    """A certificate that Envoy can load as an authority to trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "authority.test")])
    start = datetime.datetime(2020, 1, 1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, start, start + datetime.timedelta(36500))
    certificate = builder.sign(key, hashes.SHA256())
    file.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return file
