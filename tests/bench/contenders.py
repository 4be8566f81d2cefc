"""The configurations that a benchmark compares, each as a bootstrap of its own Envoy."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import ecds
from harness.bootstrap import bootstrap, http_filter_type, on_clusters
from harness.gateway import (
    PROVIDER_CREDENTIALS,
    WASM_FILE,
    Signer,
    document,
    environment_keys,
    issuer_entry,
    key_entry,
    rule,
)

CHAT = json.dumps({"model": "gpt-4o", "max_tokens": 64, "messages": [{"role": "user", "content": "hello " * 20}]})


@dataclass
class Contender:
    """One configuration and the request it is driven with."""

    name: str
    bootstrap: Callable[[dict[str, int], Path], dict[str, Any]]
    headers: dict[str, str] = field(default_factory=dict)


KEY, KEY_ENTRY = key_entry("bench", tenant="acme", scopes=["chat"])
SIGNER = Signer("RS256")


def configuration(**sections: Any) -> dict[str, Any]:
    """All of a decision: identity, two rules, a quota, the credential, the request id, the record."""
    rules = [
        rule("scopes", "principal.scopes.covers(llm.operation)", reason="insufficient_scope", scopes=["chat"]),
        rule("tenant", "!has(upstream.tenant) || principal.tenant == upstream.tenant", reason="tenant_mismatch"),
    ]
    quota = {"id": "requests", "limit": 1_000_000_000, "window": "1m", "per": ["principal.subject"]}
    sections = {"keys": [KEY_ENTRY], "issuers": [issuer_entry(SIGNER)], **sections}
    return document(policies=rules, quotas=[quota], **sections)


def wasm_filter(config: dict[str, Any], **plugin: Any) -> dict[str, Any]:
    """The filter as a static entry of a filter chain."""
    typed = ecds.wasm_config(WASM_FILE, json.dumps(config), environment_keys=environment_keys(config), plugin=plugin)
    return {"name": "claimgate", "typed_config": typed}


def credential_injector() -> dict[str, Any]:
    """Envoy's own filter with a static secret."""
    generic = {
        "@type": "type.googleapis.com/envoy.extensions.http.injected_credentials.generic.v3.Generic",
        "credential": {"name": "provider"},
    }
    return {
        "name": "envoy.filters.http.credential_injector",
        "typed_config": {
            "@type": http_filter_type("credential_injector.v3.CredentialInjector"),
            "overwrite": True,
            "credential": {"name": "envoy.http.injected_credentials.generic", "typed_config": generic},
        },
    }


def with_secret(document: dict[str, Any]) -> dict[str, Any]:
    """The bootstrap with the static secret that `credential_injector` names."""
    secret = {"name": "provider", "generic_secret": {"secret": {"inline_string": "Bearer provider-secret"}}}
    document["static_resources"]["secrets"] = [secret]
    return document


def plain(ports: dict[str, int], directory: Path) -> dict[str, Any]:
    return bootstrap(ports, directory, filters=[])


def in_chain(ports: dict[str, int], directory: Path) -> dict[str, Any]:
    return bootstrap(ports, directory, filters=[wasm_filter(configuration())])


def at_cluster(ports: dict[str, int], directory: Path) -> dict[str, Any]:
    config = configuration(attach="at_cluster")
    document = bootstrap(ports, directory, filters=[wasm_filter(config)])
    return on_clusters(document, wasm_filter(config, root_id="claimgate-at-cluster"))


def by_injector(ports: dict[str, int], directory: Path) -> dict[str, Any]:
    upstreams = [{**entry, "credential": "envoy"} for entry in configuration()["upstreams"]]
    config = configuration(upstreams=upstreams)
    document = bootstrap(ports, directory, filters=[wasm_filter(config)])
    return with_secret(on_clusters(document, credential_injector()))


def contenders() -> list[Contender]:
    key = {"authorization": f"Bearer {KEY}"}
    token = {"authorization": f"Bearer {SIGNER.token(tenant='acme', scope='chat', exp=4_000_000_000)}"}
    return [
        Contender("no filter", plain, key),
        Contender("API key", in_chain, key),
        Contender("JWT (RS256), repeated", in_chain, token),
        Contender("API key, credential at the cluster", at_cluster, key),
        Contender("API key, credential_injector", by_injector, key),
    ]


ENVIRONMENT = PROVIDER_CREDENTIALS
