"""So many requests per second for as long as a test does something else, every answer noted with its time."""

import asyncio
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from .lean_load import Outcome, outcome_of
from .ports import LOOPBACK

LAST_SECONDS = 30.0


@dataclass(frozen=True)
class Noted:
    """An answered request: its number, when it was sent (Unix seconds), how long it took, and what came of it."""

    number: int
    sent: float
    seconds: float
    outcome: Outcome


@dataclass
class SteadyReport:
    noted: list[Noted] = field(default_factory=list)

    @property
    def outcomes(self) -> Counter[Outcome]:
        return Counter(each.outcome for each in self.noted)

    @property
    def per_second(self) -> float:
        first, last = min(each.sent for each in self.noted), max(each.sent for each in self.noted)
        return (len(self.noted) - 1) / (last - first)

    def slowest(self, share: float) -> float:
        """Seconds within which this share of the answers came."""
        ordered = sorted(each.seconds for each in self.noted)
        return ordered[math.ceil(share * len(ordered)) - 1]

    def __str__(self) -> str:
        times = [f"{1000 * self.slowest(share):.0f}" for share in (0.5, 0.99, 1.0)]
        counts = ", ".join(f"{count} × {status} {reason}".rstrip() for (status, reason), count in self.outcomes.items())
        return f"{counts}; {self.per_second:.0f}/s; ms in the median, p99 and at most: {', '.join(times)}"


class SteadyLoad:
    """Runs in a thread of its own inside the `with` block; `report` is whole after it.

    A request is sent when it is due, or as soon as a connection is free where the gateway does not keep up.
    """

    def __init__(
        self, port: int, request: Callable[[int], bytes], *, per_second: float, connections: int = 64
    ) -> None:
        self.report = SteadyReport()
        self._port, self._request = port, request
        self._pause, self._connections = 1 / per_second, connections
        self._number = 0
        self._ending = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            asyncio.run(self._send_all())
        except (OSError, EOFError) as error:
            self._error = error

    async def _send_all(self) -> None:
        began = time.monotonic()
        # All connect before the first one sends, so that the workers share them.
        streams = [await asyncio.open_connection(LOOPBACK, self._port) for _ in range(self._connections)]
        await asyncio.gather(*(self._send(reader, writer, began) for reader, writer in streams))

    async def _send(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, began: float) -> None:
        while not self._ending:
            number, self._number = self._number, self._number + 1
            await asyncio.sleep(began + number * self._pause - time.monotonic())
            sent, start = time.time(), time.monotonic()
            writer.write(self._request(number))
            outcome = await outcome_of(reader)
            self.report.noted.append(Noted(number, sent, time.monotonic() - start, outcome))
        writer.close()

    def __enter__(self) -> "SteadyLoad":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending = True
        self._thread.join(LAST_SECONDS)
        if self._thread.is_alive():
            raise TimeoutError(f"a request had no answer after {LAST_SECONDS:g} s")
        if self._error is not None:
            raise self._error
