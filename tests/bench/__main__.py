"""Compares CPU per request of Envoy with and without the filter, side by side in short interleaved rounds.

Each contender has its own Envoy with one worker, pinned to the first core; a second Envoy on the other core answers
in the provider's place, and so does the load generator run there. CPU is utime + stime of the Envoy under test over
the requests it completed, so that the load generator and the answering Envoy do not count.
"""

import argparse
import json
import os
import re
import statistics
import subprocess
import tempfile
from contextlib import ExitStack
from pathlib import Path

from harness.bootstrap import ROUTED, socket_address
from harness.envoy import Envoy

from .contenders import CHAT, ENVIRONMENT, Contender, contenders

PATH = "/openai/v1/chat/completions"


def answering_bootstrap() -> dict:
    """An Envoy that answers every request itself."""
    kind = "type.googleapis.com/envoy.extensions.filters"
    reply = {"status": 200, "body": {"inline_string": json.dumps({"choices": [], "usage": {"total_tokens": 9}})}}
    host = {"name": "all", "domains": ["*"], "routes": [{"match": {"prefix": "/"}, "direct_response": reply}]}
    router = {"@type": f"{kind}.http.router.v3.Router"}
    manager = {
        "@type": f"{kind}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "provider",
        "route_config": {"virtual_hosts": [host]},
        "http_filters": [{"name": "envoy.filters.http.router", "typed_config": router}],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    listener = {"name": "gateway", "address": socket_address(0), "filter_chains": [chain]}
    return {"admin": {"address": socket_address(0)}, "static_resources": {"listeners": [listener]}}


def pin(pid: int, core: int) -> None:
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {core})


def wrk_script(contender: Contender, directory: Path) -> Path:
    headers = {"content-type": "application/json", **contender.headers}
    lines = ['wrk.method = "POST"', f"wrk.body = {json.dumps(CHAT)}"]
    lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
    script = directory / f"{re.sub(r'[^a-z]+', '-', contender.name.lower())}.lua"
    script.write_text("\n".join(lines))
    return script


def drive(envoy: Envoy, script: Path, seconds: int) -> tuple[int, float]:
    """Completed requests and CPU seconds."""
    before = envoy.cpu_seconds()
    command = ["wrk", "-t1", "-c16", f"-d{seconds}s", "-s", str(script), f"{envoy.url}{PATH}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True, timeout=seconds + 30).stdout
    if "Non-2xx" in output:
        raise RuntimeError(f"the contender refuses its own load:\n{output}")
    completed = re.search(r"(\d+) requests in", output)
    return int(completed[1]) if completed else 0, envoy.cpu_seconds() - before


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=2)
    arguments = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        provider = stack.enter_context(Envoy(answering_bootstrap(), directory / "provider", concurrency=1))
        pin(provider.process.pid, cores[-1])
        os.sched_setaffinity(0, {cores[-1]})
        ports = {name: provider.port for name in (*ROUTED, "control")}
        rows = contenders()
        envoys = {}
        for index, contender in enumerate(rows):
            own = directory / str(index)
            own.mkdir()
            envoy = Envoy(contender.bootstrap(ports, own), own, concurrency=1, environment=ENVIRONMENT)
            envoys[contender.name] = stack.enter_context(envoy)
            pin(envoy.process.pid, cores[0])
        costs: dict[str, list[float]] = {contender.name: [] for contender in rows}
        scripts = {contender.name: wrk_script(contender, directory) for contender in rows}
        for contender in rows:
            drive(envoys[contender.name], scripts[contender.name], 1)
        for _ in range(arguments.rounds):
            for contender in rows:
                requests, cpu = drive(envoys[contender.name], scripts[contender.name], arguments.seconds)
                costs[contender.name].append(cpu / requests * 1e6)
        report(rows, costs, envoys)


def report(rows: list[Contender], costs: dict[str, list[float]], envoys: dict[str, Envoy]) -> None:
    base = costs[rows[0].name]
    print(f"{'contender':40} {'CPU µs/request':>15} {'spread':>15} {'ratio':>7} {'added µs':>9} {'RSS MB':>7}")
    for contender in rows:
        figures = costs[contender.name]
        ratio = statistics.median(own / other for own, other in zip(figures, base, strict=True))
        added = statistics.median(own - other for own, other in zip(figures, base, strict=True))
        spread = f"{min(figures):.0f}–{max(figures):.0f}"
        memory = envoys[contender.name].rss_bytes() / 1e6
        median = statistics.median(figures)
        print(f"{contender.name:40} {median:15.1f} {spread:>15} {ratio:7.2f} {added:9.1f} {memory:7.0f}")


if __name__ == "__main__":
    main()
