"""More requests per second than a full client can send: exact bytes out, answers counted and not kept."""

import asyncio
import re
from collections import Counter
from collections.abc import Callable

from .ports import LOOPBACK

SECONDS = 300.0
HEAD = re.compile(rb"HTTP/1\.1 (\d{3}) .*?\r\n\r\n", re.DOTALL)
REASON = re.compile(rb"x-claimgate-reason: (\w+)")
LENGTH = re.compile(rb"content-length: (\d+)")

Outcome = tuple[int, str]


def run_lean_load(
    port: int, request: Callable[[int], bytes], *, total: int, connections: int = 32, seconds: float = SECONDS
) -> Counter[Outcome]:
    """Sends `total` requests, each as its bytes by its number; counts answers by status and reason code, "" for none.

    Every answer must announce its length. Raises TimeoutError, and ConnectionError where a connection ends early.
    """
    return asyncio.run(asyncio.wait_for(_run(port, request, total, connections), seconds))


async def _run(port: int, request: Callable[[int], bytes], total: int, connections: int) -> Counter[Outcome]:
    outcomes: Counter[Outcome] = Counter()
    numbers = iter(range(total))

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        for number in numbers:
            # One at a time: Envoy takes a pipeline of requests that it answers itself for an attack.
            writer.write(request(number))
            outcomes[await outcome_of(reader)] += 1
        writer.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    return outcomes


async def outcome_of(reader: asyncio.StreamReader) -> Outcome:
    """Reads one answer that announces its length. Raises ConnectionError."""
    buffer = b""
    while not (head := HEAD.match(buffer)):
        buffer += await _more(reader)
    length = LENGTH.search(head[0])
    missing = head.end() + (int(length[1]) if length else 0) - len(buffer)
    if missing > 0:
        await reader.readexactly(missing)
    reason = REASON.search(head[0])
    return int(head[1]), reason[1].decode() if reason else ""


async def _more(reader: asyncio.StreamReader) -> bytes:
    content = await reader.read(1 << 16)
    if not content:
        raise ConnectionError("the connection ended in the middle of an answer")
    return content
