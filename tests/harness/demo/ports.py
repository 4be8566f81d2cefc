"""The ports of the demo, from the environment."""

import errno
import socket
from collections.abc import Mapping
from dataclasses import dataclass

from ..ports import LOOPBACK
from .failure import DemoFailed

GREATEST = 65535


@dataclass(frozen=True)
class DemoPorts:
    """Where the demo listens on loopback."""

    port: int
    bedrock_port: int
    admin_port: int
    tls_port: int

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "DemoPorts":
        """PORT, BEDROCK_PORT (the one after PORT), ADMIN_PORT and TLS_PORT (443 after PORT). Raises DemoFailed."""
        port = _port(environment, "PORT", 10000)
        bedrock_port, admin_port = _port(environment, "BEDROCK_PORT", port + 1), _port(environment, "ADMIN_PORT", 9901)
        return cls(port, bedrock_port, admin_port, _port(environment, "TLS_PORT", port + 443))

    def check_free(self) -> None:
        """Raises DemoFailed, with the variable that moves it, where a port is taken."""
        named = {"PORT": self.port, "BEDROCK_PORT": self.bedrock_port, "ADMIN_PORT": self.admin_port}
        named["TLS_PORT"] = self.tls_port
        for name, port in named.items():
            same = [other for other, number in named.items() if number == port and other != name]
            if same:
                raise DemoFailed(f"port `{port}` is asked for twice; set {name} or {same[0]} to another")
            try:
                socket.create_server((LOOPBACK, port)).close()
            except OSError as error:
                why = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
                raise DemoFailed(f"port `{port}` {why}; choose another with `make run {name}=…`") from None


def _port(environment: Mapping[str, str], name: str, default: int) -> int:
    text = environment.get(name) or str(default)
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= GREATEST):
        raise DemoFailed(f"{name}: `{text}` is not a port; give a number from 1 to {GREATEST}")
    return int(text)
