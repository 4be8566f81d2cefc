"""Fixtures and progress lines for the end-to-end tests."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# The path must be set first.
from harness.bootstrap import plain_bootstrap  # noqa: E402
from harness.envoy import Envoy  # noqa: E402
from harness.simulator import Simulator  # noqa: E402


@pytest.fixture(scope="session")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    """One provider simulator for the whole run; a test that reads `received()` clears it first."""
    running = Simulator(tmp_path_factory.mktemp("simulator"), slow_seconds=0.5)
    yield running
    running.stop()


@pytest.fixture(scope="session")
def plain_envoy(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Envoy]:
    """An Envoy without the gateway's filter, for what the filter is compared with."""
    directory = tmp_path_factory.mktemp("plain")
    with Envoy(plain_bootstrap(simulator.ports, directory), directory) as running:
        yield running


class Progress:
    """One line per test with its place, outcome and duration, and at the end what was skipped and why."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._total = 0
        self._done = 0
        self._skipped: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._total = len(session.items)

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        # The line below replaces the letter.
        return (report.outcome, "", "") if report.when == "call" else None

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped:
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self._skipped.append(f"{report.nodeid}: {reason}")
        if report.when != "call" and report.passed:
            return
        self._done += 1
        name = report.nodeid.removeprefix("tests/e2e/")
        self._reporter.ensure_newline()
        self._reporter.write_line(f"[{self._done}/{self._total}] {report.outcome} {name} {report.duration:.2f} s")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        for line in self._skipped:
            terminalreporter.write_line(f"skipped {line}")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        config.pluginmanager.register(Progress(reporter), "progress")
