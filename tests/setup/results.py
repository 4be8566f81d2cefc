"""What came of a stage of the tests, read from the lines or the report of its program."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

PASSED, FAILED, SKIPPED = "passed", "failed", "skipped"


@dataclass
class Result:
    suite: str
    name: str
    outcome: str
    detail: str = ""
    # How long it took, where that is known.
    seconds: float = 0.0

    def __str__(self) -> str:
        return ": ".join(part for part in (self.suite, self.name, self.detail) if part)


@dataclass(frozen=True)
class Line:
    """A line of a program's output, and when it came."""

    text: str
    at: float


SUITE = re.compile(r"^\s+(?:Running (?:unittests )?(\S+) \(|(Doc-tests) )")
BEGIN = re.compile(r"^running \d+ tests?$")
TEST = re.compile(r"^test (.+?) \.\.\. (ok|FAILED|ignored)(?:, (.*))?$")
TOTAL = re.compile(r"^test result: .*?(\d+) passed; (\d+) failed; (\d+) ignored")
OUTCOMES = {"ok": PASSED, "FAILED": FAILED, "ignored": SKIPPED}


def read_test_lines(lines: list[Line], threads: int = 1) -> list[Result]:
    """Reads `test NAME ... ok`, the lines of Rust's test programs, and holds them against the programs' own totals."""
    results: list[Result] = []
    suite = ""
    began = lines[0].at if lines else 0.0
    unfinished: list[str] = []
    read: list[tuple[Result, float]] = []
    for line in lines:
        if match := SUITE.match(line.text):
            suite = match[1] or "doctests"
        elif BEGIN.match(line.text):
            unfinished.append(suite)
            began, read = line.at, []
        elif match := TEST.match(line.text):
            read.append((Result(suite, match[1], OUTCOMES[match[2]], match[3] or ""), line.at))
            results.append(read[-1][0])
            if not unfinished:
                # A program that does one after another and tells no total.
                results[-1].seconds, began = line.at - began, line.at
        elif match := TOTAL.match(line.text):
            give_seconds(read, began, threads)
            told = Counter(dict(zip((PASSED, FAILED, SKIPPED), map(int, match.groups()), strict=True)))
            count = Counter(result.outcome for result, _ in read)
            if count != told:
                results.append(Result(suite, "", FAILED, f"read {dict(count)}, but the program tells {dict(told)}"))
            unfinished, read = unfinished[:-1], []
    # A test that aborts takes its program down before the total.
    results += [Result(suite, "", FAILED, "the program ended before its last test") for suite in unfinished]
    return results


def give_seconds(ended: list[tuple[Result, float]], began: float, threads: int) -> None:
    """Rust's test programs tell no times. They begin the tests in the order of their names, each when another ends."""
    begins = [began] * threads + [at for _, at in ended]
    for (result, at), start in zip(sorted(ended, key=lambda one: one[0].name), begins, strict=False):
        result.seconds = max(0.0, at - start)


def read_pytest_report(report: Path) -> list[Result]:
    if not report.exists():
        return []
    results = []
    for case in ElementTree.parse(report).iter("testcase"):
        outcome, detail = PASSED, ""
        for child in case:
            if child.tag in ("failure", "error"):
                outcome, detail = FAILED, child.get("message", "")
                break
            if child.tag == "skipped":
                outcome, detail = SKIPPED, child.get("message", "")
        suite, name = case.get("classname") or "", case.get("name") or ""
        seconds = float(case.get("time") or 0)
        results.append(Result(suite, name, outcome, " ".join(detail.split())[:400], seconds))
    return results


def slowest(results: Iterable[Result], count: int) -> list[Result]:
    named = [result for result in results if result.name]
    return sorted(named, key=lambda result: result.seconds, reverse=True)[:count]
