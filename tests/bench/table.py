"""The figures for readers: a table for the terminal, and the same and more as Markdown for the page."""

from typing import Any

from .goals import COMPARISONS, GOALS, Goal

Figures = dict[str, Any]


def terminal(figures: Figures) -> str:
    goals = [f"{goal.what:62} {said(goal, figures)}" for goal in GOALS]
    return "\n".join([rows(figures["scenarios"]), "", *goals])


def rows(scenarios: list[dict[str, Any]]) -> str:
    head = f"{'scenario':46} {'CPU µs':>7} {'middle half':>12} {'req/s':>6} {'p50':>6} {'p99':>6} {'RSS MB':>6}  ratios"
    lines = [head]
    for row in scenarios:
        low, high = row["cpu_us_middle_half"]
        ratios = "; ".join(f"{ratio(one)} × {one['to']}" for one in row["compared"] if one["to"] != row["name"])
        lines.append(
            f"{row['name']:46} {row['cpu_us_per_request']:7.0f} {f'{low:.0f}–{high:.0f}':>12} "
            f"{row['requests_per_second']:6.0f} {row['p50_us']:6.0f} {row['p99_us']:6.0f} {row['rss_mb']:6.0f}  {ratios}"
        )
    return "\n".join(lines)


def ratio(one: dict[str, Any]) -> str:
    low, high = one["middle_half"]
    apart = "" if one["runs_apart"] is None else f", runs {one['runs_apart']:.2f} apart"
    return f"{one['ratio']:.2f} ({low:.2f}–{high:.2f}{apart})"


def said(goal: Goal, figures: Figures) -> str:
    value = goal.value(figures)
    return f"{value:.2f} {goal.unit}".strip() + f", aim {goal.aim}: {'reached' if goal.is_reached(value) else 'not reached'}"


def markdown(figures: Figures) -> str:
    """What stands in docs/performance.md between its marks."""
    machine = figures["machine"]
    lines = [
        f"Envoy {figures['envoy']}, one worker, {machine['cores']} shared cores ({machine['cpu']}); medians of "
        f"{figures['rounds']} interleaved rounds, of ratios within a round. \"Apart\": how far two runs lie apart.",
        "",
        "| scenario | CPU µs per request | to no filter | to the native chain | apart | requests/s | p99 ms |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in figures["scenarios"]:
        # The two that all groups have are told once.
        if row["group"] != "decisions" and row["name"] in ("no filter", "native chain, token repeated"):
            continue
        native = next((one for one in row["compared"] if one["to"] == "native chain, token repeated"), None)
        apart = native["runs_apart"] if native else None
        cells = [
            row["name"],
            f"{row['cpu_us_per_request']:.0f}",
            f"{row['ratio_to_no_filter']:.2f}",
            "" if native is None else f"{native['ratio']:.2f}",
            "" if apart is None else f"{apart:.2f}",
            f"{row['requests_per_second']:.0f}",
            f"{row['p99_us'] / 1000:.1f}",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "| measure | aim | measured |", "| --- | --- | --- |"]
    for goal in GOALS:
        value = goal.value(figures)
        mark = "" if goal.is_reached(value) else " (not reached)"
        lines.append(f"| {goal.what} | {goal.aim} | {value:.2f} {goal.unit}".rstrip() + f"{mark} |")
    return "\n".join(lines)


def summary(figures: Figures) -> str:
    """What stands in the README between its marks."""
    lines = [
        f"CPU per request of Envoy {figures['envoy']}, as a multiple of what Envoy's own filters for the nearest take:",
        "",
        "| request | against | module | wasm |",
        "| --- | --- | --- | --- |",
    ]
    for each in COMPARISONS:
        lines.append(f"| {each.what} | {each.against} | {each.module(figures):.2f} | {each.wasm(figures):.2f} |")
    return "\n".join(lines)
