"""A document that the gateway polls from a `ListServer`: published, read by all workers, and told of in the stats."""

import time
from collections.abc import Mapping
from typing import Any

from .caller import Caller
from .deadline import wait_until
from .host import STATS
from .list_server import ListServer

# So often at least a worker looks for what another one got, in seconds.
TICK = 0.25


def gauges(caller: Caller, section: str) -> dict[str, int]:
    """What is told of the document `main` of this section of the configuration."""
    stats = caller.gateway.envoy.stats(f"claimgate.{section}.main")
    return {name.removeprefix(f"{STATS}claimgate.{section}.main."): int(value) for name, value in stats.items()}


def hang_out(server: ListServer, *entries: Mapping[str, Any]) -> None:
    """Publishes a document, and waits until one worker has it and the others have looked, too."""
    sent = server.counts()["sent"]
    if server.publish(*entries):
        wait_until(lambda: server.counts()["sent"] > sent, what="a poll", seconds=10)
    time.sleep(2 * TICK)


def clear(caller: Caller, server: ListServer, section: str) -> None:
    """Publishes nothing, and waits until that is known and fresh."""
    server.answer("ok")
    hang_out(server)

    def is_clear() -> bool:
        told = gauges(caller, section)
        return told["entries"] == 0 and not told["stale"]

    wait_until(is_clear, what=f"an empty document of `{section}`", seconds=10)
