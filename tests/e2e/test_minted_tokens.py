"""The gateway's own short-lived tokens in a real Envoy: how they are got, narrowed, spent, exchanged and ended."""

import base64
import json
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from harness import evidence
from harness.caller import CHAT_PATH, Caller, assert_refused, calling
from harness.ecds import Reload
from harness.evidence import Kind
from harness.gateway import Gateway, Signer, base64url, document, issuer_entry, key_entry, rule
from harness.raw_http1 import http1_request
from harness.simulator import Simulator

PATH = "/claimgate/v1/tokens"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"
USER = Signer("ES256")
KEY, KEY_ENTRY = key_entry("web", tenant="acme", scopes=["chat", "models"], labels={"plan": "pro"})
AGENT, AGENT_ENTRY = key_entry("agent", tenant="acme", scopes=["chat"])
BOUND, BOUND_ENTRY = key_entry("bound", scopes=["chat"], cidrs=["10.0.0.0/8"])


def secret_jwk(kid: str) -> str:
    """A key for HS256."""
    secret = base64url(os.urandom(32))
    evidence.register(Kind.PRIVATE_KEY, secret)
    return json.dumps({"kty": "oct", "kid": kid, "k": secret})


KEYS = {"FIRST_KEY": Signer("EdDSA", "first").private_jwk(), "SECOND_KEY": secret_jwk("second")}
TOKENS = {
    "issuer": "https://gateway.test/",
    "signing_key": {"env": "FIRST_KEY"},
    "other_key": {"env": "SECOND_KEY"},
    "allow_actor": "actor.key.id == 'agent' && !(principal.subject in ['mallory'])",
}


def configuration(**sections: Any) -> dict[str, Any]:
    plain = {
        "client_address": "peer",
        "tokens": TOKENS,
        "keys": [KEY_ENTRY, AGENT_ENTRY, BOUND_ENTRY],
        "issuers": [issuer_entry(USER)],
        "policies": [
            rule("scopes", "principal.scopes.covers(llm.operation)", reason="insufficient_scope"),
            rule("plan", "!has(principal.key) || principal.key.id != 'web' || principal.key.labels.plan == 'pro'"),
        ],
    }
    return document(**{**plain, **sections})


@pytest.fixture(scope="module")
def caller(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    directory = tmp_path_factory.mktemp("minted")
    with calling(configuration(), simulator, directory, environment=KEYS) as running:
        yield running


def ask(gateway: Gateway, credential: str | None, wish: Any = None, **form: str) -> httpx.Response:
    """Asks for a token; by a form where there are parameters."""
    headers = {"authorization": f"Bearer {credential}"} if credential else {}
    body = {"data": form} if form else {"json": wish} if wish is not None else {}
    answer = httpx.post(f"{gateway.url}{PATH}", headers=headers, timeout=15, **body)
    if answer.status_code == 200:
        said = answer.json()
        evidence.register(Kind.TOKEN, said.get("value") or said["access_token"])
    return answer


def token(caller: Caller, credential: str = KEY, wish: Any = None, **form: str) -> str:
    answer = ask(caller.gateway, credential, wish, **form)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    return caller.secret(said.get("value") or said["access_token"])


def claims(token: str) -> dict[str, Any]:
    segment = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4)))


def act_for(caller: Caller, user: str, credential: str = AGENT, **more: str) -> httpx.Response:
    exchange = {"grant_type": EXCHANGE, "subject_token": user, "subject_token_type": ACCESS_TOKEN}
    return ask(caller.gateway, credential, **{**exchange, **more})


def test_the_answer_has_the_shape_of_openais_client_secrets(caller: Caller) -> None:
    before = int(time.time())
    answer = ask(caller.gateway, KEY, {"expires_after": {"anchor": "created_at", "seconds": 120}, "scopes": ["chat"]})
    said = answer.json()
    assert said["value"].startswith("cgt_") and before + 120 <= said["expires_at"] <= time.time() + 120
    assert (said["scopes"], said["tenant"]) == (["chat"], "acme")
    assert answer.headers["cache-control"] == "no-store"
    record = caller.record(answer)
    wanted = {"claimgate.decision": "allow", "claimgate.answered_by": "gateway", "claimgate.token.id": said["id"]}
    assert wanted.items() <= record.items() and record["http.response.status_code"] == 200
    assert record["claimgate.token.subject"] == "web-account" and not record["claimgate.aborted"]
    assert record["claimgate.credential.id"] == "web" and "error.type" not in record


def test_a_token_is_its_parent_on_every_worker_and_in_every_carrier(caller: Caller, simulator: Simulator) -> None:
    minted = token(caller)
    for header in ("x-api-key", "api-key", "x-goog-api-key"):
        assert caller.chat({header: minted}).status_code == 200
    answers = [caller.bearer(minted) for _ in range(8)]
    assert {answer.status_code for answer in answers} == {200}
    record = caller.record(answers[-1])
    assert record["claimgate.credential.id"] == claims(minted)["jti"]
    assert record["claimgate.credential.parents"] == ["web"]
    assert (record["claimgate.principal.kind"], record["claimgate.principal.subject"]) == ("api_key", "web-account")


def test_openais_sdk_takes_a_token_for_a_key(caller: Caller) -> None:
    minted = token(caller, wish={"models": ["gpt-4o*"], "operations": ["chat"]})
    client = openai.OpenAI(api_key=minted, base_url=f"{caller.gateway.url}/openai/v1", max_retries=0)
    message = [{"role": "user", "content": "hi"}]
    assert client.chat.completions.create(model="gpt-4o-mini", messages=message).choices
    with pytest.raises(openai.PermissionDeniedError, match="model_not_allowed"):
        client.chat.completions.create(model="o1", messages=message)
    with pytest.raises(openai.PermissionDeniedError, match="operation_not_allowed"):
        client.models.list()


def test_a_browser_opens_a_websocket_with_one(caller: Caller) -> None:
    minted = token(caller, wish={"session": {"type": "realtime", "model": "gpt-realtime"}, "scopes": ["chat"]})
    protocols = {"sec-websocket-protocol": f"realtime, openai-insecure-api-key.{minted}"}
    answer = caller.upgrade("/openai/v1/realtime?model=gpt-realtime", protocols)
    # The rule wants the scope of the operation, which the token was not given.
    assert (answer.status, answer.header("x-claimgate-reason")) == (403, "insufficient_scope")
    wider = configuration(policies=[rule("everybody", "true")])
    assert caller.gateway.reload(wider) is Reload.APPLIED
    try:
        assert caller.upgrade("/openai/v1/realtime?model=gpt-realtime", protocols).status == 101
        answer = caller.upgrade("/openai/v1/realtime?model=gpt-other", protocols)
        assert (answer.status, answer.header("x-claimgate-reason")) == (403, "model_not_allowed")
    finally:
        assert caller.gateway.reload(configuration()) is Reload.APPLIED


@pytest.mark.parametrize(
    ("wish", "status", "reason"),
    [
        ({"scopes": ["admin"]}, 403, "token_request_too_wide"),
        ({"tenant": "globex"}, 403, "token_request_too_wide"),
        ({"expires_after": {"seconds": 601}}, 400, "token_request_invalid"),
        ({"modles": ["gpt-4o"]}, 400, "token_request_invalid"),
        ({"models": "gpt-4o"}, 400, "token_request_invalid"),
    ],
)
def test_what_cannot_be_given_is_refused_with_its_reason(
    caller: Caller, wish: dict[str, Any], status: int, reason: str
) -> None:
    answer = ask(caller.gateway, KEY, wish)
    assert_refused(answer, status, reason)
    assert caller.record(answer)["claimgate.reason"] == reason


def test_a_mistyped_wish_is_named(caller: Caller) -> None:
    message = ask(caller.gateway, KEY, {"modles": ["gpt-4o"]}).json()["error"]["message"]
    assert "unknown field `modles`" in message and "`models`" in message


def test_who_is_not_known_gets_none(caller: Caller) -> None:
    assert_refused(ask(caller.gateway, None), 401, "credential_missing")
    assert_refused(ask(caller.gateway, "test-key-nobody-has-this-one-1"), 401, "key_unknown")
    assert_refused(ask(caller.gateway, token(caller)), 403, "token_request_denied", "a token cannot get another")
    assert_refused(ask(caller.gateway, BOUND), 403, "network_not_allowed")
    assert_refused(caller.send("GET", PATH, {"authorization": f"Bearer {KEY}"}), 404, "operation_unknown")


def test_a_body_in_pieces_is_read_whole_and_a_long_one_is_refused(caller: Caller) -> None:
    body = json.dumps({"scopes": ["chat"]}).encode()
    pieces = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    head = f"POST {PATH} HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer {KEY}\r\nConnection: close\r\n"
    chunked = head + "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = http1_request(caller.gateway.port, chunked.encode() + pieces)
    assert answer.status == 200
    evidence.register(Kind.TOKEN, json.loads(answer.body)["value"])
    assert_refused(ask(caller.gateway, KEY, {"scopes": ["x" * 70_000]}), 413, "body_too_large")


def test_a_budget_is_exact_across_workers(caller: Caller) -> None:
    budget, tries = 20, 60
    minted = token(caller, wish={"requests": budget})
    codes: list[tuple[int, str | None]] = []

    def spend() -> None:
        with httpx.Client(base_url=caller.gateway.url, timeout=15) as client:
            for _ in range(tries // 6):
                answer = client.post(CHAT_PATH, headers={"authorization": f"Bearer {minted}"}, json={"model": "m"})
                codes.append((answer.status_code, answer.headers.get("x-claimgate-reason")))

    threads = [threading.Thread(target=spend) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes.count((200, None)) == budget
    assert codes.count((429, "token_budget_exhausted")) == tries - budget
    answer = caller.bearer(minted)
    assert answer.json()["error"]["code"] == "insufficient_quota" and answer.headers["x-should-retry"] == "false"
    assert answer.headers["x-ratelimit-remaining-requests"] == "0"


def test_a_token_ends_no_later_than_its_parent(caller: Caller) -> None:
    end = int(time.time()) + 3
    minted = token(caller, USER.token(exp=end, scope="chat"))
    assert claims(minted)["exp"] == end
    assert caller.bearer(minted).status_code == 200
    time.sleep(max(0.0, end - time.time()) + 0.1)
    assert_refused(caller.bearer(minted), 401, "token_expired")


def test_a_token_that_was_changed_is_refused(caller: Caller) -> None:
    minted = token(caller, wish={"scopes": ["models"]})
    head, content, signature = minted.split(".")
    wider = base64url(json.dumps({**claims(minted), "scope": "chat models"}).encode())
    unsigned = base64url(json.dumps({"alg": "none", "typ": "cgt+jwt", "kid": "first"}).encode())
    for changed, reason in (
        (f"{head}.{wider}.{signature}", "token_signature_invalid"),
        (f"cgt_{unsigned}.{content}.", "token_key_unknown"),
        (minted.removeprefix("cgt_"), "token_issuer_unknown"),
        (f"{head}.{content}", "token_signature_invalid"),
    ):
        assert_refused(caller.bearer(changed), 401, reason, changed[:20])


def test_an_agent_acts_for_a_user_and_the_record_names_both(caller: Caller) -> None:
    user = USER.token(sub="alice", scope="chat files", tenant="acme", jti="alice-1")
    answer = act_for(caller, user, expires_in="60")
    said = answer.json()
    assert answer.status_code == 200, answer.text
    assert (said["token_type"], said["issued_token_type"], said["scope"]) == ("Bearer", ACCESS_TOKEN, "chat")
    assert 55 <= said["expires_in"] <= 60
    asked = caller.record(answer)
    assert (asked["claimgate.token.subject"], asked["claimgate.credential.id"]) == ("alice", "agent")
    minted = caller.secret(said["access_token"])
    assert claims(minted)["act"] == {"sub": "agent-account"}
    record = caller.record(caller.bearer(minted))
    assert (record["claimgate.principal.subject"], record["claimgate.principal.actor"]) == ("alice", "agent-account")
    assert record["claimgate.credential.parents"] == ["alice-1", "agent"]
    assert record["claimgate.credential.id"] == asked["claimgate.token.id"]


@pytest.mark.parametrize(
    ("change", "credential", "error", "reason"),
    [
        ({"sub": "mallory"}, AGENT, "unauthorized_client", "token_request_denied"),
        ({"may_act": {"sub": "somebody"}}, AGENT, "unauthorized_client", "token_request_denied"),
        ({"tenant": "globex"}, AGENT, "unauthorized_client", "token_request_denied"),
        ({}, KEY, "unauthorized_client", "token_request_denied"),
        ({"exp": 1}, AGENT, "invalid_request", "token_request_invalid"),
    ],
    ids=["refused by allow_actor", "another in may_act", "another tenant", "no agent", "the user's token is over"],
)
def test_an_exchange_that_is_not_allowed(
    caller: Caller, change: dict[str, Any], credential: str, error: str, reason: str
) -> None:
    user = USER.token(**{"scope": "chat", "tenant": "acme", **change})
    answer = act_for(caller, user, credential)
    assert (answer.status_code, answer.json()["error"]) == (400, error), answer.text
    assert reason in answer.json()["error_description"]
    record = caller.record(answer)
    assert (record["claimgate.reason"], record["http.response.status_code"]) == (reason, 400)


def test_a_grant_type_that_is_not_given(caller: Caller) -> None:
    answer = ask(caller.gateway, KEY, grant_type="password", username="alice", password="secret")
    assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
    assert caller.record(answer)["claimgate.reason"] == "grant_type_unsupported"


def test_keys_are_rotated_and_parents_removed_without_a_restart(simulator: Simulator, tmp_path: Path) -> None:
    with calling(configuration(), simulator, tmp_path, environment=KEYS) as caller:
        first = token(caller)
        turned = {**TOKENS, "signing_key": TOKENS["other_key"], "other_key": TOKENS["signing_key"]}
        assert caller.gateway.reload(configuration(tokens=turned)) is Reload.APPLIED
        second = token(caller)
        assert [caller.bearer(one).status_code for one in (first, second)] == [200, 200]
        assert caller.gateway.reload(configuration(tokens={**turned, "other_key": None})) is Reload.APPLIED
        assert_refused(caller.bearer(first), 401, "token_key_unknown")
        assert caller.bearer(second).status_code == 200
        assert caller.gateway.reload(configuration(tokens=turned, keys=[AGENT_ENTRY])) is Reload.APPLIED
        assert_refused(caller.bearer(second), 401, "parent_credential_invalid")


def test_a_gateway_without_its_key_says_so(simulator: Simulator, tmp_path: Path) -> None:
    with calling(configuration(), simulator, tmp_path, environment={"SECOND_KEY": KEYS["SECOND_KEY"]}) as caller:
        caller.secret(KEY)
        answer = ask(caller.gateway, KEY)
        assert_refused(answer, 503, "tokens_unavailable")
        assert "no signing key" in caller.record(answer)["claimgate.note"]
        assert caller.bearer(KEY).status_code == 200, "what needs no token goes on"


def test_a_signing_key_that_is_none_is_refused_without_showing_it(simulator: Simulator, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError) as refused:
        Gateway(configuration(), simulator, tmp_path, environment={**KEYS, "FIRST_KEY": "not-a-jwk-but-a-secret"})
    assert "tokens.signing_key" in str(refused.value) and "not-a-jwk" not in str(refused.value)
