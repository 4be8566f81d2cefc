"""The rate limit service, its Redis and its faulty double are what the tests of global quotas take them for."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from bench.chains import rate_limit
from harness.bootstrap import Document, bootstrap
from harness.deadline import wait_until
from harness.envoy import Envoy
from harness.faulty_limit_service import FaultyLimitService
from harness.rate_limit_service import RateLimitService
from harness.redis import Redis
from harness.simulator import Simulator

LIMIT = 5
# The simulator wants a credential, and says so to whoever gets that far.
PASSED = 401
LIMITS = f"""
domain: claimgate
descriptors:
  - key: quota
    value: requests
    descriptors:
      - key: per
        rate_limit: {{ unit: day, requests_per_unit: {LIMIT} }}
"""
WHO = {"request_headers": {"descriptor_key": "per", "header_name": "who"}}


@pytest.fixture(scope="module")
def redis(rate_limit_parts: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Redis]:
    with Redis(tmp_path_factory.mktemp("redis")) as running:
        yield running


@pytest.fixture(scope="module")
def service(redis: Redis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RateLimitService]:
    with RateLimitService(tmp_path_factory.mktemp("service"), redis, LIMITS) as running:
        yield running


def asking(simulator: Simulator, directory: Path, cluster: Document) -> Envoy:
    """An Envoy whose own filter asks the service."""
    filters = [rate_limit(WHO)]
    return Envoy(bootstrap(simulator.ports, directory, filters=filters, clusters=[cluster]), directory, concurrency=1)


@pytest.fixture(scope="module")
def envoy(
    simulator: Simulator, service: RateLimitService, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Envoy]:
    with asking(simulator, tmp_path_factory.mktemp("asking"), service.cluster()) as running:
        yield running


def statuses(envoy: Envoy, who: str, count: int = 1) -> list[int]:
    with httpx.Client(base_url=envoy.url, timeout=15) as client:
        return [client.get("/openai/v1/models", headers={"who": who}).status_code for _ in range(count)]


def test_it_counts_in_redis_and_tells_how_often_it_was_asked(
    envoy: Envoy, service: RateLimitService, redis: Redis
) -> None:
    assert "quota_requests.per: unit=DAY" in service.limits()
    before = service.calls()
    assert statuses(envoy, "alice", LIMIT + 3) == [PASSED] * LIMIT + [429] * 3
    assert service.calls() - before == LIMIT + 3
    # Refused ones count too: the service counts first and compares then.
    assert redis.counted("per_alice_") == LIMIT + 3


def test_a_file_that_is_moved_into_place_is_read(envoy: Envoy, service: RateLimitService) -> None:
    service.change_limits(LIMITS.replace(f": {LIMIT} ", ": 2 "))
    wait_until(lambda: "requests_per_unit=2," in service.limits(), what="the new limit", seconds=10)
    assert statuses(envoy, "moved", 3) == [PASSED] * 2 + [429]
    service.change_limits(LIMITS)
    wait_until(lambda: f"requests_per_unit={LIMIT}," in service.limits(), what="the old limit", seconds=10)


def test_a_service_that_was_killed_comes_back_with_what_it_had_counted(
    envoy: Envoy, service: RateLimitService, redis: Redis
) -> None:
    assert statuses(envoy, "bob", LIMIT) == [PASSED] * LIMIT
    service.process.kill()
    assert statuses(envoy, "bob") == [500]
    service.start()
    wait_until(lambda: statuses(envoy, "carol") != [500], what="the service to be reached again", seconds=10)
    assert statuses(envoy, "bob") == [429]
    assert redis.counted("per_bob_") == LIMIT + 1


def test_a_redis_that_was_killed_comes_back_empty(envoy: Envoy, redis: Redis) -> None:
    assert statuses(envoy, "dave", LIMIT + 1) == [PASSED] * LIMIT + [429]
    redis.process.kill()
    assert statuses(envoy, "dave") == [500]
    redis.start()
    # Each connection that the service had kept fails once.
    wait_until(lambda: 500 not in statuses(envoy, "erin", 12), what="Redis to be reached again", seconds=10)
    assert statuses(envoy, "dave") == [PASSED]


def test_whoever_is_paused_keeps_its_callers_waiting(envoy: Envoy, service: RateLimitService, redis: Redis) -> None:
    for who, part in (("frank", service), ("grace", redis)):
        part.process.pause()
        assert statuses(envoy, who) == [500]
        part.process.resume()
        wait_until(lambda who=who: statuses(envoy, who) != [500], what="an answer", seconds=10)


def test_the_double_answers_in_each_of_its_ways(simulator: Simulator, tmp_path: Path) -> None:
    with FaultyLimitService() as double, asking(simulator, tmp_path, double.cluster()) as envoy:
        assert statuses(envoy, "anybody") == [PASSED]
        # Envoy's own filter looks at the overall code alone.
        for mode in ("few", "unknown", "another"):
            double.answer(mode)
            assert statuses(envoy, "anybody") == [PASSED], mode
        for mode in ("slow", "hang", "garbage", "none", "error", "unavailable", "page", "cut"):
            double.answer(mode)
            assert statuses(envoy, "anybody") == [500], mode
        double.answer("ok")
        assert statuses(envoy, "anybody") == [PASSED]
        assert double.asked == 13
