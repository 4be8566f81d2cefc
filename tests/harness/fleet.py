"""Gateways that share a configuration, and the rate limit service with its Redis that counts for all of them."""

import json
import subprocess
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from .bootstrap import KEPT_REQUEST_IDS
from .deadline import wait_until
from .dialects import chat_document
from .gateway import COMMAND, Gateway
from .load import LoadReport, LoadRequest, run_load
from .rate_limit_service import RateLimitService
from .redis import Redis
from .shared_quota import asking
from .simulator import Simulator

WORKERS = 4
COMMAND_SECONDS = 30.0
MODELS = "/openai/v1/models"
CHAT = "/openai/v1/chat/completions"


class Fleet:
    """Two gateways of four workers each, before one service and its Redis."""

    def __init__(
        self,
        configuration: Mapping[str, Any],
        simulator: Simulator,
        directory: Path,
        *,
        unconfigured: Collection[str] = (),
    ) -> None:
        """Of the quotas in `unconfigured` the service is not told."""
        self.redis = Redis(directory / "redis")
        told = [quota for quota in configuration["quotas"] if quota["id"] not in unconfigured]
        limits = limits_of({**configuration, "quotas": told}, directory)
        self.service = RateLimitService(directory / "service", self.redis, limits)
        options = {"clusters": [self.service.cluster()], "connection_manager": KEPT_REQUEST_IDS}
        self.gateways = [
            Gateway(configuration, simulator, directory / f"gateway-{number}", concurrency=WORKERS, **options)
            for number in range(2)
        ]
        self.clients = [httpx.Client(base_url=gateway.url, timeout=30) for gateway in self.gateways]
        self._runs = 0

    def run(self) -> str:
        """A name that nothing was counted under."""
        self._runs += 1
        return f"run-{self._runs}"

    def ask(self, name: str, run: str, at: int = 0, model: str | None = None, **headers: str) -> httpx.Response:
        """One request at a gateway: for its list of models, or a chat with this one."""
        sent = {**asking(name, run), **headers}
        if model is None:
            return self.clients[at].get(MODELS, headers=sent)
        return self.clients[at].post(CHAT, headers=sent, json=chat_document("openai", model))

    def load(
        self,
        name: str,
        run: str,
        total: int,
        connections: int,
        model: str | None = None,
        *,
        gateways: Sequence[Gateway] = (),
    ) -> list[LoadReport]:
        """So many requests at each of these gateways, or at both, at once."""

        def load(gateway: Gateway) -> LoadReport:
            if model is None:
                request = LoadRequest(gateway.url + MODELS, method="GET", headers=asking(name, run))
            else:
                content = chat_document("openai", model)
                request = LoadRequest(gateway.url + CHAT, headers=asking(name, run), document=content)
            return run_load(request, total=total, connections=connections)

        with ThreadPoolExecutor(len(self.gateways)) as pool:
            return list(pool.map(load, gateways or self.gateways))

    def records(self, run: str, count: int) -> list[dict[str, Any]]:
        """The records of a run at all gateways, once there are so many: what they tell is owed by then."""

        def found() -> list[dict[str, Any]]:
            records = [record for gateway in self.gateways for record in gateway.records()]
            return [record for record in records if record["claimgate.request_id"] == run]

        wait_until(lambda: len(found()) >= count, what=f"{count} records", seconds=30)
        return found()

    def counted(self, name: str, run: str) -> int:
        """What Redis has counted for a run."""
        return self.redis.counted(f"_quota_{name}_per_{run}_")

    def wait_counted(self, name: str, run: str, amount: int, *, seconds: float = 15.0) -> int:
        """What Redis has counted, once it is at least so much."""
        wait_until(
            lambda: self.counted(name, run) >= amount,
            what=f"{amount} to be counted of `{name}` for `{run}`",
            seconds=seconds,
            describe=lambda: str(self.redis.counters()),
        )
        return self.counted(name, run)

    def crashes(self) -> int:
        return sum(gateway.envoy.crashes() for gateway in self.gateways)

    def stop(self) -> None:
        for client, gateway in zip(self.clients, self.gateways, strict=True):
            client.close()
            gateway.stop()
        self.service.stop()
        self.redis.stop()

    def __enter__(self) -> "Fleet":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def limits_of(configuration: Mapping[str, Any], directory: Path) -> str:
    """The service's file, as `claimgate bundle` makes it of this configuration. Raises RuntimeError."""
    policies = directory / "policies"
    policies.mkdir(parents=True, exist_ok=True)
    written = json.loads(json.dumps(configuration))
    for rule in written["policies"]:
        (policies / rule["file"]).write_text(rule.pop("expression"))
    # JSON is YAML too.
    file = directory / "gateway.yaml"
    file.write_text(json.dumps(written))
    command = [COMMAND, "bundle", "--config", file, "--policies", policies, "--wrap", "rate-limit"]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    if finished.returncode != 0:
        raise RuntimeError(f"the configuration was refused:\n{finished.stderr}")
    return finished.stdout
