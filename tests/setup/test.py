"""Runs every stage of the tests and always ends with a summary of all of them.

A stage that fails does not stop the stages that can still run. What passed, failed and was skipped is read from the
reports of the test programs. The run fails when anything failed, and also when a stage ran nothing.
It needs no package: it runs before they are installed.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from results import FAILED, PASSED, SKIPPED, Line, Result, read_pytest_report, read_test_lines, slowest

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "target" / "test"
ALL_RESULTS = REPORTS / "results.txt"
SLOWEST = 20
# What the scripts beside this one end with where they may not install what is missing; their last line says the command.
MAY_NOT_INSTALL = 3
# What `cargo test` builds beside its tests; another build of it, for release, would take minutes.
COMMAND = "target/debug/claimgate"
# What `tests/setup/modules` makes.
MODULE = "target/test/libclaimgate.so"
GRACE_SECONDS = 30.0
CORES = len(os.sched_getaffinity(0))
# As many end-to-end tests run beside each other as there are cores, and where an Envoy starts at once one more: many wait for
# clocks. One more that compiles the module keeps the others waiting.
COMPILING_PROCESSES = min(max(CORES, 2), 8)
E2E_PROCESSES = COMPILING_PROCESSES + 1


@dataclass
class Stage:
    name: str
    command: list[str]
    # Turns the stage's output into results.
    read: Callable[[list[Line]], list[Result]]
    # Names of earlier stages without which this one cannot run.
    needs: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)
    results: list[Result] = field(default_factory=list)
    seconds: float = 0.0

    def count(self) -> Counter[str]:
        return Counter(result.outcome for result in self.results)

    def run(self) -> None:
        start = time.monotonic()
        status, lines = self._stream()
        self.seconds = time.monotonic() - start
        self.results = self.read(lines)
        count = self.count()
        if status == MAY_NOT_INSTALL and self.read is no_report:
            self.results = [Result("", "", SKIPPED, lines[-1].text if lines else "")]
        elif status != 0 and not count[FAILED]:
            self.fail(f"`{shlex.join(self.command)}` ended with status {status}")
        elif status == 0 and not self.results and self.read is no_report:
            self.results = [Result("", "", PASSED)]
        elif not count[PASSED] and not count[FAILED]:
            self.fail("nothing ran")

    def _stream(self) -> tuple[int, list[Line]]:
        """Runs the command, shows its output as it comes, and returns its exit status and lines."""
        # Colours would stand between the words that are looked for.
        environment = os.environ | {"CARGO_TERM_COLOR": "never"} | self.environment
        try:
            process = subprocess.Popen(
                self.command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            )
        except OSError as error:
            self.say(str(error))
            return 127, []
        lines = []
        with process:
            for text in process.stdout or ():
                lines.append(Line(text.rstrip("\n"), time.monotonic()))
                self.say(lines[-1].text)
        return process.returncode, lines

    def say(self, text: str) -> None:
        """Shows a line, with the stage's name, as others may run beside it."""
        # In one piece, so that lines stay whole.
        sys.stdout.write(f"{self.name} | {text}\n")
        sys.stdout.flush()

    def fail(self, why: str) -> None:
        self.results.append(Result("", "", FAILED, why))


Lane = list[Stage]
"""Stages that run one after another."""


def no_report(_lines: list[Line]) -> list[Result]:
    """Nothing but the exit status of this command counts."""
    return []


def pytest(name: str, host: str, tests: str, *options: str, is_last: bool = False) -> Stage:
    """A part of the tests of the gateway in a real Envoy, called by the providers' own clients.

    `host` is `wasm` or `module`, `tests` an expression of pytest's markers.
    """
    report = REPORTS / f"{name.replace(' ', '-')}.xml"
    report.unlink(missing_ok=True)
    # The time limit, in seconds, is for a test that hangs.
    command = ["target/venv/bin/python", "-m", "pytest", "tests/e2e", "-v", "--timeout=300", *options]
    command += ["-m", tests, "--continue-on-collection-errors", f"--junitxml={report.relative_to(ROOT)}"]
    needs = ("python", {"wasm": "build", "module": "modules"}[host])
    environment = {"CLAIMGATE_HOST": host} | ({} if is_last else {"CLAIMGATE_EVIDENCE_LATER": "1"})
    return Stage(name, command, lambda _: read_pytest_report(report), needs, environment)


def stages() -> list[list[Lane]]:
    """Rounds that follow one another, each of lanes that run beside each other."""
    policy_tests = os.environ.get("POLICY_TESTS", f"{COMMAND} test policies")
    threads = int(os.environ.get("RUST_TEST_THREADS") or CORES)
    module = [
        Stage("build", ["make", "--no-print-directory", "module"], no_report),
        # The corpus of the fuzz targets, and some seconds of new inputs.
        Stage("fuzz", ["python3", "tests/fuzz/run.py", "check"], read_test_lines),
    ]
    core = [
        Stage("python", ["tests/setup/python"], no_report),
        Stage("envoys", ["tests/setup/envoys"], no_report, needs=("python",)),
        # The packages of the identity provider.
        Stage("node", ["tests/setup/node"], no_report, needs=("python",)),
        # What exchanges users' tokens.
        Stage("authorization server", ["tests/setup/authorization_server"], no_report),
        # What quotas of a fleet are counted with.
        Stage("rate limit service", ["tests/setup/rate_limit_service"], no_report, needs=("python",)),
        # Unit tests, doctests, and the scripts played on the native core.
        Stage("cargo test", ["cargo", "test", "--no-fail-fast"], lambda lines: read_test_lines(lines, threads)),
        # From what that has built.
        Stage("modules", ["tests/setup/modules"], no_report),
        Stage("policies", shlex.split(policy_tests), read_test_lines),
    ]
    # All on the module, which starts at once; what the hosts do each in its own way on wasm, too.
    e2e = [
        pytest("e2e module", "module", "not alone", "-n", str(E2E_PROCESSES)),
        pytest("e2e wasm", "wasm", "(both_hosts or only) and not alone", "-n", str(COMPILING_PROCESSES)),
    ]
    # Nothing runs beside those that measure or flood; the last of them searches what all have left.
    alone = [pytest("alone module", "module", "both_hosts and alone"), pytest("alone wasm", "wasm", "alone", is_last=True)]
    return [[module, core], [e2e], [alone]]


class Run:
    """A run of all stages; each ends with results, whatever happens."""

    def __init__(self, rounds: list[list[Lane]]) -> None:
        self.rounds = rounds
        self.plan = [stage for lanes in rounds for lane in lanes for stage in lane]
        self._broken: set[str] = set()
        self._begun = 0
        self._is_interrupted = threading.Event()

    def run(self) -> None:
        for lanes in self.rounds:
            threads = [threading.Thread(target=self._run_lane, args=(lane,), daemon=True) for lane in lanes]
            for thread in threads:
                thread.start()
            try:
                for thread in threads:
                    thread.join()
            except KeyboardInterrupt:
                # The programs have been interrupted, too, and clean up.
                self._is_interrupted.set()
                for thread in threads:
                    thread.join(GRACE_SECONDS)
                raise

    def _run_lane(self, lane: Lane) -> None:
        for stage in lane:
            if self._is_interrupted.is_set():
                return
            self._begun += 1
            missing = [need for need in stage.needs if need in self._broken]
            if missing:
                stage.fail(f"not run, because {' and '.join(missing)} failed")
                continue
            print(f"\n== {self._begun}/{len(self.plan)} {stage.name}: {shlex.join(stage.command)}", flush=True)
            stage.run()
            print(f"== {stage.name}: {tally(stage)}, {stage.seconds:.0f} s", flush=True)
            if stage.count()[FAILED]:
                self._broken.add(stage.name)


def tally(stage: Stage) -> str:
    count = stage.count()
    return ", ".join(f"{count[outcome]} {outcome}" for outcome in (PASSED, FAILED, SKIPPED) if count[outcome])


def summarise(plan: list[Stage]) -> None:
    """Prints the tests that passed by suite, those that were skipped one by one; the file of all results has every name."""
    with ALL_RESULTS.open("w") as file:
        for stage in plan:
            file.writelines(line(stage, result.outcome, str(result)) + "\n" for result in stage.results)

    print("\n== summary")
    for stage in plan:
        suites = Counter(result.suite or result.name for result in stage.results if result.outcome == PASSED)
        for suite, count in suites.items():
            print(line(stage, PASSED, f"{suite} ({count})" if count > 1 else suite))
    print_each(plan, SKIPPED)
    print(f"all by name: {ALL_RESULTS.relative_to(ROOT)}")
    print(f"\n== the slowest {SLOWEST}")
    for result in slowest((result for stage in plan for result in stage.results), SLOWEST):
        print(f"{result.seconds:6.1f} s  {result.suite}: {result.name}")
    print("\n== stages")
    for stage in plan:
        print(f"{stage.name:18} {stage.seconds:5.0f} s  {tally(stage) or 'not run'}")


def print_each(plan: list[Stage], outcome: str) -> None:
    for stage in plan:
        for result in stage.results:
            if result.outcome == outcome:
                print(line(stage, outcome, str(result)))


def line(stage: Stage, outcome: str, name: str) -> str:
    return f"{outcome:7} {stage.name}" + (f": {name}" if name else "")


def main() -> int:
    start = time.monotonic()
    REPORTS.mkdir(parents=True, exist_ok=True)
    run = Run(stages())
    # What the tests leave behind in one stage is searched for secrets in the last.
    evidence = tempfile.mkdtemp(prefix="claimgate-evidence-")
    os.environ["CLAIMGATE_EVIDENCE_RUN"] = evidence
    os.environ["CLAIMGATE_COMMAND"] = str(ROOT / COMMAND)
    os.environ["CLAIMGATE_MODULE"] = str(ROOT / MODULE)
    interrupted = False
    try:
        run.run()
    except KeyboardInterrupt:
        interrupted = True
    finally:
        shutil.rmtree(evidence, ignore_errors=True)
    summarise(run.plan)
    failed = sum(stage.count()[FAILED] for stage in run.plan)
    print(f"{'all':18} {time.monotonic() - start:5.0f} s")
    if interrupted:
        print("interrupted")
    elif failed:
        # Last, where nobody has to look for them.
        print_each(run.plan, FAILED)
        print(f"FAILED: {failed}")
    else:
        print("ok")
    return 1 if failed or interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
