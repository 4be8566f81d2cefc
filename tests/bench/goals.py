"""What the project aims at. A figure that is not reached stays in the table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .scenarios import API_KEY, GLOBAL, GOT, JWT, MINTED, NATIVE, NATIVE_GLOBAL, NATIVE_NEW, NEW_RSA, OWN_KEY

Figures = dict[str, Any]


@dataclass(frozen=True)
class Goal:
    what: str
    bound: float
    value: Callable[[Figures], float]
    unit: str = ""
    at_least: bool = False

    @property
    def aim(self) -> str:
        return f"{'≥' if self.at_least else '≤'} {self.bound:g} {self.unit}".strip()

    def is_reached(self, value: float) -> bool:
        # As it is printed.
        value = round(value, 2)
        return value >= self.bound if self.at_least else value <= self.bound


def row(figures: Figures, name: str) -> dict[str, Any]:
    return next(row for row in figures["scenarios"] if row["name"] == name)


def cpu(name: str, other: str) -> Callable[[Figures], float]:
    """CPU per request of one scenario against another."""
    return lambda figures: next(one["ratio"] for one in row(figures, name)["compared"] if one["to"] == other)


def throughput(name: str) -> Callable[[Figures], float]:
    return lambda figures: row(figures, name)["throughput_to_no_filter"]


def start(*path: str) -> Callable[[Figures], float]:
    def value(figures: Figures) -> float:
        found: Any = figures["starting"]
        for part in path:
            found = found[part]
        return found

    return value


def loaded(name: str, field: str) -> Callable[[Figures], float]:
    return lambda figures: next(load[field] for load in figures["starting"]["loads"] if load["name"] == name)


GOALS = [
    Goal("JWT repeated: CPU against the native cached chain", 1.0, cpu(JWT, NATIVE)),
    Goal("API key: CPU against the native cached chain", 1.0, cpu("API key", NATIVE)),
    Goal("each token new, RS256: CPU against the native uncached chain", 1.0, cpu(NEW_RSA, NATIVE_NEW)),
    Goal("each token new, ES256: CPU against RS256", 1.5, cpu("JWT, each token new (ES256)", NEW_RSA)),
    Goal("token of the gateway's own, repeated: CPU against an API key", 1.2, cpu(MINTED, API_KEY)),
    Goal("a token for the provider that was got: CPU against a static one", 1.05, cpu(GOT, API_KEY)),
    Goal("a sealed key of the user's own: CPU against a static one", 1.1, cpu(OWN_KEY, JWT)),
    Goal("streamed answer: throughput against no filter", 0.9, throughput("stream of 500 events, API key"), at_least=True),
    Goal(
        "200 KB body rule: CPU against Envoy's buffer filter",
        1.3,
        cpu("200 KB body, a rule reads the model", "200 KB body, Envoy's buffer filter"),
    ),
    Goal("1,000 policies, one of them for the route: CPU against 1", 1.1, cpu("1,000 policies", "1 policies")),
    Goal("100,000 keys: CPU against 10", 1.1, cpu("100,000 API keys", "10 API keys")),
    Goal("100,000 keys: memory more per worker", 40, start("rss_mb", "each_worker_of_100000_keys_more"), "MB"),
    Goal("100,000 keys: time to load", 3, loaded("100,000 API keys", "seconds"), "s"),
    Goal("100,000 live descriptors: CPU against 1", 1.2, cpu("100,000 quota descriptors", "1 quota descriptors")),
    Goal("global quota of requests: CPU against Envoy's filter that asks as well", 1.3, cpu(GLOBAL, NATIVE_GLOBAL)),
    Goal("start: CPU of compiling the module", 6, start("compile_cpu_seconds"), "s"),
    Goal("a changed configuration: CPU of taking it", 0.5, loaded("another quota", "cpu_seconds"), "s"),
    Goal("size of the module", 3.5, start("wasm_mb"), "MB"),
    Goal("memory of each further worker", 12, start("rss_mb", "each_further_worker"), "MB"),
]
