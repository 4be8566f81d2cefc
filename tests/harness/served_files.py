"""Files that Envoy serves to the gateway on a Unix socket, swapped as the kubelet swaps those of a projected volume."""

import os
from pathlib import Path
from typing import Any

CLUSTER, LISTENER = "files", "files"


class ServedFiles:
    """A volume of files. What is in it is what the link `..data` leads to."""

    def __init__(self, directory: Path, **contents: str) -> None:
        self.directory = directory
        directory.mkdir(parents=True)
        # A path of a socket is short.
        self.socket = Path(f"/tmp/claimgate-files-{os.getpid()}-{id(self)}.sock")
        self._version = 0
        self.write(**contents)
        for name in contents:
            (directory / name).symlink_to(f"..data/{name}")
        self._names = list(contents)

    def write(self, **contents: str) -> None:
        """Replaces all of them at once."""
        self._version += 1
        version = self.directory / f"..{self._version}"
        version.mkdir()
        for name, content in contents.items():
            (version / name).write_text(content)
        link = self.directory / "..new"
        link.symlink_to(version.name)
        link.rename(self.directory / "..data")

    def listener(self) -> dict[str, Any]:
        """What docs/upstream-credentials.md shows."""
        routes = [
            {
                "match": {"path": f"/{name}"},
                "direct_response": {
                    "status": 200,
                    "body": {
                        "filename": str(self.directory / name),
                        "watched_directory": {"path": str(self.directory)},
                    },
                },
            }
            for name in self._names
        ]
        manager = {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": LISTENER,
            "route_config": {
                "name": LISTENER,
                "max_direct_response_body_size_bytes": 65536,
                "virtual_hosts": [{"name": LISTENER, "domains": ["*"], "routes": routes}],
            },
            "http_filters": [
                {
                    "name": "envoy.filters.http.router",
                    "typed_config": {"@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router"},
                }
            ],
        }
        return {
            "name": LISTENER,
            "address": {"pipe": {"path": str(self.socket), "mode": 0o600}},
            "filter_chains": [
                {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
            ],
        }

    def cluster(self) -> dict[str, Any]:
        endpoint = {"endpoint": {"address": {"pipe": {"path": str(self.socket)}}}}
        return {
            "name": CLUSTER,
            "type": "STATIC",
            "connect_timeout": "1s",
            "load_assignment": {"cluster_name": CLUSTER, "endpoints": [{"lb_endpoints": [endpoint]}]},
        }
