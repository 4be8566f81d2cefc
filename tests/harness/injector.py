"""Envoy's own credential injector on a cluster, with the credential from a file that Envoy watches (SDS)."""

import json
from pathlib import Path

from . import evidence
from .bootstrap import Document, http_filter_type
from .evidence import Kind

OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"


def with_injector(cluster: Document, header: str, value: str, directory: Path) -> Document:
    """The cluster with an upstream HTTP filter that sets `header` to `value` on everything that goes there."""
    injector = {
        "name": "envoy.filters.http.credential_injector",
        "typed_config": {
            "@type": http_filter_type("credential_injector.v3.CredentialInjector"),
            "overwrite": True,
            "credential": {
                "name": "envoy.http.injected_credentials.generic",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic",
                    "credential": _secret_file(f"{cluster['name']}-credential", value, directory),
                    "header": header,
                },
            },
        },
    }
    codec = {
        "name": "envoy.filters.http.upstream_codec",
        "typed_config": {"@type": http_filter_type("upstream_codec.v3.UpstreamCodec")},
    }
    options = {
        "@type": f"type.googleapis.com/{OPTIONS}",
        "explicit_http_config": {"http_protocol_options": {}},
        "http_filters": [injector, codec],
    }
    return {**cluster, "typed_extension_protocol_options": {OPTIONS: options}}


def _secret_file(name: str, value: str, directory: Path) -> Document:
    """Writes the secret and names it as Envoy wants it."""
    # Without its scheme, so that it is found behind any other.
    evidence.register(Kind.INJECTED_CREDENTIAL, value.rpartition(" ")[2])
    secret = {
        "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret",
        "name": name,
        "generic_secret": {"secret": {"inline_string": value}},
    }
    directory.mkdir(parents=True, exist_ok=True)
    file = directory / f"{name}.json"
    file.write_text(json.dumps({"resources": [secret]}))
    config = {"path_config_source": {"path": str(file)}, "resource_api_version": "V3"}
    return {"name": name, "sds_config": config}
