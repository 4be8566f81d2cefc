"""The gateway's library in Envoy: how it is loaded and replaced, and what stands open where it is loaded carelessly."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from harness import ecds
from harness.bootstrap import bootstrap, gateway_bootstrap, static_cluster
from harness.caller import assert_refused, calling
from harness.certificates import Authority
from harness.deadline import wait_until
from harness.demo.layout import BOOTSTRAP
from harness.ecds import Reload
from harness.envoy import Envoy, envoy_binary
from harness.gateway import COMMAND, PROVIDER_CREDENTIALS, ROOT, Gateway, document, key_entry, upstream_entries
from harness.host import MODULE_FILE, STATS, Host, module_config
from harness.metadata_server import MetadataServer
from harness.ports import free_ports
from harness.simulator import Simulator

pytestmark = pytest.mark.only(Host.MODULE)
MODELS = "/openai/v1/models"
KEY, ENTRY = key_entry("library", tenant="acme")
BEARER = {"authorization": f"Bearer {KEY}"}
LIMIT = 3
DOCS = ROOT / "docs"
QUOTA = {"id": "hour", "per": ["principal.tenant"], "limit": LIMIT, "window": "1h", "window_kind": "fixed"}
CHARGED = f"{STATS}claimgate.charges.quota.hour.unit.requests"
FETCH_SECONDS = 15.0


def written(page: str, field: str) -> Any:
    """What the page's blocks of YAML have under this name."""
    blocks = re.findall(r"^```yaml\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    found = [yaml.safe_load(block)[field] for block in blocks if block.startswith(f"{field}:\n")]
    return [item for items in found for item in items] if isinstance(found[0], list) else found[0]


def limited(**sections: Any) -> dict[str, Any]:
    return document(keys=[ENTRY], quotas=[QUOTA], **sections)


def asked(gateway: Gateway, times: int) -> list[int]:
    return [httpx.get(gateway.url + MODELS, headers=BEARER).status_code for _ in range(times)]


def loaded(gateway: Gateway, configuration: dict[str, Any], file: Path) -> Reload:
    """Moves a configuration into place that names this library."""
    return ecds.reload(gateway.envoy, gateway.file, module_config(file, json.dumps(configuration)))


def mapped(gateway: Gateway, directory: Path) -> set[str]:
    """The libraries from a directory that Envoy has in its memory; one whose file is gone has a word behind its name."""
    maps = Path(f"/proc/{gateway.envoy.process.pid}/maps").read_text()
    return set(re.findall(rf"{re.escape(str(directory))}/(\S+\.so(?: \(deleted\))?)$", maps, re.MULTILINE))


def library(directory: Path, name: str) -> Path:
    """A copy that is another file to the loader."""
    return Path(shutil.copy(MODULE_FILE, directory / name))


def test_the_entry_that_is_printed_stands_in_a_bootstrap_and_decides(simulator: Simulator, tmp_path: Path) -> None:
    command = [COMMAND, "bundle", "--wrap", "module-inline", "--module", MODULE_FILE]
    line = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    shipped, count = re.subn(
        r"^( +- )name: claimgate\n(?:\1? +.*\n)+?(?=\1name: envoy.filters.http.router)",
        lambda match: match[1] + line,
        BOOTSTRAP.read_text(),
        flags=re.MULTILINE,
    )
    assert count == 1
    Authority(tmp_path / "tls")
    file = tmp_path / "envoy.yaml"
    file.write_text(shipped.replace("/etc/claimgate", str(tmp_path)))
    validate = [envoy_binary(), "--mode", "validate", "--config-path", file, "--log-level", "error"]
    environment = {**os.environ, **PROVIDER_CREDENTIALS}
    validated = subprocess.run(validate, capture_output=True, text=True, env=environment)
    assert validated.returncode == 0, validated.stderr

    inline = bootstrap(simulator.ports, tmp_path, filters=[yaml.safe_load(line)])
    simulator.clear()
    with Envoy(inline, tmp_path, environment=PROVIDER_CREDENTIALS) as envoy:
        assert_refused(httpx.get(envoy.url + MODELS), 401, "credential_missing")
    assert simulator.received() == []


def test_what_the_page_says_of_both_halves_works(simulator: Simulator, tmp_path: Path) -> None:
    """With other places, and what it leaves out."""
    text = json.dumps(document(keys=[ENTRY], attach="at_cluster"))
    file = tmp_path / "claimgate.ecds.json"
    ecds.move_into_place(file, ecds.discovery_response(module_config(MODULE_FILE, text), "1"))
    [gate] = written("hosts.md", "http_filters")
    gate["config_discovery"]["config_source"]["path_config_source"] |= {
        "path": str(file),
        "watched_directory": {"path": str(tmp_path)},
    }
    options = written("hosts.md", "typed_extension_protocol_options")
    half = next(iter(options.values()))["http_filters"][0]["typed_config"]
    half["dynamic_module_config"]["module"]["local"]["filename"] = str(MODULE_FILE)
    half["filter_config"]["value"] = text
    served = bootstrap(simulator.ports, tmp_path, filters=[gate])
    [openai] = [one for one in served["static_resources"]["clusters"] if one["name"] == "openai"]
    openai["typed_extension_protocol_options"] = options
    simulator.clear()
    with Envoy(served, tmp_path, environment=PROVIDER_CREDENTIALS) as envoy:
        assert httpx.get(envoy.url + MODELS, headers=BEARER).status_code == 200
    [received] = simulator.received()
    assert dict(received["headers"])["authorization"] == f"Bearer {PROVIDER_CREDENTIALS['OPENAI_API_KEY']}"


def test_another_file_is_taken_without_a_restart_and_counts_anew(simulator: Simulator, tmp_path: Path) -> None:
    first, second = library(tmp_path, "libclaimgate-1.so"), library(tmp_path, "libclaimgate-2.so")
    with Gateway(limited(), simulator, tmp_path, module_file=first) as gateway:
        assert asked(gateway, LIMIT + 1) == [*[200] * LIMIT, 429]
        assert loaded(gateway, limited(hold_timeout="6s"), first) is Reload.APPLIED
        assert asked(gateway, 1) == [429], "another configuration of the same library goes on counting"
        assert loaded(gateway, limited(), second) is Reload.APPLIED
        assert asked(gateway, LIMIT + 1) == [*[200] * LIMIT, 429]
        wait_until(lambda: gateway.envoy.stat(CHARGED) == LIMIT, what="the new library's counter", seconds=5)
        # The old one stays in memory, so that what runs in it can end.
        assert mapped(gateway, tmp_path) == {first.name, second.name}


def test_a_file_that_is_moved_over_the_loaded_one_waits_for_a_restart(simulator: Simulator, tmp_path: Path) -> None:
    file = library(tmp_path, "libclaimgate.so")
    with Gateway(limited(), simulator, tmp_path, module_file=file) as gateway:
        assert asked(gateway, LIMIT + 1) == [*[200] * LIMIT, 429]
        library(tmp_path, "draft").replace(file)
        assert loaded(gateway, limited(hold_timeout="6s"), file) is Reload.APPLIED
        assert asked(gateway, 1) == [429]
        assert mapped(gateway, tmp_path) == {f"{file.name} (deleted)"}


def test_a_library_that_cannot_be_loaded_leaves_the_last_good_one(simulator: Simulator, tmp_path: Path) -> None:
    none, broken = tmp_path / "none.so", tmp_path / "broken.so"
    broken.write_text("no library")
    with Gateway(limited(), simulator, tmp_path) as gateway:
        for file in (none, broken):
            assert loaded(gateway, limited(), file) is Reload.REJECTED
            assert asked(gateway, 1) == [200]
            assert re.search(rf"Failed to load dynamic module.*{file.name}", gateway.envoy.log())


@pytest.mark.parametrize("waits", [False, True])
def test_a_fetched_library_that_does_not_come_leaves_the_door_open_unless_envoy_waits(
    simulator: Simulator, tmp_path: Path, waits: bool
) -> None:
    uri = {"uri": "http://files.test/libclaimgate.so", "cluster": "files", "timeout": "1s"}
    typed = module_config(MODULE_FILE, json.dumps(limited()))
    fetched = {"remote": {"http_uri": uri, "sha256": "0" * 64}}
    typed["dynamic_module_config"] = {"module": fetched, "nack_on_cache_miss": waits}
    file = tmp_path / "ecds.json"
    ecds.move_into_place(file, ecds.discovery_response(typed, "1"))
    nobody = static_cluster("files", free_ports(1)[0])
    with Envoy(gateway_bootstrap(simulator.ports, tmp_path, file, clusters=[nobody]), tmp_path) as envoy:
        wait_until(lambda: "fetch" in envoy.log(), what="the fetch to fail", seconds=FETCH_SECONDS)
        simulator.clear()
        # The provider's own answer, whoever the bearer may be.
        answer = httpx.get(envoy.url + MODELS, headers={"authorization": "Bearer anybody"})
        assert (answer.status_code, len(simulator.received())) == ((500, 0) if waits else (200, 1))


@pytest.mark.parametrize("is_removed", [True, False])
def test_a_metadata_server_gives_nothing_to_whom_envoy_adds_an_address(
    simulator: Simulator, tmp_path: Path, is_removed: bool
) -> None:
    upstreams = upstream_entries()
    next(entry for entry in upstreams if entry["cluster"] == "openai")["credential"] = {"from": "vm"}
    azure = {"cluster": "metadata", "resource": "https://cognitiveservices.azure.com"}
    configuration = document(keys=[ENTRY], credentials=[{"id": "vm", "metadata": {"azure": azure}}], upstreams=upstreams)
    with MetadataServer("unused", "unused") as metadata:
        cluster = static_cluster("metadata", metadata.port)
        if is_removed:
            [imds] = [one for one in written("upstream-credentials.md", "clusters") if one["name"] == "imds"]
            cluster["typed_extension_protocol_options"] = imds["typed_extension_protocol_options"]
        with calling(configuration, simulator, tmp_path, clusters=[cluster]) as caller:
            answer = caller.bearer(KEY)
            if is_removed:
                assert answer.status_code == 200
            else:
                assert_refused(answer, 503, "upstream_token_refused")
                assert "x-forwarded-for" in metadata.asked[-1].headers
