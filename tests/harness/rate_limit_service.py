"""The reference implementation of Envoy's rate limit service as a child process, with the limits of a test's choice."""

import re
import time
import urllib.request
from pathlib import Path

from . import ecds
from .bootstrap import Document, static_cluster
from .deadline import wait_until
from .ports import LOOPBACK, free_ports
from .processes import Process
from .redis import Redis
from .wire import unheard

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "target" / "rate_limit_service" / "ratelimit"
START_SECONDS = 20.0
ANSWER_SECONDS = 5.0
# How often it brings its statistics to the page that shows them.
FLUSH_SECONDS = 0.1

CLUSTER = "rate-limit"
CALLS = re.compile(r'^ratelimit_service_total_requests\{grpc_method="ShouldRateLimit"\} (\d+)$', re.MULTILINE)


class RateLimitService:
    """A running service. It has the same ports after `kill` and `start`; what it counted is in Redis."""

    def __init__(self, directory: Path, redis: Redis, limits: str) -> None:
        """`limits` is the file of limits as `claimgate bundle` writes it."""
        self._directory = directory
        self._file = directory / "limits" / "config" / "claimgate.yaml"
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(limits)
        self._redis = redis
        self._starts = 0
        self.port, self._health, self._debug, self._statistics = free_ports(4)
        self.start()

    def start(self) -> None:
        """Waits until it serves with its limits. It needs a Redis that answers."""
        self._starts += 1
        # A name of its own, so that what it prints is not taken for what an earlier one printed.
        name = f"rate-limit-service-{self._starts}"
        self.process = Process(name, [PROGRAM], self._directory, self._environment())
        self.process.wait_ready(self._is_ready, START_SECONDS)

    def calls(self) -> int:
        """How often it was asked since it started, by its own statistics, once these stand still."""
        seen = [-1]

        def stands_still() -> bool:
            time.sleep(2 * FLUSH_SECONDS)
            seen.append(self._count())
            return seen[-1] == seen[-2]

        wait_until(stands_still, what="the service's statistics to stand still", seconds=30)
        return seen[-1]

    def limits(self) -> str:
        """The limits that it has loaded, a line each."""
        return self._page(self._debug, "/rlconfig")

    def change_limits(self, limits: str) -> None:
        """Moves another file into place, which it reads by itself."""
        ecds.move_into_place(self._file, limits)

    def cluster(self) -> Document:
        """It, as a cluster of Envoy's."""
        return static_cluster(CLUSTER, self.port, http2=True)

    def stop(self) -> None:
        self.process.resume()
        self.process.stop()

    def _environment(self) -> dict[str, str]:
        settings = {
            "CONFIG_TYPE": "FILE",
            "RUNTIME_ROOT": str(self._file.parents[1]),
            # It then reads its limits again when the file is changed, and not only when a link is moved.
            "RUNTIME_WATCH_ROOT": "false",
            # A draft that is about to be moved has the same domain.
            "RUNTIME_IGNOREDOTFILES": "true",
            "REDIS_SOCKET_TYPE": "tcp",
            "REDIS_URL": self._redis.address,
            # Else a counter lives up to five minutes longer than its window.
            "EXPIRATION_JITTER_MAX_SECONDS": "0",
            "USE_STATSD": "false",
            "USE_PROMETHEUS": "true",
            "PROMETHEUS_ADDR": f"{LOOPBACK}:{self._statistics}",
            "STATS_FLUSH_INTERVAL": f"{int(FLUSH_SECONDS * 1000)}ms",
        }
        ports = {"GRPC": self.port, "": self._health, "DEBUG": self._debug}
        for prefix, port in ports.items():
            start = f"{prefix}_" if prefix else ""
            settings |= {f"{start}HOST": LOOPBACK, f"{start}PORT": str(port)}
        return settings

    def _is_ready(self) -> bool:
        try:
            return self._page(self._health, "/healthcheck") == "OK" and self.limits() != ""
        except OSError:
            return False

    def _count(self) -> int:
        found = CALLS.search(self._page(self._statistics, "/metrics"))
        return int(found[1]) if found else 0

    def _page(self, port: int, path: str) -> str:
        with unheard(), urllib.request.urlopen(f"http://{LOOPBACK}:{port}{path}", timeout=ANSWER_SECONDS) as answer:
            return answer.read().decode()

    def __enter__(self) -> "RateLimitService":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
