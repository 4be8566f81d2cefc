"""Medians and ratios of what was measured, in the form of `bench.json`.

A ratio is the median of the ratios of one round: two scenarios of a round are driven within seconds of each other, and
what a shared machine does meanwhile happens to both.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

from harness.envoy import envoy_binary

from .rounds import Samples
from .scenarios import NATIVE, Group, Scenario

Runs = Sequence[dict[str, Samples]]


def quartiles(values: Sequence[float]) -> list[float]:
    ordered = sorted(values)
    return [ordered[len(ordered) // 4], ordered[-1 - len(ordered) // 4]]


def ratios(run: dict[str, Samples], name: str, other: str) -> list[float]:
    """Of CPU per request, round by round; empty where the other was not there."""
    if other not in run:
        return []
    return [a.cpu_us / b.cpu_us for a, b in zip(run[name].rounds, run[other].rounds, strict=True)]


def compared(runs: Runs, name: str, other: str) -> dict[str, Any] | None:
    """The ratio over all runs, the middle half of its rounds, and how far the runs lie apart."""
    each = [found for run in runs if (found := ratios(run, name, other))]
    if not each:
        return None
    medians = [median(run) for run in each]
    return {
        "to": other,
        "ratio": median(sum(each, [])),
        "middle_half": quartiles(sum(each, [])),
        "runs_apart": max(medians) - min(medians) if len(medians) > 1 else None,
    }


def scenario_figures(group: Group, scenario: Scenario, runs: Runs) -> dict[str, Any]:
    samples = [run[scenario.name] for run in runs]
    rounds = [sample for one in samples for sample in one.rounds]
    cpu = [sample.cpu_us for sample in rounds]
    against = [other for other in scenario.against if other not in (scenario.no_filter, NATIVE)]
    others = [compared(runs, scenario.name, other) for other in (scenario.no_filter, NATIVE, *against)]
    no_filter, native, *against = others
    rates = [sample.driven.requests_per_second for sample in rounds]
    base = [sample.driven.requests_per_second for run in runs for sample in run[scenario.no_filter].rounds]
    return {
        "name": scenario.name,
        "group": group.name,
        "cpu_us_per_request": median(cpu),
        "cpu_us_middle_half": quartiles(cpu),
        "requests_per_second": median(rates),
        "p50_us": median(sample.driven.p50_us for sample in rounds),
        "p99_us": median(sample.driven.p99_us for sample in rounds),
        "rss_mb": median(one.rss_mb for one in samples),
        "ratio_to_no_filter": no_filter["ratio"] if no_filter else None,
        "ratio_to_native": native["ratio"] if native else None,
        "throughput_to_no_filter": median(own / other for own, other in zip(rates, base, strict=True)),
        "compared": [one for one in (no_filter, native, *against) if one],
    }


def figures(measured: Sequence[tuple[Group, Runs]], rounds: int, starting: dict[str, Any]) -> dict[str, Any]:
    """Everything, as `bench.json` holds it."""
    return {
        "machine": machine(),
        "envoy": envoy_version(),
        "rounds": rounds,
        "scenarios": [
            scenario_figures(group, scenario, runs) for group, runs in measured for scenario in group.scenarios
        ],
        "starting": starting,
    }


def machine() -> dict[str, Any]:
    model = re.search(r"model name\s*:\s*(.+)", Path("/proc/cpuinfo").read_text())
    return {"cpu": model[1] if model else "unknown", "cores": len(os.sched_getaffinity(0))}


def envoy_version() -> str:
    output = subprocess.run([envoy_binary(), "--version"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"/(\d+\.\d+\.\d+)/", output)
    return found[1] if found else output.strip()
