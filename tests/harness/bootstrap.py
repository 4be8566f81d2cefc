"""Envoy bootstraps as documents: one listener, a cluster per provider, and the filters a test asks for."""

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from .ports import LOOPBACK

Document = dict[str, Any]

ROUTED = ("openai", "azure", "anthropic", "gemini", "bedrock", "vertex")
IDENTITY_PROVIDER = "idp"
FILTER_NAME = "claimgate"
LISTENER = "gateway"
HOSTS = ("wasm.v3.Wasm", "dynamic_modules.v3.DynamicModuleFilter")
"""The filters that the gateway can be."""
MODULE_METRICS = "envoy.reloadable_features.dynamic_modules_strip_custom_stat_prefix"
"""With this a module's metrics have the names that those of a wasm filter have."""
AUDIT_FORMAT = "%FILTER_STATE(wasm.claimgate_audit:PLAIN)%\n"
ACCESS_FORMAT = {
    "method": "%REQ(:METHOD)%",
    # Without the query, where a caller may have put a credential.
    "path": "%PATH(NQ:ORIG_OR_PATH)%",
    "upstream_path": "%PATH(NQ:PATH)%",
    "protocol": "%PROTOCOL%",
    "status": "%RESPONSE_CODE%",
    "details": "%RESPONSE_CODE_DETAILS%",
    "flags": "%RESPONSE_FLAGS%",
    "cluster": "%UPSTREAM_CLUSTER%",
    "route": "%ROUTE_NAME%",
    "request_id": "%REQ(X-REQUEST-ID)%",
    "bytes_received": "%BYTES_RECEIVED%",
    "bytes_sent": "%BYTES_SENT%",
    "duration_ms": "%DURATION%",
}
HELD_BODY = 55 << 20
"""Above the gateway's default limits of bodies, with room for one more read."""
HARDENING = {
    "use_remote_address": True,
    "normalize_path": True,
    "merge_slashes": True,
    "path_with_escaped_slashes_action": "REJECT_REQUEST",
    "common_http_protocol_options": {"headers_with_underscores_action": "DROP_HEADER"},
}

REROUTING = {
    "name": "envoy.filters.http.lua",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
        "default_source_code": {
            "inline_string": "function envoy_on_request(handle)\n  handle:clearRouteCache()\nend\n",
        },
    },
}

# A caller's x-request-id arrives as it was sent; without the second, Envoy writes into every id of 36 characters.
KEPT_REQUEST_IDS = {
    "preserve_external_request_id": True,
    "request_id_extension": {
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.request_id.uuid.v3.UuidRequestIdConfig",
            "pack_trace_reason": False,
        }
    },
}


def plain_bootstrap(ports: Mapping[str, int], directory: Path, **options: Any) -> Document:
    """A bootstrap without the gateway's filter; options as for `bootstrap`."""
    return bootstrap(ports, directory, filters=(), **options)


def gateway_bootstrap(
    ports: Mapping[str, int], directory: Path, ecds_file: Path, *, reroutes: bool = False, **options: Any
) -> Document:
    """A bootstrap whose filter before the router comes from an ECDS file; options as for `bootstrap`.

    `reroutes` has Envoy choose the route again after the gateway's edits, as the wasm host does by itself.
    """
    filters = [discovered_filter(ecds_file), *([REROUTING] if reroutes else [])]
    return bootstrap(ports, directory, filters=filters, **options)


def bootstrap(
    ports: Mapping[str, int],
    directory: Path,
    *,
    filters: Sequence[Document] = (),
    connection_manager: Mapping[str, Any] | None = None,
    clusters: Sequence[Document] = (),
    routes: Sequence[Document] = (),
    stats_tags: Sequence[Document] = (),
    buffer_limit: int | None = None,
    listener_port: int = 0,
    tls: Mapping[str, Document] | None = None,
    listeners: Sequence[Document] = (),
) -> Document:
    """A bootstrap for the simulator's ports.

    `connection_manager` overrides single options of the hardening (None removes one). `clusters` and `routes` come
    before the own ones. `tls` names more listeners, each like the first behind its transport socket; `listeners` are others. Logs `audit.log` and `access.log` go to `directory`. Port 0 lets the kernel choose.
    """
    own = [static_cluster(name, ports[name]) for name in ROUTED]
    own.append(static_cluster(IDENTITY_PROVIDER, ports["control"]))
    # As the shipped file has it, unless a test looks at what Envoy does without.
    held = HELD_BODY if buffer_limit is None else None
    listener: Document = {
        "name": LISTENER,
        "address": socket_address(listener_port),
        "filter_chains": [
            {"filters": [_connection_manager(directory, filters, connection_manager or {}, routes, held)]},
        ],
    }
    if buffer_limit is not None:
        listener["per_connection_buffer_limit_bytes"] = buffer_limit
    listeners = [listener, *listeners]
    for name, transport_socket in (tls or {}).items():
        secured = copy.deepcopy({**listener, "name": name, "address": socket_address(0)})
        secured["filter_chains"][0]["transport_socket"] = transport_socket
        listeners.append(secured)
    document: Document = {
        # Envoy refuses to discover anything without a node.
        "node": {"id": LISTENER, "cluster": FILTER_NAME},
        "admin": {"address": socket_address(0)},
        "static_resources": {"listeners": listeners, "clusters": [*clusters, *own]},
        "layered_runtime": {"layers": [{"name": "static", "static_layer": {MODULE_METRICS: True}}]},
    }
    if stats_tags:
        document["stats_config"] = {"stats_tags": list(stats_tags)}
    return document


def discovered_filter(
    ecds_file: Path, *, name: str = FILTER_NAME, kinds: Sequence[str] = HOSTS, fetch_timeout: str = "60s"
) -> Document:
    """An HTTP filter read from an ECDS file, which must exist at the start and may be moved into place again.

    Compiling a module takes seconds, and Envoy counts them as part of the fetch: hence the long timeout.
    """
    return {
        "name": name,
        "config_discovery": {
            "config_source": {
                "path_config_source": {"path": str(ecds_file)},
                "initial_fetch_timeout": fetch_timeout,
                "resource_api_version": "V3",
            },
            "type_urls": [http_filter_type(kind) for kind in kinds],
        },
    }


def http_filter_type(kind: str) -> str:
    """The type URL of an HTTP filter's configuration, as in `wasm.v3.Wasm`."""
    return f"type.googleapis.com/envoy.extensions.filters.http.{kind}"


def static_cluster(name: str, port: int, *, http2: bool = False) -> Document:
    """A cluster of one endpoint on loopback, HTTP/1.1 unless told otherwise."""
    endpoint = {"endpoint": {"address": socket_address(port)}}
    cluster: Document = {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "2s",
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
    if http2:
        cluster["typed_extension_protocol_options"] = {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        }
    return cluster


def on_clusters(document: Document, *filters: Document, but: Sequence[str] = ()) -> Document:
    """The bootstrap with HTTP filters on every cluster but these, before the codec."""
    document = copy.deepcopy(document)
    codec = {
        "name": "envoy.filters.http.upstream_codec",
        "typed_config": {"@type": http_filter_type("upstream_codec.v3.UpstreamCodec")},
    }
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    for cluster in document["static_resources"]["clusters"]:
        if cluster["name"] in but:
            continue
        cluster["typed_extension_protocol_options"] = {
            options: {
                "@type": f"type.googleapis.com/{options}",
                "explicit_http_config": {"http_protocol_options": {}},
                "http_filters": [*filters, codec],
            }
        }
    return document


def without_forwarded_for(cluster: Document) -> Document:
    """The cluster, at which no request arrives with the header that Envoy puts on those of a module itself."""
    mutation = {
        "name": "envoy.filters.http.header_mutation",
        "typed_config": {
            "@type": http_filter_type("header_mutation.v3.HeaderMutation"),
            "mutations": {"request_mutations": [{"remove": "x-forwarded-for"}]},
        },
    }
    return on_clusters({"static_resources": {"clusters": [cluster]}}, mutation)["static_resources"]["clusters"][0]


def prefix_route(prefix: str, cluster: str, **action: Any) -> Document:
    """A route that cuts its prefix off, with no timeout so that streams may last."""
    return {
        "name": cluster,
        "match": {"prefix": prefix},
        "route": {"cluster": cluster, "prefix_rewrite": "/", "timeout": "0s", **action},
    }


def socket_address(port: int) -> Document:
    return {"socket_address": {"address": LOOPBACK, "port_value": port}}


def _connection_manager(
    directory: Path,
    filters: Sequence[Document],
    overrides: Mapping[str, Any],
    routes: Sequence[Document],
    body_limit: int | None,
) -> Document:
    own = [prefix_route(f"/{name}/", name) for name in ROUTED]
    host: Document = {"name": "all", "domains": ["*"], "routes": [*routes, *own]}
    if body_limit is not None:
        host["request_body_buffer_limit"] = body_limit
    router = {
        "name": "envoy.filters.http.router",
        "typed_config": {"@type": http_filter_type("router.v3.Router")},
    }
    config: Document = {
        "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager"
        ".v3.HttpConnectionManager",
        "stat_prefix": LISTENER,
        "codec_type": "AUTO",
        **HARDENING,
        "stream_idle_timeout": "60s",
        "upgrade_configs": [{"upgrade_type": "websocket"}],
        "access_log": _access_logs(directory),
        "route_config": {"name": "providers", "virtual_hosts": [host]},
        "http_filters": [*filters, router],
        **overrides,
    }
    present = {key: value for key, value in config.items() if value is not None}
    return {"name": "envoy.filters.network.http_connection_manager", "typed_config": present}


def _access_logs(directory: Path) -> list[Document]:
    def file_log(name: str, log_format: Document) -> Document:
        kind = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog"
        typed = {"@type": kind, "path": str(directory / name), "log_format": log_format}
        return {"name": "envoy.access_loggers.file", "typed_config": typed}

    audit = {"text_format_source": {"inline_string": AUDIT_FORMAT}}
    return [file_log("audit.log", audit), file_log("access.log", {"json_format": ACCESS_FORMAT})]
