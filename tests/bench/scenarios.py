"""What is compared: an Envoy, the load that it is driven with, and what it is compared with."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from harness.bootstrap import Document
from harness.gateway import Signer
from harness.host import Host

from . import chains
from .configurations import (
    ES256,
    KEY,
    RS256,
    configuration,
    minted_token,
    sealed_key,
    token,
    with_address,
    with_body_rule,
    with_descriptors,
    with_global_quota,
    with_got_token,
    with_keys,
    with_model_token_quota,
    with_own_keys,
    with_policies,
    with_revocations,
    with_tokens,
    with_user_token,
)
from .loads import Load, chat

# Far more than any cache of verified tokens here holds, so that each is new whenever its turn comes.
NEW_TOKENS = 6000
NO_FILTER, NATIVE, NATIVE_NEW = "no filter", "native chain, token repeated", "native chain, each token new"
ASKING = "wasm filter that makes the calls of an API key"
API_KEY, MINTED = "API key", "token of the gateway's own, repeated"
JWT = "JWT, token repeated"
GOT = "API key, a token for the provider that was got"
USER_TOKEN = "JWT, exchanged for the user's at the provider"
OWN_KEY = "JWT, the user's own key, sealed"
NEW_RSA = "JWT, each token new (RS256)"
NATIVE_GLOBAL = "native chain, asks the rate limit service"
GLOBAL, GLOBAL_FRESH = "JWT, global quota of requests", "JWT, global quota of requests, asked once a second"


@dataclass(frozen=True)
class Scenario:
    """One Envoy and its load. `build` takes the provider's port and a directory for logs."""

    name: str
    build: Callable[[int, Path], Document]
    load: Load
    # Others of its group whose CPU per request this one's is divided by, beside the two that all are.
    against: tuple[str, ...] = ()
    no_filter: str = NO_FILTER
    # So many requests come before the first round.
    warm_requests: int = 1000
    streams: bool = False
    # It asks the rate limit service.
    asks: bool = False


@dataclass(frozen=True)
class Group:
    """Scenarios that are driven in turn, each for some seconds, round after round; `runs` times with new Envoys."""

    name: str
    scenarios: list[Scenario]
    seconds: float = 0.4
    runs: int = 1


def gateway(
    name: str, config: Callable[[], Document], load: Load, against: tuple[str, ...] = (), **fields: Any
) -> Scenario:
    """The gateway as the wasm filter."""
    return hosted(Host.WASM, name, config, load, against, **fields)


def module(
    name: str, config: Callable[[], Document], load: Load, against: tuple[str, ...] = (), **fields: Any
) -> Scenario:
    """The same as the dynamic module, compared with the wasm filter too."""
    return hosted(Host.MODULE, native_host(name), config, load, (*against, name), **fields)


def native_host(name: str) -> str:
    return f"{name}, module"


def hosted(
    host: Host, name: str, config: Callable[[], Document], load: Load, against: tuple[str, ...], **fields: Any
) -> Scenario:
    def build(provider: int, directory: Path) -> Document:
        return chains.gateway(provider, directory, config(), host)

    return Scenario(name, build, load, against, **fields)


def with_native(cache: bool) -> Callable[[int, Path], Document]:
    return lambda provider, directory: chains.plain(provider, directory, *chains.native(cache))


def with_rate_limit(provider: int, directory: Path) -> Document:
    limit = chains.rate_limit(chains.by_subject())
    return chains.plain(provider, directory, *chains.native(cache=True, limit=limit))


def with_noop(provider: int, directory: Path) -> Document:
    return chains.plain(provider, directory, chains.noop())


def with_buffer(provider: int, directory: Path) -> Document:
    return chains.plain(provider, directory, chains.buffering())


def new_tokens(signer: Signer) -> Load:
    return Load({}, varied="authorization", values=lambda: [f"Bearer {token(signer, n)}" for n in range(NEW_TOKENS)])


def users(count: int) -> Load:
    """As many users of an application in turn."""
    return Load(KEYED, varied="x-user", values=lambda: [f"user-{number * 7919 % count:06}" for number in range(count)])


KEYED = {"authorization": f"Bearer {KEY}"}


def groups() -> list[Group]:
    """The groups, the one that decides first."""
    keyed, repeated = Load(KEYED), Load({"authorization": f"Bearer {token(RS256)}"})
    bare = Scenario(NO_FILTER, chains.plain, keyed)
    native = Scenario(NATIVE, with_native(cache=True), repeated)
    sealed = Load({**repeated.headers, "x-claimgate-provider-key": sealed_key()})
    rsa, elliptic = new_tokens(RS256), new_tokens(ES256)
    decisions = [
        bare,
        Scenario("wasm filter that does nothing", with_noop, keyed),
        Scenario(ASKING, chains.asking, keyed),
        native,
        gateway(API_KEY, configuration, keyed, against=(ASKING,)),
        module(API_KEY, configuration, keyed),
        gateway(JWT, configuration, repeated),
        module(JWT, configuration, repeated),
        gateway(MINTED, with_tokens, Load({"authorization": f"Bearer {minted_token()}"}), against=(API_KEY,)),
        gateway(GOT, with_got_token, keyed, against=(API_KEY,)),
        gateway(USER_TOKEN, with_user_token, repeated, against=(JWT,)),
        gateway(OWN_KEY, with_own_keys, sealed, against=(JWT,)),
        gateway("API key, 10,000 others revoked", partial(with_revocations, 10_000), keyed, against=(API_KEY,)),
        gateway("API key, client's address in the record", with_address, keyed),
        Scenario("API key, credential attached at the cluster", chains.at_cluster, keyed),
        Scenario("API key, credential from Envoy's injector", chains.by_injector, keyed),
        Scenario(NATIVE_NEW, with_native(cache=False), rsa),
        gateway(NEW_RSA, configuration, rsa, against=(NATIVE_NEW,)),
        module(NEW_RSA, configuration, rsa, against=(NATIVE_NEW,)),
        gateway("JWT, each token new (ES256)", configuration, elliptic, against=(NATIVE_NEW, NEW_RSA)),
    ]
    return [
        Group("decisions", decisions, runs=2),
        Group("bodies", [scenario for size in (2, 200) for scenario in bodies(size)]),
        Group("streams", streams(keyed), seconds=1.0),
        Group("policies", [bare, native, *family("policies", (1, 10, 100, 1_000), with_policies)]),
        Group("keys", [bare, native, *family("API keys", (10, 1_000, 100_000), with_keys)]),
        Group("descriptors", [bare, native, *descriptors()]),
        Group("quotas", [bare, native, *quotas(repeated)]),
    ]


def bodies(kilobytes: int) -> list[Scenario]:
    """The body is held by Envoy's own filter, or read by a rule."""
    load = Load(KEYED, chat(kilobytes * 1000))
    plain, buffered, copied, read = (
        f"{kilobytes} KB body, {what}"
        for what in ("no filter", "Envoy's buffer filter", "a wasm filter that copies it", "a rule reads the model")
    )
    return [
        Scenario(plain, chains.plain, load, no_filter=plain),
        Scenario(buffered, with_buffer, load, no_filter=plain),
        Scenario(copied, chains.copying, load, no_filter=plain),
        gateway(read, with_body_rule, load, (buffered, copied), no_filter=plain),
        module(read, with_body_rule, load, (buffered,), no_filter=plain),
    ]


def streams(load: Load) -> list[Scenario]:
    plain = "stream of 500 events, no filter"
    through = "stream of 500 events, API key"
    return [
        Scenario(plain, chains.plain, load, no_filter=plain, streams=True),
        gateway(through, configuration, load, (plain,), no_filter=plain, streams=True),
        module(through, configuration, load, (plain,), no_filter=plain, streams=True),
    ]


def family(noun: str, counts: tuple[int, ...], config: Callable[[int], Document]) -> list[Scenario]:
    """The same load on growing configurations, compared with the smallest."""
    smallest = f"{counts[0]:,} {noun}"
    return [
        gateway(f"{count:,} {noun}", partial(config, count), Load(KEYED), (smallest,) if count != counts[0] else ())
        for count in counts
    ]


def descriptors() -> list[Scenario]:
    """Ever more users of one application, each with a counter; each must have been seen before it is live."""
    return [
        gateway(
            f"{count:,} quota descriptors",
            with_descriptors,
            users(count),
            ("1 quota descriptors",) if count > 1 else (),
            warm_requests=max(1000, count),
        )
        for count in (1, 1_000, 100_000)
    ]


def quotas(load: Load) -> list[Scenario]:
    """Counted by the rate limit service, which Envoy's own filter asks just so, and of what only the answer tells."""
    fresh, tokens = partial(with_global_quota, fresh_for="1s"), partial(with_global_quota, unit="tokens")
    return [
        Scenario(NATIVE_GLOBAL, with_rate_limit, load, asks=True),
        gateway(GLOBAL, with_global_quota, load, (NATIVE_GLOBAL,), asks=True),
        module(GLOBAL, with_global_quota, load, (NATIVE_GLOBAL,), asks=True),
        gateway(GLOBAL_FRESH, fresh, load, (NATIVE_GLOBAL,), asks=True),
        gateway("JWT, global quota of model tokens", tokens, load, (NATIVE_GLOBAL,), asks=True),
        gateway("JWT, quota of model tokens", with_model_token_quota, load),
    ]
