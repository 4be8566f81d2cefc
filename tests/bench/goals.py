"""What the project aims at. A figure that is not reached stays in the table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .scenarios import (
    API_KEY,
    GLOBAL,
    GOT,
    JWT,
    MINTED,
    NATIVE,
    NATIVE_GLOBAL,
    NATIVE_NEW,
    NEW_RSA,
    OWN_KEY,
    native_host,
)

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


TWO, LARGE = (f"{size} KB body, a rule reads the model" for size in (2, 200))
TWO_BUFFERED, LARGE_BUFFERED = (f"{size} KB body, Envoy's buffer filter" for size in (2, 200))


@dataclass(frozen=True)
class Comparison:
    """One that is made on both hosts, with an aim for each."""

    what: str
    against: str
    module_aim: float
    wasm_aim: float
    name: str
    other: str

    def module(self, figures: Figures) -> float:
        return cpu(native_host(self.name), self.other)(figures)

    def wasm(self, figures: Figures) -> float:
        return cpu(self.name, self.other)(figures)

    def goals(self) -> list[Goal]:
        what = f"{self.what}: CPU against {self.against}"
        return [Goal(f"{what}, module", self.module_aim, self.module), Goal(f"{what}, wasm", self.wasm_aim, self.wasm)]


COMPARISONS = [
    Comparison("API key", "the native cached chain", 1.0, 1.45, API_KEY, NATIVE),
    Comparison("JWT repeated", "the native cached chain", 1.05, 1.5, JWT, NATIVE),
    Comparison("each token new, RS256", "the native uncached chain", 1.0, 1.5, NEW_RSA, NATIVE_NEW),
    Comparison("2 KB body rule", "Envoy's buffer filter", 1.4, 2.2, TWO, TWO_BUFFERED),
    Comparison("200 KB body rule", "Envoy's buffer filter", 1.3, 1.8, LARGE, LARGE_BUFFERED),
    Comparison("global quota of requests", "Envoy's filter that asks as well", 0.9, 1.1, GLOBAL, NATIVE_GLOBAL),
]
GOALS = [
    *(goal for comparison in COMPARISONS for goal in comparison.goals()),
    Goal("start: CPU until the filter serves, module", 0.3, start("module", "start_cpu_seconds"), "s"),
    Goal("start: CPU until the filter serves, wasm", 4, start("compile_cpu_seconds"), "s"),
    Goal("memory of the first worker, module", 15, start("module", "one_worker_rss_mb"), "MB"),
    Goal("memory of each further worker, module", 2, start("module", "each_further_worker_rss_mb"), "MB"),
    Goal("each token new, ES256: CPU against RS256", 1.5, cpu("JWT, each token new (ES256)", NEW_RSA)),
    Goal("token of the gateway's own, repeated: CPU against an API key", 1.2, cpu(MINTED, API_KEY)),
    Goal("a token for the provider that was got: CPU against a static one", 1.05, cpu(GOT, API_KEY)),
    Goal("a sealed key of the user's own: CPU against a static one", 1.1, cpu(OWN_KEY, JWT)),
    Goal("streamed answer: throughput against no filter", 0.9, throughput("stream of 500 events, API key"), at_least=True),
    Goal("1,000 policies, one of them for the route: CPU against 1", 1.1, cpu("1,000 policies", "1 policies")),
    Goal("100,000 keys: CPU against 10", 1.1, cpu("100,000 API keys", "10 API keys")),
    Goal("100,000 keys: memory more per worker", 40, start("rss_mb", "each_worker_of_100000_keys_more"), "MB"),
    Goal("100,000 keys: time to load", 3, loaded("100,000 API keys", "seconds"), "s"),
    Goal("100,000 live descriptors: CPU against 1", 1.2, cpu("100,000 quota descriptors", "1 quota descriptors")),
    Goal("a changed configuration: CPU of taking it", 0.5, loaded("another quota", "cpu_seconds"), "s"),
    Goal("size of the wasm filter", 3.5, start("wasm_mb"), "MB"),
    Goal("memory of each further worker, wasm", 12, start("rss_mb", "each_further_worker"), "MB"),
]
