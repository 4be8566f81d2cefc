"""Runs every stage of the tests and always ends with a summary of all of them.

A stage that fails does not stop the stages that can still run. What passed, failed and was skipped is read from the
reports of the test programs. The run fails when anything failed, and also when a stage ran nothing.
It needs no package: it runs before they are installed.
"""

import os
import re
import shlex
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

ROOT = Path(__file__).resolve().parents[2]
REPORTS = ROOT / "target" / "test"
PYTEST_REPORT = REPORTS / "e2e.xml"
ALL_RESULTS = REPORTS / "results.txt"

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"
# What the scripts beside this one end with where they may not install what is missing; their last line says the command.
MAY_NOT_INSTALL = 3


@dataclass
class Result:
    suite: str
    name: str
    outcome: str
    detail: str = ""

    def __str__(self) -> str:
        return ": ".join(part for part in (self.suite, self.name, self.detail) if part)


@dataclass
class Stage:
    name: str
    command: list[str]
    # Turns the stage's output into results.
    read: Callable[[list[str]], list[Result]]
    # Names of earlier stages without which this one cannot run.
    needs: tuple[str, ...] = ()
    results: list[Result] = field(default_factory=list)

    def count(self) -> Counter[str]:
        return Counter(result.outcome for result in self.results)

    def run(self) -> None:
        status, lines = stream(self.command)
        self.results = self.read(lines)
        count = self.count()
        if status == MAY_NOT_INSTALL and self.read is no_report:
            self.results = [Result("", "", SKIPPED, lines[-1] if lines else "")]
        elif status != 0 and not count[FAILED]:
            self.fail(f"`{shlex.join(self.command)}` ended with status {status}")
        elif status == 0 and not self.results and self.read is no_report:
            self.results = [Result("", "", PASSED)]
        elif not count[PASSED] and not count[FAILED]:
            self.fail("nothing ran")

    def fail(self, why: str) -> None:
        self.results.append(Result("", "", FAILED, why))


def stream(command: list[str]) -> tuple[int, list[str]]:
    """Runs a command, shows its output as it comes, and returns its exit status and lines."""
    # Colours would stand between the words that are looked for.
    environment = os.environ | {"CARGO_TERM_COLOR": "never"}
    try:
        process = subprocess.Popen(
            command,
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
    except OSError as error:
        print(error)
        return 127, []
    lines = []
    with process:
        for line in process.stdout:
            print(line, end="", flush=True)
            lines.append(line.rstrip("\n"))
    return process.returncode, lines


def no_report(_lines: list[str]) -> list[Result]:
    """Nothing but the exit status of this command counts."""
    return []


SUITE = re.compile(r"^\s+(?:Running (?:unittests )?(\S+) \(|(Doc-tests) )")
BEGIN = re.compile(r"^running \d+ tests?$")
TEST = re.compile(r"^test (.+?) \.\.\. (ok|FAILED|ignored)(?:, (.*))?$")
TOTAL = re.compile(r"^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored")
OUTCOMES = {"ok": PASSED, "FAILED": FAILED, "ignored": SKIPPED}


def read_test_lines(lines: list[str]) -> list[Result]:
    """Reads `test NAME ... ok`, the lines of Rust's test programs, and holds them against the programs' own totals."""
    results: list[Result] = []
    suite = ""
    unfinished: list[str] = []
    read: Counter[str] = Counter()
    for line in lines:
        if match := SUITE.match(line):
            suite = match[1] or "doctests"
        elif BEGIN.match(line):
            unfinished.append(suite)
            read = Counter()
        elif match := TEST.match(line):
            outcome = OUTCOMES[match[2]]
            read[outcome] += 1
            results.append(Result(suite, match[1], outcome, match[3] or ""))
        elif match := TOTAL.match(line):
            told = Counter(dict(zip((PASSED, FAILED, SKIPPED), map(int, match.groups()), strict=True)))
            if read != told:
                results.append(Result(suite, "", FAILED, f"read {dict(read)}, but the program tells {dict(told)}"))
            unfinished = unfinished[:-1]
            read = Counter()
    # A test that aborts takes its program down before the total.
    results += [Result(suite, "", FAILED, "the program ended before its last test") for suite in unfinished]
    return results


def read_pytest_report(_lines: list[str]) -> list[Result]:
    if not PYTEST_REPORT.exists():
        return []
    results = []
    for case in ElementTree.parse(PYTEST_REPORT).iter("testcase"):
        outcome, detail = PASSED, ""
        for child in case:
            if child.tag in ("failure", "error"):
                outcome, detail = FAILED, child.get("message", "")
                break
            if child.tag == "skipped":
                outcome, detail = SKIPPED, child.get("message", "")
        suite = case.get("classname") or ""
        results.append(Result(suite, case.get("name"), outcome, detail.partition("\n")[0][:200]))
    return results


def stages() -> list[Stage]:
    policy_tests = os.environ.get("POLICY_TESTS", "target/release/claimgate test policies")
    # The time limit, in seconds, is for a test that hangs.
    pytest = ["target/venv/bin/python", "-m", "pytest", "tests/e2e", "-v", "--timeout=300"]
    pytest += ["--continue-on-collection-errors", f"--junitxml={PYTEST_REPORT.relative_to(ROOT)}"]
    return [
        Stage("build", ["make", "--no-print-directory", "build"], no_report),
        Stage("python", ["tests/setup/python"], no_report),
        # The packages of the identity provider.
        Stage("node", ["tests/setup/node"], no_report, needs=("python",)),
        # What quotas of a fleet are counted with.
        Stage("rate limit service", ["tests/setup/rate_limit_service"], no_report, needs=("python",)),
        # Unit tests, doctests, and the scripts played on the native core.
        Stage("cargo test", ["cargo", "test", "--no-fail-fast"], read_test_lines),
        Stage("policies", shlex.split(policy_tests), read_test_lines, needs=("build",)),
        # The corpus of the fuzz targets, and some seconds of new inputs.
        Stage("fuzz", ["python3", "tests/fuzz/run.py", "check"], read_test_lines),
        # The compiled filter in a real Envoy, called by the providers' own clients.
        Stage("e2e", pytest, read_pytest_report, needs=("build", "python")),
    ]


def run_all(plan: list[Stage]) -> None:
    """Runs the stages in order; each ends with results, whatever happens."""
    broken: set[str] = set()
    for number, stage in enumerate(plan, start=1):
        missing = [need for need in stage.needs if need in broken]
        if missing:
            stage.fail(f"not run, because {' and '.join(missing)} failed")
            continue
        print(f"\n== {number}/{len(plan)} {stage.name}: {shlex.join(stage.command)}", flush=True)
        start = time.monotonic()
        stage.run()
        print(f"== {stage.name}: {tally(stage)}, {time.monotonic() - start:.0f} s", flush=True)
        if stage.count()[FAILED]:
            broken.add(stage.name)


def tally(stage: Stage) -> str:
    count = stage.count()
    return ", ".join(f"{count[outcome]} {outcome}" for outcome in (PASSED, FAILED, SKIPPED) if count[outcome])


def summarise(plan: list[Stage]) -> None:
    """Prints the tests that passed by suite, the others one by one; the file of all results has every name."""
    with ALL_RESULTS.open("w") as file:
        for stage in plan:
            file.writelines(line(stage, result.outcome, str(result)) + "\n" for result in stage.results)

    print("\n== summary")
    for outcome in (PASSED, SKIPPED, FAILED):
        for stage in plan:
            chosen = [result for result in stage.results if result.outcome == outcome]
            if outcome == PASSED:
                suites = Counter(result.suite or result.name for result in chosen)
                names = [f"{suite} ({count})" if count > 1 else suite for suite, count in suites.items()]
            else:
                names = [str(result) for result in chosen]
            for name in names:
                print(line(stage, outcome, name))
    print(f"all by name: {ALL_RESULTS.relative_to(ROOT)}")
    for stage in plan:
        print(f"{stage.name:18} {tally(stage) or 'not run'}")


def line(stage: Stage, outcome: str, name: str) -> str:
    return f"{outcome:7} {stage.name}" + (f": {name}" if name else "")


def main() -> int:
    REPORTS.mkdir(parents=True, exist_ok=True)
    PYTEST_REPORT.unlink(missing_ok=True)
    plan = stages()
    interrupted = False
    try:
        run_all(plan)
    except KeyboardInterrupt:
        interrupted = True
    summarise(plan)
    failed = sum(stage.count()[FAILED] for stage in plan)
    if interrupted:
        print("interrupted")
    elif failed:
        print(f"FAILED: {failed}")
    else:
        print("ok")
    return 1 if failed or interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
