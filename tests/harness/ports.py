"""Free ports on loopback.

A port given here may be taken by another process before it is used: prefer port 0 where a program reports its choice.
"""

import socket

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """One free TCP port."""
    return free_ports(1)[0]


def free_ports(count: int) -> list[int]:
    """Distinct free TCP ports, all held at once before any is returned."""
    sockets = [socket.create_server((LOOPBACK, 0)) for _ in range(count)]
    try:
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()
