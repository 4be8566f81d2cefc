"""Runs the scenarios side by side in short interleaved rounds.

Every Envoy under test has one worker and is pinned to the first core; the load generator and whatever answers in the
provider's place share the last one. CPU is user and system time of the Envoy under test over the requests that it
completed, so that the others do not count.
"""

import contextlib
import os
import re
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from harness.bootstrap import Document
from harness.envoy import Envoy
from harness.processes import Process
from harness.rate_limit_service import RateLimitService
from harness.redis import Redis

from .configurations import ENVIRONMENT, LIMITS
from .loads import Driven, drive
from .provider import answering_bootstrap
from .scenarios import Scenario


# In the gateway's record, or in Envoy's own line.
SUCCESS = re.compile(r'"(?:http\.response\.status_code|status)":2\d\d\b')


@dataclass
class Sample:
    """One scenario in one round."""

    cpu_us: float
    driven: Driven


@dataclass
class Samples:
    """One scenario in all rounds of one run."""

    rounds: list[Sample] = field(default_factory=list)
    rss_mb: float = 0


@dataclass
class Stand:
    """One scenario, ready to be driven."""

    scenario: Scenario
    envoy: Envoy
    script: Path
    next_value: int = 0

    def drive(self, seconds: float) -> Sample:
        before = self.envoy.cpu_seconds()
        try:
            driven = drive(self.envoy.url, self.script, seconds, self.next_value)
        except RuntimeError as error:
            raise RuntimeError(f"{self.scenario.name}: {error}\n{self.last_refusal()}") from error
        self.next_value += driven.requests
        return Sample((self.envoy.cpu_seconds() - before) / driven.requests * 1e6, driven)

    def last_refusal(self) -> str:
        """The line of the last request that was no success, as its Envoy wrote it down."""
        refusals = (line for line in (self.script.parent / "requests.log").open() if not SUCCESS.search(line))
        return next(iter(deque(refusals, maxlen=1)), "no refusal was written down")

    def warm(self) -> None:
        """Until it has seen as many requests as it needs."""
        while self.next_value < self.scenario.warm_requests:
            self.drive(2 if self.scenario.warm_requests > 10_000 else 1)


@dataclass
class Servers:
    """What the Envoys under test lead to."""

    answering: int
    streaming: int
    limits: RateLimitService | None = None

    def document(self, scenario: Scenario, directory: Path) -> Document:
        """The bootstrap of a scenario."""
        document = scenario.build(self.streaming if scenario.streams else self.answering, directory)
        if scenario.asks and self.limits is not None:
            document["static_resources"]["clusters"].append(self.limits.cluster())
        return document


def run(scenarios: Sequence[Scenario], rounds: int, seconds: float, directory: Path) -> dict[str, Samples]:
    """Starts everything anew in an empty directory, and measures."""
    directory.mkdir(parents=True, exist_ok=True)
    cores = sorted(os.sched_getaffinity(0))
    samples = {scenario.name: Samples() for scenario in scenarios}
    with ExitStack() as stack:
        answering = stack.enter_context(Envoy(answering_bootstrap(), directory / "provider", concurrency=1))
        streaming = stack.enter_context(stream_server(directory))
        pin(answering.process.pid, cores[-1])
        servers = Servers(answering.port, int(streaming.output_path.read_text()))
        if any(scenario.asks for scenario in scenarios):
            servers.limits = stack.enter_context(limit_service(directory, cores[-1]))
        stands = start(stack, scenarios, servers, directory, cores[0])
        stack.enter_context(pinned(cores[-1]))
        for stand in stands:
            stand.warm()
        for number in range(rounds):
            # Whoever stands behind a costly one must not always be the same.
            turn = number * 7 % len(stands)
            for stand in stands[turn:] + stands[:turn]:
                samples[stand.scenario.name].rounds.append(stand.drive(seconds))
        for stand in stands:
            samples[stand.scenario.name].rss_mb = stand.envoy.rss_bytes() / 1e6
    return samples


def start(
    stack: ExitStack, scenarios: Sequence[Scenario], servers: Servers, directory: Path, core: int
) -> list[Stand]:
    """Starts an Envoy for each, some at a time, because each compiles its module."""

    def stand(scenario: Scenario) -> Stand:
        own = directory / re.sub(r"[^a-z0-9]+", "-", scenario.name.lower())
        own.mkdir()
        envoy = Envoy(servers.document(scenario, own), own, concurrency=1, environment=ENVIRONMENT)
        pin(envoy.process.pid, core)
        return Stand(scenario, envoy, scenario.load.script(own / "load.lua"))

    with ThreadPoolExecutor(2) as pool:
        stands = []
        for ready in pool.map(stand, scenarios):
            stack.callback(ready.envoy.stop)
            stands.append(ready)
            say(f"started: {ready.scenario.name}")
    return stands


@contextlib.contextmanager
def stream_server(directory: Path) -> Iterator[Process]:
    tests = str(Path(__file__).resolve().parents[1])
    command = [sys.executable, "-m", "bench.provider"]
    with Process("streams", command, directory, {"PYTHONPATH": tests}) as process:
        process.wait_ready(lambda: process.output_path.read_text().strip() != "", 10)
        pin(process.pid, sorted(os.sched_getaffinity(0))[-1])
        yield process


@contextlib.contextmanager
def limit_service(directory: Path, core: int) -> Iterator[RateLimitService]:
    """The rate limit service and its Redis; what they use is not Envoy's."""
    with pinned(core), Redis(directory / "redis") as redis:
        with RateLimitService(directory / "service", redis, LIMITS) as service:
            yield service


@contextlib.contextmanager
def pinned(core: int) -> Iterator[None]:
    """Keeps this process, and the load generators it starts, on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def pin(pid: int, core: int) -> None:
    for thread in os.listdir(f"/proc/{pid}/task"):
        os.sched_setaffinity(int(thread), {core})


def say(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)
