"""A gateway and the identity provider that it trusts, as it knows the provider from what that says of itself."""

import itertools
import time
import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from .caller import Caller, chat_request
from .deadline import wait_until
from .gateway import AUDIENCE
from .identity_provider import FOR_JWT, Client, IdentityProvider
from .steady_load import SteadyLoad

CLUSTER = "login"
PER_SECOND = 500
# So late is a `slow` answer.
SLOW = 0.7
_numbers = itertools.count()


class Party:
    """Asks the gateway with tokens of the provider."""

    def __init__(self, caller: Caller, provider: IdentityProvider) -> None:
        self.caller, self.provider = caller, provider

    def calm(self) -> None:
        """The provider has its name, and no faults."""
        self.provider.fail("none")
        self.provider.change_issuer()

    def tokens(self, count: int, client: Client, resource: str | None = FOR_JWT) -> list[str]:
        """New ones; a JWT is signed by the provider's latest key."""
        return [self.caller.secret(self.provider.token(client, resource)) for _ in range(count)]

    def ask(self, token: str) -> tuple[httpx.Response, float]:
        """One request, and how long its answer took."""
        began = time.monotonic()
        answer = self.caller.bearer(token)
        return answer, time.monotonic() - began

    def wait_answered(self, token: str, status: int, *, seconds: float = 10.0) -> tuple[httpx.Response, float]:
        """Asks until the answer has this status; how long that took."""
        began = time.monotonic()
        answers = []

        def has_come() -> bool:
            answers.append(self.ask(token)[0])
            return answers[-1].status_code == status

        wait_until(has_come, what=f"an answer with status {status}", seconds=seconds)
        return answers[-1], time.monotonic() - began

    def load(self, token: Callable[[int], str]) -> SteadyLoad:
        """Each request has the token that its number has then."""
        return SteadyLoad(
            self.caller.gateway.port,
            lambda number: chat_request(token(number)),
            per_second=PER_SECOND,
        )


def issuer_of(provider: IdentityProvider, **fields: Any) -> dict[str, Any]:
    """The provider as an issuer, without what proves its tokens."""
    issuer = provider.discovery()["issuer"]
    return {"issuer": issuer, "audiences": [AUDIENCE], "leeway": "0s", "principal": {"tenant": "claims.tenant"}, **fields}


def place(provider: IdentityProvider, endpoint: str, seconds: Mapping[str, float]) -> dict[str, Any]:
    """Where an endpoint of the discovery document is, and the times of asking there."""
    url = urllib.parse.urlsplit(provider.discovery()[endpoint])
    times = {name: f"{int(value * 1000)}ms" for name, value in seconds.items()}
    # The provider takes no notice of the query; to the gateway it is another place, of which nothing is known yet.
    return {"cluster": CLUSTER, "host": url.netloc, "path": f"{url.path}?{next(_numbers)}", **times}
