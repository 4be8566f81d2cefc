"""Budgets in a real Envoy: they follow the calendar, are overridden for a time, and are told in each provider's words."""

import copy
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from harness.dialects import DIALECTS, chat, raw_http1
from harness.ecds import Reload
from harness.gateway import Gateway, document, key_entry, upstream_entries
from harness.raw import RawResponse
from harness.raw_http1 import Http1Connection
from harness.simulator import Simulator

# Far from UTC, and not by whole hours.
ZONE = ZoneInfo("Asia/Kathmandu")
# Longer than a gateway takes to read a configuration on a busy machine.
OVERRIDDEN_FOR = timedelta(seconds=5)
MOST_TOKENS = 5000


def quota(name: str, **fields: Any) -> dict[str, Any]:
    """A quota for requests that ask for it by its name."""
    when = f"has(request.headers.asks) && request.headers.asks == '{name}'"
    per = ["principal.key.id", "request.headers.run"]
    return {"id": name, "per": per, "when": when, "durability": "process", **fields}


def timestamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class World:
    """A gateway whose quotas are budgets, one of them overridden."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.key, entry = key_entry("caller", tenant="acme")
        overrides = [{"per": ["caller", "open-for-long"], "limit": 4, "until": "2999-01-01T00:00:00Z"}]
        quotas = [
            quota("day", limit=2, window="day", time_zone=str(ZONE)),
            quota("month", limit=2, window="month", time_zone=str(ZONE)),
            quota("overridden", limit=2, window="week", overrides=overrides),
            quota("requests", limit=9, window="1h", window_kind="fixed"),
            quota("input", unit="input_tokens", limit=MOST_TOKENS, reserve=100, window="1h", window_kind="fixed"),
        ]
        # So that each kind is told of one request.
        quotas[4]["when"] = quotas[3]["when"]
        upstreams = [{**upstream, "tenant": "acme"} for upstream in upstream_entries()]
        self.configuration = document(keys=[entry], upstreams=upstreams, quotas=quotas)
        self.gateway = Gateway(self.configuration, simulator, directory)

    def close(self, run: str, until: datetime) -> None:
        """Overrides a budget until then."""
        configuration = copy.deepcopy(self.configuration)
        entry = {"per": ["caller", run], "limit": 0, "until": timestamp(until), "reason": "a migration"}
        configuration["quotas"][2]["overrides"].append(entry)
        assert self.gateway.reload(configuration) is Reload.APPLIED

    def ask(self, asks: str, run: str, dialect: str = "openai") -> RawResponse:
        with Http1Connection(self.gateway.port) as connection:
            connection.send(raw_http1(chat(dialect, self.key).with_headers(asks=asks, run=run)))
            return connection.receive("POST")

    def reasons(self, asks: str, run: str, attempts: int) -> list[str | None]:
        answers = [self.ask(asks, run) for _ in range(attempts)]
        return [answer.header("x-claimgate-reason") for answer in answers]


@pytest.fixture(scope="module")
def world(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(simulator, tmp_path_factory.mktemp("budgets"))
    yield running
    running.gateway.stop()


def test_an_override_ends_by_itself(world: World) -> None:
    until = datetime.now(UTC) + OVERRIDDEN_FOR
    world.close("closed-for-now", until)
    refused = 0
    while True:
        answer = world.ask("overridden", "closed-for-now")
        came = datetime.now(UTC)
        if answer.status == 200:
            break
        assert answer.header("x-claimgate-reason") == "budget_exhausted", answer.body
        assert answer.header("x-ratelimit-limit-requests") == "0"
        assert answer.header("retry-after") is None, "no wait is promised under a limit of 0"
        # `until` has whole seconds.
        assert came < until + timedelta(seconds=2), "it holds on"
        refused += 1
        time.sleep(0.2)
    assert refused > 0, "the gateway took longer to read it than the override holds"
    assert came >= until - timedelta(seconds=1), "it ended early"
    assert answer.header("x-ratelimit-limit-requests") == "2"
    assert world.reasons("overridden", "closed-for-now", 2) == [None, "budget_exhausted"]


def test_an_override_is_for_one_descriptor(world: World) -> None:
    assert world.reasons("overridden", "open-for-long", 6) == [None] * 4 + ["budget_exhausted"] * 2
    assert world.reasons("overridden", "another", 3) == [None] * 2 + ["budget_exhausted"]


@pytest.mark.parametrize("period", ["day", "month"])
def test_a_budget_is_there_again_with_the_calendar(world: World, period: str) -> None:
    local = datetime.now(ZONE)
    today = local.replace(hour=0, minute=0, second=0, microsecond=0)
    following = {"day": today + timedelta(days=1), "month": (today.replace(day=1) + timedelta(days=32)).replace(day=1)}
    wait = (following[period].astimezone(UTC) - local.astimezone(UTC)).total_seconds()
    first = world.ask(period, "run", "anthropic")
    assert first.header("anthropic-ratelimit-requests-remaining") == "1"
    assert first.header("anthropic-ratelimit-requests-reset") == timestamp(following[period])
    assert world.ask(period, "run", "anthropic").status == 200
    refused = world.ask(period, "run", "anthropic")
    assert (refused.status, refused.header("x-claimgate-reason")) == (429, "budget_exhausted")
    assert refused.header("x-should-retry") == "false"
    assert wait - 30 <= int(refused.header("retry-after") or 0) <= wait + 1
    assert refused.json()["error"]["details"] == {"error_code": "enforced_spend_limit_reached"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_what_is_left_is_told_in_the_words_of_the_provider(world: World, dialect: str) -> None:
    answers = [world.ask("requests", f"run-{dialect}", dialect) for _ in range(2)]
    assert [answer.status for answer in answers] == [200, 200], answers[0].body
    names = (
        ("anthropic-ratelimit-{0}-limit", "anthropic-ratelimit-{0}-remaining", "anthropic-ratelimit-{0}-reset")
        if dialect == "anthropic"
        else ("x-ratelimit-limit-{0}", "x-ratelimit-remaining-{0}", "x-ratelimit-reset-{0}")
    )
    kinds = ("requests", "tokens", "input-tokens") if dialect == "anthropic" else ("requests", "tokens")
    for kind in kinds:
        limit, remaining, reset = (answers[0].header(name.format(kind)) for name in names)
        left = [int(answer.header(names[1].format(kind)) or -1) for answer in answers]
        assert limit == ("9" if kind == "requests" else str(MOST_TOKENS))
        assert left[0] > left[1] > 0, left
        assert kind != "requests" or remaining == "8"
        assert_reset(dialect, reset or "")
    ours = {name.format(kind) for kind in (*kinds, "output-tokens") for name in names}
    told = {name.lower() for name, _ in answers[0].headers if "ratelimit-" in name.lower()}
    assert {name for name in told if not name.startswith("x-upstream-")} <= ours, "nobody else's are left"


def assert_reset(dialect: str, reset: str) -> None:
    """The window is an hour, from the full one."""
    now = time.time()
    left = 3600 - now % 3600
    if dialect == "anthropic":
        told = datetime.strptime(reset, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC).timestamp() - now
    elif dialect == "azure":
        told = float(reset)
    else:
        minutes, _, seconds = reset.removesuffix("s").rpartition("m")
        told = int(minutes or 0) * 60 + int(seconds)
    # Tokens that are only held come off within a second, and what is told is rounded up.
    assert told < 3 or abs(told - left) < 30 or abs(told - left) > 3570, (reset, left)


def test_no_trap(world: World) -> None:
    assert world.gateway.envoy.crashes() == 0
