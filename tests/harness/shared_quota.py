"""Configurations whose quotas the rate limit service counts, each for requests that ask for it by its name."""

from collections.abc import Mapping, Sequence
from typing import Any

from .dialects import credential_header
from .gateway import document, key_entry, upstream_entries
from .rate_limit_service import CLUSTER

# Dollars per million, of input and of output.
PRICES = {"version": "test-1", "models": [{"model": "sim-tokens-*", "input": 2, "output": 10}]}
KEY, ENTRY = key_entry("caller", tenant="acme")


def shared_quota(name: str, limit: int | str, unit: str = "requests", **fields: Any) -> dict[str, Any]:
    """One that is counted per day and per run, so that each run is somebody else to it."""
    when = f"has(request.headers.asks) && request.headers.asks == '{name}'"
    entry = {"id": name, "engine": "global", "limit": limit, "unit": unit, "window": "1d", "window_kind": "fixed"}
    return {**entry, "per": ["request.headers.run"], "when": when, "refused_as": "rate_limit", **fields}


def shared_configuration(quotas: Sequence[Mapping[str, Any]], **service: str) -> dict[str, Any]:
    """The configuration of every gateway of a fleet; `service` are further fields of its section."""
    upstreams = [{**upstream, "tenant": "acme"} for upstream in upstream_entries()]
    section = {"cluster": CLUSTER, "timeout": "500ms", **service}
    return document(keys=[ENTRY], upstreams=upstreams, quotas=quotas, prices=PRICES, rate_limit_service=section)


def asking(name: str, run: str) -> dict[str, str]:
    """The headers of a request of this run that the quota `name` counts; the run is its id too."""
    return {**credential_header("openai", KEY), "asks": name, "run": run, "x-request-id": run}
