"""A private Redis as a child process, without a file on disk: what it counted is lost with it."""

import subprocess
from pathlib import Path

from .ports import LOOPBACK, free_port
from .processes import Process

START_SECONDS = 10.0
COMMAND_SECONDS = 10.0


class Redis:
    """A running Redis. It has the same port after `kill` and `start`, and nothing in it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._starts = 0
        self.port = free_port()
        self.start()

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Waits until it answers."""
        self._starts += 1
        command = ["redis-server", "--port", str(self.port), "--bind", LOOPBACK]
        # No snapshots, no log of commands.
        command += ["--save", "", "--appendonly", "no", "--dir", str(self._directory)]
        self.process = Process(f"redis-{self._starts}", command, self._directory)
        self.process.wait_ready(lambda: self._ask("ping") == ["PONG"], START_SECONDS)

    def counters(self, part: str = "") -> dict[str, int]:
        """The counters whose key has this part."""
        keys = [key for key in self._ask("keys", "*") if part in key]
        values = self._ask("mget", *keys) if keys else []
        return {key: int(value) for key, value in zip(keys, values, strict=True)}

    def counted(self, part: str) -> int:
        """The sum of the counters whose key has this part."""
        return sum(self.counters(part).values())

    def bytes_of(self, key: str) -> int:
        """What a counter takes of its memory."""
        return int(self._ask("memory", "usage", key)[0])

    def clear(self) -> None:
        self._ask("flushall")

    def stop(self) -> None:
        self.process.resume()
        self.process.stop()

    def _ask(self, *words: str) -> list[str]:
        command = ["redis-cli", "-h", LOOPBACK, "-p", str(self.port), *words]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
        return answer.stdout.splitlines()

    def __enter__(self) -> "Redis":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
