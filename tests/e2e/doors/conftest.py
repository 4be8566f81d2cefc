"""What the doors are tried at: a bare Envoy that closes nothing, and gateways in front of the same providers."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.attacks import LOOSE, LURES, REMOTE, Stage, trailing_cluster
from harness.bootstrap import on_clusters, plain_bootstrap, prefix_route, static_cluster
from harness.envoy import Envoy
from harness.gateway import (
    Gateway,
    Signer,
    document,
    environment_keys,
    issuer_entry,
    key_entry,
    rule,
    upstream_entries,
)
from harness.host import AT_CLUSTER, filter_config
from harness.injector import with_injector
from harness.key_server import KeyServer
from harness.raw_provider import RawProvider
from harness.simulator import Simulator

INJECTED = "provider-secret-injected-by-envoy"
OWNED = {"OWNED_KEY": "provider-secret-owned"}
# Where a body or a path names a model.
WITH_MODEL = "!(llm.operation in ['models', 'files', 'conversations'])"
OPEN = ["/openai/v1/models/open", "/lured/v1/models", "/raw/v1/models/open"]


@pytest.fixture(scope="session")
def raw() -> Iterator[RawProvider]:
    """A provider of exact bytes."""
    provider = RawProvider()
    yield provider
    provider.stop()


@pytest.fixture(scope="session")
def key_server() -> Iterator[KeyServer]:
    """Where the keys of the issuer `REMOTE` are fetched, as `/remote`."""
    server = KeyServer()
    server.publish("remote", {"keys": []})
    yield server
    server.stop()


@pytest.fixture(scope="session")
def stage(
    simulator: Simulator, raw: RawProvider, key_server: KeyServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """The filter alone against the attacks: its connection manager closes nothing."""
    directory = tmp_path_factory.mktemp("doors")
    keys, entries = _keys()
    signer = Signer()
    configuration = document(
        keys=entries,
        issuers=[issuer_entry(signer), _remote_issuer()],
        client_address="peer",
        policies=[
            rule("models", 'llm.model != "forbidden"', when=WITH_MODEL, reason="model_not_allowed"),
            rule("length", "!has(llm.max_tokens) || llm.max_tokens <= 100", when="llm.operation == 'chat'"),
        ],
        upstreams=[*upstream_entries(), *_upstreams()],
        quotas=[{"id": "plenty", "limit": 100_000, "window": "1h", "per": ["principal.subject"]}],
        open=[{"method": "GET", "path": path} for path in OPEN],
    )
    clusters = [*_clusters(simulator, raw, directory), static_cluster("keys", key_server.port)]
    around: dict[str, Any] = {"connection_manager": LOOSE, "clusters": clusters, "routes": _routes()}
    looser = {**around, "connection_manager": {**LOOSE, "proxy_100_continue": True}}
    bootstrap = plain_bootstrap(simulator.ports, directory, **looser)
    with (
        Envoy(bootstrap, directory) as bare,
        Gateway(configuration, simulator, directory / "gateway", environment=OWNED, reroutes=True, **around) as gateway,
    ):
        yield Stage(bare, gateway, simulator, raw, keys, signer, configuration)
        assert gateway.envoy.crashes() == 0, gateway.envoy.log()[-2000:]


@pytest.fixture(scope="session")
def at_cluster(stage: Stage, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """The same configuration and routes, with the credential put on at the cluster."""
    configuration = {**stage.configuration, "attach": "at_cluster", "issuers": []}
    directory = tmp_path_factory.mktemp("doors-at-cluster")
    keys = environment_keys(configuration)
    half = filter_config(json.dumps(configuration), environment_keys=keys, name=AT_CLUSTER)
    named = {"name": AT_CLUSTER, "typed_config": half}
    clusters = _clusters(simulator, stage.raw, directory)
    guarded = on_clusters({"static_resources": {"clusters": clusters}}, named)["static_resources"]["clusters"]
    for cluster in guarded:
        [options] = cluster["typed_extension_protocol_options"].values()
        options["explicit_http_config"]["http_protocol_options"]["enable_trailers"] = True
    around: dict[str, Any] = {"connection_manager": LOOSE, "clusters": guarded, "routes": _routes()}
    with Gateway(configuration, simulator, directory, environment=OWNED, reroutes=True, **around) as gateway:
        yield gateway
        assert gateway.envoy.crashes() == 0, gateway.envoy.log()[-2000:]


def _keys() -> tuple[dict[str, str], list[dict[str, Any]]]:
    fields: dict[str, dict[str, Any]] = {
        "acme": {"tenant": "acme"},
        "globex": {"tenant": "globex"},
        "at-home": {"tenant": "acme", "cidrs": ["10.0.0.0/8"]},
    }
    made = {name: key_entry(name, **more) for name, more in fields.items()}
    return {name: key for name, (key, _) in made.items()}, [entry for _, entry in made.values()]


def _remote_issuer() -> dict[str, Any]:
    times = {"refresh": "1s", "refetch": "1s", "timeout": "1s"}
    remote = {"cluster": "keys", "host": "keys.test", "path": "/remote", **times}
    return issuer_entry(Signer(), issuer=REMOTE, jwks={"remote": remote})


def _upstreams() -> list[dict[str, Any]]:
    shared: dict[str, Any] = {"dialect": "openai", "credential": {"env": "OPENAI_API_KEY"}}
    own = {"dialect": "openai", "credential": {"env": "OWNED_KEY"}, "tenant": "acme"}
    lured = [
        {**shared, "cluster": "lured", "path_prefix": "/lured"},
        {**shared, "cluster": "injected", "path_prefix": "/lured", "credential": "envoy"},
    ]
    return [
        {**own, "cluster": "owned", "path_prefix": "/owned"},
        {**shared, "cluster": "raw", "path_prefix": "/raw"},
        {**own, "cluster": "raw-owned", "path_prefix": "/raw-owned"},
        {**shared, "cluster": "addressed", "path_prefix": "/addressed"},
        {**shared, "cluster": "mirrored", "path_prefix": "/mirrored"},
        {**shared, "cluster": "astray", "path_prefix": "/astray"},
        *lured,
    ]


def _clusters(simulator: Simulator, raw: RawProvider, directory: Path) -> list[dict[str, Any]]:
    openai = simulator.ports["openai"]
    names = ("owned", "mirrored", "lured", "astray")
    injected = with_injector(
        trailing_cluster("injected", openai), "Authorization", f"Bearer {INJECTED}", directory / "sds"
    )
    addressed = {
        "name": "addressed",
        "type": "ORIGINAL_DST",
        "lb_policy": "CLUSTER_PROVIDED",
        "connect_timeout": "2s",
        "original_dst_lb_config": {"use_http_header": True},
    }
    own = [trailing_cluster(name, openai) for name in names]
    return [*own, *(trailing_cluster(name, raw.port) for name in ("raw", "raw-owned")), injected, addressed]


def _routes() -> list[dict[str, Any]]:
    """`lured` and `astray` lead elsewhere once a header is gone that the filter strips."""

    def luring_route(name: str, header: str) -> dict[str, Any]:
        match = {"prefix": f"/{name}/", "headers": [{"name": header, "string_match": {"exact": "acme"}}]}
        return {**prefix_route(f"/{name}/", name), "match": match}

    luring = [luring_route(name, header) for name in ("lured", "astray") for header in LURES]
    return [
        *luring,
        prefix_route("/lured/", "injected"),
        prefix_route("/astray/", "raw"),
        prefix_route("/mirrored/", "mirrored", request_mirror_policies=[{"cluster": "raw"}]),
        prefix_route("/raw/", "raw", internal_redirect_policy={"redirect_response_codes": [307]}),
        *(prefix_route(f"/{name}/", name) for name in ("owned", "raw-owned", "addressed")),
    ]
