"""What stands in each Envoy under test between its listener and the provider.

Every one writes one line per request: the gateway its record, the others what Envoy itself knows of it.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from harness.bootstrap import AUDIT_FORMAT, FILTER_NAME, ROUTED, Document, bootstrap, http_filter_type, on_clusters
from harness.gateway import AUDIENCE, ISSUER, environment_keys
from harness.host import AT_CLUSTER, WASM_FILE, Host, filter_config, wasm_config
from harness.rate_limit_service import CLUSTER

from .configurations import ES256, RS256, configuration, upstreams

EXAMPLES = WASM_FILE.parent / "wasm32-wasip1" / "release" / "examples"
# Above the longest body of a load.
BUFFER_LIMIT = 1 << 20
ENVOYS_LINE = {
    "time": "%START_TIME%",
    "method": "%REQ(:METHOD)%",
    "path": "%PATH(NQ:ORIG_OR_PATH)%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "duration_ms": "%DURATION%",
    "client": "%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%",
}


def typed(kind: str, **fields: Any) -> Document:
    """An HTTP filter; `kind` as in `buffer.v3.Buffer`."""
    name = f"envoy.filters.http.{kind.split('.')[0]}"
    return {"name": name, "typed_config": {"@type": http_filter_type(kind), **fields}}


def envoy(provider: int, directory: Path, filters: Sequence[Document], line: Document) -> Document:
    """A bootstrap whose clusters all lead to `provider`."""
    kind = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
    log = {"@type": kind, "path": str(directory / "requests.log"), "log_format": line}
    manager = {"access_log": [{"name": "envoy.access_loggers.file", "typed_config": log}]}
    ports = dict.fromkeys((*ROUTED, "control"), provider)
    options = {"connection_manager": manager, "buffer_limit": BUFFER_LIMIT}
    return bootstrap(ports, directory, filters=filters, **options)


def plain(provider: int, directory: Path, *filters: Document) -> Document:
    """Envoy with filters of its own, or with none."""
    return envoy(provider, directory, filters, {"json_format": ENVOYS_LINE})


def native(cache: bool, limit: Document | None = None) -> list[Document]:
    """Envoy's own filters for the nearest to a decision: a token, a claim, a limit and another credential."""
    provider: Document = {
        "issuer": ISSUER,
        "audiences": [AUDIENCE],
        "local_jwks": {"inline_string": json.dumps({"keys": [RS256.jwk(), ES256.jwk()]})},
        "payload_in_metadata": "claims",
    }
    if cache:
        provider["jwt_cache_config"] = {"jwt_cache_size": 1000}
    claim = {
        "metadata": {
            "filter": "envoy.filters.http.jwt_authn",
            "path": [{"key": "claims"}, {"key": "tenant"}],
            "value": {"string_match": {"exact": "acme"}},
        }
    }
    policy = {"permissions": [{"any": True}], "principals": [claim]}
    credential = {
        "append": {
            "header": {"key": "authorization", "value": "Bearer of-the-native-chain"},
            "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
        }
    }
    return [
        typed(
            "jwt_authn.v3.JwtAuthentication",
            providers={"login": provider},
            rules=[{"match": {"prefix": "/"}, "requires": {"provider_name": "login"}}],
        ),
        typed("rbac.v3.RBAC", rules={"action": "ALLOW", "policies": {"tenant": policy}}),
        limit or local_rate_limit(),
        typed("header_mutation.v3.HeaderMutation", mutations={"request_mutations": [credential]}),
    ]


def local_rate_limit() -> Document:
    """Envoy's own limit of requests, in each process."""
    bucket = {"max_tokens": 1_000_000_000, "tokens_per_fill": 1_000_000_000, "fill_interval": "60s"}
    always = {"default_value": {"numerator": 100, "denominator": "HUNDRED"}}
    return typed(
        "local_ratelimit.v3.LocalRateLimit",
        stat_prefix="requests",
        token_bucket=bucket,
        filter_enabled=always,
        filter_enforced=always,
    )


def rate_limit(who: Document) -> Document:
    """Envoy's own filter that asks the rate limit service, with the descriptor of a quota; `who` is the action that
    gives its second entry."""
    quota = {"generic_key": {"descriptor_key": "quota", "descriptor_value": "requests"}}
    service = {"grpc_service": {"envoy_grpc": {"cluster_name": CLUSTER}}, "transport_api_version": "V3"}
    return typed(
        "ratelimit.v3.RateLimit",
        domain="claimgate",
        timeout="1s",
        failure_mode_deny=True,
        rate_limit_service=service,
        rate_limits=[{"actions": [quota, who]}],
    )


def by_subject() -> Document:
    """The subject of the token that Envoy's own filter has verified, as an entry of a descriptor."""
    path = [{"key": "claims"}, {"key": "sub"}]
    return {
        "metadata": {"descriptor_key": "per", "metadata_key": {"key": "envoy.filters.http.jwt_authn", "path": path}}
    }


def buffering() -> Document:
    """Envoy's own filter that holds a body until all of it is there."""
    return typed("buffer.v3.Buffer", max_request_bytes=BUFFER_LIMIT)


def noop() -> Document:
    return example("noop")


def asking(provider: int, directory: Path) -> Document:
    """Envoy with a filter that makes the calls of a decision, and decides nothing."""
    return envoy(provider, directory, [example("asking")], record())


def copying(provider: int, directory: Path) -> Document:
    """The same with a filter that holds a body and has it copied, and reads nothing of it."""
    return envoy(provider, directory, [example("asking", "body")], record())


def example(name: str, config: str = "") -> Document:
    return {"name": name, "typed_config": wasm_config(EXAMPLES / f"{name}.wasm", config)}


def gate(config: Document, host: Host = Host.WASM, name: str = FILTER_NAME) -> Document:
    """The gateway's filter as a static entry of a filter chain."""
    keys = environment_keys(config)
    return {"name": name, "typed_config": filter_config(json.dumps(config), environment_keys=keys, name=name, host=host)}


def gateway(provider: int, directory: Path, config: Document, host: Host = Host.WASM) -> Document:
    """Envoy with the gateway in its chain."""
    return envoy(provider, directory, [gate(config, host)], record())


def at_cluster(provider: int, directory: Path) -> Document:
    """The gateway in the chain decides, and on the cluster attaches the credential."""
    config = configuration(attach="at_cluster")
    document = envoy(provider, directory, [gate(config)], record())
    return on_clusters(document, gate(config, name=AT_CLUSTER))


def by_injector(provider: int, directory: Path) -> Document:
    """The gateway decides, and Envoy's own filter on the cluster attaches the credential."""
    config = configuration(upstreams=upstreams(credential="envoy", tenant="acme"))
    document = envoy(provider, directory, [gate(config)], record())
    generic = {
        "@type": "type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic",
        "credential": {"name": "provider"},
    }
    credential = {"name": "envoy.http.injected_credentials.generic", "typed_config": generic}
    injector = typed("credential_injector.v3.CredentialInjector", overwrite=True, credential=credential)
    secret = {"name": "provider", "generic_secret": {"secret": {"inline_string": "Bearer provider-secret"}}}
    document["static_resources"]["secrets"] = [secret]
    return on_clusters(document, injector)


def record() -> Document:
    return {"text_format_source": {"inline_string": AUDIT_FORMAT}}
