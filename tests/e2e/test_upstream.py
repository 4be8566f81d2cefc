"""What reaches the provider in a real Envoy: its own credential and nothing of the caller's; and what comes back."""

import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from harness.bootstrap import prefix_route, static_cluster
from harness.caller import CHAT_PATH, Caller, assert_challenge, assert_refused, calling
from harness.dialects import DIALECTS, GOOGLES, Request, chat, credential_header
from harness.gateway import PROVIDER_CREDENTIALS, Signer, document, issuer_entry, key_entry, upstream_entries
from harness.injector import with_injector
from harness.raw_http1 import http1_request
from harness.simulator import Simulator

# Every name in front of the simulated OpenAI: what its entry says, and its credential where it has one.
CLUSTERS: dict[str, dict[str, Any] | None] = {
    "owned": {"credential": {"env": "OWNED_KEY"}, "tenant": "acme"},
    "tenants": {
        "credential": {"per_tenant": {"tenants": {"acme": "ACME_KEY", "globex": "GLOBEX_KEY", "initech": "UNSET_KEY"}}}
    },
    "fallback": {"credential": {"per_tenant": {"tenants": {"acme": "ACME_OWN_KEY"}, "fallback": "FALLBACK_KEY"}}},
    "unset": {"credential": {"env": "NOWHERE_KEY"}},
    "empty": {"credential": {"env": "EMPTY_KEY"}},
    "injected": {"credential": "envoy"},
    "valued": {
        "credential": {"env": "VALUED_KEY"},
        "organization": {"value": "org-ours"},
        "project": {"value": "proj-ours"},
    },
    "asserted": {"credential": {"env": "ASSERTED_KEY"}, "organization": "principal", "project": "principal"},
    "bare": None,
}
SET = ("OWNED", "ACME", "GLOBEX", "ACME_OWN", "FALLBACK", "VALUED", "ASSERTED")
ENVIRONMENT = {f"{name}_KEY": f"provider-secret-{name.lower().replace('_', '-')}" for name in SET}
INJECTED = "provider-secret-injected-by-envoy"
SECRETS = [*PROVIDER_CREDENTIALS.values(), *ENVIRONMENT.values(), INJECTED]
ANYBODY, ACME, GLOBEX, INITECH, UMBRELLA = "anybody", "acme", "globex", "initech", "umbrella"
OPEN_PATHS = ("/openai/v1/models/open", "/direct/healthz")
SIGNER = Signer("ES256")

# Where the provider wants its credential, after its API reference.
PLACES = {
    "openai": ("authorization", "Bearer provider-secret-openai"),
    "azure": ("api-key", "provider-secret-azure"),
    "anthropic": ("x-api-key", "provider-secret-anthropic"),
    "gemini": ("x-goog-api-key", "provider-secret-gemini"),
    "bedrock": ("authorization", "Bearer provider-secret-bedrock"),
    "vertex": ("authorization", "Bearer provider-secret-vertex"),
}
CARRIERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")
LOOKALIKES = ("proxy-authorization", "x-amz-security-token", "x_api_key", "api_key", "x_goog_api_key")
FORGED = {
    "openai-organization": "forged",
    "OpenAI-Project": "forged",
    "openai_organization": "forged",
    "openai_project": "forged",
    "x-tenant-id": "forged",
    "x_tenant_id": "forged",
    "x-claimgate-tenant": "forged",
    "x-claimgate-reason": "forged",
    "X_Claimgate_Tenant": "forged",
    "claimgate-subject": "forged",
    "cookie": "session=forged",
    "x-goog-user-project": "forged",
    "x-ms-client-principal": "forged",
}


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    return {}


@pytest.fixture(scope="module")
def caller(simulator: Simulator, keys: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    directory = tmp_path_factory.mktemp("upstream")
    entries = []
    for name in (ANYBODY, ACME, GLOBEX, INITECH, UMBRELLA):
        keys[name], entry = key_entry(name, **({} if name == ANYBODY else {"tenant": name}))
        entries.append(entry)
    own = [
        {"cluster": name, "dialect": "openai", "path_prefix": f"/{name}", **entry}
        for name, entry in CLUSTERS.items()
        if entry is not None
    ]
    clusters = [static_cluster(name, simulator.ports["openai"]) for name in CLUSTERS]
    clusters = [
        with_injector(cluster, "Authorization", f"Bearer {INJECTED}", directory / "sds")
        if cluster["name"] == "injected"
        else cluster
        for cluster in clusters
    ]
    routes = [prefix_route(f"/{name}/", name) for name in CLUSTERS]
    routes += [
        {"match": {"prefix": "/direct/"}, "direct_response": {"status": 200, "body": {"inline_string": "direct"}}},
        {"match": {"prefix": "/moved/"}, "redirect": {"path_redirect": "/elsewhere"}},
    ]
    quota = {"id": "plenty", "limit": 1000, "window": "1h", "per": ["principal.subject"]}
    configuration = document(
        keys=entries,
        issuers=[issuer_entry(SIGNER)],
        upstreams=[*upstream_entries(), *own],
        quotas=[{**quota, "when": "upstream.cluster == 'valued'"}],
        open=[{"method": "GET", "path": path} for path in OPEN_PATHS],
    )
    # Headers with `_` are let through, so that the filter is seen to take them off.
    manager = {"common_http_protocol_options": None, "preserve_external_request_id": True}
    with calling(
        configuration,
        simulator,
        directory,
        environment={**ENVIRONMENT, "EMPTY_KEY": ""},
        connection_manager=manager,
        clusters=clusters,
        routes=routes,
    ) as running:
        for secret in [*SECRETS, *keys.values()]:
            running.secret(secret)
        yield running


class Arrived:
    """The one request that reached a provider."""

    def __init__(self, record: dict[str, Any]) -> None:
        self.record = record
        self.headers = [(name.lower(), value) for name, value in record["headers"]]

    def values(self, name: str) -> list[str]:
        return [value for other, value in self.headers if other == name]

    def credentials(self) -> list[tuple[str, str]]:
        """Every header that could prove somebody."""
        names = {*CARRIERS, *LOOKALIKES, "cookie"}
        return [(name, value) for name, value in self.headers if name in names]

    def mentions(self, text: str) -> bool:
        return text in json.dumps(self.record)


def sent(caller: Caller, simulator: Simulator, request: Request, **headers: str) -> tuple[httpx.Response, Arrived]:
    """Sends a request that must be let through, and what became of it."""
    request = request.with_headers(**headers)
    simulator.clear()
    answer = caller.send(request.method, request.path, request.headers, content=request.body)
    assert "x-claimgate-reason" not in answer.headers, answer.text
    [record] = simulator.received()
    return answer, Arrived(record)


def held_back(simulator: Simulator) -> None:
    assert simulator.received() == [], "a refused request reached a provider"


def as_bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_provider_gets_its_credential_where_it_wants_it(
    caller: Caller, keys: dict[str, str], simulator: Simulator, dialect: str
) -> None:
    for carriers in (credential_header(dialect, keys[ANYBODY]), as_bearer(keys[ANYBODY])):
        request = chat(dialect)
        named = {name.replace("-", "_"): value for name, value in carriers.items()}
        answer, arrived = sent(caller, simulator, request, **named)
        assert answer.status_code == 200, answer.text
        assert arrived.credentials() == [PLACES[dialect]]
        assert not arrived.mentions(keys[ANYBODY])
        assert arrived.record["body"].encode() == request.body
        assert arrived.record["raw_path"] == request.path.removeprefix(f"/{dialect}")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_callers_credential_is_taken_off_everywhere(
    caller: Caller, keys: dict[str, str], simulator: Simulator, dialect: str
) -> None:
    key = keys[ANYBODY]
    request = chat(dialect)
    everywhere = {name: f"Bearer {key}" if name == "authorization" else key for name in (*CARRIERS, *LOOKALIKES)}
    everywhere |= {"x_Api_Key": key, "X-API-KEY": key, "cookie": f"key={key}"}
    everywhere.pop("x-api-key")
    simulator.clear()
    answer = caller.send(request.method, request.path, {**request.headers, **everywhere}, content=request.body)
    assert answer.status_code == 200, answer.text
    [record] = simulator.received(dialect)
    arrived = Arrived(record)
    assert arrived.credentials() == [PLACES[dialect]]
    assert not arrived.mentions(key)


def test_gemini_in_openais_dialect_gets_a_bearer(
    caller: Caller, keys: dict[str, str], simulator: Simulator
) -> None:
    body = json.dumps({"model": "gemini-2.5-flash", "messages": []}).encode()
    headers = {"content-type": "application/json", "x-goog-api-key": keys[ANYBODY]}
    answer, arrived = sent(caller, simulator, Request("POST", "/gemini/v1beta/openai/chat/completions", headers, body))
    assert answer.status_code == 200
    assert arrived.credentials() == [("authorization", "Bearer provider-secret-gemini")]


def test_anthropics_version_is_kept_or_given(caller: Caller, keys: dict[str, str], simulator: Simulator) -> None:
    request = chat("anthropic", keys[ANYBODY])
    for version in ("2023-01-01", None):
        asked = request.without("anthropic-version")
        asked = asked.with_headers(**({"anthropic_version": version} if version else {}))
        answer, arrived = sent(caller, simulator, asked, anthropic_beta="files-api-2025-04-14")
        assert answer.status_code == 200
        assert arrived.values("anthropic-version") == [version or "2023-06-01"]
        assert arrived.values("anthropic-beta") == ["files-api-2025-04-14"]


def test_a_key_in_a_subprotocol_is_taken_out(caller: Caller, keys: dict[str, str], simulator: Simulator) -> None:
    key = keys[ANYBODY]
    secret = f"openai-insecure-api-key.{key}"
    path = "/openai/v1/realtime?model=gpt-realtime"
    for note, lines, left in [
        ("with others", [f"realtime, {secret}, openai-beta.realtime-v1"], ["realtime, openai-beta.realtime-v1"]),
        ("alone", [secret], []),
        ("with forged accounts", [f"realtime,openai-organization.forged,openai-project.forged,{secret}"], ["realtime"]),
        ("on a second line", ["realtime", secret], ["realtime"]),
        ("on a first line", [secret, "realtime"], ["realtime"]),
        ("among others on a second line", ["realtime", f"openai-beta.x, {secret}"], ["realtime", "openai-beta.x"]),
        ("among others on a first line", [f"openai-beta.x, {secret}", "realtime"], ["openai-beta.x", "realtime"]),
    ]:
        simulator.clear()
        opened = caller.upgrade(path, [("sec-websocket-protocol", line) for line in lines])
        assert opened.status == 101, f"{note}: {opened.headers}"
        [record] = simulator.received("openai")
        arrived = Arrived(record)
        assert not arrived.mentions(key) and not arrived.mentions("forged"), f"{note}: {arrived.headers}"
        assert ", ".join(arrived.values("sec-websocket-protocol")) == ", ".join(left), note
        assert arrived.credentials() == [PLACES["openai"]]
    # Beside another carrier, and on a request that is no upgrade at all.
    lines = [("sec-websocket-protocol", f"x, {secret}"), ("authorization", f"Bearer {key}")]
    lines += [("sec_websocket_protocol", secret)]
    simulator.clear()
    assert caller.upgrade(path, lines).status == 101
    assert caller.chat(lines).status_code == 200
    assert not any(Arrived(record).mentions(key) for record in simulator.wait_received(1))


@pytest.mark.parametrize("cluster", ["openai", "valued", "asserted", "injected"])
def test_identity_headers_of_the_caller_are_taken_off(
    caller: Caller, keys: dict[str, str], simulator: Simulator, cluster: str
) -> None:
    request = chat("openai", keys[ACME], prefix=cluster)
    request = Request("POST", request.path, {**request.headers, **FORGED}, request.body)
    answer, arrived = sent(caller, simulator, request)
    assert answer.status_code == 200
    assert not arrived.mentions("forged"), arrived.headers
    wanted = {"valued": ("org-ours", "proj-ours"), "asserted": ("acme", "search")}.get(cluster)
    asserted = (arrived.values("openai-organization"), arrived.values("openai-project"))
    assert asserted == (([wanted[0]], [wanted[1]]) if wanted else ([], []))


def test_identity_that_the_principal_lacks_is_refused(
    caller: Caller, keys: dict[str, str], simulator: Simulator
) -> None:
    simulator.clear()
    path = "/asserted/v1/chat/completions"
    refused = [caller.chat(as_bearer(keys[ANYBODY]), path=path)]
    for tenant in ("acme", None, " acme", "acm\u00e9", "acme\r\nx-evil: 1", "acme\n"):
        # A key always names a project, a token here never does; and not every claim can be a header.
        token = caller.secret(SIGNER.token(tenant=tenant))
        refused.append(caller.chat({**as_bearer(token), "openai-project": "forged"}, path=path))
    for answer in refused:
        assert_refused(answer, 403, "identity_incomplete")
    held_back(simulator)


def test_each_tenant_has_its_own_credential(caller: Caller, keys: dict[str, str], simulator: Simulator) -> None:
    for cluster, tenant, secret in [
        ("tenants", ACME, "provider-secret-acme"),
        ("tenants", GLOBEX, "provider-secret-globex"),
        ("fallback", ACME, "provider-secret-acme-own"),
        ("fallback", GLOBEX, "provider-secret-fallback"),
        ("fallback", ANYBODY, "provider-secret-fallback"),
    ]:
        _, arrived = sent(caller, simulator, chat("openai", keys[tenant], prefix=cluster))
        assert arrived.credentials() == [("authorization", f"Bearer {secret}")], f"{tenant} at {cluster}"
    simulator.clear()
    for tenant in (UMBRELLA, ANYBODY):
        # The tenant comes from the credential, whatever the request says.
        headers = {**as_bearer(keys[tenant]), "x-tenant-id": ACME, "openai-organization": ACME}
        answer = caller.chat(headers, path="/tenants/v1/chat/completions", tenant=ACME, user=ACME)
        assert_refused(answer, 403, "tenant_credential_missing")
        assert "acme" not in answer.text
    held_back(simulator)


def test_a_missing_credential_closes_its_upstream_only(
    caller: Caller, keys: dict[str, str], simulator: Simulator
) -> None:
    simulator.clear()
    for cluster, tenant in [("unset", ANYBODY), ("empty", ANYBODY), ("tenants", INITECH)]:
        answer = caller.chat(as_bearer(keys[tenant]), path=f"/{cluster}/v1/chat/completions")
        assert_refused(answer, 503, "provider_credential_missing")
        assert answer.headers["x-should-retry"] == "false"
        assert "UNSET" not in answer.text and "NOWHERE" not in answer.text and cluster not in answer.text
        assert f"cluster `{cluster}`" in caller.record(answer)["claimgate.note"]
    held_back(simulator)
    assert caller.chat(as_bearer(keys[ANYBODY])).status_code == 200


def test_envoys_own_injector_may_add_the_credential(
    caller: Caller, keys: dict[str, str], simulator: Simulator
) -> None:
    for header in ("authorization", "x-api-key"):
        value = f"Bearer {keys[ACME]}" if header == "authorization" else keys[ACME]
        request = chat("openai", prefix="injected")
        simulator.clear()
        answer = caller.send("POST", request.path, {**request.headers, header: value}, content=request.body)
        assert answer.status_code == 200, answer.text
        [record] = simulator.received("openai")
        arrived = Arrived(record)
        assert arrived.credentials() == [("authorization", f"Bearer {INJECTED}")]
        assert not arrived.mentions(keys[ACME])


def test_a_request_without_an_upstream_is_refused(caller: Caller, keys: dict[str, str], simulator: Simulator) -> None:
    simulator.clear()
    for path, status, reason in [
        ("/direct/v1/chat/completions", 404, "no_upstream"),
        ("/moved/v1/chat/completions", 404, "no_upstream"),
        ("/nowhere/v1/chat/completions", 404, "no_upstream"),
        ("/bare/v1/chat/completions", 403, "upstream_not_configured"),
    ]:
        answer = caller.chat(as_bearer(keys[ACME]), path=path)
        assert_refused(answer, status, reason, path)
        assert "location" not in answer.headers
        # Who does not prove itself learns nothing of the routes.
        assert_refused(caller.chat(path=path), 401, "credential_missing", path)
    held_back(simulator)


def test_an_upstream_of_one_tenant_is_closed_to_others(
    caller: Caller, keys: dict[str, str], simulator: Simulator
) -> None:
    _, arrived = sent(caller, simulator, chat("openai", keys[ACME], prefix="owned"))
    assert arrived.credentials() == [("authorization", "Bearer provider-secret-owned")]
    simulator.clear()
    for tenant in (GLOBEX, ANYBODY):
        headers = {**as_bearer(keys[tenant]), "x-tenant-id": ACME}
        assert_refused(caller.chat(headers, path="/owned/v1/chat/completions"), 403, "tenant_mismatch")
    token = caller.secret(SIGNER.token(tenant=[ACME]))
    assert_refused(caller.chat(as_bearer(token), path="/owned/v1/chat/completions"), 401, "token_claim_invalid")
    held_back(simulator)


STATEFUL: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "/v1/files", None),
    ("GET", "/v1/files/file-1/content", None),
    ("DELETE", "/v1/files/file-1", None),
    ("POST", "/v1/batches", {"input_file_id": "file-1", "endpoint": "/v1/chat/completions"}),
    ("GET", "/v1/batches/batch-1", None),
    ("GET", "/v1/responses/resp-1", None),
    ("DELETE", "/v1/responses/resp-1", None),
    ("POST", "/v1/conversations", {}),
    ("GET", "/v1/vector_stores", None),
    ("GET", "/v1/fine_tuning/jobs", None),
    ("DELETE", "/v1/models/ft-1", None),
    ("POST", "/v1/responses", {"model": "gpt-4o", "input": "hi", "store": False, "previous_response_id": "resp-1"}),
    ("POST", "/v1/responses", {"model": "gpt-4o", "input": "hi", "store": False, "conversation": "conv-1"}),
    ("POST", "/v1/responses", {"model": "gpt-4o", "input": "hi", "store": False, "prompt": {"id": "pmpt-1"}}),
    ("POST", "/v1/responses", {"model": "gpt-4o", "input": "hi", "store": True}),
    ("POST", "/v1/responses", {"model": "gpt-4o", "input": "hi", "store": False, "background": True}),
    (
        "POST",
        "/v1/responses",
        {
            "model": "gpt-4o",
            "store": False,
            "input": [{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}],
        },
    ),
    (
        "POST",
        "/v1/chat/completions",
        {
            "model": "gpt-4o",
            "messages": [{"role": "user", "content": [{"type": "file", "file": {"file_id": "file-1"}}]}],
        },
    ),
    ("POST", "/v1/chat/completions", {"model": "gpt-4o", "messages": [], "store": True}),
]


@pytest.mark.parametrize("method, path, body", STATEFUL, ids=lambda part: str(part)[:60])
def test_what_is_kept_under_a_shared_account_is_refused(
    caller: Caller, keys: dict[str, str], simulator: Simulator, method: str, path: str, body: dict[str, Any] | None
) -> None:
    simulator.clear()
    reason = "stateful_operation_shared_credential"
    for cluster, tenant in [("openai", ACME), ("fallback", GLOBEX), ("injected", ACME), ("tenants", UMBRELLA)]:
        answer = caller.send(method, f"/{cluster}{path}", as_bearer(keys[tenant]), json=body)
        assert_refused(answer, 403, reason, f"{tenant} at {cluster}")
        record = caller.record(answer)
        assert record["claimgate.reason"] == reason and record["claimgate.principal.subject"] == f"{tenant}-account"
    held_back(simulator)
    for cluster, tenant in [("owned", ACME), ("tenants", ACME), ("fallback", ACME)]:
        answer = caller.send(method, f"/{cluster}{path}", as_bearer(keys[tenant]), json=body)
        assert "x-claimgate-reason" not in answer.headers, f"{tenant} at {cluster}: {answer.text}"
    assert len(simulator.received("openai")) == 3


@pytest.mark.parametrize("cluster", ["openai", "valued"])
def test_the_providers_account_does_not_show_in_answers(
    caller: Caller, keys: dict[str, str], simulator: Simulator, cluster: str
) -> None:
    answer, arrived = sent(caller, simulator, chat("openai", keys[ACME], prefix=cluster))
    for name in ("openai-organization", "openai-project", "set-cookie"):
        assert name not in answer.headers
    assert answer.headers["openai-version"] == "2020-10-01"
    own, upstream = "x-ratelimit-limit-requests", "x-upstream-ratelimit-limit-requests"
    if cluster == "openai":
        # No quota of ours applies, so the provider's figures stay what they are.
        assert answer.headers[own] == "10000" and upstream not in answer.headers
    else:
        assert (answer.headers[own], answer.headers[upstream]) == ("1000", "10000")
        assert answer.headers["x-upstream-ratelimit-remaining-tokens"] == "1999987"
        assert "x-ratelimit-remaining-tokens" not in answer.headers
        assert arrived.values("x-ratelimit-limit-requests") == []


def test_anthropics_account_does_not_show_in_answers(
    caller: Caller, keys: dict[str, str], simulator: Simulator
) -> None:
    answer, _ = sent(caller, simulator, chat("anthropic", keys[ACME]))
    assert "anthropic-organization-id" not in answer.headers


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_providers_request_id_is_in_the_record(
    caller: Caller, keys: dict[str, str], simulator: Simulator, dialect: str
) -> None:
    answer, _ = sent(caller, simulator, chat(dialect, keys[ACME]), x_request_id=f"ours-{dialect}")
    assert answer.headers.get_list("x-request-id") == [f"ours-{dialect}"]
    record = caller.record(answer)
    own = {
        "openai": answer.headers.get("x-upstream-request-id"),
        "azure": answer.headers.get("x-upstream-request-id"),
        "anthropic": answer.headers.get("request-id"),
        "bedrock": answer.headers.get("x-amzn-requestid"),
    }.get(dialect)
    assert record.get("claimgate.upstream.request_id") == own
    assert dialect in GOOGLES or own
    assert record["gen_ai.request.model"] and record["http.response.status_code"] == 200


@pytest.mark.parametrize(
    "given, kept",
    [
        ("3f6c1d9e-0c1a-4d57-9d7e-0f6a2b8c1e11", True),
        ("req_abc.1:2", True),
        (None, False),
        ("", False),
        ("two words", False),
        ('quo"ted', False),
        ("x" * 129, False),
        ("a,b", False),
        ("<script>", False),
    ],
)
def test_the_request_id_is_kept_or_made(
    caller: Caller, keys: dict[str, str], simulator: Simulator, given: str | None, kept: bool
) -> None:
    named = {} if given is None else {"x_request_id": given}
    answer, arrived = sent(caller, simulator, chat("openai", keys[ACME]), **named)
    [one] = answer.headers.get_list("x-request-id")
    assert arrived.values("x-request-id") == [one]
    assert (one == given) is kept
    assert kept or re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one)
    assert caller.record(answer)["claimgate.request_id"] == one
    refused = caller.chat({} if given is None else {"x-request-id": given})
    assert_refused(refused, 401, "credential_missing")
    assert (refused.headers["x-request-id"] == given) is kept


def test_two_request_ids_are_none(caller: Caller, keys: dict[str, str]) -> None:
    pairs = [("x-request-id", "one"), ("x-request-id", "two"), ("x-api-key", keys[ACME])]
    answer = caller.chat(pairs)
    assert answer.status_code == 200 and answer.headers["x-request-id"] not in ("one", "two", "one,two")


def test_traces_and_an_sdks_own_headers_pass(caller: Caller, keys: dict[str, str], simulator: Simulator) -> None:
    traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    passing = {
        "traceparent": traceparent,
        "tracestate": "vendor=1",
        "baggage": "team=search",
        "x_stainless_lang": "python",
        "openai_beta": "assistants=v2",
        "idempotency_key": "once-1",
        "user_agent": "OpenAI/Python 2.0",
    }
    _, arrived = sent(caller, simulator, chat("openai", keys[ACME]), **passing)
    for name, value in passing.items():
        assert arrived.values(name.replace("_", "-")) == [value], name


def test_open_paths_need_no_credential_and_get_none(
    caller: Caller, keys: dict[str, str], simulator: Simulator
) -> None:
    simulator.clear()
    # The provider itself refuses: nothing proves anybody to it.
    for headers in ({}, {"user-agent": "prober"}):
        simulator.clear()
        answer = caller.send("GET", OPEN_PATHS[0], headers)
        assert answer.status_code == 401 and "x-claimgate-reason" not in answer.headers
        [record] = simulator.received("openai")
        arrived = Arrived(record)
        assert arrived.credentials() == [] and not arrived.mentions("forged") and not arrived.mentions("Bearer")
        shown = caller.record(answer)
        assert (shown["claimgate.decision"], shown["claimgate.answered_by"]) == ("open", "provider")
        assert not [name for name in shown if name.startswith("claimgate.principal")]
    direct = caller.send("GET", OPEN_PATHS[1])
    assert (direct.status_code, direct.text) == (200, "direct")
    assert caller.record(direct)["claimgate.answered_by"] == "envoy"
    simulator.clear()
    for method, path in [
        ("POST", OPEN_PATHS[0]),
        ("GET", OPEN_PATHS[0] + "/"),
        ("GET", OPEN_PATHS[0] + "?key=1"),
        ("GET", OPEN_PATHS[0] + "?x"),
        ("GET", "/openai/v1/models"),
        ("HEAD", OPEN_PATHS[0]),
    ]:
        answer = caller.send(method, path)
        assert answer.status_code == 401 and answer.headers["x-claimgate-reason"].startswith("credential_"), path
        assert_challenge(answer.headers["www-authenticate"], 401, answer.headers["x-claimgate-reason"])
    held_back(simulator)


def test_an_open_request_claims_nothing(caller: Caller, keys: dict[str, str], simulator: Simulator) -> None:
    """What would have to be taken off could change its route after it was decided."""
    simulator.clear()
    for headers in (FORGED, {"cookie": "a=b"}, as_bearer("no-such-key-at-all")):
        answer = caller.send("GET", OPEN_PATHS[0], headers)
        assert answer.status_code == 401 and "x-claimgate-reason" in answer.headers, headers
    held_back(simulator)
    # With a credential that is known it is decided as any other request.
    answer = caller.send("GET", OPEN_PATHS[0], as_bearer(keys[ACME]))
    assert caller.record(answer)["claimgate.decision"] == "allow"


def test_a_denial_never_carries_what_only_an_upstream_may_see(caller: Caller, keys: dict[str, str]) -> None:
    lines = f"GET {CHAT_PATH} HTTP/1.1\r\nHost: x\r\nx-api-key: {keys[ACME]}\r\nx-request-id: a\r\n\r\n"
    answer = http1_request(caller.gateway.port, lines.encode())
    assert answer.status == 403 and answer.header("x-claimgate-reason") == "stateful_operation_shared_credential"
    assert keys[ACME] not in str(answer.headers) + answer.body.decode()
