"""Credentials bound to a client certificate (RFC 8705) or a key (RFC 9449), in a real Envoy with four workers."""

import base64
import concurrent.futures
import hashlib
import json
import re
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from harness import evidence
from harness.caller import CHAT, CHAT_PATH, Caller, assert_refused, calling
from harness.certificates import Authority, Certificate
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.evidence import Kind
from harness.exchange import PROTOCOLS, Http1Exchange
from harness.gateway import Signer, document, issuer_entry, key_entry, rule
from harness.mint import Mint
from harness.possession import PUBLIC_ORIGIN, Holder
from harness.raw import RawResponse
from harness.simulator import Simulator

PAGE = Path(__file__).resolve().parents[2] / "docs" / "identity.md"
WORKERS = 4
# So many connections that each worker has some.
CONNECTIONS = 32
TOKENS = "/claimgate/v1/tokens"
METADATA = "/.well-known/oauth-protected-resource"
LATE, STRICT = "https://late.test/", "https://strict.test/"
USER, OTHER = Signer("ES256"), Signer("ES256", kid="other")
HOLDER, THIEF = Holder(), Holder()
KEY, KEY_ENTRY = key_entry("web", tenant="acme", scopes=["chat"])
MINT = Mint()


class Party:
    """The gateway behind a plain listener and one that asks for client certificates, and who calls it."""

    def __init__(self, caller: Caller, authority: Authority, *certificates: Certificate, bound_key: str) -> None:
        self.caller, self.authority, self.bound_key = caller, authority, bound_key
        self.mine, self.other = certificates

    def over_tls(self, credential: str, certificate: Certificate | None, **headers: str) -> httpx.Response:
        """A chat completion on a new connection, on which the client shows this certificate."""
        port = self.caller.gateway.envoy.listener_port("tls")
        url = f"https://127.0.0.1:{port}{CHAT_PATH}"
        bearer = {"authorization": f"Bearer {credential}", **headers}
        with httpx.Client(verify=self.authority.client(certificate), timeout=15) as client:
            answer = client.post(url, json=CHAT, headers=bearer)
        self.caller.answers.append(answer)
        return answer

    def ask(self, headers: dict[str, str], **body: Any) -> httpx.Response:
        """Asks for a token; the answer, which holds it, is not kept."""
        answer = httpx.post(f"{self.caller.gateway.url}{TOKENS}", headers=headers, timeout=15, **body)
        if answer.status_code == 200:
            said = answer.json()
            evidence.register(Kind.TOKEN, self.caller.secret(said.get("value") or said["access_token"]))
        return answer


def configuration(bound_key: dict[str, Any]) -> dict[str, Any]:
    remote = {"remote": {"cluster": "idp", "host": "idp", "path": "/jwks.json", "refetch": "100ms", "timeout": "4s"}}
    plain = {
        "dpop": {"public_origins": [PUBLIC_ORIGIN]},
        "keys": [KEY_ENTRY, bound_key],
        "issuers": [
            issuer_entry(USER),
            issuer_entry(OTHER, issuer=LATE, jwks=remote),
            issuer_entry(USER, issuer=STRICT, bound_by="either"),
        ],
        "tokens": MINT.section(),
        "discovery": {"resource": PUBLIC_ORIGIN},
        "policies": [
            rule("everybody", "true"),
            rule("model", "llm.model != 'forbidden'", when="has(request.headers.read)"),
        ],
    }
    return document(**plain)


@pytest.fixture(scope="module")
def party(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Party]:
    directory = tmp_path_factory.mktemp("possession")
    authority = Authority(directory / "certificates")
    mine, other = authority.certify("mine"), authority.certify("other")
    bound_key, entry = key_entry("bound", bound_to={"certificates": [f"sha256:{mine.digest.hex()}"]})
    options = {"concurrency": WORKERS, "environment": MINT.environment(), "tls": {"tls": authority.transport_socket()}}
    with calling(configuration(entry), simulator, directory, **options) as caller:
        caller.secret(KEY)
        caller.secret(bound_key)
        yield Party(caller, authority, mine, other, bound_key=bound_key)


def bound(certificate: Certificate, **claims: Any) -> str:
    return USER.token(cnf={"x5t#S256": certificate.thumbprint}, **claims)


def dpop_token(holder: Holder = HOLDER, **claims: Any) -> str:
    return USER.token(cnf=holder.confirmation, **claims)


def in_parallel(party: Party, headers: Callable[[], dict[str, str]]) -> list[httpx.Response]:
    """The same call on so many new connections at once."""

    def send(_: int) -> httpx.Response:
        return httpx.post(f"{party.caller.gateway.url}{CHAT_PATH}", json=CHAT, headers=headers(), timeout=15)

    with concurrent.futures.ThreadPoolExecutor(CONNECTIONS) as pool:
        return list(pool.map(send, range(CONNECTIONS)))


def workers_served(party: Party) -> int:
    served = party.caller.gateway.envoy.stats(r"^listener\..*\.worker_\d+\.downstream_cx_total$")
    return sum(1 for count in served.values() if count)


def test_a_token_is_good_on_the_connection_of_its_certificate(party: Party) -> None:
    token = bound(party.mine)
    for _ in range(3):
        answer = party.over_tls(token, party.mine)
        assert answer.status_code == 200, answer.text
        assert_refused(party.over_tls(token, party.other), 401, "certificate_mismatch")
        refused = party.over_tls(token, None)
        assert_refused(refused, 401, "certificate_required", "over TLS without a certificate")
    assert party.caller.record(answer)["claimgate.credential.bound_by"] == ["certificate"]
    record = party.caller.record(refused)
    assert record["claimgate.principal.subject"] == "user-1"
    assert "Envoy shows no client certificate" in record["claimgate.note"]
    assert_refused(party.caller.bearer(token), 401, "certificate_required", "on the plain listener")


def test_what_a_header_says_of_a_certificate_is_not_believed(party: Party) -> None:
    claim = f"Hash={party.mine.digest.hex()}"
    forwarded = {"x-forwarded-client-cert": claim, "client-cert": claim}
    assert_refused(party.over_tls(bound(party.mine), party.other, **forwarded), 401, "certificate_mismatch")
    answer = party.caller.chat({"authorization": f"Bearer {bound(party.mine)}", **forwarded})
    assert_refused(answer, 401, "certificate_required")


def test_a_key_may_be_bound_to_a_certificate(party: Party) -> None:
    assert party.over_tls(party.bound_key, party.mine).status_code == 200
    assert_refused(party.over_tls(party.bound_key, party.other), 401, "certificate_mismatch")
    assert_refused(party.caller.chat({"x-api-key": party.bound_key}), 401, "certificate_required")


def test_a_request_that_waited_for_keys_still_has_its_certificate(party: Party, simulator: Simulator) -> None:
    """The walk goes on from the root context then, where the connection must be asked all the same."""
    simulator.set_jwks({"keys": [Signer("ES256").jwk()]})
    token = OTHER.token(iss=LATE, cnf={"x5t#S256": party.mine.thumbprint})
    assert_refused(party.over_tls(token, party.mine), 401, "token_key_unknown")
    time.sleep(0.2)
    simulator.reset_jwks()
    simulator.set_jwks({"keys": [OTHER.jwk()]})
    simulator.set_jwks_mode("slow", 0.5)
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        shown = [party.mine, party.other, None]
        answers = list(pool.map(lambda certificate: party.over_tls(token, certificate), shown))
    simulator.reset_jwks()
    assert answers[0].status_code == 200, answers[0].text
    assert_refused(answers[1], 401, "certificate_mismatch")
    assert_refused(answers[2], 401, "certificate_required")


def test_an_issuer_demands_that_its_tokens_are_bound(party: Party) -> None:
    assert_refused(party.caller.bearer(USER.token(iss=STRICT)), 401, "binding_required")
    assert party.over_tls(bound(party.mine, iss=STRICT), party.mine).status_code == 200
    token = dpop_token(iss=STRICT)
    assert party.caller.chat(HOLDER.headers(token)).status_code == 200


def test_what_cannot_be_checked_is_refused(party: Party) -> None:
    for confirmation in ({"jwk": HOLDER.jwk}, {**HOLDER.confirmation, "kid": "k"}, {}):
        token = USER.token(cnf=confirmation)
        assert_refused(party.caller.chat(HOLDER.headers(token)), 401, "confirmation_unsupported", str(confirmation))


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "EdDSA", "RS256", "RS512", "PS256"])
def test_a_token_is_good_with_a_proof_by_its_key(party: Party, simulator: Simulator, algorithm: str) -> None:
    holder = Holder(algorithm)
    token = dpop_token(holder)
    simulator.clear()
    answer = party.caller.chat(holder.headers(token), path=f"{CHAT_PATH}?a=b")
    assert answer.status_code == 200, answer.text
    assert party.caller.record(answer)["claimgate.credential.bound_by"] == ["dpop"]
    (received,) = simulator.wait_received(1)
    names = {name.lower() for name, _ in received["headers"]}
    assert "dpop" not in names and "authorization" in names
    proof = holder.proof(token)
    forged = proof.rsplit(".", 1)[0] + "." + holder.proof(token).rsplit(".", 1)[1]
    headers = {"authorization": f"DPoP {token}", "dpop": forged}
    assert_refused(party.caller.chat(headers), 401, "dpop_proof_signature_invalid")
    assert party.caller.chat({**headers, "dpop": proof}).status_code == 200, "what was forged used nothing up"


def test_a_proof_is_good_once_on_all_workers(party: Party) -> None:
    token = dpop_token()
    headers = HOLDER.headers(token)
    answers = in_parallel(party, lambda: headers)
    assert workers_served(party) == WORKERS
    reasons = Counter(answer.headers.get("x-claimgate-reason") for answer in answers)
    assert reasons == {None: 1, "dpop_proof_replayed": CONNECTIONS - 1}
    assert {answer.status_code for answer in answers} == {200, 401}
    answers = in_parallel(party, lambda: HOLDER.headers(token))
    assert {answer.status_code for answer in answers} == {200}, "each with a proof of its own"
    for answer in in_parallel(party, lambda: headers):
        assert_refused(answer, 401, "dpop_proof_replayed")


def test_a_proof_is_for_one_request(party: Party) -> None:
    token, now = dpop_token(), int(time.time())
    other = f"{PUBLIC_ORIGIN}/openai/v1/embeddings"
    elsewhere = f"{party.caller.gateway.url}{CHAT_PATH}"
    private = {"d": "AAAA"}
    for headers, reason, note in [
        (HOLDER.headers(token, "GET"), "dpop_proof_mismatch", "another method"),
        (HOLDER.headers(token, htu=other), "dpop_proof_mismatch", "another path"),
        (HOLDER.headers(token, htu=elsewhere), "dpop_proof_mismatch", "the host that was really called"),
        (HOLDER.headers(token, ath="A" * 43), "dpop_proof_mismatch", "another token"),
        (HOLDER.headers(token, ath=None), "dpop_proof_malformed", "no token"),
        (HOLDER.headers(token, iat=now - 61), "dpop_proof_out_of_time", "an old one"),
        (HOLDER.headers(token, iat=now + 60), "dpop_proof_out_of_time", "one of the future"),
        (HOLDER.headers(token, jti=None), "dpop_proof_malformed", "no id"),
        (HOLDER.headers(token, header={"typ": "JWT"}), "dpop_proof_malformed", "another type"),
        (HOLDER.headers(token, header={"alg": "none"}), "dpop_proof_malformed", "no signature"),
        (HOLDER.headers(token, header={"jwk": {**HOLDER.jwk, **private}}), "dpop_proof_malformed", "a private key"),
        (HOLDER.headers(token, header={"jwk": THIEF.jwk}), "dpop_key_mismatch", "another key named"),
        (THIEF.headers(token), "dpop_key_mismatch", "another key"),
        (HOLDER.headers(USER.token()), "binding_required", "a token that is not bound"),
        ({"authorization": f"DPoP {token}"}, "dpop_proof_missing", "no proof"),
        ({**HOLDER.headers(token), "authorization": f"Bearer {token}"}, "dpop_scheme_required", "as a bearer"),
        ({"x-api-key": token, "dpop": HOLDER.proof(token)}, "dpop_scheme_required", "in another header"),
    ]:
        assert_refused(party.caller.chat(headers), 401, reason, note)
    assert party.caller.chat(HOLDER.headers(token, htu=f"HTTPS://AI-Gateway.example:443{CHAT_PATH}?x#y")).status_code == 200


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_exactly_one_proof_is_sent(party: Party, protocol: str) -> None:
    def send(*proofs: str) -> RawResponse:
        headers = [("authorization", f"DPoP {token}"), ("content-type", "application/json")]
        with PROTOCOLS[protocol](party.caller.gateway.port) as exchange:
            exchange.open("POST", CHAT_PATH, [*headers, *[("dpop", proof) for proof in proofs]])
            exchange.send(json.dumps(CHAT).encode())
            exchange.end()
            return exchange.receive()

    token = dpop_token()
    first, second = (HOLDER.proof(token) for _ in range(2))
    for proofs, note in [((first, second), "two"), ((first, first), "one twice"), ((f"{first}, {second}",), "joined")]:
        answer = send(*proofs)
        assert (answer.status, answer.header("x-claimgate-reason")) == (401, "dpop_proof_malformed"), note
    assert send(first).status == 200, "it was not used up"
    assert send(first).header("x-claimgate-reason") == "dpop_proof_replayed"


def test_what_a_request_says_of_its_host_is_not_believed(party: Party) -> None:
    token, evil = dpop_token(), "evil.example"
    lies = {"host": evil, "x-forwarded-host": evil, "x-forwarded-proto": "http", "forwarded": f"host={evil}"}
    assert party.caller.chat({**HOLDER.headers(token), **lies}).status_code == 200
    stolen = HOLDER.headers(token, htu=f"https://{evil}{CHAT_PATH}")
    assert_refused(party.caller.chat({**stolen, **lies}), 401, "dpop_proof_mismatch")


def test_a_request_that_waited_for_its_body_keeps_its_proof(party: Party) -> None:
    token = dpop_token()
    headers = {**HOLDER.headers(token), "read": "body", "content-type": "application/json"}
    with Http1Exchange(party.caller.gateway.port) as exchange:
        exchange.open("POST", CHAT_PATH, headers.items())
        exchange.send(b'{"model": "gpt-4o", ')
        time.sleep(0.2)
        exchange.send(b'"messages": []}')
        exchange.end()
        assert exchange.receive().status == 200
    assert_refused(party.caller.chat(headers), 401, "dpop_proof_replayed")
    headers = {**HOLDER.headers(token), "read": "body"}
    assert_refused(party.caller.chat(headers, model="forbidden"), 403, "policy_denied")
    assert_refused(party.caller.chat(headers), 401, "dpop_proof_replayed", "with another body")


def test_a_client_is_told_how_to_prove_itself(party: Party) -> None:
    algorithms = "RS256 RS384 RS512 PS256 ES256 ES384 EdDSA"
    challenges = party.caller.chat().headers.get_list("www-authenticate")
    metadata_url = f'resource_metadata="{PUBLIC_ORIGIN}{METADATA}"'
    assert challenges == [
        f'Bearer realm="claimgate", {metadata_url}',
        f'DPoP realm="claimgate", algs="{algorithms}", {metadata_url}',
    ]
    metadata = party.caller.send("GET", METADATA).json()
    assert metadata["dpop_signing_alg_values_supported"] == algorithms.split()
    assert metadata["tls_client_certificate_bound_access_tokens"] is True
    assert "dpop_bound_access_tokens_required" not in metadata


def test_a_token_of_the_gateways_own_is_bound_to_the_asker_s_key(party: Party) -> None:
    asking = {"authorization": f"Bearer {KEY}", "dpop": HOLDER.proof(None, path=TOKENS)}
    said = party.ask(asking, json={"scopes": ["chat"], "bind": ["dpop"]}).json()
    assert said["bound_by"] == ["dpop"]
    token = said["value"]
    answers = in_parallel(party, lambda: HOLDER.headers(token))
    assert {answer.status_code for answer in answers} == {200}
    assert_refused(party.caller.chat(THIEF.headers(token)), 401, "dpop_key_mismatch")
    assert_refused(party.caller.bearer(token), 401, "dpop_scheme_required")
    assert_refused(party.ask(asking, json={"bind": ["dpop"]}), 401, "dpop_proof_replayed")
    assert_refused(party.ask({"authorization": f"Bearer {KEY}"}, json={"bind": ["dpop"]}), 400, "token_request_invalid")


def test_an_exchanged_token_has_the_type_of_its_binding(party: Party) -> None:
    grant = {"grant_type": "client_credentials"}
    asking = {"authorization": f"Bearer {KEY}", "dpop": HOLDER.proof(KEY, path=TOKENS)}
    said = party.ask(asking, data=grant).json()
    assert said["token_type"] == "DPoP"
    assert party.caller.chat(HOLDER.headers(said["access_token"])).status_code == 200
    refused = party.ask(asking, data=grant)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_dpop_proof")


def test_a_token_of_the_gateways_own_is_bound_to_the_asker_s_certificate(party: Party) -> None:
    port = party.caller.gateway.envoy.listener_port("tls")
    with httpx.Client(verify=party.authority.client(party.mine), timeout=15) as client:
        bearer = {"authorization": f"Bearer {KEY}"}
        answer = client.post(f"https://127.0.0.1:{port}{TOKENS}", json={"bind": ["certificate"]}, headers=bearer)
    token = party.caller.secret(answer.json()["value"])
    evidence.register(Kind.TOKEN, token)
    assert answer.json()["bound_by"] == ["certificate"]
    assert party.over_tls(token, party.mine).status_code == 200
    assert_refused(party.over_tls(token, party.other), 401, "certificate_mismatch")
    assert_refused(party.caller.bearer(token), 401, "certificate_required")


@pytest.fixture(scope="module")
def nonces(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    dpop = {"public_origins": [PUBLIC_ORIGIN], "nonce": "required", "max_age": "3s", "leeway": "3s", "proofs_per_caller": 40}
    directory = tmp_path_factory.mktemp("nonces")
    issuers = [issuer_entry(USER)]
    settings = document(dpop=dpop, issuers=issuers, keys=[KEY_ENTRY], tokens=MINT.section())
    with calling(settings, simulator, directory, concurrency=WORKERS, environment=MINT.environment()) as caller:
        caller.secret(KEY)
        yield caller


def test_a_nonce_of_one_worker_is_good_on_all(nonces: Caller) -> None:
    token = dpop_token()
    refused = nonces.chat(HOLDER.headers(token))
    assert_refused(refused, 401, "dpop_nonce_required")
    nonce = refused.headers["dpop-nonce"]
    for _ in range(8):
        with httpx.Client(base_url=nonces.gateway.url, timeout=15) as client:
            answer = client.post(CHAT_PATH, json=CHAT, headers=HOLDER.headers(token, nonce=nonce))
        assert answer.status_code == 200, answer.text
        nonce = answer.headers["dpop-nonce"]
    assert_refused(nonces.chat(HOLDER.headers(token, nonce=nonce[::-1])), 401, "dpop_nonce_required", "an invented one")
    wait_until(
        lambda: nonces.chat(HOLDER.headers(token, nonce=nonce)).headers.get("x-claimgate-reason") == "dpop_nonce_required",
        what="the nonce to be too old",
        seconds=15,
    )


def test_the_token_endpoint_asks_for_a_nonce_as_oauth_has_it(nonces: Caller) -> None:
    def ask(**claims: Any) -> httpx.Response:
        headers = {"authorization": f"Bearer {KEY}", "dpop": HOLDER.proof(None, path=TOKENS, **claims)}
        form = {"grant_type": "client_credentials"}
        return httpx.post(f"{nonces.gateway.url}{TOKENS}", headers=headers, data=form, timeout=15)

    refused = ask()
    assert (refused.status_code, refused.json()["error"]) == (400, "use_dpop_nonce")
    answer = ask(nonce=refused.headers["dpop-nonce"])
    assert answer.status_code == 200 and answer.headers["dpop-nonce"]
    evidence.register(Kind.TOKEN, answer.json()["access_token"])


def test_openais_client_proves_itself_as_the_readme_has_it(nonces: Caller) -> None:
    snippet = re.search(r"```python\n(class Proof\(.*?)```", PAGE.read_text(), re.DOTALL)
    assert snippet is not None
    names: dict[str, Any] = {module.__name__: module for module in (base64, hashlib, httpx, time, uuid)}
    exec(snippet[1], names)
    token = dpop_token(sub="sdk")
    with httpx.Client(auth=names["Proof"](HOLDER.sign, HOLDER.jwk, PUBLIC_ORIGIN)) as client:
        base_url = f"{nonces.gateway.url}/openai/v1"
        sdk = openai.OpenAI(base_url=base_url, api_key=token, http_client=client, max_retries=0)
        for _ in range(3):
            assert sdk.chat.completions.create(**CHAT).choices[0].message.content


def test_one_caller_cannot_fill_the_table_of_proofs(nonces: Caller) -> None:
    token = dpop_token(sub="greedy")
    nonce = nonces.chat(HOLDER.headers(token)).headers["dpop-nonce"]
    end = time.monotonic() + 2
    answers = []
    while time.monotonic() < end and (not answers or answers[-1].status_code == 200):
        answers.append(nonces.chat(HOLDER.headers(token, nonce=nonce)))
        nonce = answers[-1].headers["dpop-nonce"]
    error = assert_refused(answers[-1], 429, "dpop_limit_exceeded")
    assert error["type"] == "rate_limit_error" and int(answers[-1].headers["retry-after"]) <= 7
    assert len(answers) == 41
    modest = dpop_token(sub="modest")
    assert nonces.chat(HOLDER.headers(modest, nonce=nonce)).status_code == 200


def test_without_the_key_of_nonces_no_proof_is_taken(nonces: Caller) -> None:
    dpop = {"public_origins": [PUBLIC_ORIGIN], "nonce": "required", "nonce_key": {"env": "ABSENT_NONCE_KEY"}}
    settings = document(dpop=dpop, issuers=[issuer_entry(USER)], keys=[KEY_ENTRY], tokens=MINT.section())
    assert nonces.gateway.reload(settings) is Reload.APPLIED
    refused = nonces.chat(HOLDER.headers(dpop_token()))
    assert_refused(refused, 503, "possession_unavailable")
    assert nonces.record(refused)["claimgate.note"] == "there is no key that makes nonces"


def test_a_nonce_outlives_a_reload(nonces: Caller) -> None:
    def reload(leeway: str) -> None:
        dpop = {"public_origins": [PUBLIC_ORIGIN], "nonce": "required", "max_age": "10m", "leeway": leeway}
        settings = document(dpop=dpop, issuers=[issuer_entry(USER)], keys=[KEY_ENTRY], tokens=MINT.section())
        assert nonces.gateway.reload(settings) is Reload.APPLIED

    token = dpop_token(sub="reloaded")
    reload("2s")
    refused = nonces.chat(HOLDER.headers(token))
    reload("4s")
    answer = nonces.chat(HOLDER.headers(token, nonce=refused.headers["dpop-nonce"]))
    assert answer.status_code == 200, answer.text
