"""Every reason code in a real Envoy: its status, its headers, and its body in each dialect that can be refused so."""

import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.bootstrap import KEPT_REQUEST_IDS, prefix_route, static_cluster
from harness.caller import OPENAI_CODES
from harness.dialects import (
    API_VERSION,
    DIALECTS,
    GOOGLES,
    MODELS,
    VERTEX_BASE,
    Request,
    authorised,
    chat,
    chat_document,
    credential_header,
    error_message,
    raw_http1,
)
from harness.gateway import Gateway, Signer, document, issuer_entry, key_entry, rule, upstream_entries
from harness.mint import Mint
from harness.ports import LOOPBACK
from harness.raw import RawResponse
from harness.raw_http1 import Http1Connection
from harness.simulator import Simulator

ROOT = Path(__file__).resolve().parents[2]
REALM = 'Bearer realm="claimgate"'
DOWN = "https://down.test/"
# What Envoy answers by itself: `test_local_replies.py` has them.
ENVOYS_OWN = {
    "upstream_unreachable",
    "upstream_reset",
    "upstream_timeout",
    "request_timeout",
    "overloaded",
    "proxy_refused",
}
# What the whole configuration is about, or what is no answer in a dialect: the files that have them.
ELSEWHERE = {
    "test_panics.py": {"internal_error"},
    "test_key_feed.py": {"key_feed_unavailable"},
    "test_revocation.py": {"revoked_in_flight", "revocations_unavailable"},
    "test_metering.py": {"usage_hidden"},
    "test_token_quota.py": {"usage_unknowable", "model_unpriced"},
    "test_global_quota.py": {"quota_unconfigured"},
    "test_quota.py": {"too_many_counters"},
    "test_dialects.py": {"provider_token_refused"},
    "test_local_replies.py": {"upstream_credential_refused"},
    "test_tokens.py": {"token_claim_mismatch"},
    "test_upstream_tokens.py": {"upstream_token_unavailable", "upstream_token_refused"},
    "test_pools.py": {"upstream_pool_exhausted"},
    "test_user_exchange.py": {"exchange_subject_missing", "exchange_refused", "exchange_interaction_required"},
    "test_opaque_tokens.py": {"token_inactive"},
    "test_possession.py": {
        "confirmation_unsupported",
        "binding_required",
        "certificate_required",
        "certificate_mismatch",
        "dpop_scheme_required",
        "dpop_proof_missing",
        "dpop_proof_malformed",
        "dpop_key_mismatch",
        "dpop_proof_mismatch",
        "dpop_proof_out_of_time",
        "dpop_nonce_required",
        "dpop_proof_signature_invalid",
        "dpop_proof_replayed",
        "dpop_limit_exceeded",
        "possession_unavailable",
    },
    "test_minted_tokens.py": {
        "token_request_invalid",
        "token_request_too_wide",
        "token_request_denied",
        "grant_type_unsupported",
        "tokens_unavailable",
    },
    "test_provider_key_feed.py": {"credential_feed_unavailable"},
    "test_own_keys.py": {
        "provider_key_request_invalid",
        "provider_key_request_denied",
        "provider_keys_unavailable",
        "provider_key_missing",
        "provider_key_invalid",
        "provider_key_expired",
        "provider_key_not_for_caller",
        "provider_key_not_for_upstream",
    },
}
DAY = 86_400

# More clusters per provider, each with something wrong, reached at /<dialect>-<name>/.
FAULTY: dict[str, dict[str, Any]] = {
    "tenants": {"credential": {"per_tenant": {"tenants": {"globex": "GLOBEX_API_KEY"}}}},
    "absent": {"credential": {"env": "ABSENT_API_KEY"}},
    "owned": {"tenant": "globex"},
    "named": {"organization": "principal"},
    "swap": {},
}
# An operation of the operator's own; on Vertex AI each names its place.
UNHEARD = {"vertex": f"{VERTEX_BASE}/unheard"}


class World:
    """The gateway, everybody who calls it, and the clients."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        now = time.time()
        self.signer, self.stranger, self.other = Signer("ES256"), Signer("ES256", kid="k9"), Signer("ES256")
        self.down = Signer("ES256")
        self.mint = Mint()
        self.keys: dict[str, str] = {}
        self.entries: dict[str, dict[str, Any]] = {}
        for name, fields in {
            "good": {"tenant": "acme", "scopes": ["chat"]},
            "tenantless": {},
            "expired": {"expires_at": timestamp(now - DAY)},
            "future": {"not_before": timestamp(now + DAY)},
            "revoked": {"disabled": True},
            "elsewhere": {"cidrs": ["10.0.0.0/8"]},
        }.items():
            self.keys[name], self.entries[name] = key_entry(name, **fields)
        remote = {"cluster": "idp", "host": "idp", "path": "/jwks.json", "timeout": "300ms"}
        issuers = [
            issuer_entry(self.signer, max_lifetime="1h", required_claims=["plan"]),
            issuer_entry(self.down, issuer=DOWN, jwks={"remote": remote}),
        ]
        upstreams = upstream_entries()
        for upstream in upstreams:
            path = UNHEARD.get(upstream["dialect"], "/v9/unheard")
            upstream["operations"] = [{"method": "POST", "path": path, "operation": "unheard"}]
        faulty, routes, clusters = [], [], []
        for upstream in upstreams:
            name = upstream["cluster"]
            for kind, fields in FAULTY.items():
                other = {"cluster": f"{name}-{kind}", "path_prefix": f"/{name}-{kind}", **fields}
                faulty.append({**upstream, **other})
            for kind in (*FAULTY, "unlisted"):
                clusters.append(static_cluster(f"{name}-{kind}", simulator.ports[name]))
            # The header is stripped, and so Envoy chooses again without it.
            swapped = prefix_route(f"/{name}-swap/", f"{name}-swap")
            swapped["match"]["headers"] = [{"name": "x-tenant-id", "present_match": True}]
            routes += [swapped, {**prefix_route(f"/{name}-swap/", name), "name": f"{name}-swapped"}]
            routes += [prefix_route(f"/{name}-{kind}/", f"{name}-{kind}") for kind in (*FAULTY, "unlisted")]
            routes.append({"match": {"prefix": f"/{name}-nowhere/"}, "direct_response": {"status": 200}})
        configuration = document(
            keys=list(self.entries.values()),
            tokens=self.mint.section(),
            issuers=issuers,
            client_address="peer",
            body_limit="8KiB",
            rate_limit_service={"cluster": "no-such-cluster"},
            hold_timeout="1s",
            upstreams=[*upstreams, *faulty],
            policies=[
                rule("everybody", "true"),
                rule("scope", "false", when=asks("scope"), reason="insufficient_scope", scopes=["files", "batches"]),
                rule("denied", "false", when=asks("denied")),
                rule("model", "llm.model.glob('allowed*')", when=asks("model"), reason="model_not_allowed"),
                rule("tenant", "false", when=asks("tenant"), reason="tenant_mismatch"),
                rule("broken", "request.headers.nobody == 'x'", when=asks("broken")),
            ],
            quotas=[
                quota("small", 1, "30s", ["request.headers.counter"], asks("quota")),
                quota("spent", 1, "day", ["request.headers.counter"], asks("budget")) | {"durability": "process"},
                quota("broken-quota", 1, "30s", ["request.headers.nobody"], asks("quota-error")),
                quota("counted-nowhere", 1, "1h", ["'all'"], asks("nowhere")) | {"engine": "global", "window_kind": "fixed"},
            ],
        )
        self.gateway = Gateway(
            configuration,
            simulator,
            directory,
            environment=self.mint.environment(),
            routes=routes,
            clusters=clusters,
            reroutes=True,
            connection_manager={
                # So that x-forwarded-for can make an address that no connection vouches for.
                "xff_num_trusted_hops": 1,
                **KEPT_REQUEST_IDS,
            },
        )
        self.client = httpx.Client(base_url=self.gateway.url, timeout=15)

    def token(self, header: dict[str, Any] | None = None, **claims: Any) -> str:
        return self.signer.token(header, **{"tenant": "acme", "plan": "pro", **claims})

    def minted(self, **content: Any) -> str:
        """A token of the gateway's own, got with the good key."""
        return self.mint.token(self.entries["good"], jti=os.urandom(16).hex(), **content)

    def send(self, request: Request) -> RawResponse:
        # A declared path goes out as it is; httpx would normalise it.
        with Http1Connection(self.gateway.port) as connection:
            connection.send(raw_http1(request))
            return connection.receive(request.method)


    def stop(self) -> None:
        self.client.close()
        self.gateway.stop()


def timestamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def asks(what: str) -> str:
    return f"has(request.headers.asks) && request.headers.asks == '{what}'"


def quota(name: str, limit: int, window: str, per: list[str], when: str) -> dict[str, Any]:
    return {"id": name, "limit": limit, "window": window, "per": per, "when": when}


@dataclass(frozen=True)
class Row:
    """How to be refused for one reason. `request` gives the call in one dialect."""

    code: str
    status: int
    request: Callable[[World, str], Request]
    dialects: tuple[str, ...] = DIALECTS
    send: Callable[[World, Request], RawResponse] | None = None
    rule: str | None = None
    retry_after: tuple[int, int] | None = None
    note: str = ""

    def status_in(self, dialect: str) -> int:
        """AWS SDKs retry every 429, so that a budget is 400 there."""
        return 400 if dialect == "bedrock" and self.code in BUDGETS else self.status


def good(world: World, dialect: str, **options: Any) -> Request:
    return chat(dialect, world.keys["good"], **options)


def by_key(name: str) -> Callable[[World, str], Request]:
    return lambda world, dialect: chat(dialect, world.keys[name])


def by_token(make: Callable[[World], str]) -> Callable[[World, str], Request]:
    return lambda world, dialect: chat(dialect, make(world))


def asking(what: str, **headers: str) -> Callable[[World, str], Request]:
    return lambda world, dialect: good(world, dialect).with_headers(asks=what, **headers)


def at(kind: str, key: str = "good") -> Callable[[World, str], Request]:
    return lambda world, dialect: chat(dialect, world.keys[key], prefix=f"{dialect}-{kind}")


def with_body(content: bytes, content_type: str = "application/json") -> Callable[[World, str], Request]:
    return lambda world, dialect: good(world, dialect).with_body(content, content_type)


def path_plus(suffix: str) -> Callable[[World, str], Request]:
    def made(world: World, dialect: str) -> Request:
        request = good(world, dialect)
        path, question, query = request.path.partition("?")
        return replace(request, path=f"{path}{suffix}{question}{query}")

    return made


def query_plus(parameter: str) -> Callable[[World, str], Request]:
    def made(world: World, dialect: str) -> Request:
        request = good(world, dialect)
        return replace(request, path=f"{request.path}{'&' if '?' in request.path else '?'}{parameter}")

    return made


def too_old(world: World) -> str:
    now = int(time.time())
    return world.token(iat=now - 1000, exp=now - 500)


def too_young(world: World) -> str:
    return world.token(nbf=int(time.time()) + 500)


def too_long(world: World) -> str:
    return world.token(exp=int(time.time()) + 2 * 3600)


def stateful(world: World, dialect: str) -> Request:
    listing = {"openai": "/v1/files", "azure": "/openai/v1/files", "anthropic": "/v1/files", "gemini": "/v1beta/files"}
    if dialect in listing:
        return authorised(Request("GET", f"/{dialect}{listing[dialect]}"), dialect, world.keys["good"])
    if dialect == "vertex":
        body = {**chat_document("vertex"), "cachedContent": "cachedContents/c1"}
        return good(world, dialect).with_body(json.dumps(body).encode())
    image = {"image": {"format": "png", "source": {"s3Location": {"uri": "s3://bucket/a.png"}}}}
    body = {"messages": [{"role": "user", "content": [image]}]}
    return good(world, dialect).with_body(json.dumps(body).encode())


def bodied(world: World, dialect: str) -> Request:
    path = {"azure": f"/openai/models?{API_VERSION}", "gemini": "/v1beta/models"}.get(dialect, "/v1/models")
    request = Request("GET", f"/{dialect}{path}").with_body(b"{}")
    return authorised(request, dialect, world.keys["good"])


def mismatched(world: World, dialect: str) -> Request:
    request = good(world, dialect)
    body = {**json.loads(request.body or b""), "model": "another"}
    return request.with_body(json.dumps(body).encode())


def unheard(world: World, dialect: str) -> Request:
    plain = Request("POST", f"/{dialect}{UNHEARD.get(dialect, '/v9/unheard')}", {"content-type": "application/json", "asks": "model"}, b"{}")
    return authorised(plain, dialect, world.keys["good"])


def unknown_operation(world: World, dialect: str) -> Request:
    return authorised(Request("GET", f"/{dialect}/v1/unheard-of"), dialect, world.keys["good"])


def ambiguous_credential(world: World, dialect: str) -> Request:
    other = "anthropic" if dialect in ("openai", "bedrock", "vertex") else "openai"
    return good(world, dialect).with_headers(**credential_header(other, "another"))


def forwarded(world: World, dialect: str) -> Request:
    return chat(dialect, world.keys["elsewhere"]).with_headers(x_forwarded_for="10.1.2.3")


def never_finishing(world: World, request: Request) -> RawResponse:
    with Http1Connection(world.gateway.port) as connection:
        connection.send(raw_http1(request, body=False))
        return connection.receive(request.method)


def twice(world: World, request: Request) -> RawResponse:
    counted = request.with_headers(counter=f"{request.path}-{time.monotonic_ns()}")
    assert world.send(counted).status == 200
    return world.send(counted)


def once_more(world: World, request: Request) -> RawResponse:
    assert world.send(request).status == 200
    return world.send(request)


CHUNKED = "transfer-encoding"
GONE = [{"kind": "api_key", "id": "gone"}]


def chunked(world: World, request: Request) -> RawResponse:
    """Sends the body with no length announced."""
    body = request.body or b""
    framed = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:4000], body[4000:])) + b"0\r\n\r\n"
    with Http1Connection(world.gateway.port) as connection:
        connection.send(raw_http1(request, [(CHUNKED, "chunked")], body=False) + framed)
        return connection.receive(request.method)


ROWS = [
    Row("credential_missing", 401, lambda _, dialect: chat(dialect)),
    Row(
        "credential_malformed",
        401,
        lambda _, dialect: chat(dialect).with_headers(authorization="Basic dXNlcjpwYXNz"),
    ),
    Row("credential_in_query", 401, query_plus("key=abc")),
    Row("ambiguous_credential", 400, ambiguous_credential),
    Row("key_unknown", 401, lambda _, dialect: chat(dialect, "test-key-nobody")),
    Row("key_expired", 401, by_key("expired")),
    Row("key_not_yet_valid", 401, by_key("future")),
    Row("credential_revoked", 401, by_key("revoked")),
    Row("token_malformed", 401, lambda _, dialect: chat(dialect, "eyJhbGciOiJFUzI1NiJ9.e30")),
    Row("token_too_large", 401, by_token(lambda world: world.token(padding="x" * 17_000))),
    Row("token_type_not_allowed", 401, by_token(lambda world: world.token({"typ": "logout+jwt"}))),
    Row("token_algorithm_not_allowed", 401, by_token(lambda world: world.token({"alg": "HS256"}))),
    Row("token_header_not_allowed", 401, by_token(lambda world: world.token({"crit": ["exp"]}))),
    Row("token_issuer_unknown", 401, by_token(lambda world: world.token(iss="https://nobody.test/"))),
    Row("token_audience_mismatch", 401, by_token(lambda world: world.token(aud="another"))),
    Row("token_key_unknown", 401, by_token(lambda world: world.stranger.token(plan="pro"))),
    Row("token_signature_invalid", 401, by_token(lambda world: world.other.token(plan="pro"))),
    Row("token_expired", 401, by_token(too_old)),
    Row("token_not_yet_valid", 401, by_token(too_young)),
    Row("token_lifetime_exceeded", 401, by_token(too_long)),
    Row("token_claim_missing", 401, by_token(lambda world: world.token(plan=None))),
    Row("token_claim_invalid", 401, by_token(lambda world: world.token(scope=5))),
    Row("parent_credential_invalid", 401, by_token(lambda world: world.minted(parents=GONE))),
    Row("operation_not_allowed", 403, by_token(lambda world: world.minted(limits={"operations": ["files"]}))),
    Row(
        "token_budget_exhausted",
        429,
        by_token(lambda world: world.minted(limits={"requests": 1})),
        send=once_more,
    ),
    Row("identity_unavailable", 503, by_token(lambda world: world.down.token(iss=DOWN))),
    Row("network_not_allowed", 403, by_key("elsewhere")),
    Row("client_address_untrusted", 403, forwarded),
    Row("path_ambiguous", 400, path_plus(";v=2"), note="a path parameter"),
    Row("path_ambiguous", 400, path_plus("%25"), note="an escape within an escape"),
    Row("operation_unknown", 404, unknown_operation),
    Row("no_upstream", 404, at("nowhere")),
    Row("upstream_not_configured", 403, at("unlisted")),
    Row("body_too_large", 413, with_body(b'{"a":"' + b"x" * 9000 + b'"}'), note="announced"),
    Row("body_too_large", 413, with_body(b'{"a":"' + b"x" * 9000 + b'"}'), send=chunked, note="in chunks"),
    Row("body_unsupported", 415, with_body(b"{}", "text/plain")),
    Row("body_malformed", 400, with_body(b'{"model":')),
    Row("body_ambiguous", 400, with_body(b'{"model":"a","mod\\u0065l":"b"}')),
    Row("body_unexpected", 400, bodied, dialects=("openai", "azure", "anthropic", "gemini"), note="Bedrock has no GET"),
    Row("model_mismatch", 400, mismatched, dialects=("gemini", "bedrock", "vertex"), note="the others have one place only"),
    Row("model_unknowable", 403, unheard),
    Row("insufficient_scope", 403, asking("scope"), rule="scope"),
    Row("policy_denied", 403, asking("denied"), rule="denied"),
    Row("model_not_allowed", 403, asking("model"), rule="model"),
    Row("tenant_mismatch", 403, asking("tenant"), rule="tenant", note="by a rule"),
    Row("tenant_mismatch", 403, at("owned"), note="by the upstream's own tenant"),
    Row("policy_error", 403, asking("broken"), rule="broken"),
    Row("stateful_operation_shared_credential", 403, stateful),
    Row("quota_exceeded", 429, asking("quota"), send=twice, rule="small", retry_after=(1, 33)),
    Row("budget_exhausted", 429, asking("budget"), send=twice, rule="spent", retry_after=(1, DAY)),
    Row("quota_error", 403, asking("quota-error"), rule="broken-quota"),
    Row("quota_unavailable", 503, asking("nowhere"), rule="counted-nowhere"),
    Row(
        "url_leads_past",
        403,
        lambda world, dialect: good(world, dialect).with_headers(x_goog_upload_command="start"),
        dialects=("gemini",),
    ),
    Row("tenant_credential_missing", 403, at("tenants")),
    Row("provider_credential_missing", 503, at("absent")),
    Row("identity_incomplete", 403, at("named", key="tenantless")),
    Row("hold_timeout", 503, good, send=never_finishing),
    Row(
        "route_changed",
        502,
        lambda world, dialect: at("swap")(world, dialect).with_headers(x_tenant_id="globex"),
    ),
]

OPENAI_TYPES = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error", 502: "server_error",
                503: "server_error"}  # fmt: skip
ANTHROPIC_TYPES = {401: "authentication_error", 403: "permission_error", 404: "not_found_error",
                   413: "request_too_large", 429: "rate_limit_error", 502: "api_error", 503: "api_error"}  # fmt: skip
GOOGLE_STATUSES = {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED",
                   502: "UNAVAILABLE", 503: "UNAVAILABLE"}  # fmt: skip
BEDROCK_EXCEPTIONS = {401: "UnrecognizedClientException", 403: "AccessDeniedException",
                      404: "ResourceNotFoundException", 429: "ThrottlingException",
                      502: "ServiceUnavailableException", 503: "ServiceUnavailableException"}  # fmt: skip
WITHOUT_CHALLENGE = "none"
BUDGETS = {"budget_exhausted", "token_budget_exhausted"}
RETRY_HELPS = {"quota_exceeded", "identity_unavailable", "quota_unavailable", "hold_timeout"}


@pytest.fixture(scope="module")
def world(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    simulator.set_jwks_mode("500")
    running = World(simulator, tmp_path_factory.mktemp("denials"))
    yield running
    running.stop()
    simulator.reset_jwks()


def source_reasons() -> dict[str, int]:
    """Codes and statuses as src/denial/reason.rs lists them."""
    source = (ROOT / "src" / "denial" / "reason.rs").read_text()
    return {code: int(status) for code, status in re.findall(r'^    \w+, "(\w+)", (\d{3}), "', source, re.M)}


def test_every_reason_of_the_source_has_a_row() -> None:
    reasons = source_reasons()
    assert len(reasons) > 40
    envoys = {reason: status for reason, status in reasons.items() if reason in ENVOYS_OWN}
    assert len(envoys) == len(ENVOYS_OWN)
    elsewhere = {code: reasons[code] for codes in ELSEWHERE.values() for code in codes}
    assert {row.code: row.status for row in ROWS} | envoys | elsewhere == reasons
    for file, codes in ELSEWHERE.items():
        text = (ROOT / "tests" / "e2e" / file).read_text()
        assert [code for code in codes if f'"{code}"' not in text] == [], file


def cases() -> list[Any]:
    return [
        pytest.param(row, dialect, id=f"{row.code}{'-' + row.note.replace(' ', '-') if row.note else ''}-{dialect}")
        for row in ROWS
        for dialect in row.dialects
    ]


@pytest.mark.parametrize(("row", "dialect"), cases())
def test_denial(world: World, row: Row, dialect: str) -> None:
    request = row.request(world, dialect).with_headers(x_request_id=f"req-{row.code}-{dialect}")
    answer = row.send(world, request) if row.send else world.send(request)
    headers = {name.lower(): value for name, value in answer.headers}
    assert (answer.status, headers.get("x-claimgate-reason")) == (row.status_in(dialect), row.code), answer.body
    assert len(headers) == len(answer.headers), "a header came twice"
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"] == f"req-{row.code}-{dialect}"
    decision = headers["x-claimgate-decision-id"]
    assert re.fullmatch(r"[0-9a-f]{32}", decision)
    body = answer.json()
    message = error_message(dialect, body)
    assert f"[{row.code}, decision {decision}]" in message
    assert (f"(rule `{row.rule}`)" in message) == (row.rule is not None), message
    assert_shape(dialect, row, body, headers)
    assert_challenge(row, headers)
    assert_retry(row, dialect, headers)
    assert_nothing_told(world, answer)
    record = world.gateway.audit(claimgate__decision_id=decision)
    assert record["claimgate.decision"] == "deny"
    assert record["claimgate.reason"] == row.code
    assert record.get("claimgate.rule") == row.rule
    assert record["claimgate.request_id"] == headers["x-request-id"]
    assert record["claimgate.answered_by"] == "gateway"
    assert record["http.response.status_code"] == row.status_in(dialect)


def assert_shape(dialect: str, row: Row, body: Any, headers: dict[str, str]) -> None:
    request_id, decision = headers["x-request-id"], headers["x-claimgate-decision-id"]
    if dialect in ("openai", "azure"):
        assert body.keys() == {"error"}
        assert body["error"].keys() == {"message", "type", "param", "code"}
        kind = OPENAI_TYPES.get(row.status, "invalid_request_error")
        assert body["error"]["type"] == ("insufficient_quota" if row.code in BUDGETS else kind)
        assert body["error"]["code"] == OPENAI_CODES.get(row.code, row.code)
    elif dialect == "anthropic":
        assert body.keys() == {"type", "error", "request_id"}
        assert (body["type"], body["request_id"]) == ("error", request_id)
        assert body["error"]["type"] == ANTHROPIC_TYPES.get(row.status, "invalid_request_error")
        details = {"error_code": "enforced_spend_limit_reached"} if row.code in BUDGETS else None
        assert body["error"].get("details") == details
        assert headers["request-id"] == request_id
    elif dialect in GOOGLES:
        error = body["error"]
        assert error["code"] == row.status
        assert error["status"] == GOOGLE_STATUSES.get(row.status, "INVALID_ARGUMENT")
        info = error["details"][0]
        assert (info["reason"], info["domain"]) == (row.code.upper(), "claimgate")
        assert info["metadata"].get("rule") == row.rule
        assert (info["metadata"]["requestId"], info["metadata"]["decisionId"]) == (request_id, decision)
        retry = [detail["retryDelay"] for detail in error["details"] if detail["@type"].endswith("RetryInfo")]
        failures = [detail for detail in error["details"] if detail["@type"].endswith("QuotaFailure")]
        assert len(failures) == (row.code in BUDGETS or row.code == "quota_exceeded")
        assert all(failure["violations"][0].get("quotaId") == row.rule for failure in failures)
        assert retry == ([f"{headers['retry-after']}s"] if row.retry_after else [])
    else:
        assert body.keys() == {"message"}
        exception = BEDROCK_EXCEPTIONS.get(row.status, "ValidationException")
        assert headers["x-amzn-errortype"] == ("ServiceQuotaExceededException" if row.code in BUDGETS else exception)
        assert headers["x-amzn-requestid"] == request_id
    assert ("request-id" in headers) == (dialect == "anthropic")
    assert ("x-amzn-errortype" in headers) == (dialect == "bedrock")


def assert_challenge(row: Row, headers: dict[str, str]) -> None:
    """RFC 6750 section 3."""
    challenge = headers.get("www-authenticate", WITHOUT_CHALLENGE)
    if row.code == "credential_missing":
        assert challenge == REALM
    elif row.status == 401 or row.code == "ambiguous_credential":
        invalid = row.code in ("credential_in_query", "ambiguous_credential")
        error = "invalid_request" if invalid else "invalid_token"
        assert challenge.startswith(f'{REALM}, error="{error}", error_description="'), challenge
    elif row.code == "insufficient_scope":
        assert challenge.startswith(f'{REALM}, error="insufficient_scope"')
        assert challenge.endswith('scope="files batches"')
    else:
        assert challenge == WITHOUT_CHALLENGE


def assert_retry(row: Row, dialect: str, headers: dict[str, str]) -> None:
    assert headers["x-should-retry"] == ("true" if row.code in RETRY_HELPS else "false")
    if row.retry_after:
        least, most = row.retry_after
        assert least <= int(headers["retry-after"]) <= most
        anthropics = dialect == "anthropic"
        assert headers[
            "anthropic-ratelimit-requests-remaining" if anthropics else "x-ratelimit-remaining-requests"
        ] == "0"
    else:
        assert "retry-after" not in headers


def assert_nothing_told(world: World, answer: RawResponse) -> None:
    """The caller learns the code and the rule's id, never an expression, a credential or a claim."""
    told = answer.body.decode() + str(answer.headers)
    assert "request.headers" not in told and "glob(" not in told
    assert "provider-secret" not in told
    assert not any(key in told for key in world.keys.values())


def test_a_denial_of_a_tunnelled_or_bodyless_call_is_read_by_no_provider(world: World, simulator: Simulator) -> None:
    simulator.clear()
    for dialect in DIALECTS:
        assert world.send(chat(dialect)).status == 401
        assert world.send(asking("denied")(world, dialect)).status == 403
    assert simulator.received() == []


def test_a_refused_upload_does_not_wait_for_its_end(world: World) -> None:
    """The denial comes while the caller still sends."""
    with socket.create_connection((LOOPBACK, world.gateway.port), timeout=5) as connection:
        head = f"POST /openai/v1/chat/completions?{API_VERSION} HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n"
        connection.sendall(head.encode() + b"x" * 1000)
        assert connection.recv(4096).startswith(b"HTTP/1.1 401 ")


def test_a_head_request_is_refused_without_a_body(world: World) -> None:
    answer = world.send(Request("HEAD", f"/openai/v1/models/{MODELS['openai']}"))
    assert (answer.status, answer.header("x-claimgate-reason")) == (401, "credential_missing")
    assert answer.body == b""


def test_no_trap(world: World) -> None:
    assert world.gateway.envoy.crashes() == 0
