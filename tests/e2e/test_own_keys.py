"""Users' own keys for providers in a real Envoy: sealed by the gateway, used by their owner's applications alone, revoked one
application at a time, and shown nowhere."""

import itertools
import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from jwcrypto import jwk

from harness import evidence
from harness.bootstrap import static_cluster
from harness.caller import CHAT, CHAT_PATH, Caller, assert_refused, calling
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.envoy import Envoy
from harness.evidence import Kind
from harness.gateway import (
    COMMAND,
    PROVIDER_CREDENTIALS,
    ROOT,
    Signer,
    document,
    issuer_entry,
    key_entry,
    rule,
    upstream_entries,
    with_half_at_cluster,
)
from harness.host import STATS
from harness.list_server import ListServer
from harness.polled import clear, hang_out
from harness.sealed_keys import GATEWAY, HEADER, PATH, SealingKey, claims
from harness.simulator import Simulator

TOKENS_PATH = "/claimgate/v1/tokens"
USER = Signer("ES256")
AGENT, AGENT_ENTRY = key_entry("assistant", tenant="acme", scopes=["chat"])
FIRST, SECOND = SealingKey("seal-1"), SealingKey("seal-2")
ENVIRONMENT = {"FIRST_SEAL": FIRST.json, "SECOND_SEAL": SECOND.json, "SIGNING_KEY": Signer("EdDSA", "mint").private_jwk()}
SECTION = {
    "issuer": GATEWAY,
    "sealing_key": {"env": "FIRST_SEAL"},
    "allow": "principal.subject != 'mallory' && asked.lifetime_seconds <= 86400",
}
ALLOW_ACTOR = "actor.key.id == 'assistant'"
TOKENS = {"issuer": "https://tokens.test/", "signing_key": {"env": "SIGNING_KEY"}, "allow_actor": ALLOW_ACTOR}
_numbers = itertools.count()


def configuration(own_keys: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    """Callers' own keys at `openai`, and with a fallback at `anthropic`; the others are the gateway's."""
    own: dict[str, dict[str, Any]] = {"openai": {}, "anthropic": {"fallback": "ANTHROPIC_API_KEY"}}
    entries = upstream_entries()
    for entry in entries:
        if entry["cluster"] in own:
            entry["credential"] = {"own": own[entry["cluster"]]}
    remote = {"cluster": "lists", "host": "lists.test", "path": "/revoked.json", "timeout": "1s", "poll": "1s"}
    plain = {
        "own_keys": SECTION | (own_keys or {}),
        "tokens": TOKENS,
        "issuers": [issuer_entry(USER)],
        "keys": [AGENT_ENTRY],
        "revocations": [{"id": "main", "remote": remote, "when_stale": "deny"}],
        "upstreams": entries,
    }
    return document(**{**plain, **sections})


@pytest.fixture(scope="module")
def lists() -> Iterator[ListServer]:
    with ListServer() as server:
        yield server


@pytest.fixture(scope="module")
def running(
    lists: ListServer, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Caller]:
    directory = tmp_path_factory.mktemp("own_keys")
    options = {"environment": ENVIRONMENT, "clusters": [static_cluster("lists", lists.port)]}
    with calling(configuration(), simulator, directory, **options) as caller:
        wait_until(lambda: chat(caller, token("nobody")).status_code == 403, what="the first list", seconds=10)
        yield caller


@pytest.fixture
def caller(running: Caller, simulator: Simulator, lists: ListServer) -> Iterator[Caller]:
    simulator.clear()
    yield running
    if lists.publish():
        clear(running, lists, "revocations")


def token(subject: str, **fields: Any) -> str:
    plain = {"sub": subject, "tenant": "acme", "client_id": "notes", "jti": f"{subject}-{next(_numbers)}"}
    return USER.token(**{**plain, **fields})


def provider_key(caller: Caller, owner: str) -> str:
    """A key that a user has at the provider."""
    key = f"sk-own-{owner}-{next(_numbers)}-5f3a9c71d2e84b06"
    evidence.register(Kind.PROVIDER_CREDENTIAL, key)
    return caller.secret(key)


def post(caller: Caller, path: str, credential: str, body: dict[str, Any]) -> httpx.Response:
    """Beside the caller's own connections: its answer holds a secret."""
    headers = {"authorization": f"Bearer {caller.secret(credential)}"}
    return httpx.post(f"{caller.gateway.url}{path}", headers=headers, json=body, timeout=15)


def seal(caller: Caller, credential: str, secret: str | None, **fields: Any) -> httpx.Response:
    body = {"key": secret, "upstreams": ["openai"], "expires_in": 3600}
    answer = post(caller, PATH, credential, {**body, **fields})
    return remembered(caller, answer)


def remembered(caller: Caller, answer: httpx.Response) -> httpx.Response:
    if answer.status_code == 200:
        evidence.register(Kind.TOKEN, caller.secret(answer.json()["value"]))
    return answer


def sealed(caller: Caller, subject: str, key: str, **fields: Any) -> dict[str, Any]:
    answer = seal(caller, token(subject), key, **fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def application(caller: Caller, subject: str, client: str, value: str) -> dict[str, Any]:
    """A token for one application of the user's, with the key in it."""
    answer = post(caller, TOKENS_PATH, token(subject, client_id=client), {"provider_key": value})
    assert answer.status_code == 200, answer.text
    return remembered(caller, answer).json()


def chat(caller: Caller, credential: str, value: str | None = None, path: str = CHAT_PATH, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {caller.secret(credential)}"}
    return caller.chat(headers | ({HEADER: caller.secret(value)} if value is not None else {}), path, **body)


def sent(simulator: Simulator, provider: str = "openai") -> list[dict[str, str]]:
    """The headers of each request that has reached the provider."""
    return [dict(record["headers"]) for record in simulator.received(provider)]


def counted(caller: Caller, name: str) -> int:
    return int(caller.gateway.envoy.stats("claimgate.own_keys").get(f"{STATS}claimgate.own_keys.{name}", 0))


def test_two_users_have_two_applications_each_and_one_is_switched_off(
    caller: Caller, simulator: Simulator, lists: ListServer, tmp_path: Path
) -> None:
    keys = {user: provider_key(caller, user) for user in ("alice", "bob")}
    answers = {user: sealed(caller, user, key) for user, key in keys.items()}
    apps = {
        (user, client): application(caller, user, client, answers[user]["value"])
        for user in keys
        for client in ("notes", "mail")
    }
    records = []
    # Both workers meet all of them, remembered and not, in turn.
    for user, client in [*apps, *reversed(apps)] * 3:
        simulator.clear()
        answer = chat(caller, apps[user, client]["value"])
        assert answer.status_code == 200, answer.text
        (received,) = sent(simulator)
        assert received["authorization"] == f"Bearer {keys[user]}", (user, client)
        assert HEADER not in received
        records.append(caller.record(answer))
        told = {name: records[-1][f"claimgate.upstream.credential.{name}"] for name in ("owner", "kind", "key_id")}
        assert told == {"owner": "caller", "kind": "own", "key_id": answers[user]["id"]}
        assert records[-1]["claimgate.principal.client"] == client
        assert records[-1]["claimgate.credential.id"] == apps[user, client]["id"]
    log = tmp_path / "audit.log"
    log.write_text("".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records))
    told = subprocess.run(
        [COMMAND, "report", "--by", "owner,client,subject", "--format", "json", log],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    rows = {(row["client"], row["subject"]): row for row in json.loads(told.stdout)["rows"]}
    assert len(rows) == 4 and all((row["owner"], row["requests"]) == ("caller", 6) for row in rows.values()), told.stdout

    hang_out(lists, {"jti": apps["alice", "mail"]["id"], "note": "lost phone"})
    wait_until(lambda: chat(caller, apps["alice", "mail"]["value"]).status_code == 401, what="the list", seconds=5)
    assert_refused(chat(caller, apps["alice", "mail"]["value"]), 401, "credential_revoked")
    for who in apps:
        if who != ("alice", "mail"):
            assert chat(caller, apps[who]["value"]).status_code == 200, who
    assert chat(caller, token("alice"), answers["alice"]["value"]).status_code == 200, "the key itself"

    hang_out(lists, {"jti": answers["alice"]["id"]})
    wait_until(lambda: chat(caller, apps["alice", "notes"]["value"]).status_code == 401, what="the list", seconds=5)
    assert_refused(chat(caller, token("alice"), answers["alice"]["value"]), 401, "credential_revoked")
    assert chat(caller, apps["bob", "notes"]["value"]).status_code == 200, "somebody else's"


def test_a_key_is_used_by_its_owner_where_it_is_for(caller: Caller, simulator: Simulator) -> None:
    key = provider_key(caller, "alice")
    value = sealed(caller, "alice", key, models=["gpt-4o*"])["value"]
    alice, anthropic, azure = token("alice"), "/anthropic/v1/messages", "/azure/openai/v1/chat/completions"
    raw = caller.secret("sk-not-sealed-9b1e57aa03c24f68")
    for credential, brought, path, status, reason, note in [
        (alice, None, CHAT_PATH, 403, "provider_key_missing", "none"),
        (alice, raw, CHAT_PATH, 401, "provider_key_invalid", "the key itself"),
        (alice, raw, azure, 401, "provider_key_invalid", "the key itself, where none is needed"),
        (alice, value[:-1], CHAT_PATH, 401, "provider_key_invalid", "half of it"),
        (token("bob"), value, CHAT_PATH, 403, "provider_key_not_for_caller", "somebody else"),
        (token("alice", tenant="globex"), value, CHAT_PATH, 403, "provider_key_not_for_caller", "another tenant"),
        (AGENT, value, CHAT_PATH, 403, "provider_key_not_for_caller", "an API key"),
        (value, None, CHAT_PATH, 401, "provider_key_invalid", "in the place of a credential"),
        (alice, value, azure, 403, "provider_key_not_for_upstream", "the gateway's own account"),
    ]:
        error = assert_refused(chat(caller, credential, brought, path), status, reason, note)
        assert brought is None or brought not in error["message"]
    refused = chat(caller, alice, value, anthropic, max_tokens=1)
    assert (refused.status_code, refused.headers["x-claimgate-reason"]) == (403, "provider_key_not_for_upstream")
    assert sent(simulator) + sent(simulator, "azure") + sent(simulator, "anthropic") == []
    assert chat(caller, alice, value).status_code == 200
    assert_refused(chat(caller, alice, value, model="o1"), 403, "model_not_allowed")
    assert chat(caller, alice, None, anthropic, max_tokens=1).status_code == 200, "the fallback, which is written"
    assert {"authorization": f"Bearer {key}"}.items() <= sent(simulator)[-1].items()
    both = [("authorization", f"Bearer {alice}"), (HEADER, value), (HEADER, value)]
    assert_refused(caller.chat(both), 400, "ambiguous_credential")


def test_another_implementation_opens_what_the_gateway_seals(caller: Caller) -> None:
    key = provider_key(caller, "carol")
    answer = seal(caller, token("carol"), key, models=["gpt-4o"])
    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    said = answer.json()
    header, content = FIRST.open(said["value"])
    assert header == FIRST.header()
    issued = content.pop("iat")
    assert abs(issued - time.time()) < 30 and said["expires_at"] == content["exp"] == issued + 3600
    wanted = claims(key, "carol", jti=said["id"], exp=content["exp"], models=["gpt-4o"])
    del wanted["iat"]
    assert content == wanted
    record = caller.record(answer)
    told = {name: record[f"claimgate.provider_key.{name}"] for name in ("id", "expires_at")}
    assert told == {"id": said["id"], "expires_at": said["expires_at"]}


def test_the_gateway_opens_what_another_implementation_seals_and_nothing_else(caller: Caller, simulator: Simulator) -> None:
    key, dave = provider_key(caller, "dave"), token("dave")
    content = claims(key, "dave")
    assert chat(caller, dave, FIRST.seal(content)).status_code == 200
    assert sent(simulator)[-1]["authorization"] == f"Bearer {key}"
    rsa, curve = jwk.JWK.generate(kty="RSA", size=2048), jwk.JWK.generate(kty="EC", crv="P-256")
    direct = jwk.JWK.from_json(FIRST.json)
    for header, recipient, note in [
        (FIRST.header(zip="DEF"), None, "compressed"),
        (FIRST.header(typ="JWT"), None, "of another type"),
        (FIRST.header(kid="seal-9"), None, "of a key that nobody knows"),
        (FIRST.header(kid="seal-2"), None, "of a key that is not here now"),
        (FIRST.header(alg="dir"), direct, "by the key itself"),
        (FIRST.header(alg="RSA-OAEP-256"), rsa, "for RSA"),
        (FIRST.header(alg="ECDH-ES+A256KW"), curve, "by whoever has a public key"),
        (FIRST.header(cty="JWT"), None, "with a member more"),
    ]:
        value = FIRST.seal(content, header, recipient)
        assert_refused(chat(caller, dave, value), 401, "provider_key_invalid", note)
    bomb = FIRST.seal(content | {"key": "A" * 100_000}, FIRST.header(zip="DEF"))
    assert_refused(chat(caller, dave, bomb), 401, "provider_key_invalid", "a bomb")
    other = FIRST.seal(content | {"iss": "https://other.test/"})
    assert_refused(chat(caller, dave, other), 401, "provider_key_invalid", "another gateway's")
    over = FIRST.seal(content | {"exp": int(time.time()) - 1})
    assert_refused(chat(caller, dave, over), 401, "provider_key_expired")
    brief = FIRST.seal(claims(key, "dave", exp=int(time.time()) + 2))
    assert chat(caller, dave, brief).status_code == 200
    wait_until(lambda: chat(caller, dave, brief).status_code == 401, what="the end of the key", seconds=6)
    assert_refused(chat(caller, dave, brief), 401, "provider_key_expired", "though it is remembered")


def test_who_may_have_a_key_sealed(caller: Caller) -> None:
    key = provider_key(caller, "erin")
    minted = application(caller, "erin", "notes", sealed(caller, "erin", key)["value"])["value"]
    for credential, fields, status, reason, note in [
        (AGENT, {}, 403, "provider_key_request_denied", "an API key"),
        (minted, {}, 403, "provider_key_request_denied", "a token of the gateway"),
        (token("erin", tenant=None), {}, 403, "provider_key_request_denied", "no tenant"),
        (token("erin", act={"sub": "agent"}), {}, 403, "provider_key_request_denied", "an agent's"),
        (token("mallory"), {}, 403, "provider_key_request_denied", "not allowed"),
        (token("erin"), {"expires_in": 86_401}, 403, "provider_key_request_denied", "not for so long"),
        (token("erin"), {"expires_in": 91 * 86_400}, 400, "provider_key_request_invalid", "too long"),
        (token("erin"), {"upstreams": ["azure"]}, 400, "provider_key_request_invalid", "the gateway's account"),
        (token("erin"), {"key": f"{key} "}, 400, "provider_key_request_invalid", "no key"),
        (token("erin"), {"models": ["a" * 4096]}, 413, "body_too_large", "more than 4 KiB"),
        ("unknown-credential-77", {}, 401, "key_unknown", "nobody"),
    ]:
        answer = seal(caller, credential, fields.pop("key", key), **fields)
        assert_refused(answer, status, reason, note)
        assert key not in answer.text, note


def test_an_agent_acts_for_a_user_with_the_users_key(caller: Caller, simulator: Simulator) -> None:
    key = provider_key(caller, "frank")
    value = sealed(caller, "frank", key)["value"]
    exchange = "urn:ietf:params:oauth:grant-type:token-exchange"
    kind = "urn:ietf:params:oauth:token-type:access_token"

    def ask(subject: str) -> httpx.Response:
        form = {"grant_type": exchange, "subject_token": caller.secret(token(subject)), "subject_token_type": kind}
        headers = {"authorization": f"Bearer {caller.secret(AGENT)}"}
        form |= {"provider_key": value}
        return httpx.post(f"{caller.gateway.url}{TOKENS_PATH}", headers=headers, data=form, timeout=15)

    granted = ask("frank")
    assert granted.status_code == 200, granted.text
    acting = granted.json()["access_token"]
    evidence.register(Kind.TOKEN, acting)
    answer = chat(caller, acting)
    assert answer.status_code == 200, answer.text
    assert sent(simulator)[-1]["authorization"] == f"Bearer {key}"
    record = caller.record(answer)
    assert (record["claimgate.principal.subject"], record["claimgate.principal.actor"]) == ("frank", AGENT_ENTRY["service_account"])
    assert ask("bob").headers["x-claimgate-reason"] == "provider_key_not_for_caller"


def test_sealing_keys_are_rotated_without_a_gap(caller: Caller) -> None:
    key = provider_key(caller, "grace")
    old, grace = sealed(caller, "grace", key), token("grace")

    def works(value: str) -> bool:
        return chat(caller, grace, value).status_code == 200

    steps = [
        ({"other_sealing_keys": [{"env": "SECOND_SEAL"}]}, "seal-1"),
        ({"sealing_key": {"env": "SECOND_SEAL"}, "other_sealing_keys": [{"env": "FIRST_SEAL"}]}, "seal-2"),
    ]
    for section, kid in steps:
        assert caller.gateway.reload(configuration(section)) is Reload.APPLIED
        assert works(old["value"]), kid
        opened = counted(caller, f"kid.{kid}")
        anew = remembered(caller, post(caller, PATH, grace, {"sealed": old["value"]})).json()
        assert (anew["id"], anew["expires_at"]) == (old["id"], old["expires_at"])
        assert works(anew["value"])
        wait_until(lambda: counted(caller, f"kid.{kid}") > opened, what=f"the counter of {kid}", seconds=5)
        assert counted(caller, "sealed") > 0 and counted(caller, "opened") > 0
    assert post(caller, PATH, token("bob"), {"sealed": old["value"]}).status_code == 403, "somebody else's"
    assert caller.gateway.reload(configuration({"sealing_key": {"env": "SECOND_SEAL"}})) is Reload.APPLIED
    assert works(anew["value"])
    assert_refused(chat(caller, grace, old["value"]), 401, "provider_key_invalid", "its key is out")
    wait_until(lambda: counted(caller, "refused") > 0, what="the counter of refusals", seconds=5)
    assert caller.gateway.reload(configuration({"sealing_key": {"env": "ABSENT"}})) is Reload.APPLIED
    assert_refused(chat(caller, grace, anew["value"]), 503, "provider_keys_unavailable")
    assert_refused(seal(caller, grace, key), 503, "provider_keys_unavailable")
    assert caller.gateway.reload(configuration()) is Reload.APPLIED



def test_a_stream_ends_where_its_key_is_revoked(caller: Caller, lists: ListServer) -> None:
    said = sealed(caller, "heidi", provider_key(caller, "heidi"))
    headers = {"authorization": f"Bearer {caller.secret(token('heidi'))}", HEADER: said["value"]}
    asked = {**CHAT, "model": "sim-long-4000", "stream": True}
    with httpx.Client(base_url=caller.gateway.url, timeout=20) as client:
        with client.stream("POST", CHAT_PATH, headers=headers, json=asked) as answer:
            assert answer.status_code == 200
            identifier = answer.headers["x-request-id"]
            pieces = answer.iter_raw()
            next(pieces)
            lists.publish({"jti": said["id"]})
            with pytest.raises(httpx.RemoteProtocolError):
                for _ in pieces:
                    pass
    record = caller.gateway.audit(claimgate__request_id=identifier)
    assert record["claimgate.reason"] == "revoked_in_flight", record


def test_the_page_works_as_it_is_written(
    caller: Caller, simulator: Simulator, lists: ListServer, tmp_path: Path
) -> None:
    """Each block of shell under "From the key to the bill", one after the other in one shell."""
    page = (ROOT / "docs" / "upstream-credentials.md").read_text()
    section = page.split("### From the key to the bill\n")[1].split("\n### ")[0]
    blocks = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    seal_and_use, report, revoke = "".join(blocks[:3]), blocks[3], blocks[4]
    key = provider_key(caller, "judy")
    known = {"GATEWAY": caller.gateway.url, "USER_TOKEN": caller.secret(token("judy")), "OPENAI_KEY": key}
    environment = {**os.environ, **known, "PATH": f"{COMMAND.parent}:{os.environ['PATH']}"}

    def run(script: str) -> str:
        shell = ["bash", "-euo", "pipefail", "-c", script]
        done = subprocess.run(shell, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert caller.gateway.reload(configuration({"allow": "true"})) is Reload.APPLIED
    run(seal_and_use)
    for name in ("sealed.json", "notes.json"):
        evidence.register(Kind.TOKEN, caller.secret(json.loads((tmp_path / name).read_text())["value"]))
    assert [received["authorization"] for received in sent(simulator)] == [f"Bearer {key}"] * 2
    wait_until(lambda: len(records_of(caller, "judy")) == 4, what="the records", seconds=5)
    written = [json.dumps(record, separators=(",", ":")) for record in records_of(caller, "judy")]
    (tmp_path / "audit.log").write_text("\n".join(written))
    table = [line.split() for line in run(report).splitlines()]
    shown = re.search(r"```text\nowner.*?```", section, re.DOTALL).group().splitlines()[1:-1]
    # Its model tokens are the simulator's.
    assert [row[:3] for row in table] == [line.split()[:3] for line in shown], table
    run(revoke)
    hang_out(lists, *json.loads((tmp_path / "revoked.json").read_text())["revoked"])
    notes, value = (json.loads((tmp_path / name).read_text())["value"] for name in ("notes.json", "sealed.json"))
    wait_until(lambda: chat(caller, notes).status_code == 401, what="the list", seconds=5)
    assert chat(caller, token("judy"), value).status_code == 200, "the key goes on"
    assert caller.gateway.reload(configuration()) is Reload.APPLIED


def records_of(caller: Caller, subject: str) -> list[dict[str, Any]]:
    return [record for record in caller.gateway.records() if record.get("claimgate.principal.subject") == subject]


def test_rules_and_the_account_see_whose_it_is(caller: Caller, simulator: Simulator) -> None:
    key = provider_key(caller, "ivan")
    value, ivan = sealed(caller, "ivan", key, upstreams=["anthropic", "openai"])["value"], token("ivan")
    budget = {"id": "house", "limit": 0, "window": "1h", "per": ["'all'"], "when": "upstream.owner == 'gateway'"}
    policies = [rule("everybody", "true"), rule("own", "upstream.owner == 'caller'", when="upstream.cluster == 'anthropic'")]
    assert caller.gateway.reload(configuration(policies=policies, quotas=[budget])) is Reload.APPLIED
    messages = "/anthropic/v1/messages"
    for _ in range(3):
        assert chat(caller, ivan, value, messages, max_tokens=1).status_code == 200
        assert chat(caller, ivan, None, messages, max_tokens=1).headers["x-claimgate-reason"] == "policy_denied"
        assert_refused(chat(caller, ivan, None, "/azure/openai/v1/chat/completions"), 429, "quota_exceeded")
    assert {received["x-api-key"] for received in sent(simulator, "anthropic")} == {key}
    assert caller.gateway.reload(configuration()) is Reload.APPLIED
    files = {"authorization": f"Bearer {ivan}", HEADER: value}
    answer = caller.send("GET", "/openai/v1/files", files)
    assert "x-claimgate-reason" not in answer.headers, "it is the caller's own account"
    assert sent(simulator, "openai")[-1]["authorization"] == f"Bearer {key}"


def test_at_the_cluster_the_key_is_opened_there(
    simulator: Simulator, lists: ListServer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """In an Envoy of its own: both halves run there, and each attempt opens the key."""
    directory, settings = tmp_path_factory.mktemp("own_keys_at_cluster"), configuration(attach="at_cluster")
    bootstrap = with_half_at_cluster(settings, simulator, directory)
    bootstrap["static_resources"]["clusters"].append(static_cluster("lists", lists.port))
    simulator.clear()
    with Envoy(bootstrap, directory, environment={**PROVIDER_CREDENTIALS, **ENVIRONMENT}) as envoy:
        url, leo = envoy.url, token("leo")
        key = f"sk-own-leo-{next(_numbers)}-5f3a9c71d2e84b06"
        evidence.register(Kind.PROVIDER_CREDENTIAL, key)
        value = FIRST.seal(claims(key, "leo"))

        def ask(brought: str) -> httpx.Response:
            headers = {"authorization": f"Bearer {leo}", HEADER: brought}
            return httpx.post(f"{url}{CHAT_PATH}", headers=headers, json=CHAT, timeout=15)

        wait_until(lambda: ask(value).status_code == 200, what="the first list", seconds=10)
        assert {received["authorization"] for received in sent(simulator)} == {f"Bearer {key}"}
        assert ask(FIRST.seal(claims(key, "bob"))).headers["x-claimgate-reason"] == "provider_key_not_for_caller"
        assert envoy.crashes() == 0
