"""Bounded concurrent load: N requests over C connections that all start together, every answer kept."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

LOAD_SECONDS = 60.0


@dataclass(frozen=True)
class LoadRequest:
    """One request of a load."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = field(default_factory=dict)
    document: Any = None
    """Sent as JSON, unless None."""


@dataclass(frozen=True)
class LoadAnswer:
    """One answer, its place in the load first."""

    index: int
    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass
class LoadReport:
    """What came back. `failures` counts requests without an answer, by the exception's name."""

    answers: list[LoadAnswer] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0

    @property
    def statuses(self) -> Counter[int]:
        """Answers by status."""
        return Counter(answer.status for answer in self.answers)


def run_load(
    request: LoadRequest | Callable[[int], LoadRequest],
    *,
    total: int,
    connections: int = 64,
    seconds: float = LOAD_SECONDS,
) -> LoadReport:
    """Sends `total` requests, at most one at a time per connection; a function gives each by its number.

    Raises TimeoutError where all of it takes longer than `seconds`.
    """
    return asyncio.run(asyncio.wait_for(_run(request, total, connections), seconds))


async def _run(
    request: LoadRequest | Callable[[int], LoadRequest], total: int, connections: int
) -> LoadReport:
    report, numbers, start = LoadReport(), iter(range(total)), asyncio.Event()

    async def connection() -> None:
        # A session of its own with one connection: a shared pool would hand requests round.
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
            await start.wait()
            for number in numbers:
                await _send(session, request if isinstance(request, LoadRequest) else request(number), number, report)

    workers = [asyncio.create_task(connection()) for _ in range(min(connections, total))]
    await asyncio.sleep(0)
    began = time.monotonic()
    start.set()
    await asyncio.gather(*workers)
    report.seconds = time.monotonic() - began
    return report


async def _send(session: aiohttp.ClientSession, request: LoadRequest, number: int, report: LoadReport) -> None:
    try:
        async with session.request(
            request.method, request.url, headers=dict(request.headers), json=request.document
        ) as response:
            body = await response.read()
            report.answers.append(LoadAnswer(number, response.status, response.headers, body))
    except (aiohttp.ClientError, ConnectionError) as error:
        report.failures[type(error).__name__] += 1
