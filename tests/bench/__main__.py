"""Compares what a decision costs in Envoy with Envoy's own filters, side by side in short interleaved rounds.

Each scenario has its own Envoy with one worker, pinned to the first core. A second Envoy answers in the provider's
place, on the last core, where the load generator runs too. CPU is user and system time of the Envoy under test over the
requests that it completed, so that the others do not count.
"""

import argparse
import json
import tempfile
from pathlib import Path

from harness.gateway import ROOT

from .figures import figures, scenario_figures
from .picture import picture
from .rounds import run, say
from .scenarios import groups
from .starting import starting
from .table import rows, terminal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--group", action="append", help="only this group; nothing is written then")
    arguments = parser.parse_args()
    measured = []
    with tempfile.TemporaryDirectory() as temporary:
        directory = Path(temporary)
        chosen = [group for group in groups() if arguments.group is None or group.name in arguments.group]
        for group in chosen:
            runs = []
            for number in range(group.runs):
                say(f"{group.name}: run {number + 1} of {group.runs}")
                own = directory / f"{group.name}-{number}"
                runs.append(run(group.scenarios, arguments.rounds, group.seconds, own))
            measured.append((group, runs))
        if arguments.group is not None:
            own = [scenario_figures(group, each, runs) for group, runs in measured for each in group.scenarios]
            print(rows(own))
            return
        result = figures(measured, arguments.rounds, starting(directory / "starting"))
    (ROOT / "target" / "bench.json").write_text(json.dumps(result, indent=1) + "\n")
    (ROOT / "target" / "bench.svg").write_text(picture(result))
    print(terminal(result))
    print("\nwritten: target/bench.json, target/bench.svg")


if __name__ == "__main__":
    main()
