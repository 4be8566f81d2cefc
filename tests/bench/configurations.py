"""The gateway's configurations that are compared, each with all of a decision on: identity, two rules, a quota, the
provider's credential, the request id and the audit record."""

import hashlib
from typing import Any

from harness.bootstrap import IDENTITY_PROVIDER
from harness.gateway import ISSUER, PROVIDER_CREDENTIALS, Signer, document, issuer_entry, key_entry, rule
from harness.mint import Mint
from harness.rate_limit_service import CLUSTER
from harness.sealed_keys import GATEWAY, SealingKey, claims

KEY, KEY_ENTRY = key_entry("bench", tenant="acme", scopes=["chat"])
RS256, ES256 = Signer("RS256", "rsa"), Signer("ES256", "ec")
MINT, SEALING = Mint(), SealingKey("bench")
SECRETS = {"CLIENT_SECRET": "of-a-client-of-the-benchmark", "SEALING_KEY": SEALING.json}
ENVIRONMENT = {**PROVIDER_CREDENTIALS, **MINT.environment(), **SECRETS}
# What answers in the provider's place gives tokens, too.
TOKEN_PATH = "/token"
# The most that the rate limit service counts.
HIGHEST_LIMIT = 2**32 - 2
# As `claimgate bundle --wrap rate-limit` writes them.
LIMITS = "domain: claimgate\ndescriptors:\n" + "".join(
    f"""  - key: quota
    value: {quota}
    descriptors:
      - key: per
        rate_limit: {{ unit: day, requests_per_unit: {HIGHEST_LIMIT} }}
"""
    for quota in ("requests", "tokens")
)
# A time after any run; what is compared is not how tokens expire.
EXPIRY = 4_000_000_000

SCOPES = rule("scopes", "principal.scopes.covers(llm.operation)", reason="insufficient_scope", scopes=["chat"])
TENANT = rule("tenant", "!has(upstream.tenant) || principal.tenant == upstream.tenant", reason="tenant_mismatch")


def upstreams(**fields: Any) -> list[dict[str, Any]]:
    """Each tenant with a provider's credential of its own, so that a chat names nothing that another tenant stored and
    its body is read only where a rule reads it."""
    own = {"credential": {"per_tenant": {"tenants": {"acme": "OPENAI_API_KEY"}}}}
    return [{"cluster": "openai", "dialect": "openai", "path_prefix": "/openai", **own, **fields}]


def configuration(**sections: Any) -> dict[str, Any]:
    """The plain one, with sections replaced."""
    quota = {"id": "requests", "limit": 1_000_000_000, "window": "1m", "per": ["principal.subject"]}
    plain = {
        "keys": [KEY_ENTRY],
        "issuers": [issuer_entry(RS256, ES256)],
        "policies": [SCOPES, TENANT],
        "quotas": [quota],
        "upstreams": upstreams(),
    }
    return document(**{**plain, **sections})


def token(signer: Signer, number: int = 0) -> str:
    """A token of the size that identity providers give out; another one for each number."""
    return signer.token(
        tenant="acme",
        scope="chat embeddings",
        client_id="search-web",
        sub="user-1",
        jti=hashlib.sha256(str(number).encode()).hexdigest()[:32],
        exp=EXPIRY,
        roles=["engineer", "on-call"],
        email="user-1@acme.example",
    )


def minted_token() -> str:
    """A token of the gateway's own, got with the API key, but for its long life."""
    return MINT.token(KEY_ENTRY, exp=EXPIRY)


def with_tokens() -> dict[str, Any]:
    """One that takes the gateway's own tokens."""
    return configuration(tokens=MINT.section())


def client() -> dict[str, Any]:
    endpoint = {"cluster": IDENTITY_PROVIDER, "host": "login.test", "path": TOKEN_PATH}
    proof = {"client_secret_post": {"env": "CLIENT_SECRET"}}
    return {"endpoint": endpoint, "client_id": "gate", "client_authentication": proof, "scope": "provider"}


def with_got_token() -> dict[str, Any]:
    """The provider's credential is a token that the gateway has got for itself."""
    own = {"credential": {"per_tenant": {"tenants": {"acme": {"from": "got"}}}}}
    return configuration(credentials=[{"id": "got", "oauth": client()}], upstreams=upstreams(**own))


def with_user_token() -> dict[str, Any]:
    """The provider's credential is what the caller's own token was exchanged for."""
    exchange = {"grant": "on_behalf_of", "client": client(), "issuers": [ISSUER]}
    own = {"credential": {"per_tenant": {"tenants": {"acme": {"from": "as_user"}}}}}
    return configuration(credentials=[{"id": "as_user", "exchange": exchange}], upstreams=upstreams(**own))


def with_own_keys() -> dict[str, Any]:
    """The provider's credential is the caller's own key, which it sends along sealed."""
    section = {"issuer": GATEWAY, "sealing_key": {"env": "SEALING_KEY"}}
    return configuration(own_keys=section, upstreams=upstreams(credential={"own": {}}))


def sealed_key() -> str:
    """The key of the user that `token` is of, sealed."""
    return SEALING.seal(claims("key-of-user-1-at-the-provider", "user-1", exp=EXPIRY))


def with_revocations(count: int) -> dict[str, Any]:
    """A list of `count` keys that nobody uses."""
    entries = [{"key": f"revoked-{number}"} for number in range(count)]
    return configuration(revocations=[{"id": "main", "revoked": entries}])


def with_address() -> dict[str, Any]:
    """Says which client address is to be believed, so that each record has it."""
    return configuration(client_address="peer")


def with_body_rule() -> dict[str, Any]:
    """A rule that reads the model, and an account that tenants share: the whole body is looked through."""
    model = rule("models", "llm.model.glob('gpt-4o*')", reason="model_not_allowed")
    shared = upstreams(credential={"env": "OPENAI_API_KEY"})
    return configuration(policies=[SCOPES, TENANT, model], upstreams=shared)


def with_policies(count: int) -> dict[str, Any]:
    """`count` rules more, each for another cluster; one of them for that of the load."""
    clusters = ["openai", *(f"other-{number}" for number in range(count - 1))]
    more = [
        rule(f"route-{number}", "principal.tenant != 'nobody'", when=f"upstream.cluster == '{cluster}'")
        for number, cluster in enumerate(clusters)
    ]
    return configuration(policies=[SCOPES, TENANT, *more])


def with_keys(count: int) -> dict[str, Any]:
    """`count` keys, the one of the load among them."""
    others = [
        {
            "id": f"key-{number}",
            "hash": "sha256:" + hashlib.sha256(f"other key {number}".encode()).hexdigest(),
            "project": f"project-{number % 100}",
            "service_account": f"account-{number % 5000}",
            "tenant": f"tenant-{number % 500}",
            "scopes": ["chat", "embeddings"],
            "labels": {"team": f"team-{number % 50}"},
        }
        for number in range(count - 1)
    ]
    return configuration(keys=[*others, KEY_ENTRY])


def with_descriptors() -> dict[str, Any]:
    """One whose quota has a counter per user of an application, told apart by a header."""
    user = {
        "id": "per-user",
        "limit": 1_000_000_000,
        "window": "1h",
        "per": ["principal.subject", "request.headers['x-user']"],
    }
    return configuration(quotas=[user])


def with_model_token_quota() -> dict[str, Any]:
    """Holds an estimate of what each request costs, and counts what the answer tells."""
    tokens = {"id": "tokens", "unit": "tokens", "limit": 10**12, "window": "1h", "per": ["principal.subject"]}
    return configuration(quotas=[tokens])


def with_global_quota(unit: str = "requests", **fields: str) -> dict[str, Any]:
    """One that the rate limit service counts for all Envoys; its id is the unit."""
    counted = {"id": unit, "unit": unit, "engine": "global", "limit": HIGHEST_LIMIT}
    window = {"window": "1d", "window_kind": "fixed", "per": ["principal.subject"]}
    return configuration(rate_limit_service={"cluster": CLUSTER, "timeout": "1s"}, quotas=[{**counted, **window, **fields}])
