"""The benchmark measures what it says, and its page shows what was measured."""

import json
import math
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import pytest

from bench.figures import figures
from bench.goals import GOALS
from bench.picture import picture
from bench.publish import PICTURE, PUBLISHED, written
from bench.rounds import run
from bench.scenarios import NATIVE, NO_FILTER, groups
from bench.table import markdown, terminal
from harness.gateway import ROOT

SETUP = ROOT / "tests" / "setup" / "debian"
SOME = (NO_FILTER, NATIVE, "API key")


def published() -> dict:
    return json.loads(PUBLISHED.read_text())


def test_the_pages_show_the_published_figures() -> None:
    for page, text in written().items():
        assert page.read_text() == text, f"write {page.name} anew: `python -m bench.publish` in tests/"
    assert PICTURE.read_text() == picture(published())
    ElementTree.fromstring(PICTURE.read_text())


def test_every_aim_has_its_figure() -> None:
    found = published()
    told = terminal(found)
    for goal in GOALS:
        # What is little more than nothing may come out as less, as it is told by two Envoys.
        assert math.isfinite(goal.value(found)) and goal.what in told and goal.what in markdown(found), goal.what


def test_published_scenarios_are_those_that_are_measured() -> None:
    names = [scenario.name for group in groups() for scenario in group.scenarios]
    assert [row["name"] for row in published()["scenarios"]] == names


@pytest.mark.alone
def test_a_round_is_measured(tmp_path: Path) -> None:
    setup = subprocess.run([SETUP, "wrk"], capture_output=True, text=True, check=False)
    if setup.returncode != 0:
        pytest.skip(setup.stderr.strip())
    group = groups()[0]
    chosen = [scenario for scenario in group.scenarios if scenario.name in SOME]
    runs = [run(chosen, 2, 0.3, tmp_path / str(number)) for number in range(2)]
    partial = type(group)(group.name, chosen)
    rows = figures([(partial, runs)], 2, {})["scenarios"]
    assert [row["name"] for row in rows] == list(SOME)
    plain, native, gateway = rows
    assert plain["ratio_to_no_filter"] == 1
    for row in (native, gateway):
        # How much it is, is for the benchmark to say: so short a look on a busy machine says nothing.
        assert row["ratio_to_no_filter"] > 0 and row["cpu_us_per_request"] > 0
        assert row["requests_per_second"] > 0 and 0 < row["p50_us"] <= row["p99_us"]
        assert row["compared"][0]["runs_apart"] is not None
