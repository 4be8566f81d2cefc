"""Compares the gateway's cost in Envoy with Envoy's own filters, side by side."""

import argparse
import tempfile
from pathlib import Path

from .rounds import run
from .scenarios import scenarios


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--only", nargs="*", default=[])
    arguments = parser.parse_args()
    rows = [row for row in scenarios() if not arguments.only or row.name in arguments.only]
    import statistics
    with tempfile.TemporaryDirectory() as directory:
        samples = run(rows, arguments.rounds, arguments.seconds, Path(directory))
    for row in rows:
        own = samples[row.name].rounds
        med = statistics.median
        ratios = []
        for other in row.against:
            if other in samples:
                pairs = [a.cpu_us / b.cpu_us for a, b in zip(own, samples[other].rounds)]
                ratios.append(f"{med(pairs):.2f} ({min(pairs):.2f}-{max(pairs):.2f}) x {other}")
        print(f"{row.name:45} {med([s.cpu_us for s in own]):8.1f} µs {med([s.driven.requests_per_second for s in own]):8.0f}/s {samples[row.name].rss_mb:5.0f} MB {'; '.join(ratios)}")


if __name__ == "__main__":
    main()
