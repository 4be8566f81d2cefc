"""docker-compose.yml: it is clean, and what it mounts and publishes fits the shipped bootstrap."""

import os
import subprocess
from typing import Any

import pytest
import yaml

from compose.command import INSTALL, compose_command
from harness.demo.bootstrap import shipped_simulator_ports
from harness.demo.credentials import provider_credentials
from harness.demo.layout import GATEWAY, ROOT
from harness.gateway import signing_keys


@pytest.fixture(scope="module")
def resolved() -> dict[str, Any]:
    """What compose makes of the file when no variable is set."""
    command = compose_command()
    if command is None:
        pytest.skip(f"docker compose config: no compose here, install with `{INSTALL}`")
    chosen = ("ENVOY_IMAGE", "PYTHON_IMAGE", "PORT", "BEDROCK_PORT", "ADMIN_PORT")
    environment = {name: value for name, value in os.environ.items() if name not in chosen}
    finished = subprocess.run([*command, "config"], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    # Nothing to complain about, such as a variable without a default.
    assert finished.stderr == ""
    return yaml.safe_load(finished.stdout)


def test_images_are_the_public_ones_by_default(resolved: dict[str, Any]) -> None:
    images = {name: service["image"] for name, service in resolved["services"].items()}
    assert images == {"envoy": "envoyproxy/envoy:v1.40.0", "simulator": "python:3.11-slim"}


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
