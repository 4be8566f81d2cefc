"""docker-compose.yml: it is clean, and what it mounts and publishes fits the shipped bootstrap."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from compose.command import INSTALL, compose_command
from harness.demo.bootstrap import shipped, shipped_simulator_ports
from harness.demo.credentials import provider_credentials
from harness.demo.fleet import counted_together, with_service
from harness.demo.layout import COMMAND, COMPOSE, GATEWAY, POLICIES, ROOT
from harness.gateway import signing_keys


CHOSEN = ("ENVOY_IMAGE", "PYTHON_IMAGE", "RATE_LIMIT_IMAGE", "REDIS_IMAGE")
PORTS = ("PORT", "BEDROCK_PORT", "TLS_PORT", "ADMIN_PORT", "SECOND_PORT")
ENVOY, PYTHON = "envoyproxy/envoy:v1.40.0", "python:3.11-slim"
GO_MODULES = ROOT / "tests" / "rate_limit_service" / "go.mod"


def resolved(*options: str) -> dict[str, Any]:
    """What compose makes of the services when no variable is set."""
    command = compose_command()
    if command is None:
        pytest.skip(f"docker compose config: no compose here, install with `{INSTALL}`")
    # Compose wants to see it even where it only checks; `make compose` writes the one that is used.
    COMPOSE.mkdir(parents=True, exist_ok=True)
    (COMPOSE / "signing.env").touch()
    environment = {name: value for name, value in os.environ.items() if name not in (*CHOSEN, *PORTS)}
    finished = subprocess.run([*command, *options, "config"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    # Nothing to complain about, such as a variable without a default.
    assert finished.stderr == ""
    return yaml.safe_load(finished.stdout)["services"]


def test_images_are_the_public_ones_by_default() -> None:
    images = {name: service["image"] for name, service in resolved().items() if "profiles" not in service}
    assert images == {"envoy": ENVOY, "simulator": PYTHON}


def test_a_fleet_has_the_service_that_the_tests_build() -> None:
    services = resolved("--profile", "fleet")
    images = {name: service["image"] for name, service in services.items()}
    service = images.pop("rate-limit")
    assert images == {"envoy": ENVOY, "second-envoy": ENVOY, "simulator": PYTHON, "redis": "redis:7.4-alpine"}
    # Its images are named after the commit, as its Go modules are.
    commit = service.removeprefix("envoyproxy/ratelimit:")
    assert f"-{commit}" in GO_MODULES.read_text()
    differing = {"ports", "profiles"}
    first, second = ({n: v for n, v in services[name].items() if n not in differing} for name in ("envoy", "second-envoy"))
    assert first == second


def test_a_fleet_counts_every_quota_of_the_shipped_configuration_together(tmp_path: Path) -> None:
    shared = yaml.safe_load(counted_together(GATEWAY.read_text()))
    assert shared["quotas"] and {quota["engine"] for quota in shared["quotas"]} == {"global"}
    limits = yaml.safe_load(limits_of_files(shared, tmp_path))
    told = {entry["value"] for entry in limits["descriptors"]}
    assert told == {quota["id"] for quota in shared["quotas"] if isinstance(quota["limit"], int)}
    clusters = with_service(shipped(), "rate-limit")["static_resources"]["clusters"]
    assert clusters[-1]["name"] == shared["rate_limit_service"]["cluster"]


def limits_of_files(configuration: dict[str, Any], directory: Path) -> str:
    """The service's file, as `claimgate bundle` writes it of a gateway.yaml and the shipped policies."""
    file = directory / "gateway.yaml"
    file.write_text(yaml.safe_dump(configuration, sort_keys=False))
    command = [COMMAND, "bundle", "--config", file, "--policies", POLICIES, "--wrap", "rate-limit"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_nothing_is_published_beyond_this_machine() -> None:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    published = [port for service in document["services"].values() for port in service.get("ports", [])]
    assert published and all(port.startswith("127.0.0.1:") for port in published)


def test_the_simulator_listens_where_the_shipped_clusters_lead() -> None:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    words = document["services"]["simulator"]["command"][-1].split()
    for name, port in shipped_simulator_ports().items():
        assert words[words.index(f"--{name}") + 1] == str(port)


def test_envoy_has_each_credential_that_the_configuration_names() -> None:
    document = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
    given = provider_credentials(GATEWAY.read_text(), {})
    # `make compose` makes these, since no fake would do.
    made = signing_keys(yaml.safe_load(GATEWAY.read_text()))
    assert made == ("CLAIMGATE_SIGNING_KEY",)
    assert document["services"]["envoy"]["env_file"] == "./target/compose/signing.env"
    fakes = {name: fake for name, fake in given.items() if name not in made}
    passed_on = document["services"]["envoy"]["environment"]
    assert passed_on == {name: f"${{{name}:-{fake}}}" for name, fake in fakes.items()}
