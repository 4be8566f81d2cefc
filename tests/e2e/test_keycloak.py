"""Keycloak's standard token exchange: the provider sees each user. `make keycloak` runs it."""

import os
from collections.abc import Iterator
from typing import Any

import pytest

from harness.authorization_server import HOST, claims_of
from harness.bootstrap import static_cluster
from harness.caller import Caller, assert_refused, calling
from harness.ecds import Reload
from harness.gateway import document, upstream_entries
from harness.keycloak import SECRET, TOKEN_PATH, Keycloak
from harness.simulator import Simulator

pytestmark = pytest.mark.skipif(
    not os.environ.get("KEYCLOAK"), reason="Keycloak takes minutes to start; `make keycloak` runs this"
)
ENVIRONMENT = {"KEYCLOAK_SECRET": SECRET}


@pytest.fixture(scope="module")
def keycloak(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Keycloak]:
    with Keycloak(tmp_path_factory.mktemp("keycloak"), "alice", "bob") as running:
        yield running


def configuration(keycloak: Keycloak, audience: str = "provider", **client: Any) -> dict[str, Any]:
    exchange = {
        "grant": "token_exchange",
        "issuers": [keycloak.issuer],
        "client": {
            "endpoint": {"cluster": "login", "host": HOST, "path": TOKEN_PATH, "timeout": "20s"},
            "client_id": "gate",
            "client_authentication": {"client_secret_basic": {"env": "KEYCLOAK_SECRET"}},
            "parameters": {"audience": audience},
            **client,
        },
    }
    issuer = {
        "issuer": keycloak.issuer,
        "audiences": ["gate"],
        "algorithms": ["RS256"],
        "jwks": {"inline": keycloak.keys()},
        "principal": {"tenant": "claims.azp"},
    }
    first, *others = upstream_entries()
    first["credential"] = {"from": "as_user"}
    credentials = [{"id": "as_user", "exchange": exchange}]
    return document(keys=[], issuers=[issuer], credentials=credentials, upstreams=[first, *others])


@pytest.fixture(scope="module")
def caller(
    keycloak: Keycloak, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Caller]:
    options = {"clusters": [static_cluster("login", keycloak.port)], "environment": ENVIRONMENT}
    directory = tmp_path_factory.mktemp("keycloak_gateway")
    with calling(configuration(keycloak), simulator, directory, **options) as running:
        running.secrets.add(SECRET)
        yield running


def test_the_provider_sees_each_user(caller: Caller, keycloak: Keycloak, simulator: Simulator) -> None:
    simulator.clear()
    tokens = {user: keycloak.sign_in(user)["access_token"] for user in ("alice", "bob")}
    for user in ("alice", "bob", "alice"):
        answer = caller.bearer(tokens[user])
        assert answer.status_code == 200, (answer.text, caller.record(answer))
    received = [(value or "").removeprefix("Bearer ") for value in simulator.authorizations()]
    for token in received:
        caller.secret(token)
    sent = {user: claims_of(token)["sub"] for user, token in tokens.items()}
    seen = [(claims["sub"], claims["aud"], claims["azp"]) for claims in map(claims_of, received)]
    assert seen == [(sent[user], "provider", "gate") for user in ("alice", "bob", "alice")]
    assert received[0] == received[2] and not set(received) & set(tokens.values())


def test_who_has_signed_out_is_exchanged_no_more(caller: Caller, keycloak: Keycloak) -> None:
    signed_in = keycloak.sign_in("alice")
    keycloak.sign_out(signed_in)
    assert_refused(caller.bearer(signed_in["access_token"]), 403, "exchange_refused")


def test_what_the_client_may_not_ask_for(caller: Caller, keycloak: Keycloak) -> None:
    assert caller.gateway.reload(configuration(keycloak, audience="nobody")) is Reload.APPLIED
    answer = caller.bearer(keycloak.sign_in("bob")["access_token"])
    # It is the operator's to mend, and nobody's token is sent again for a while.
    assert_refused(answer, 503, "upstream_token_refused")
    assert "`audience` that is no client" in caller.record(answer)["claimgate.note"]
