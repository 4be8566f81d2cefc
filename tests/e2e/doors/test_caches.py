"""Caches: what was taken away is gone with the next request, and nothing that one credential earned serves another."""

import base64
import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest

from harness.attacks import BOTH, CHAT, FORBIDDEN, MODELS, REMOTE, Attack, Stage, posting
from harness.deadline import wait_until
from harness.exchange import PROTOCOLS
from harness.gateway import Signer, base64url
from harness.key_server import KeyServer
from harness.raw_http2 import Http2Connection, request_headers

pytestmark = pytest.mark.both_hosts

# Enough that every worker answers some.
MANY = 12
Edit = Callable[[dict[str, Any]], None]


def ask(stage: Stage, protocol: str, credential: str) -> set[tuple[int, str | None]]:
    """Status and reason of many requests, each on a connection of its own."""
    attack = Attack("GET", MODELS, (("authorization", f"Bearer {credential}"),))
    answers = [attack.play(stage.gateway.port, protocol) for _ in range(MANY)]
    return {(answer.status, answer.header("x-claimgate-reason")) for answer in answers}


def without_key(configuration: dict[str, Any]) -> None:
    configuration["keys"] = [entry for entry in configuration["keys"] if entry["id"] != "acme"]


def with_disabled_key(configuration: dict[str, Any]) -> None:
    [entry] = [entry for entry in configuration["keys"] if entry["id"] == "acme"]
    entry["disabled"] = True


def with_another_issuer(configuration: dict[str, Any]) -> None:
    configuration["issuers"][0]["issuer"] = "https://other.test/"


def with_another_signing_key(configuration: dict[str, Any]) -> None:
    """The same key id, another key."""
    configuration["issuers"][0]["jwks"] = {"inline": {"keys": [Signer().jwk()]}}


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    "edit, kind, reason",
    [
        (without_key, "key", "key_unknown"),
        (with_disabled_key, "key", "credential_revoked"),
        (with_another_issuer, "token", "token_issuer_unknown"),
        (with_another_signing_key, "token", "token_signature_invalid"),
    ],
)
def test_what_was_taken_away_is_refused_with_the_next_request(
    stage: Stage, protocol: str, edit: Edit, kind: str, reason: str
) -> None:
    credential = stage.keys["acme"] if kind == "key" else stage.signer.token(tenant="acme")
    # So that every worker has seen it.
    assert ask(stage, protocol, credential) == {(200, None)}
    with ExitStack() as stack:
        # A connection that was open before, whose worker knows the credential.
        before = [stack.enter_context(PROTOCOLS[protocol](stage.gateway.port)) for _ in range(4)]
        stack.enter_context(stage.changed(edit))
        stage.clear()
        for exchange in before:
            exchange.open("GET", MODELS, [("authorization", f"Bearer {credential}")], last=True)
            stage.refused(exchange.receive(), 401, reason)
        assert ask(stage, protocol, credential) == {(401, reason)}
        assert stage.simulator.received() == []
    assert ask(stage, protocol, credential) == {(200, None)}


@pytest.mark.parametrize("protocol", BOTH)
def test_a_signing_key_that_left_its_set_signs_no_more(stage: Stage, key_server: KeyServer, protocol: str) -> None:
    """A token that was accepted a moment ago is refused once the set has been fetched again."""
    leaving, staying = Signer(kid=f"leaving-{protocol}"), Signer(kid=f"staying-{protocol}")
    old, new = (signer.token(iss=REMOTE, tenant="acme") for signer in (leaving, staying))
    key_server.publish("remote", {"keys": [leaving.jwk(), staying.jwk()]})
    wait_until(lambda: ask(stage, protocol, old) == {(200, None)}, what="the set to be fetched", seconds=10)
    key_server.publish("remote", {"keys": [staying.jwk()]})
    gone = {(401, "token_key_unknown")}
    wait_until(lambda: ask(stage, protocol, old) == gone, what="the key to be gone", seconds=10)
    # On every worker, once each has looked at what was fetched.
    fetched = key_server.fetches("remote")
    wait_until(lambda: key_server.fetches("remote") >= fetched + 2, what="two more fetches", seconds=10)
    stage.clear()
    assert ask(stage, protocol, old) == gone
    assert stage.simulator.received() == []
    assert ask(stage, protocol, new) == {(200, None)}


def test_nothing_is_remembered_across_credentials(stage: Stage) -> None:
    """HTTP/2 only: many requests of several callers on one connection, as a proxy in front would send them."""
    stage.clear()
    files = "/owned/v1/files"
    wanted = [
        ("acme", 200, None),
        ("globex", 403, "stateful_operation_shared_credential"),
        ("at-home", 403, "network_not_allowed"),
        (None, 401, "credential_missing"),
    ]
    with Http2Connection(stage.gateway.port) as connection:
        for name, status, reason in wanted * MANY:
            headers = request_headers("GET", files, [stage.bearer(name)] if name else [])
            answer = connection.receive(connection.open(headers, last=True))
            assert (answer.status, answer.header("x-claimgate-reason")) == (status, reason), name
    assert len(stage.simulator.wait_received(MANY)) == MANY


@pytest.mark.parametrize("protocol", BOTH)
def test_no_decision_is_remembered_for_another_body(stage: Stage, protocol: str) -> None:
    """Equal headers, of equal length, and another model."""
    for _ in range(MANY // 2):
        stage.passes(posting({"model": "permitted", "messages": []}, CHAT, stage.bearer()), protocol)
        attack = posting({"model": FORBIDDEN, "messages": []}, CHAT, stage.bearer())
        stage.refuses(attack, protocol, 403, "model_not_allowed")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_proven_signature_proves_no_other_token(stage: Stage, protocol: str) -> None:
    """What is remembered of a token must be of all of it."""
    token = stage.signer.token(tenant="globex")
    header, claims, signature = token.split(".")
    assert ask(stage, protocol, token) == {(200, None)}

    def forged(part: str, **changes: Any) -> str:
        document = json.loads(base64.urlsafe_b64decode(part + "=="))
        return base64url(json.dumps({**document, **changes}).encode())

    for note, other, reason in [
        ("another tenant", f"{header}.{forged(claims, tenant='acme')}.{signature}", "token_signature_invalid"),
        ("another end", f"{header}.{forged(claims, exp=9_999_999_999)}.{signature}", "token_signature_invalid"),
        ("no algorithm", f"{forged(header, alg='none')}.{claims}.{signature}", "token_algorithm_not_allowed"),
        ("no signature", f"{header}.{claims}.", "token_malformed"),
        ("padding", f"{token}==", "token_malformed"),
        ("a fourth part", f"{token}.{signature}", "token_malformed"),
    ]:
        found = ask(stage, protocol, other)
        assert found == {(401, reason)}, note
