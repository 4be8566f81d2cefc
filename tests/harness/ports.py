"""Free ports on loopback.

A port given here may be taken by another process before it is used: prefer port 0 where a program reports its choice.
"""

import contextlib
import random
import socket

LOOPBACK = "127.0.0.1"
# By default Linux gives none of these to who asks for any port, and the demo has others.
GIVEN = range(20_000, 32_768)


def free_port() -> int:
    """One free TCP port."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Distinct free TCP ports, all held at once before any is returned."""
    with contextlib.ExitStack() as held:
        sockets: list[socket.socket] = []
        # By chance, as tests beside each other choose at the same time.
        candidates = random.sample(GIVEN, len(GIVEN))
        while len(sockets) < count:
            with contextlib.suppress(OSError):
                sockets.append(held.enter_context(socket.create_server((LOOPBACK, candidates.pop()))))
        return [each.getsockname()[1] for each in sockets]
