"""Providers that are reached as the user: tokens of callers' that are exchanged, by a real authorization server and by one that
fails in every way, in a real Envoy with four workers."""

import base64
import itertools
import json
import os
import random
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.authorization_server import AuthorizationServer, claims_of
from harness.bootstrap import static_cluster
from harness.caller import CHAT, CHAT_PATH, Caller, assert_refused, calling
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.gateway import COMMAND, ISSUER, ROOT, Signer, document, issuer_entry, key_entry, upstream_entries
from harness.lean_load import run_lean_load
from harness.list_server import ListServer
from harness.mint import Mint
from harness.simulator import Simulator
from harness.token_server import MOST_SEARCHED, TokenServer

WORKERS = 4
KEY, ENTRY = key_entry("user-exchange", tenant="acme")
SIGNER = Signer("EdDSA")
SCOPE = "https://cognitiveservices.azure.com/user_impersonation"
ENVIRONMENT = {"ENTRA_SECRET": "client-secret-of-the-exchange-4711"}
USERS, TENANTS, REQUESTS = 1000, ("acme", "globex"), 4000
_paths = itertools.count()


class Shared:
    """A gateway, and the servers that its tokens are of."""

    def __init__(self, caller: Caller, server: TokenServer, mint: Mint) -> None:
        self.caller, self.server, self.mint = caller, server, mint

    def configure(self, exchange: dict[str, Any] | None = None, **sections: Any) -> None:
        """Another client, for whom nobody's token has been exchanged yet."""
        assert self.caller.gateway.reload(configuration(exchange, **sections)) is Reload.APPLIED

    def chat(self, user: str = "alice", **claims: Any) -> Any:
        return self.caller.bearer(token_of(user, **claims))


def token_of(user: str, **claims: Any) -> str:
    return SIGNER.token(**{"sub": user, "tenant": "acme", **claims})


def client_of(**fields: Any) -> dict[str, Any]:
    endpoint = {"cluster": "tokens", "host": "login.test", "path": f"/token/{next(_paths)}", "timeout": "1s"}
    proof = {"client_secret_post": {"env": "ENTRA_SECRET"}}
    return {"endpoint": endpoint, "client_id": "gate", "client_authentication": proof, "scope": SCOPE, **fields}


def exchange_of(**fields: Any) -> dict[str, Any]:
    return {"grant": "on_behalf_of", "client": client_of(), "issuers": [ISSUER], **fields}


def configuration(exchange: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    credentials = [{"id": "as_user", "exchange": exchange or exchange_of()}]
    first, *others = upstream_entries()
    first["credential"] = {"from": "as_user"}
    usual = {"keys": [ENTRY], "issuers": [issuer_entry(SIGNER)], "credentials": credentials}
    return document(**{**usual, "upstreams": [first, *others], **sections})


@pytest.fixture(scope="module")
def server() -> Iterator[TokenServer]:
    with TokenServer() as running:
        yield running


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AuthorizationServer]:
    with AuthorizationServer(tmp_path_factory.mktemp("authority")) as running:
        yield running


@pytest.fixture(scope="module")
def lists() -> Iterator[ListServer]:
    with ListServer() as running:
        yield running


@pytest.fixture(scope="module")
def running(
    server: TokenServer,
    authority: AuthorizationServer,
    lists: ListServer,
    simulator: Simulator,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Shared]:
    mint = Mint()
    ports = {"tokens": server.port, "login": authority.port, "lists": lists.port}
    clusters = [static_cluster(name, port) for name, port in ports.items()]
    environment = {**ENVIRONMENT, **mint.environment()}
    options = {"concurrency": WORKERS, "clusters": clusters, "environment": environment}
    with calling(configuration(), simulator, tmp_path_factory.mktemp("user_exchange"), **options) as caller:
        caller.secrets.update([*ENVIRONMENT.values(), KEY])
        yield Shared(caller, server, mint)
        caller.secrets.update(token.value for token in server.given[:MOST_SEARCHED])


@pytest.fixture
def shared(running: Shared, simulator: Simulator) -> Shared:
    running.server.clear()
    simulator.clear()
    return running


@pytest.mark.parametrize("grant", ["on_behalf_of", "token_exchange"])
def test_a_real_server_exchanges_each_users_token(
    shared: Shared, simulator: Simulator, authority: AuthorizationServer, grant: str
) -> None:
    audience = "https://provider.test"
    target = {"parameters": {"audience": audience}, "scope": None} if grant == "token_exchange" else {"scope": audience}
    endpoint = {"cluster": "login", "host": "login.test", "path": "/entra/token"}
    client = {name: value for name, value in client_of(endpoint=endpoint, **target).items() if value is not None}
    issuer = {
        "issuer": authority.issuer, "audiences": ["gateway"], "algorithms": ["RS256"], "jwks": {"inline": authority.keys()},
        "principal": {"tenant": "claims.tid"},
    }  # fmt: skip
    exchange = {"grant": grant, "client": client, "issuers": [authority.issuer]}
    shared.configure(exchange, issuers=[issuer])
    tokens = {user: authority.token(user) for user in ("alice", "bob")}
    for user in ("alice", "bob", "alice"):
        answer = shared.caller.bearer(tokens[user])
        assert answer.status_code == 200, answer.text
        record = shared.caller.record(answer)
        assert record["claimgate.upstream.credential.id"] == "as_user"
        assert record["claimgate.upstream.credential.kind"] == "exchange"
    received = [(value or "").removeprefix("Bearer ") for value in simulator.authorizations()]
    for token in received:
        shared.caller.secret(token)
    seen = [(claims["sub"], claims["aud"]) for claims in map(claims_of, received)]
    assert seen == [("alice", audience), ("bob", audience), ("alice", audience)]
    assert not set(received) & set(tokens.values()), "nobody's own token goes on"


def test_a_thousand_users_of_two_tenants_and_two_targets_never_meet(shared: Shared, simulator: Simulator) -> None:
    targets = {"openai": "https://one.test/.default", "azure": "https://two.test/.default"}
    credentials = [
        {"id": f"as_user_{name}", "exchange": exchange_of(client=client_of(scope=scope), entries=50)}
        for name, scope in targets.items()
    ]
    for entry in credentials:
        # The server of the test is no fast one.
        entry["exchange"]["client"]["endpoint"]["timeout"] = "10s"
    upstreams = [
        {**entry, "credential": {"from": f"as_user_{entry['cluster']}"}}
        for entry in upstream_entries()
        if entry["cluster"] in targets
    ]
    shared.configure(credentials=credentials, upstreams=upstreams)
    chance = random.Random(1)
    azure = "/azure/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
    paths = {"openai": CHAT_PATH, "azure": azure}
    everybody = itertools.product(range(USERS), TENANTS)
    tokens = {(user, tenant): SIGNER.one_of_many(sub=f"user-{user}", tenant=tenant) for user, tenant in everybody}
    plan = [
        (chance.randrange(USERS), chance.choice(TENANTS), chance.choice(tuple(targets))) for _ in range(REQUESTS)
    ]
    body = json.dumps(CHAT)

    def request(number: int) -> bytes:
        user, tenant, target = plan[number]
        lines = [f"POST {paths[target]} HTTP/1.1", "host: gateway.test", f"x-plan: {number}"]
        lines += [f"authorization: Bearer {tokens[user, tenant]}", "content-type: application/json"]
        return "\r\n".join([*lines, f"content-length: {len(body)}", "", body]).encode()

    outcomes = run_lean_load(shared.caller.gateway.port, request, total=REQUESTS, connections=32)
    assert outcomes == {(200, ""): REQUESTS}, shared.caller.gateway.envoy.log()[-2000:]
    given = {f"Bearer {token.value}": token.question.form for token in shared.server.given}
    for target, scope in targets.items():
        received = simulator.received(target)
        assert len(received) == sum(planned == target for *_, planned in plan)
        for record in received:
            headers = dict(record["headers"])
            user, tenant, planned = plan[int(headers["x-plan"])]
            form = given[headers["authorization"]]
            assert (form["assertion"], form["scope"], planned) == (tokens[user, tenant], scope, target)


def test_one_user_is_asked_for_once_by_each_worker(shared: Shared) -> None:
    shared.server.clear(delay=0.3)
    shared.configure()
    token = token_of("alice")
    body = json.dumps(CHAT)
    lines = [f"POST {CHAT_PATH} HTTP/1.1", "host: gateway.test", f"authorization: Bearer {token}"]
    request = "\r\n".join([*lines, "content-type: application/json", f"content-length: {len(body)}", "", body]).encode()
    assert run_lean_load(shared.caller.gateway.port, lambda _: request, total=200, connections=40) == {(200, ""): 200}
    assert 1 <= len(shared.server.questions) <= WORKERS


def test_who_is_revoked_is_refused_though_the_token_is_remembered(shared: Shared, lists: ListServer) -> None:
    remote = {"cluster": "lists", "host": "lists.test", "path": "/users.json", "poll": "1s", "max_age": "60s"}
    shared.configure(revocations=[{"id": "users", "remote": remote, "when_stale": "deny"}])
    token = token_of("mallory")
    wait_until(lambda: shared.caller.bearer(token).status_code == 200, what="an answer", seconds=10)
    lists.publish({"subject": "mallory", "issuer": ISSUER})

    def is_refused() -> bool:
        try:
            return shared.caller.bearer(token).status_code == 401
        except httpx.RemoteProtocolError:
            # It was let through, and is cut off.
            return False

    wait_until(is_refused, what="a refusal", seconds=10)
    assert_refused(shared.caller.bearer(token), 401, "credential_revoked")


def test_what_is_not_a_users_token_is_refused_and_nobody_is_asked(shared: Shared) -> None:
    entry = {**ENTRY, "scopes": []}
    shared.configure(keys=[entry], tokens=shared.mint.section())
    for credential, why in [
        (KEY, "an API key is not the user's token"),
        (shared.mint.token(entry), "does not hold the one that it was got with"),
    ]:
        error = assert_refused(shared.caller.bearer(credential), 403, "exchange_subject_missing")
        assert why in error["message"]
    assert shared.server.questions == []


def test_a_user_who_is_refused_learns_what_helps(shared: Shared) -> None:
    described = "AADSTS65001: The user or administrator has not consented: a-description-that-is-not-told"
    shared.server.answers(400, {"error": "invalid_grant", "error_description": described, "error_codes": [65001]})
    shared.configure()
    answer = shared.chat()
    error = assert_refused(answer, 403, "exchange_refused")
    assert "it says `invalid_grant`: neither the user nor an administrator has consented" in error["message"]
    note = shared.caller.record(answer)["claimgate.note"]
    assert "credentials `as_user`: the endpoint answered 400 `invalid_grant`, AADSTS65001" in note
    assert "a-description-that-is-not-told" not in answer.text + note + shared.caller.gateway.envoy.log()


def test_a_claims_challenge_reaches_the_client_in_its_own_shape(shared: Shared) -> None:
    claims = '{"access_token":{"polids":{"essential":true,"values":["9ab03e19"]}}}'
    uri = "https://login.microsoftonline.com/0f3c/oauth2/v2.0/authorize"
    shared.server.answers(400, {"error": "interaction_required", "error_codes": [50076], "claims": claims})
    shared.configure(exchange_of(authorization_uri=uri))
    answer = shared.chat()
    assert (answer.status_code, answer.headers["x-claimgate-reason"]) == (401, "exchange_interaction_required")
    encoded = base64.b64encode(claims.encode()).decode()
    wanted = f'Bearer realm="", authorization_uri="{uri}", error="insufficient_claims", claims="{encoded}"'
    assert answer.headers["www-authenticate"] == wanted


def test_an_endpoint_that_is_down_or_refuses_the_gateway_is_not_the_users_fault(shared: Shared) -> None:
    quota = {"id": "one", "limit": 1, "window": "1h", "per": ["'all'"]}
    shared.server.stop()
    try:
        shared.configure(quotas=[quota])
        answer = shared.chat()
    finally:
        shared.server.start()
    assert_refused(answer, 503, "upstream_token_unavailable")
    assert answer.headers["retry-after"] == "1"
    # Nothing was charged.
    wait_until(lambda: shared.chat().status_code == 200, what="an answer", seconds=20)
    assert_refused(shared.chat(), 429, "quota_exceeded")
    error = {"error": "invalid_client", "error_codes": [7000215], "correlation_id": "5c6d7e8f-3333"}
    shared.server.answers(401, error)
    shared.configure()
    for user in ("alice", "bob", "carol", "alice"):
        refused = shared.chat(user)
        assert_refused(refused, 503, "upstream_token_refused")
        assert refused.headers["x-should-retry"] == "false"
    log = shared.caller.gateway.envoy.log()
    lines = [line for line in log.splitlines() if "5c6d7e8f-3333" in line]
    # Each worker finds it out for itself.
    assert 1 <= len(lines) <= WORKERS and "the client secret is wrong" in lines[0], lines


@pytest.mark.parametrize("content", [b"<html>sign in</html>", b'{"access_token":"hostile\\r\\nx: y"}', b"x" * 1_000_000])
def test_a_hostile_answer_is_a_failure(shared: Shared, simulator: Simulator, content: bytes) -> None:
    shared.server.answers(200, content)
    shared.configure()
    assert_refused(shared.chat(), 503, "upstream_token_unavailable")
    assert simulator.authorizations() == []


@pytest.mark.parametrize(
    "change, why",
    [
        ({"issuers": ["https://other.test"]}, "exchange.issuers[0]: no entry of `issuers` has tokens with this `iss`"),
        ({"issuers": []}, "exchange.issuers: nobody's token would be exchanged; name an entry of `issuers`"),
        ({"max_age": "1s"}, "exchange.max_age: `1s` is not from 10s to 1d"),
        ({"grant": "implicit"}, "exchange.grant: unknown variant `implicit`, expected `on_behalf_of` or `token_exchange`"),
        ({"client": client_of(scope=None)}, "exchange.client.scope: nothing says what the token is for"),
        (
            {"client": client_of(parameters={"assertion": "x"})},
            "exchange.client.parameters.assertion: `assertion` is written by the gateway itself; leave it out",
        ),
        ({"authorization_uri": "http://x.test"}, "exchange.authorization_uri: `http://x.test` is no URL with `https`"),
    ],
)
def test_an_entry_that_is_wrong_is_refused_with_its_place(shared: Shared, change: dict[str, Any], why: str) -> None:
    entry = exchange_of(**change)
    entry["client"] = {name: value for name, value in entry["client"].items() if value is not None}
    assert shared.caller.gateway.reload(configuration(entry)) is Reload.REJECTED
    assert f"credentials[0].{why}" in shared.caller.gateway.envoy.log()


def test_at_the_cluster_there_are_no_callers_tokens(shared: Shared) -> None:
    assert shared.caller.gateway.reload(configuration(attach="at_cluster")) is Reload.REJECTED
    why = "credentials[0].exchange: only the half of the gateway in the listener's chain knows callers' tokens"
    assert why in shared.caller.gateway.envoy.log()


def test_an_operator_tries_it_with_a_token(server: TokenServer, tmp_path: Path) -> None:
    if shutil.which("curl") is None:
        subprocess.run([ROOT / "tests" / "setup" / "debian", "curl"], check=True)
    server.clear()
    upstream = {"cluster": "azure", "dialect": "azure", "credential": {"from": "as_user"}}
    gateway = {
        "issuers": [issuer_entry(SIGNER)], "policies": [{"file": "model_allow_list.cel"}],
        "credentials": [{"id": "as_user", "exchange": exchange_of()}], "upstreams": [upstream],
    }  # fmt: skip
    file = tmp_path / "gateway.yaml"
    file.write_text(json.dumps(gateway))
    place = f"http://127.0.0.1:{server.port}"
    command = [COMMAND, "credential", "test", "--config", file, "--policies", ROOT / "policies", "--to", place]

    def run(*options: str, given: str = "") -> tuple[int, str]:
        ran = subprocess.run(
            [*command, "--id", "as_user", *options],
            env={**os.environ, **ENVIRONMENT}, input=given, capture_output=True, text=True, timeout=30,
        )  # fmt: skip
        return ran.returncode, ran.stdout + ran.stderr

    status, told = run()
    assert status == 2 and "--token: it exchanges a caller's token; write `--token FILE`" in told
    user = token_of("alice")
    assert run("--token", "-", given=f"{user}\n")[0] == 0
    assert server.questions[0].form["assertion"] == user
    server.answers(400, {"error": "invalid_grant", "error_codes": [50013]})
    status, told = run("--token", "-", given=user)
    why = "400 `invalid_grant`, AADSTS50013: the caller's token is not for this application"
    assert status == 1 and why in told, told
    assert user not in told


