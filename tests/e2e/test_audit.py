"""One record per request, whatever becomes of it; counters in Envoy's own stats; no secret in either."""

import json
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from harness.bootstrap import KEPT_REQUEST_IDS, prefix_route, static_cluster
from harness.deadline import wait_until
from harness.dialects import DIALECTS, GOOGLES, MODELS, Request, authorised, chat, credential_header, raw_http1
from harness.gateway import (
    ISSUER,
    PROVIDER_CREDENTIALS,
    Gateway,
    Signer,
    document,
    issuer_entry,
    key_entry,
    rule,
    upstream_entries,
)
from harness.ports import free_port
from harness.raw import RawResponse
from harness.raw_http1 import Http1Connection, http1_request
from harness.raw_http2 import Http2Connection, http2_request, request_headers
from harness.secrets_check import assert_no_secret
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

ROOT = Path(__file__).resolve().parents[2]
PROVIDERS = {
    "openai": "openai",
    "azure": "azure.ai.openai",
    "anthropic": "anthropic",
    "gemini": "gcp.gemini",
    "bedrock": "aws.bedrock",
    "vertex": "gcp.vertex_ai",
}
PROVIDER_IDS = {
    "openai": "x-upstream-request-id",
    "azure": "x-upstream-request-id",
    "anthropic": "request-id",
    "bedrock": "x-amzn-requestid",
}
OPERATIONS = dict.fromkeys(GOOGLES, "generate_content")
MOST_TENANTS = 3


class World:
    """A gateway on one worker, so that its bound on tenants is exact, and everybody who calls it."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.simulator = simulator
        self.signer = Signer()
        self.keys: dict[str, str] = {}
        entries = []
        for name, fields in {"good": {"tenant": "acme", "scopes": ["chat"]}, "revoked": {"disabled": True}}.items():
            self.keys[name], entry = key_entry(name, **fields)
            entries.append(entry)
        upstreams = upstream_entries()
        upstreams.append({**upstreams[0], "cluster": "dead", "path_prefix": "/dead"})
        mapping = {
            "tenant": "has(claims.tenant) ? claims.tenant : null",
            "project": "has(claims.project) ? claims.project : null",
        }
        configuration = document(
            client_address="peer",
            keys=entries,
            issuers=[issuer_entry(self.signer, principal=mapping)],
            upstreams=upstreams,
            open=[{"method": "GET", "path": "/healthz"}],
            metric_tenants=MOST_TENANTS,
            hold_timeout="1s",
            policies=[
                rule("models", "!llm.model.glob('forbidden*')", when="llm.operation == 'chat'"),
                rule("watched", "llm.operation == 'models'", mode="shadow"),
            ],
        )
        shipped = yaml.safe_load((ROOT / "envoy" / "envoy.yaml").read_text())
        self.gateway = Gateway(
            configuration,
            simulator,
            directory,
            concurrency=1,
            routes=[
                prefix_route("/dead/", "dead"),
                {"match": {"path": "/healthz"}, "direct_response": {"status": 200}},
            ],
            clusters=[static_cluster("dead", free_port())],
            connection_manager=KEPT_REQUEST_IDS,
            stats_tags=shipped["stats_config"]["stats_tags"],
        )
        self.secrets = [*self.keys.values(), *PROVIDER_CREDENTIALS.values()]
        self.answers: list[httpx.Response] = []
        self.sent = 0

    def token(self, **claims: Any) -> str:
        token = self.signer.token(**claims)
        self.secrets.append(token)
        return token

    def send(self, request: Request) -> RawResponse:
        self.sent += 1
        return http1_request(self.gateway.port, raw_http1(request), request.method)

    def good(self, dialect: str = "openai", **options: Any) -> Request:
        return chat(dialect, self.keys["good"], **options)

    def record(self, answer: RawResponse) -> dict[str, Any]:
        return self.gateway.audit(claimgate__request_id=answer.header("x-request-id"))

    def counters(self, total: int = 0) -> dict[tuple[str, str, str, str], int]:
        """The decision counter as Prometheus reads it, by decision, reason, dialect and tenant; once it comes to `total`, as a
        module tells of it a moment later."""
        counted: dict[tuple[str, str, str, str], int] = {}

        def has_come() -> bool:
            counted.update(self._counters())
            return sum(counted.values()) >= total

        wait_until(has_come, what=f"{total} decisions to be counted", seconds=5, describe=lambda: str(counted))
        return counted

    def _counters(self) -> dict[tuple[str, str, str, str], int]:
        page = self.gateway.envoy.admin("/stats/prometheus")
        lines = re.findall(r"^(\w*claimgate_decisions\w*)\{(.*)\} (\d+)$", page, re.M)
        assert len({name for name, _, _ in lines}) <= 1, "one metric, not one per tenant"
        counted = {}
        for _, labels, value in lines:
            pairs = dict(re.findall(r'(\w+)="([^"]*)"', labels))
            counted[pairs["decision"], pairs["reason"], pairs["dialect"], pairs["tenant"]] = int(value)
        return counted


@pytest.fixture(scope="module")
def world(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(simulator, tmp_path_factory.mktemp("audit"))
    yield running
    running.gateway.stop()


def test_the_counter_has_its_labels(world: World) -> None:
    """First, while the tenants still have room for labels of their own."""
    for dialect in DIALECTS:
        assert world.send(world.good(dialect)).status == 200
        assert world.send(chat(dialect)).status == 401
    assert world.send(world.good(model="forbidden-1")).status == 403
    counted = world.counters(2 * len(DIALECTS) + 1)
    for dialect in DIALECTS:
        assert counted["allow", "none", dialect, "acme"] == 1
        assert counted["deny", "credential_missing", dialect, "none"] == 1
    assert counted["deny", "policy_denied", "openai", "acme"] == 1


def test_tenants_beyond_the_bound_are_counted_as_other(world: World) -> None:
    before = world.counters()
    odd = ["globex", "ev.il.reason.x", "initech", "umbrella", 'quote"and\nline', "ж" * 300]
    for tenant in odd:
        request = chat("openai", world.token(tenant=tenant, jti=f"jti-{len(tenant)}"))
        assert world.send(request).status == 200
    counted = world.counters(sum(before.values()) + len(odd))
    tenants = {key[3] for key in counted} - {"none"}
    assert tenants == {"acme", "globex", "ev_il_reason_x", "other"}
    assert counted["allow", "none", "openai", "other"] == 4
    assert sum(counted.values()) - sum(before.values()) == len(odd)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_the_record_of_an_allowed_request_is_complete(world: World, dialect: str) -> None:
    sent = time.time()
    answer = world.send(world.good(dialect).with_headers(x_request_id=f"req-complete-{dialect}"))
    assert answer.status == 200
    record = world.record(answer)
    expected = {
        "claimgate.decision": "allow",
        "claimgate.request_id": f"req-complete-{dialect}",
        "claimgate.answered_by": "provider",
        "claimgate.aborted": False,
        "claimgate.principal.kind": "api_key",
        "claimgate.principal.subject": "good-account",
        "claimgate.principal.tenant": "acme",
        "claimgate.principal.project": "search",
        "claimgate.principal.service_account": "good-account",
        "claimgate.credential.id": "good",
        "claimgate.shadow_denials": ["watched"],
        "claimgate.upstream.cluster": dialect,
        "claimgate.upstream.credential.owner": "gateway",
        "gen_ai.provider.name": PROVIDERS[dialect],
        "gen_ai.operation.name": OPERATIONS.get(dialect, "chat"),
        "gen_ai.request.model": MODELS[dialect],
        "http.request.method": "POST",
        "url.path": world.good(dialect).path.partition("?")[0],
        "http.response.status_code": 200,
        "client.address": "127.0.0.1",
    }
    assert {name: record.get(name) for name in expected} == expected
    assert re.fullmatch(r"[0-9a-f]{32}", record["claimgate.decision_id"])
    assert 0 <= record["claimgate.duration_ms"] < 10_000
    written = re.fullmatch(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.\d{3}Z", record["time"])
    assert written is not None
    assert abs(time.mktime(time.strptime(written[1], "%Y-%m-%dT%H:%M:%S")) - time.timezone - sent) < 5
    own = {"claimgate.upstream.request_id"} if dialect in PROVIDER_IDS else set()
    others = {"time", "claimgate.decision_id", "claimgate.duration_ms"}
    # What it cost is for test_metering.py.
    cost = {name for name in record if ".usage." in name or name.startswith("gen_ai.response.")}
    assert "gen_ai.usage.input_tokens" in cost
    assert record.keys() - cost == expected.keys() | own | others, "nothing else is told"
    if own:
        assert record["claimgate.upstream.request_id"] == answer.header(PROVIDER_IDS[dialect])


def test_the_record_of_a_token_names_issuer_client_actor_and_jti(world: World) -> None:
    claims = {"tenant": "acme", "project": "p1", "client_id": "app-1", "jti": "token-77", "act": {"sub": "agent-7"}}
    answer = world.send(chat("openai", world.token(sub="person-7", **claims)))
    record = world.record(answer)
    told = {name.removeprefix("claimgate.principal."): value for name, value in record.items() if "principal" in name}
    assert told == {
        "kind": "jwt",
        "subject": "person-7",
        "issuer": ISSUER,
        "tenant": "acme",
        "project": "p1",
        "client": "app-1",
        "actor": "agent-7",
    }
    assert record["claimgate.credential.id"] == "token-77"


def test_the_record_of_a_denial_has_the_ids_the_caller_got(world: World) -> None:
    answer = world.send(world.good(model="forbidden-2"))
    record = world.record(answer)
    assert record["claimgate.decision_id"] == answer.header("x-claimgate-decision-id")
    assert record["claimgate.decision"] == "deny"
    assert (record["claimgate.reason"], record["claimgate.rule"]) == ("policy_denied", "models")
    assert record["claimgate.answered_by"] == "gateway"
    assert record["claimgate.aborted"] is False
    assert record["gen_ai.request.model"] == "forbidden-2"
    assert record["http.response.status_code"] == 403
    assert "claimgate.upstream.request_id" not in record
    unproven = world.record(world.send(chat("openai", world.keys["revoked"])))
    assert unproven["claimgate.reason"] == "credential_revoked"
    assert not any("principal" in name for name in unproven), "who is not proven is nobody"


def test_the_record_of_an_open_request(world: World) -> None:
    before = sum(world.counters().values())
    answer = world.send(Request("GET", "/healthz"))
    record = world.record(answer)
    assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("open", "envoy")
    assert record["http.response.status_code"] == 200
    assert world.counters(before + 1)["open", "none", "openai", "none"] == 1


@pytest.mark.parametrize("status", [403, 429, 500])
def test_the_record_of_a_providers_error(world: World, status: int) -> None:
    answer = world.send(world.good(model=f"sim-{status}"))
    assert answer.status == status
    record = world.record(answer)
    assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("allow", "provider")
    assert record["http.response.status_code"] == status
    assert record["claimgate.upstream.request_id"] == answer.header("x-upstream-request-id")
    assert "claimgate.reason" not in record


def test_the_record_of_a_provider_that_is_not_there(world: World) -> None:
    answer = world.send(world.good(prefix="dead"))
    assert (answer.status, answer.header("x-claimgate-reason")) == (503, "upstream_unreachable")
    record = world.record(answer)
    assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("allow", "envoy")
    assert record["error.type"] == "upstream_unreachable"
    assert record["http.response.status_code"] == 503
    assert record["claimgate.upstream.cluster"] == "dead"


def test_the_record_of_an_answer_cut_off_by_the_provider(world: World) -> None:
    answer = world.send(world.good(model="sim-cut"))
    record = world.record(answer)
    assert not answer.complete
    assert (record["claimgate.answered_by"], record["claimgate.aborted"]) == ("provider", True)


def test_the_record_of_a_caller_who_leaves_a_stream(world: World) -> None:
    body = json.dumps({"model": "sim-long-2000", "stream": True, "messages": []}).encode()
    request = world.good().with_body(body).with_headers(x_request_id="req-left-stream")
    world.sent += 1
    with Http2Connection(world.gateway.port) as connection:
        stream = connection.open(request_headers("POST", request.path, request.headers.items()))
        connection.send(stream, body, last=True)
        assert connection.receive_start(stream, 100).status == 200
        connection.reset(stream)
        record = world.gateway.audit(claimgate__request_id="req-left-stream")
    assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("allow", "provider")
    assert record["claimgate.aborted"] is True
    assert record["gen_ai.request.model"] == "sim-long-2000"


def test_the_record_of_a_caller_who_leaves_before_the_answer(world: World) -> None:
    request = world.good(model="sim-slow-5").with_headers(x_request_id="req-left-early")
    world.sent += 1
    world.simulator.clear()
    with Http1Connection(world.gateway.port) as connection:
        connection.send(raw_http1(request))
        wait_until(lambda: world.simulator.received("openai"), what="the request at the provider", seconds=5)
    record = world.gateway.audit(claimgate__request_id="req-left-early")
    assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("allow", "nobody")
    assert record["claimgate.aborted"] is True
    assert "http.response.status_code" not in record


def test_the_record_of_a_caller_who_leaves_before_the_decision(world: World) -> None:
    request = world.good().with_headers(x_request_id="req-undecided")
    world.sent += 1
    with Http1Connection(world.gateway.port) as connection:
        connection.send(raw_http1(request, body=False) + b'{"mod')
        time.sleep(0.1)
    record = world.gateway.audit(claimgate__request_id="req-undecided")
    assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("undecided", "nobody")
    assert record["claimgate.aborted"] is True
    # Who it was is known, what was wanted is not.
    assert record["claimgate.principal.subject"] == "good-account"
    assert "gen_ai.request.model" not in record
    wait_until(lambda: ("undecided", "none", "openai", "none") in world.counters(), what="it to be counted", seconds=5)
    assert world.counters()["undecided", "none", "openai", "none"] == 1


HOSTILE_PATHS = [
    '/openai/v1/models/"},{"claimgate.decision":"allow',
    "/openai/v1/models/%0a%0d%00%22",
    "/openai/v1/models/{}[]%5C\\n",
    "/openai/v1/models/" + "a" * 8000,
    "/openai/v1/models/\xe9\xff\xfe",
    "/openai/v1/models/%E2%80%A8%FF",
    "/openai/v1/models/${jndi:ldap://x}%n%s",
    "/openai/../../etc/passwd",
    "//openai//v1//models",
    "/openai/v1/chat/completions?key=%22%7D",
]


@pytest.mark.parametrize("path", HOSTILE_PATHS)
def test_a_hostile_path_makes_one_record(world: World, path: str) -> None:
    answer = world.send(authorised(Request("GET", path), "openai", world.keys["good"]))
    assert answer.status in (200, 400, 401, 404)
    if answer.header("x-claimgate-reason"):
        record = world.record(answer)
        assert record["claimgate.decision"] == "deny"
        assert "?" not in record["url.path"], "a query may hold a secret"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-request-id", '"},{"claimgate.decision":"allow"}'),
        ("x-request-id", "\xff\xfe\x80"),
        ("x-request-id", "a" * 5000),
        ("x-request-id", "req\\u0000\t"),
        ("user-agent", "\x80\x81\xff"),
        ("x-forwarded-for", '1.2.3.4", "5.6.7.8'),
        ("x-claimgate-tenant", "globex"),
        ("x-tenant-id", "globex"),
    ],
)
def test_a_hostile_header_makes_one_record(world: World, name: str, value: str) -> None:
    request = world.good()
    answer = world.send(replace(request, headers={**request.headers, name: value}))
    record = world.record(answer)
    assert record["claimgate.principal.tenant"] == "acme"
    assert re.fullmatch(r"[A-Za-z0-9._:-]{1,128}", record["claimgate.request_id"])
    assert record["claimgate.request_id"] == answer.header("x-request-id")


@pytest.mark.parametrize("subject", ['a"b', "line\nbreak", "\u2028\u202e", "\x00\x1f\x7f", "ж😀", "x" * 3000])
def test_a_hostile_claim_makes_one_record(world: World, subject: str) -> None:
    answer = world.send(chat("openai", world.token(sub=subject, tenant=subject)))
    if answer.status == 200:
        record = world.record(answer)
        cut = {"claimgate.principal.subject", "claimgate.principal.tenant"} if len(subject) > 1024 else set()
        assert set(record.get("claimgate.cut", [])) == cut
        recorded = record["claimgate.principal.subject"]
        assert subject.startswith(recorded.removesuffix("…")) if cut else recorded == subject
    else:
        assert answer.header("x-claimgate-reason") == "token_claim_invalid"


def test_http2_and_trailers_make_one_record_each(world: World) -> None:
    request = world.good().with_headers(x_request_id="req-trailers")
    headers = request_headers("POST", request.path, request.headers.items())
    world.sent += 1
    assert http2_request(world.gateway.port, headers, [request.body or b""], [("x-end", "1")]).status == 200
    assert world.gateway.audit(claimgate__request_id="req-trailers")["claimgate.decision"] == "allow"


def test_one_record_per_request_and_every_line_is_json(world: World) -> None:
    lines = world.gateway.envoy.audit_lines(world.sent)
    records = [json.loads(line) for line in lines if line != "-"]
    assert len(lines) == world.sent
    ids = [record["claimgate.decision_id"] for record in records]
    assert len(set(ids)) == len(ids)
    access = world.gateway.envoy.access_log_lines(world.sent)
    assert len(access) == len(lines)
    # Without a record are only requests that Envoy's own codec refused.
    refused_by_codec = sum(1 for line in access if line["method"] is None)
    assert len(lines) - len(records) <= refused_by_codec
    assert sum(world.counters(len(records)).values()) == len(records)


def test_no_secret_shows_anywhere(world: World) -> None:
    with httpx.Client(base_url=world.gateway.url) as client:
        for dialect in DIALECTS:
            for secret in world.secrets[:2]:
                request = chat(dialect, secret)
                headers = {**request.headers, **credential_header(dialect, secret)}
                world.answers.append(client.post(request.path, headers=headers, content=request.body))
    assert_no_secret(world.gateway, world.secrets, world.answers)


def test_no_trap(world: World) -> None:
    assert world.gateway.envoy.crashes() == 0
