"""The two gateways that every form is tried at, started once."""

from collections.abc import Iterator

import pytest
import scene
from harness.simulator import Simulator
from scene import Scene


@pytest.fixture(scope="session")
def shipped(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """The shipped bootstrap, with a CorsPolicy on the virtual host of its first listener."""
    with scene.shipped(simulator, tmp_path_factory.mktemp("shipped")) as running:
        yield running


@pytest.fixture(scope="session")
def permissive(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    """An operator's Envoy that offers every kind of upgrade and tunnel, and HTTP/1.0."""
    with scene.permissive(simulator, tmp_path_factory.mktemp("permissive")) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_received(simulator: Simulator) -> None:
    """What reached the providers before is forgotten."""
    simulator.clear()
