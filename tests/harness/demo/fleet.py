"""The shipped configuration as a fleet has it: its quotas are counted by a rate limit service, for every Envoy."""

from typing import Any

import yaml

from ..bootstrap import Document, static_cluster
from ..rate_limit_service import CLUSTER

SERVICE_PORT = 8081


def counted_together(gateway: str) -> str:
    """A gateway.yaml whose quotas all ask the service, which has fixed windows alone."""
    document = yaml.safe_load(gateway)
    document["rate_limit_service"] = {"cluster": CLUSTER}
    document["quotas"] = [_counted_together(quota) for quota in document["quotas"]]
    return yaml.safe_dump(document, sort_keys=False)


def with_service(bootstrap: Document, host: str) -> Document:
    """A bootstrap with the cluster that leads to the service; the document is changed."""
    cluster = static_cluster(CLUSTER, SERVICE_PORT, http2=True)
    [group] = cluster["load_assignment"]["endpoints"]
    [endpoint] = group["lb_endpoints"]
    endpoint["endpoint"]["address"]["socket_address"]["address"] = host
    cluster["type"] = "STRICT_DNS"
    bootstrap["static_resources"]["clusters"].append(cluster)
    return bootstrap


def _counted_together(quota: dict[str, Any]) -> dict[str, Any]:
    # Its counters outlive the process now.
    kept = {name: value for name, value in quota.items() if name != "durability"}
    return {**kept, "engine": "global", "window_kind": "fixed"}
