"""Fixtures and progress lines for the end-to-end tests."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

# The path must be set first.
from harness import evidence, wire  # noqa: E402
from harness.authorities import trust_one  # noqa: E402
from harness.bootstrap import plain_bootstrap  # noqa: E402
from harness.envoy import Envoy  # noqa: E402
from harness.host import HOST  # noqa: E402
from harness.simulator import Simulator  # noqa: E402


HERE = Path(__file__).resolve().parent
RATE_LIMIT_SETUP = HERE.parent / "setup" / "rate_limit_service"
SEARCH, LAST = HERE / "test_secrets.py", "test_no_secret_shows_in_anything_the_run_left"


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


@pytest.fixture(scope="session")
def rate_limit_parts() -> None:
    """The rate limit service and Redis are there to be started; where they may not be installed, the test is skipped."""
    setup = subprocess.run([RATE_LIMIT_SETUP], capture_output=True, text=True, check=False)
    if setup.returncode == 3:
        pytest.skip(setup.stderr.strip())
    assert setup.returncode == 0, setup.stderr


class Progress:
    """One line per test with its place, outcome and duration, and at the end what was skipped and why."""

    def __init__(self, reporter: pytest.TerminalReporter) -> None:
        self._reporter = reporter
        self._total = 0
        self._done = 0
        self._skipped: list[str] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._total = len(session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        """Each process collects the same tests."""
        self._total = len(ids)

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


class Evidence:
    """Collects what the run leaves behind, and lets the search for secrets be its last test, whatever else runs.

    Where tests run beside each other, or more of them follow, none of their processes is the last: each leaves what it has to
    the one that searches, which runs after them and is told the run's directory.
    """

    def __init__(self, config: pytest.Config) -> None:
        is_one_of_several = hasattr(config, "workerinput")
        self._leaves_the_search = is_one_of_several or evidence.LATER in os.environ
        self._runs_others = not is_one_of_several and config.getoption("numprocesses", None)
        self._owned = None if evidence.RUN in os.environ else tempfile.mkdtemp(prefix="claimgate-evidence-")
        self._is_narrowed = False
        self.report = ""
        run = os.environ.setdefault(evidence.RUN, self._owned or "")
        if not self._runs_others:
            os.environ[evidence.DIRECTORY] = tempfile.mkdtemp(dir=run)
            wire.listen()

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        if not items:
            return
        files, option = {item.path for item in items}, session.config.option
        self._is_narrowed = bool(option.keyword) or any("::" in argument for argument in session.config.args)
        if self._leaves_the_search:
            items[:] = [item for item in items if not _is_last(item)]
            return
        if SEARCH not in files:
            directory = next(node for item in items for node in item.iter_parents() if node.path == HERE)
            module = pytest.Module.from_parent(directory, path=SEARCH)
            items += filter(_is_last, module.collect())
        items.sort(key=_is_last)

    def is_full(self, recorders: list[evidence.Recorder]) -> bool:
        """True where tests of all files have run."""
        files = {str(file.relative_to(HERE)) for file in HERE.rglob("test_*.py")}
        return not self._is_narrowed and files <= {file for recorder in recorders for file in recorder.files()}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        if (recorder := evidence.recorder()) is not None:
            recorder.begin(nodeid)

    def pytest_sessionfinish(self) -> None:
        if self._leaves_the_search and (recorder := evidence.recorder()) is not None:
            recorder.leave()

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        if self.report:
            terminalreporter.write_line(self.report)
        elif self._runs_others and self._owned:
            terminalreporter.write_line("nothing was searched for secrets, as no process was the last")

    def pytest_unconfigure(self) -> None:
        if self._owned:
            shutil.rmtree(self._owned)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A test that is marked `only(HOST)` is of no meaning on another host."""

    def is_meant(item: pytest.Item) -> bool:
        return all(marker.args[0] is HOST for marker in item.iter_markers("only"))

    others = [item for item in items if not is_meant(item)]
    config.hook.pytest_deselected(items=others)
    items[:] = [item for item in items if is_meant(item)]


def _is_last(item: pytest.Item) -> bool:
    return item.path == SEARCH and item.name == LAST


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Tests that share an Envoy stay in one process: those of a file, or of a directory within this one."""
    # Only there is the package loaded.
    from xdist.scheduler import LoadScopeScheduling

    class BySharedEnvoy(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = nodeid.partition("::")[0].removeprefix(evidence.TESTS)
            return file.rpartition("/")[0] or file

    return BySharedEnvoy(config, log)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    trusted = tempfile.TemporaryDirectory()
    config.add_cleanup(trusted.cleanup)
    trust_one(Path(trusted.name))
    config.addinivalue_line("markers", "alone: it measures time or floods, and runs after those that run beside others")
    both = "both_hosts: it is about what the two hosts do each in its own way, and runs on both"
    config.addinivalue_line("markers", both)
    config.addinivalue_line("markers", "only(host): it is about what this host alone does")
    config.pluginmanager.register(Evidence(config), "evidence")
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        config.pluginmanager.register(Progress(reporter), "progress")
