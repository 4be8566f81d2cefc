"""A real OpenID provider before a real Envoy with four workers: keys rotated under load, and every way to be down."""

import base64
import hashlib
import json
import os
import time
from collections.abc import Iterator
from typing import Any

import pytest

from harness.bootstrap import static_cluster
from harness.caller import assert_refused, calling
from harness.ecds import Reload
from harness.gateway import Signer, base64url, document, rule
from harness.identity_provider import ISSUER, Client, IdentityProvider
from harness.party import CLUSTER, SLOW, Party, issuer_of, place
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

WORKERS = 4
ROTATIONS = 3
# The aim is a minute; a few seconds show the same.
DOWN_SECONDS = float(os.environ.get("CLAIMGATE_PROVIDER_DOWN_SECONDS", "5"))
# What a loaded machine may add.
SLACK = 2.0
APP = Client("app", tenant="acme")
POST = Client("post", method="client_secret_post", tenant="globex")
BRIEF = Client("brief", tenant="acme", lifetime=3)
CLIENTS = (APP, POST, BRIEF)


class Trusting(Party):
    """Knows the provider by its keys."""

    def trust(self, **seconds: float) -> None:
        """Trusts the provider with these times, and its keys are new to the gateway."""
        assert self.caller.gateway.reload(configuration(self.provider, **seconds)) is Reload.APPLIED
        self.wait_answered(self.provider.token(APP), 200)
        self.provider.forget()

    def tokens_of_an_unseen_key(self, count: int, *, fault: str = "500") -> list[str]:
        """The provider answers this from now on, so that the gateway cannot have the key."""
        self.provider.fail(fault, SLOW)
        self.provider.rotate()
        return self.tokens(count, APP)


def configuration(provider: IdentityProvider, **seconds: float) -> dict[str, Any]:
    times = {"refresh": 600.0, "refetch": 1.0, "timeout": 2.0, "max_stale": 3600.0, **seconds}
    keys = {"remote": place(provider, "jwks_uri", times)}
    scope = rule("scope", "principal.scopes.covers('chat')", reason="insufficient_scope", scopes=["chat"])
    return document(issuers=[issuer_of(provider, algorithms=["RS256"], jwks=keys)], policies=[scope])


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    with IdentityProvider(tmp_path_factory.mktemp("provider"), *CLIENTS) as running:
        yield running


@pytest.fixture(scope="module")
def shared(
    provider: IdentityProvider, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Trusting]:
    options = {"concurrency": WORKERS, "clusters": [static_cluster(CLUSTER, provider.port)]}
    directory = tmp_path_factory.mktemp("identity_provider")
    with calling(configuration(provider), simulator, directory, **options) as caller:
        yield Trusting(caller, provider)


@pytest.fixture
def party(shared: Trusting) -> Iterator[Trusting]:
    yield shared
    shared.calm()


@pytest.mark.parametrize("client", [APP, POST], ids=lambda client: client.method)
def test_a_client_with_its_own_credentials(party: Trusting, client: Client) -> None:
    party.trust()
    answer, _ = party.ask(party.provider.token(client))
    assert answer.status_code == 200, answer.text
    record = party.caller.record(answer)
    named = {name: record[f"claimgate.principal.{name}"] for name in ("issuer", "subject", "client", "tenant")}
    assert named == {
        "issuer": "https://login.test", "subject": client.id, "client": client.id, "tenant": client.tenant
    }  # fmt: skip


def test_a_token_with_another_scope(party: Trusting) -> None:
    party.trust()
    answer, _ = party.ask(party.provider.token(APP, scope="embeddings"))
    assert_refused(answer, 403, "insufficient_scope")


def test_an_opaque_token_is_no_jwt(party: Trusting) -> None:
    party.trust()
    answer, _ = party.ask(party.provider.token(APP, None))
    assert_refused(answer, 401, "key_unknown")


def test_keys_that_rotate_under_load(party: Trusting) -> None:
    party.trust(refetch=0.5)
    pool = party.tokens(100, APP)
    with party.load(lambda number: pool[number % len(pool)]) as load:
        for _ in range(ROTATIONS):
            # Longer than `refetch`, within which nobody may fetch again.
            time.sleep(0.8)
            party.provider.rotate()
            # Half of the callers come with the new key all at once, at every worker.
            pool = pool[50:] + party.tokens(50, APP)
        time.sleep(0.5)
        pool = pool[50:]
        party.provider.drop_old_keys()
        time.sleep(0.5)
    print(f"{ROTATIONS} rotations, {len(party.provider.asked())} fetches: {load.report}")
    assert load.report.outcomes.keys() == {(200, "")}, "a valid token was refused"
    assert len(party.provider.asked()) == ROTATIONS
    workers = party.caller.gateway.envoy.stats(r"^listener\..*\.worker_\d+\.downstream_cx_total$")
    assert len(workers) == WORKERS and all(workers.values())


@pytest.mark.alone
def test_a_provider_that_is_down_under_load(party: Trusting) -> None:
    seconds = {"refresh": 1.0, "refetch": 0.5, "timeout": 0.5, "max_stale": DOWN_SECONDS + 60}
    party.trust(**seconds)
    known, strange, asked_by_strangers = party.tokens(100, APP), list[str](), set[int]()

    def token(number: int) -> str:
        if strange and number % 50 == 0:
            asked_by_strangers.add(number)
            return strange[number % len(strange)]
        return known[number % len(known)]

    with party.load(token) as load:
        time.sleep(1.0)
        held, brief = party.tokens(50, APP), party.provider.token(BRIEF)
        unseen = party.tokens_of_an_unseen_key(7)
        party.provider.stop()
        down = time.time()
        known += held
        assert party.ask(brief)[0].status_code == 200
        assert_refused(party.wait_answered(brief, 401)[0], 401, "token_expired")
        # Not before: within `refetch` of the last good answer an unknown key is refused at once.
        strange = unseen
        time.sleep(down + DOWN_SECONDS - time.time())
        still_down = time.time()
        party.provider.start()
        up = time.time()
        party.wait_answered(unseen[0], 200)
        time.sleep(1.0)
    by_strangers = [each for each in load.report.noted if each.number in asked_by_strangers]
    refused = [each for each in by_strangers if each.outcome != (200, "")]
    recovery = max(each.sent for each in refused) - up
    print(f"down for {up - down:.1f} s, the last refusal {recovery:.2f} s after its return: {load.report}")
    assert load.report.outcomes.keys() == {(200, ""), (503, "identity_unavailable")}
    # With keys that the gateway has, a token works, whether it was seen before or not.
    assert load.report.outcomes[503, "identity_unavailable"] == len(refused)
    assert not any(each.outcome[0] == 200 and each.sent + each.seconds < still_down for each in by_strangers)
    assert recovery < seconds["refresh"] + seconds["timeout"] + SLACK


@pytest.mark.parametrize("fault", ["500", "garbage", "cut", "hang", "slow"])
def test_a_provider_that_fails(party: Trusting, fault: str) -> None:
    seconds = {"refetch": 0.4, "timeout": 0.5}
    party.trust(**seconds)
    (known,) = party.tokens(1, APP)
    (unseen,) = party.tokens_of_an_unseen_key(1, fault=fault)
    # Within `refetch` of the last good answer an unknown key is refused at once.
    time.sleep(seconds["refetch"] + 0.1)
    answer, took = party.ask(unseen)
    assert_refused(answer, 503, "identity_unavailable")
    assert answer.headers["x-should-retry"] == "true"
    assert took < seconds["timeout"] + SLACK
    assert party.provider.asked(), "the provider was not even asked"
    answer, took = party.ask(known)
    assert answer.status_code == 200 and took < 0.5
    party.provider.fail("none")
    _, took = party.wait_answered(unseen, 200)
    print(f"accepted {took:.2f} s after `{fault}` was over")
    assert took < seconds["refetch"] + seconds["timeout"] + SLACK
    assert party.ask(known)[0].status_code == 200


@pytest.mark.alone
def test_a_slow_provider_delays_only_tokens_of_a_new_key(party: Trusting) -> None:
    party.trust(refetch=0.5)
    (known,) = party.tokens(1, APP)
    time.sleep(0.6)
    (unseen,) = party.tokens_of_an_unseen_key(1, fault="slow")
    with party.load(lambda number: known) as load:
        answer, took = party.ask(unseen)
    assert answer.status_code == 200 and took > SLOW - 0.1
    assert len(party.provider.asked()) == 1
    print(f"the new key's first token took {took:.2f} s: {load.report}")
    assert load.report.outcomes.keys() == {(200, "")}
    assert load.report.slowest(0.95) < 0.5


def test_a_provider_that_changes_its_name(party: Trusting) -> None:
    party.trust()
    (known,) = party.tokens(1, APP)
    party.provider.change_issuer("https://accounts.test")
    assert party.provider.discovery()["issuer"] == "https://accounts.test"
    (renamed,) = party.tokens(1, APP)
    assert_refused(party.ask(renamed)[0], 401, "token_issuer_unknown")
    assert party.ask(known)[0].status_code == 200
    # Who reads its discovery document again trusts the new name instead of the old one.
    assert party.caller.gateway.reload(configuration(party.provider)) is Reload.APPLIED
    party.wait_answered(renamed, 200)
    assert_refused(party.ask(known)[0], 401, "token_issuer_unknown")


def thumbprint(key: Signer) -> str:
    """RFC 7638."""
    members = {name: key.jwk()[name] for name in ("crv", "kty", "x", "y")}
    return base64url(hashlib.sha256(json.dumps(members, separators=(",", ":")).encode()).digest())


def test_a_token_that_is_bound_to_a_key(provider: IdentityProvider) -> None:
    """For the tests of proofs of possession (RFC 9449)."""
    key = Signer("ES256")
    proof = key.token(
        {"typ": "dpop+jwt", "jwk": key.jwk(), "kid": None},
        **{"htm": "POST", "htu": f"{ISSUER}/token", "jti": os.urandom(8).hex(), "iss": None, "aud": None, "sub": None},
    )
    claims = provider.token(APP, proof=proof).split(".")[1]
    bound = json.loads(base64.urlsafe_b64decode(claims + "=="))["cnf"]
    assert bound == {"jkt": thumbprint(key)}
