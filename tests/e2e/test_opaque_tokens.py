"""Opaque tokens of a real OpenID provider in a real Envoy: asked about, remembered, revoked, and every way to be down.

One worker, so that each question can be counted.
"""

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from harness.bootstrap import static_cluster
from harness.caller import CHAT, CHAT_PATH, assert_refused, calling
from harness.ecds import Reload
from harness.gateway import document, rule
from harness.identity_provider import FOR_BILLING, FOR_OPAQUE, INTROSPECTION, Client, IdentityProvider
from harness.load import LoadRequest, run_load
from harness.party import CLUSTER, SLOW, Party, issuer_of, place
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

TIMEOUT = 0.5
# What a loaded machine may add.
SLACK = 2.0
# The aim is a minute; a few seconds show the same.
DOWN_SECONDS = float(os.environ.get("CLAIMGATE_PROVIDER_DOWN_SECONDS", "4"))
CROWD = 500
APP = Client("app", tenant="acme")
BRIEF = Client("brief", tenant="acme", lifetime=2)
# Their names and secrets have to be escaped (RFC 6749 section 2.3.1).
GATES = {
    "client_secret_basic": Client("gate:basic", secret="s3cret +%&=:/?~-basic", introspects=True),
    "client_secret_post": Client(
        "gate&post", secret="s3cret +%&=:/?~-post", method="client_secret_post", introspects=True
    ),
}
CURIOUS = Client("curious")
ENVIRONMENT = {
    "BASIC_SECRET": GATES["client_secret_basic"].secret,
    "POST_SECRET": GATES["client_secret_post"].secret,
    "CURIOUS_SECRET": CURIOUS.secret,
    "WRONG_SECRET": "nobody-has-this-secret-4711",
}


class Asking(Party):
    """Asks the provider about its tokens."""

    def trust(self, **fields: Any) -> None:
        """Nothing that was said before is remembered."""
        assert self.caller.gateway.reload(configuration(self.provider, **fields)) is Reload.APPLIED
        self.provider.forget()

    def token(self, client: Client = APP, resource: str | None = FOR_OPAQUE) -> str:
        return self.tokens(1, client, resource)[0]

    def questions(self) -> int:
        return len(self.provider.asked(INTROSPECTION))


def configuration(
    provider: IdentityProvider,
    *,
    gate: Client = GATES["client_secret_basic"],
    secret: str = "BASIC_SECRET",
    principal: dict[str, str] | None = None,
    max_age: float = 60.0,
    negative_max_age: float = 5.0,
    timeout: float = TIMEOUT,
    **fields: Any,
) -> dict[str, Any]:
    times = {"max_age": max_age, "negative_max_age": negative_max_age, "timeout": timeout}
    introspection = place(provider, "introspection_endpoint", times) | {
        "client_id": gate.id,
        "client_secret": {"env": secret},
        "client_authentication": gate.method,
        **fields,
    }
    # Tokens by client credentials are nobody's but the client's, and the provider says no `sub` of them.
    mapping = {"subject": "claims.client_id", "tenant": "claims.tenant"} if principal is None else principal
    scope = rule("scope", "principal.scopes.covers('chat')", reason="insufficient_scope", scopes=["chat"])
    return document(issuers=[issuer_of(provider, principal=mapping, introspection=introspection)], policies=[scope])


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    with IdentityProvider(tmp_path_factory.mktemp("provider"), APP, BRIEF, CURIOUS, *GATES.values()) as running:
        yield running


@pytest.fixture(scope="module")
def shared(
    provider: IdentityProvider, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Asking]:
    options = {"concurrency": 1, "clusters": [static_cluster(CLUSTER, provider.port)], "environment": ENVIRONMENT}
    directory = tmp_path_factory.mktemp("opaque_tokens")
    with calling(configuration(provider), simulator, directory, **options) as caller:
        yield Asking(caller, provider)


@pytest.fixture
def party(shared: Asking) -> Iterator[Asking]:
    yield shared
    shared.calm()


@pytest.mark.parametrize("method", GATES)
def test_a_token_is_asked_about_once(party: Asking, method: str) -> None:
    party.trust(gate=GATES[method], secret="BASIC_SECRET" if method == "client_secret_basic" else "POST_SECRET")
    token = party.token()
    for _ in range(3):
        answer, _ = party.ask(token)
        assert answer.status_code == 200, answer.text
    assert party.questions() == 1
    record = party.caller.record(answer)
    named = {name: record[f"claimgate.principal.{name}"] for name in ("kind", "issuer", "subject", "client", "tenant")}
    assert named == {
        "kind": "opaque_token", "issuer": "https://login.test", "subject": "app", "client": "app", "tenant": "acme"
    }  # fmt: skip


def test_a_token_that_is_not_for_this_gateway(party: Asking) -> None:
    party.trust()
    unnamed, billing = party.token(resource=None), party.token(resource=FOR_BILLING)
    assert_refused(party.ask(unnamed)[0], 401, "token_claim_missing")
    assert_refused(party.ask(billing)[0], 401, "token_audience_mismatch")
    party.trust(audience_optional=True)
    assert party.ask(unnamed)[0].status_code == 200
    assert_refused(party.ask(billing)[0], 401, "token_audience_mismatch")


def test_what_the_provider_does_not_know_is_asked_about_once(party: Asking) -> None:
    party.trust()
    invented = party.caller.secret("an-invented-token-0123456789")
    for _ in range(3):
        assert_refused(party.ask(invented)[0], 401, "token_inactive")
    assert party.questions() == 1


def test_a_token_with_another_scope_or_without_a_subject(party: Asking) -> None:
    party.trust()
    other = party.caller.secret(party.provider.token(APP, FOR_OPAQUE, scope="embeddings"))
    assert_refused(party.ask(other)[0], 403, "insufficient_scope")
    party.trust(principal={"tenant": "claims.tenant"})
    assert_refused(party.ask(party.token())[0], 401, "token_claim_missing")


def test_a_revoked_token_is_refused_within_the_bound(party: Asking) -> None:
    max_age = 1.0
    party.trust(max_age=max_age)
    token = party.token()
    assert party.ask(token)[0].status_code == 200
    party.provider.revoke(APP, token)
    answer, took = party.wait_answered(token, 401)
    assert_refused(answer, 401, "token_inactive")
    print(f"refused {took:.2f} s after it was revoked; `max_age` is {max_age:g} s")
    assert took < max_age + SLACK
    assert party.questions() == 2


def test_an_answer_is_not_relied_on_beyond_the_tokens_own_time(party: Asking) -> None:
    party.trust(max_age=60.0)
    token = party.token(BRIEF)
    assert party.ask(token)[0].status_code == 200
    answer, took = party.wait_answered(token, 401)
    assert_refused(answer, 401, "token_inactive")
    assert took < BRIEF.lifetime + SLACK


def test_many_requests_with_one_new_token_ask_once(party: Asking) -> None:
    party.trust(timeout=5.0)
    party.provider.fail("slow", SLOW)
    count, token = 50, party.token()
    request = LoadRequest(
        f"{party.caller.gateway.url}{CHAT_PATH}", headers={"authorization": f"Bearer {token}"}, document=CHAT
    )
    report = run_load(request, total=count, connections=count)
    assert report.statuses == {200: count} and not report.failures
    assert party.questions() == 1
    # Of different tokens each is asked about, side by side.
    tokens = party.tokens(20, APP, FOR_OPAQUE)
    with ThreadPoolExecutor(len(tokens)) as pool:
        began = time.monotonic()
        statuses = Counter(answer.status_code for answer, _ in pool.map(party.ask, tokens))
    assert statuses == {200: len(tokens)}
    assert party.questions() == 1 + len(tokens)
    assert time.monotonic() - began < 2 * SLOW + SLACK


@pytest.mark.alone
def test_a_crowd_is_refused_by_one_answer(party: Asking) -> None:
    """More at once than one callback may refuse; see test_crowds.py."""
    party.trust(timeout=5.0)
    party.provider.fail("slow", SLOW)
    token = party.caller.secret("invented-by-many-0815")
    request = LoadRequest(
        f"{party.caller.gateway.url}{CHAT_PATH}", headers={"authorization": f"Bearer {token}"}, document=CHAT
    )
    report = run_load(request, total=CROWD, connections=CROWD)
    assert report.statuses == {401: CROWD} and not report.failures
    assert {answer.headers["x-claimgate-reason"] for answer in report.answers} == {"token_inactive"}
    assert party.questions() == 1


@pytest.mark.alone
def test_a_provider_that_is_down_under_load(party: Asking) -> None:
    party.trust(max_age=DOWN_SECONDS + 60)
    known, new, asked_by_new = party.tokens(100, APP, FOR_OPAQUE), list[str](), set[int]()

    def token(number: int) -> str:
        if new and number % 25 == 0:
            asked_by_new.add(number)
            return new[number // 25 % len(new)]
        return known[number % len(known)]

    with party.load(token) as load:
        time.sleep(1.0)
        unasked = party.tokens(20, APP, FOR_OPAQUE)
        party.provider.stop()
        down = time.time()
        new = unasked
        time.sleep(DOWN_SECONDS)
        still_down = time.time()
        party.provider.start()
        up = time.time()
        time.sleep(1.0)
    by_new = [each for each in load.report.noted if each.number in asked_by_new]
    refused = [each for each in by_new if each.outcome != (200, "")]
    recovery = max(each.sent for each in refused) - up
    print(f"down for {up - down:.1f} s, the last refusal {recovery:.2f} s after its return: {load.report}")
    assert load.report.outcomes.keys() == {(200, ""), (503, "identity_unavailable")}
    assert load.report.outcomes[503, "identity_unavailable"] == len(refused), "what the provider said before holds"
    assert not any(each.outcome[0] == 200 and each.sent + each.seconds < still_down for each in by_new)
    # What the provider did not say was not remembered.
    assert recovery < SLACK and any(each.outcome[0] == 200 for each in by_new)


def test_what_was_said_is_not_relied_on_beyond_its_bound_while_the_provider_is_down(party: Asking) -> None:
    max_age = 1.0
    party.trust(max_age=max_age)
    token = party.token()
    assert party.ask(token)[0].status_code == 200
    party.provider.stop()
    try:
        answer, took = party.wait_answered(token, 503)
        assert_refused(answer, 503, "identity_unavailable")
        assert took < max_age + TIMEOUT + SLACK
    finally:
        party.provider.start()
    assert party.ask(token)[0].status_code == 200


@pytest.mark.parametrize("fault", ["500", "garbage", "cut", "hang", "slow"])
def test_a_provider_that_fails(party: Asking, fault: str) -> None:
    party.trust()
    known, new = party.tokens(2, APP, FOR_OPAQUE)
    assert party.ask(known)[0].status_code == 200
    party.provider.fail(fault, SLOW)
    answer, took = party.ask(new)
    assert_refused(answer, 503, "identity_unavailable")
    assert answer.headers["x-should-retry"] == "true"
    assert took < TIMEOUT + SLACK
    assert party.ask(known)[0].status_code == 200
    party.provider.fail("none")
    assert party.ask(new)[0].status_code == 200


@pytest.mark.alone
def test_a_slow_provider_delays_only_new_tokens(party: Asking) -> None:
    party.trust(timeout=3.0)
    known, new = party.tokens(2, APP, FOR_OPAQUE)
    assert party.ask(known)[0].status_code == 200
    party.provider.fail("slow", SLOW)
    with party.load(lambda number: known) as load:
        answer, took = party.ask(new)
    print(f"the new token took {took:.2f} s: {load.report}")
    assert answer.status_code == 200 and took > SLOW - 0.1
    assert load.report.outcomes.keys() == {(200, "")}
    assert load.report.slowest(0.95) < SLOW - 0.1


def test_a_gateway_that_the_provider_does_not_answer(party: Asking) -> None:
    token = party.token()
    party.trust(secret="WRONG_SECRET")
    answer, _ = party.ask(token)
    assert_refused(answer, 503, "identity_unavailable")
    assert party.questions() == 1
    party.trust(secret="ABSENT_SECRET")
    assert_refused(party.ask(token)[0], 503, "identity_unavailable")
    assert party.questions() == 0
    # To a client that may not know, the provider calls every token inactive.
    party.trust(gate=CURIOUS, secret="CURIOUS_SECRET")
    assert_refused(party.ask(token)[0], 401, "token_inactive")


def test_a_provider_that_changes_its_name(party: Asking) -> None:
    party.trust()
    token = party.token()
    party.provider.change_issuer("https://accounts.test")
    assert_refused(party.ask(token)[0], 401, "token_issuer_unknown")
    party.trust()
    assert party.ask(token)[0].status_code == 200
