"""What is compared: an Envoy, the load that it is driven with, and what it is compared with."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.bootstrap import Document

from . import chains
from .configurations import (
    ES256,
    KEY,
    RS256,
    configuration,
    token,
    with_body_rule,
    with_descriptors,
    with_keys,
    with_policies,
)
from .loads import Load, chat

# Far more than any cache of verified tokens here holds, so that each is new whenever its turn comes.
NEW_TOKENS = 6000
NO_FILTER, NATIVE, NATIVE_NEW = "no filter", "native chain, token repeated", "native chain, each token new"


@dataclass(frozen=True)
class Scenario:
    """One Envoy and its load. `build` takes the provider's port and a directory for logs."""

    name: str
    build: Callable[[int, Path], Document]
    load: Load
    # Other scenarios whose CPU per request this one's is divided by.
    against: tuple[str, ...] = (NO_FILTER, NATIVE)
    # So many requests come before the first round.
    warm_requests: int = 1000
    streams: bool = False


def gateway(name: str, config: Callable[[], Document], load: Load, **fields: object) -> Scenario:
    def build(provider: int, directory: Path) -> Document:
        return chains.gateway(provider, directory, config())

    return Scenario(name, build, load, **fields)  # type: ignore[arg-type]


def with_native(cache: bool) -> Callable[[int, Path], Document]:
    return lambda provider, directory: chains.plain(provider, directory, *chains.native(cache))


def with_noop(provider: int, directory: Path) -> Document:
    return chains.plain(provider, directory, chains.noop())


def with_buffer(provider: int, directory: Path) -> Document:
    return chains.plain(provider, directory, chains.buffering())


def new_tokens(signer: object) -> Load:
    return Load({}, varied="authorization", values=lambda: [f"Bearer {token(signer, n)}" for n in range(NEW_TOKENS)])


def users(count: int) -> Load:
    """As many users of an application in turn."""
    return Load(KEYED, varied="x-user", values=lambda: [f"user-{number * 7919 % count:06}" for number in range(count)])


KEYED = {"authorization": f"Bearer {KEY}"}


def scenarios() -> list[Scenario]:
    keyed, repeated = Load(KEYED), Load({"authorization": f"Bearer {token(RS256)}"})
    rsa, elliptic = new_tokens(RS256), new_tokens(ES256)
    small, large = Load(KEYED, chat(2_000)), Load(KEYED, chat(200_000))
    new = (NO_FILTER, NATIVE_NEW)
    rows = [
        Scenario(NO_FILTER, chains.plain, keyed, ()),
        Scenario("wasm filter that does nothing", with_noop, keyed),
        Scenario(NATIVE, with_native(cache=True), repeated, (NO_FILTER,)),
        Scenario(NATIVE_NEW, with_native(cache=False), rsa, (NO_FILTER,)),
        gateway("API key", configuration, keyed),
        gateway("JWT, token repeated", configuration, repeated),
        gateway("JWT, each token new (RS256)", configuration, rsa, against=new),
        gateway("JWT, each token new (ES256)", configuration, elliptic, against=(*new, "JWT, each token new (RS256)")),
        Scenario("API key, credential attached at the cluster", chains.at_cluster, keyed),
        Scenario("API key, credential from Envoy's injector", chains.by_injector, keyed),
    ]
    rows += [Scenario("2 KB body, Envoy's buffer filter", with_buffer, small, (NO_FILTER,))]
    rows += [gateway("2 KB body, rule reads the model", with_body_rule, small, against=("2 KB body, Envoy's buffer filter",))]
    rows += [Scenario("200 KB body, Envoy's buffer filter", with_buffer, large, ())]
    against = ("200 KB body, Envoy's buffer filter",)
    rows += [gateway("200 KB body, rule reads the model", with_body_rule, large, against=against)]
    rows += [Scenario("stream of 500 events, no filter", chains.plain, keyed, (), streams=True)]
    against = ("stream of 500 events, no filter",)
    rows += [gateway("stream of 500 events, API key", configuration, keyed, against=against, streams=True)]
    rows += family("policies", (1, 10, 100, 1_000), lambda count: partial(with_policies, count))
    rows += family("API keys", (10, 1_000, 100_000), lambda count: partial(with_keys, count))
    rows += [
        gateway(
            f"{count:,} quota descriptors",
            with_descriptors,
            users(count),
            against=() if count == 1 else ("1 quota descriptors",),
            # Each must have been seen before it is live.
            warm_requests=max(1000, count),
        )
        for count in (1, 1_000, 100_000)
    ]
    return rows


def family(noun: str, counts: tuple[int, ...], config: Callable[[int], Callable[[], Document]]) -> list[Scenario]:
    """The same load on growing configurations, compared with the smallest."""
    smallest = f"{counts[0]:,} {noun}"
    return [
        gateway(f"{count:,} {noun}", config(count), Load(KEYED), against=() if count == counts[0] else (smallest,))
        for count in counts
    ]
