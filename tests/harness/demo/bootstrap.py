"""The shipped bootstrap on other ports, hosts and paths; everything else stays as it is shipped."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ..bootstrap import FILTER_NAME, LISTENER, Document
from ..ports import LOOPBACK
from .layout import BOOTSTRAP

BEDROCK_LISTENER = "bedrock"
TLS_LISTENER = "gateway-tls"
SERVED_BY = {"openai-globex": "openai", "idp": "control"}
"""Clusters that lead to a port of the simulator with another name."""


@dataclass(frozen=True)
class Place:
    """Where a demo's Envoy listens and what it talks to."""

    port: int
    bedrock_port: int
    admin_port: int
    simulator_ports: Mapping[str, int]
    ecds_directory: Path
    address: str = LOOPBACK
    """What the listeners bind."""
    simulator_host: str = LOOPBACK
    tls_port: int | None = None
    """None leaves the listener with TLS out, and nobody needs certificates."""

    @property
    def certificates(self) -> Path:
        """Where the server's certificate is expected."""
        return self.ecds_directory / "tls"


def shipped() -> Document:
    """The document of `envoy/envoy.yaml`."""
    return yaml.safe_load(BOOTSTRAP.read_text())


def shipped_simulator_ports() -> dict[str, int]:
    """The simulator's ports that the shipped clusters lead to."""
    ports = {}
    for cluster in shipped()["static_resources"]["clusters"]:
        ports[SERVED_BY.get(cluster["name"], cluster["name"])] = _endpoint(cluster)["port_value"]
    return ports


def placed(place: Place) -> Document:
    """The shipped document, moved."""
    document = shipped()
    resources = document["static_resources"]
    document["admin"]["address"]["socket_address"] = _address(place.address, place.admin_port)
    ports = {LISTENER: place.port, BEDROCK_LISTENER: place.bedrock_port, TLS_LISTENER: place.tls_port}
    resources["listeners"] = [one for one in resources["listeners"] if ports[one["name"]] is not None]
    for listener in resources["listeners"]:
        listener["address"]["socket_address"] = _address(place.address, ports[listener["name"]])
        if listener["name"] == TLS_LISTENER:
            _move_certificates(listener, place.certificates)
        for http_filter in _http_filters(listener):
            if http_filter["name"] == FILTER_NAME:
                _move_ecds(http_filter, place.ecds_directory)
    for cluster in resources["clusters"]:
        port = place.simulator_ports[SERVED_BY.get(cluster["name"], cluster["name"])]
        _endpoint(cluster).update(_address(place.simulator_host, port))
        if place.simulator_host != LOOPBACK:
            cluster["type"] = "STRICT_DNS"
    return document


def _move_certificates(listener: Mapping[str, Any], directory: Path) -> None:
    tls = listener["filter_chains"][0]["transport_socket"]["typed_config"]["common_tls_context"]
    for file in tls["tls_certificates"][0].values():
        file["filename"] = str(directory / Path(file["filename"]).name)


def _move_ecds(http_filter: dict[str, Any], directory: Path) -> None:
    source = http_filter["config_discovery"]["config_source"]["path_config_source"]
    source["path"] = str(directory / Path(source["path"]).name)
    source["watched_directory"]["path"] = str(directory)


def _http_filters(listener: Mapping[str, Any]) -> list[dict[str, Any]]:
    return listener["filter_chains"][0]["filters"][0]["typed_config"]["http_filters"]


def _endpoint(cluster: Mapping[str, Any]) -> dict[str, Any]:
    [group] = cluster["load_assignment"]["endpoints"]
    [endpoint] = group["lb_endpoints"]
    return endpoint["endpoint"]["address"]["socket_address"]


def _address(host: str, port: int) -> dict[str, Any]:
    return {"address": host, "port_value": port}
