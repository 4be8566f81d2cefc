"""JWTs in a real Envoy: every algorithm, the table of attacks, and what the claims become."""

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from harness.caller import Caller, assert_refused, calling
from harness.gateway import AUDIENCE, ISSUER, Signer, base64url, document, issuer_entry, rule
from harness.simulator import Simulator

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
STRICT, MAPPED, ERRING, PARTNER, MIXED, TYPED, CONSTANT = (
    f"https://{name}.test/" for name in ("strict", "mapped", "erring", "partner", "mixed", "typed", "constant")
)
LEEWAY = 30
# Issuers as providers are: by a claim in the place of `aud`, for many tenants, for workloads, with a set without `kid`.
POOL, CLIENT, BROWSER = "https://pool.test/eu_1", "https://api.clients.test/client_1", "https://clerk.test"
TENANTS = ("0a1b2c3d-0000-4000-8000-00000000000a", "0a1b2c3d-0000-4000-8000-00000000000b")
TEMPLATE, DOMAIN = "https://login.tenants.test/{tenantid}/v2.0", "spiffe://example.test"
UNNAMED = "https://unnamed.test"


def issuer_of(algorithm: str) -> str:
    return f"https://{algorithm.lower()}.test/"


@pytest.fixture(scope="module")
def signers() -> dict[str, Signer]:
    """One signer per algorithm, and what other issuers sign with."""
    own = {algorithm: Signer(algorithm, f"kid-{algorithm}") for algorithm in ALGORITHMS}
    # The partner's key has the same `kid` as ours, as many issuers' keys have.
    own["partner"] = Signer("ES256", own["ES256"].kid)
    own["partner-only"] = Signer("ES256", "partner-only")
    own["stranger"] = Signer("ES256", own["ES256"].kid)
    return own


def bundle(jwt: Signer, certificates: Signer) -> dict[str, Any]:
    """What a SPIFFE server publishes: keys for JWT-SVIDs, and such as sign certificates."""
    keys = [{**certificates.jwk(), "use": "x509-svid"}, {**jwt.jwk(), "use": "jwt-svid"}]
    keys = [{name: value for name, value in key.items() if name != "alg"} for key in keys]
    del keys[0]["kid"]
    return {"spiffe_sequence": 1, "spiffe_refresh_hint": 300, "keys": keys}


def unnamed(*signers: Signer) -> dict[str, Any]:
    """A key set without ids."""
    return {"keys": [{name: value for name, value in signer.jwk().items() if name != "kid"} for signer in signers]}


MAPPING = {
    "subject": "claims.email",
    "tenant": "claims.org.id",
    "scopes": "claims.permissions",
    "client": "'app:' + claims.app",
    "project": "claims.projects[0]",
    "service_account": "has(claims.robot) ? claims.robot : null",
    "roles": "claims.realm.roles",
}


@pytest.fixture(scope="module")
def caller(
    simulator: Simulator, signers: dict[str, Signer], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Caller]:
    usual = signers["ES256"]
    strict = {"max_lifetime": "10m", "required_claims": ["client_id", "jti"], "leeway": "1s"}
    mixed = {"algorithms": ["RS256", "ES256"]}
    issuers = [
        issuer_entry(usual),
        *(issuer_entry(signers[name], issuer=issuer_of(name)) for name in ALGORITHMS),
        issuer_entry(usual, issuer=STRICT, **strict),
        issuer_entry(usual, issuer=MAPPED, principal=MAPPING),
        issuer_entry(usual, issuer=ERRING, principal={"tenant": "claims.org.id"}),
        issuer_entry(usual, issuer=CONSTANT, principal={"tenant": "'everybody'", "project": "claims.project"}),
        issuer_entry(signers["partner"], signers["partner-only"], issuer=PARTNER, audiences=[AUDIENCE, "other"]),
        issuer_entry(signers["RS256"], usual, issuer=MIXED, **mixed),
        issuer_entry(usual, issuer=TYPED, types=["application/at+jwt"]),
        issuer_entry(usual, issuer=POOL, audience_claim="client_id", claim_values={"token_use": ["access"]}),
        issuer_entry(usual, issuer=CLIENT, audiences=[CLIENT], audience_claim="iss"),
        issuer_entry(usual, issuer=BROWSER, audiences=["https://app.test"], audience_claim="azp"),
        issuer_entry(usual, issuer=TEMPLATE, tenants=list(TENANTS), principal={"tenant": "claims.tid"}),
        issuer_entry(usual, issuer=DOMAIN, jwks={"inline": bundle(usual, signers["ES384"])}, algorithms=["ES256"]),
        issuer_entry(usual, issuer=UNNAMED, jwks={"inline": unnamed(signers["partner"], usual)}),
    ]
    # What a principal has and the record does not show is asked for by headers.
    policies = [
        rule("everybody", "true"),
        rule("scopes", LISTED.format(what="scopes"), when="'x-scopes' in request.headers"),
        rule("roles", LISTED.format(what="roles"), when="'x-roles' in request.headers"),
    ]
    configuration = document(issuers=issuers, policies=policies)
    with calling(configuration, simulator, tmp_path_factory.mktemp("tokens"), concurrency=1) as running:
        yield running


LISTED = (
    "request.headers['x-{what}-size'] == string(size(principal.{what}))"
    " && principal.{what}.all(item, request.headers['x-{what}'].contains('<' + item + '>'))"
)


def listed(what: str, items: list[str]) -> dict[str, str]:
    """Headers that demand exactly these scopes or roles."""
    return {f"x-{what}": "".join(f"<{item}>" for item in items), f"x-{what}-size": str(len(items))}


def send(caller: Caller, token: str, headers: dict[str, str] | None = None) -> Any:
    return caller.chat({"authorization": f"Bearer {caller.secret(token)}", **(headers or {})})


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_each_algorithm_is_accepted_and_its_signature_checked(
    caller: Caller, signers: dict[str, Signer], algorithm: str
) -> None:
    signer = signers[algorithm]
    token = signer.token(iss=issuer_of(algorithm))
    answer = send(caller, token)
    assert answer.status_code == 200, answer.text
    record = caller.record(answer)
    assert record["claimgate.principal.issuer"] == issuer_of(algorithm)
    head, claims, signature = token.split(".")
    raw = bytearray(base64.urlsafe_b64decode(signature + "=="))
    other = signer.token(iss=issuer_of(algorithm), sub="somebody-else").split(".")
    zero = base64url(bytes(len(raw)))
    raw[len(raw) // 2] ^= 1
    for note, forged in [
        ("one bit of the signature", f"{head}.{claims}.{base64url(bytes(raw))}"),
        ("the signature of other claims", f"{head}.{claims}.{other[2]}"),
        ("other claims", f"{head}.{other[1]}.{signature}"),
        ("a signature of zeros", f"{head}.{claims}.{zero}"),
        ("a signature of another length", f"{head}.{claims}.{base64url(bytes(raw[:-1]))}"),
    ]:
        assert_refused(send(caller, forged), 401, "token_signature_invalid", f"{algorithm}: {note}")


def test_an_ecdsa_signature_in_der_is_refused(caller: Caller, signers: dict[str, Signer]) -> None:
    """A JWT carries r and s as they are (RFC 7518 section 3.4); DER would be a second form of the same token."""
    signer = signers["ES256"]
    signed = signer.token().rpartition(".")[0]
    der = signer.private.sign(signed.encode(), ec.ECDSA(hashes.SHA256()))
    assert_refused(send(caller, f"{signed}.{base64url(der)}"), 401, "token_signature_invalid")


@pytest.mark.alone
def test_rsa_and_ecdsa_signatures_are_verified_by_envoy(caller: Caller, signers: dict[str, Signer]) -> None:
    """In wasm an RS256 signature costs what a PS256 one does; by Envoy's `verify_signature` it costs a small part."""

    def cost(algorithm: str) -> float:
        tokens = [signers[algorithm].token(iss=issuer_of(algorithm), jti=str(n)) for n in range(300)]
        before = caller.gateway.envoy.cpu_seconds()
        for token in tokens:
            # Refused once the token is proven, so that little else is measured.
            answer = caller.send("GET", "/openai/nowhere", {"authorization": f"Bearer {caller.secret(token)}"})
            assert answer.headers["x-claimgate-reason"] == "operation_unknown"
        return caller.gateway.envoy.cpu_seconds() - before

    in_wasm = cost("PS256")
    for algorithm in ("RS256", "RS384", "RS512", "ES256"):
        assert cost(algorithm) < in_wasm / 2, algorithm


def hs256(secret: bytes, header: dict[str, Any], claims: dict[str, Any]) -> str:
    signed = f"{base64url(json.dumps(header).encode())}.{base64url(json.dumps(claims).encode())}"
    return f"{signed}.{base64url(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


def valid_claims(**changes: Any) -> dict[str, Any]:
    now = int(time.time())
    return {"iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "iat": now, "exp": now + 300, **changes}


def written(signer: Signer, text: str, head: str = "") -> str:
    """A signed token with claims as they are written here; `NOW` and `SOON` stand for times."""
    now = int(time.time())
    text = text.replace("NOW", str(now)).replace("SOON", str(now + 300))
    head = head or json.dumps({"alg": signer.algorithm, "kid": signer.kid, "typ": "JWT"})
    return signer.compact(head.encode(), text.encode())


WHOLE = f'"iss":"{ISSUER}","aud":"{AUDIENCE}","sub":"user-1"'


@pytest.mark.parametrize("alg", ["none", "None", "NONE", "nOnE", "", "HS256", "HS512", "RS1", "ES256K"])
def test_algorithms_that_no_issuer_may_use_are_refused(
    caller: Caller, signers: dict[str, Signer], alg: str
) -> None:
    signer = signers["ES256"]
    signed = signer.token({"alg": alg})
    assert_refused(send(caller, signed), 401, "token_algorithm_not_allowed", "with a good signature")
    unsigned = signed.rpartition(".")[0]
    for signature in ("", "AA"):
        assert_refused(send(caller, f"{unsigned}.{signature}"), 401, "token_algorithm_not_allowed", signature)


def test_a_public_key_is_no_hmac_secret(caller: Caller, signers: dict[str, Signer]) -> None:
    signer = signers["RS256"]
    public = signer.private.public_key()
    secrets = [public.public_bytes(form, PublicFormat.SubjectPublicKeyInfo) for form in (Encoding.PEM, Encoding.DER)]
    secrets += [public.public_bytes(Encoding.PEM, PublicFormat.PKCS1), json.dumps(signer.jwk()).encode()]
    secrets += [signer.jwk()["n"].encode(), b""]
    for secret in secrets:
        header = {"alg": "HS256", "kid": signer.kid, "typ": "JWT"}
        token = hs256(secret, header, valid_claims(iss=issuer_of("RS256")))
        assert_refused(send(caller, token), 401, "token_algorithm_not_allowed")
        # The same with a header that lies about its algorithm.
        token = hs256(secret, {**header, "alg": "RS256"}, valid_claims(iss=issuer_of("RS256")))
        assert_refused(send(caller, token), 401, "token_signature_invalid")


def test_an_issuers_algorithms_are_pinned(caller: Caller, signers: dict[str, Signer]) -> None:
    for note, signer, issuer in [
        ("RS256 where ES256 is pinned", "RS256", ISSUER),
        ("ES256 where RS256 is pinned", "ES256", issuer_of("RS256")),
        ("PS256 where RS256 is pinned", "PS256", issuer_of("RS256")),
        ("RS512 where RS256 is pinned", "RS512", issuer_of("RS256")),
        ("ES384 where ES256 is pinned", "ES384", ISSUER),
    ]:
        assert_refused(send(caller, signers[signer].token(iss=issuer)), 401, "token_algorithm_not_allowed", note)
    # Both algorithms are accepted, but this `kid` is that of the other's key.
    for algorithm, other in [("RS256", "ES256"), ("ES256", "RS256")]:
        token = signers[algorithm].token({"kid": signers[other].kid}, iss=MIXED)
        error = assert_refused(send(caller, token), 401, "token_algorithm_not_allowed")
        assert "is for another algorithm" in error["message"]
    for algorithm in ("RS256", "ES256"):
        for kid in (signers[algorithm].kid, None):
            assert send(caller, signers[algorithm].token({"kid": kid}, iss=MIXED)).status_code == 200


def test_the_key_is_the_issuers(caller: Caller, signers: dict[str, Signer]) -> None:
    assert send(caller, signers["partner"].token(iss=PARTNER)).status_code == 200
    # Each of the two keys is tried.
    assert send(caller, signers["partner"].token({"kid": None}, iss=PARTNER)).status_code == 200
    for note, token, reason in [
        ("another issuer's key with the same kid", signers["partner"].token(), "token_signature_invalid"),
        ("our key for the partner", signers["ES256"].token(iss=PARTNER), "token_signature_invalid"),
        ("a stranger's key with our kid", signers["stranger"].token(), "token_signature_invalid"),
        ("another issuer's key with its own kid", signers["partner-only"].token(), "token_key_unknown"),
        ("a kid nobody has", signers["ES256"].token({"kid": "../../dev/null"}), "token_key_unknown"),
        ("an empty kid", signers["ES256"].token({"kid": ""}), "token_key_unknown"),
        ("a kid in other case", signers["ES256"].token({"kid": "KID-es256"}), "token_key_unknown"),
        ("no kid, and neither key's", signers["stranger"].token({"kid": None}, iss=PARTNER), "token_signature_invalid"),
        ("no kid, a stranger's key", signers["stranger"].token({"kid": None}), "token_signature_invalid"),
        ("an unknown issuer", signers["ES256"].token(iss="https://evil.test/"), "token_issuer_unknown"),
        ("an issuer without its slash", signers["ES256"].token(iss=ISSUER[:-1]), "token_issuer_unknown"),
        ("an issuer in other case", signers["ES256"].token(iss=ISSUER.upper()), "token_issuer_unknown"),
        ("no issuer", signers["ES256"].token(iss=None), "token_claim_missing"),
        ("a list of issuers", signers["ES256"].token(iss=[ISSUER]), "token_claim_invalid"),
    ]:
        assert_refused(send(caller, token), 401, reason, note)
    assert send(caller, signers["ES256"].token({"kid": None})).status_code == 200


@pytest.mark.parametrize(
    "parameter",
    [
        {"crit": ["exp"]},
        {"crit": []},
        {"crit": ["b64"], "b64": False},
        {"b64": True},
        {"jwk": "own"},
        {"jku": "https://evil.test/jwks.json"},
        {"x5u": "https://evil.test/chain.pem"},
        {"x5c": ["MIIB"]},
    ],
)
def test_header_parameters_that_choose_the_key_are_refused(
    caller: Caller, signers: dict[str, Signer], parameter: dict[str, Any]
) -> None:
    stranger = signers["stranger"]
    parameter = {"jwk": stranger.jwk()} if "jwk" in parameter else parameter
    for signer in (stranger, signers["ES256"]):
        assert_refused(send(caller, signer.token(parameter)), 401, "token_header_not_allowed")


@pytest.mark.parametrize("typ", ["JOSE", "id+jwt", "logout+jwt", "dpop+jwt", "secevent+jwt", "", "jwt;x"])
def test_tokens_of_another_type_are_refused(caller: Caller, signers: dict[str, Signer], typ: str) -> None:
    assert_refused(send(caller, signers["ES256"].token({"typ": typ})), 401, "token_type_not_allowed")


def test_types_are_compared_as_media_types(caller: Caller, signers: dict[str, Signer]) -> None:
    signer = signers["ES256"]
    for typ in ("JWT", "jwt", "at+jwt", "AT+JWT", "application/at+jwt", None):
        assert send(caller, signer.token({"typ": typ})).status_code == 200, typ
    for typ, accepted in [("at+jwt", True), ("application/AT+jwt", True), ("JWT", False), (None, False)]:
        answer = send(caller, signer.token({"typ": typ}, iss=TYPED))
        if accepted:
            assert answer.status_code == 200, typ
        else:
            assert_refused(answer, 401, "token_type_not_allowed", str(typ))


TIMES = [
    ("no exp", {"exp": None}, "token_claim_missing"),
    ("expired within the leeway", {"exp": 10 - LEEWAY}, None),
    ("expired beyond the leeway", {"exp": -LEEWAY - 1}, "token_expired"),
    ("expired long ago", {"exp": -86_400}, "token_expired"),
    ("exp is 0", {"exp": "=0"}, "token_expired"),
    ("exp as a text", {"exp": '="2999"'}, "token_claim_invalid"),
    ("exp negative", {"exp": "=-1"}, "token_claim_invalid"),
    ("exp in milliseconds", {"exp": "=4102444800000"}, "token_claim_invalid"),
    ("exp beyond a double", {"exp": "=1e308"}, "token_claim_invalid"),
    ("exp as a list", {"exp": "=[4102444800]"}, "token_claim_invalid"),
    ("exp as true", {"exp": "=true"}, "token_claim_invalid"),
    ("exp null", {"exp": "=null"}, "token_claim_invalid"),
    ("exp with a fraction", {"exp": "=4102444800.5"}, None),
    ("iat soon, within the leeway", {"iat": LEEWAY - 10}, None),
    ("iat in the future", {"iat": LEEWAY + 10}, "token_not_yet_valid"),
    ("iat as a text", {"iat": '="now"'}, "token_claim_invalid"),
    ("no iat", {"iat": None}, None),
    ("nbf past", {"nbf": -10}, None),
    ("nbf soon, within the leeway", {"nbf": LEEWAY - 10}, None),
    ("nbf in the future", {"nbf": LEEWAY + 10}, "token_not_yet_valid"),
    ("nbf as an object", {"nbf": "={}"}, "token_claim_invalid"),
]


@pytest.mark.parametrize("note, changes, reason", TIMES, ids=[note for note, *_ in TIMES])
def test_times(
    caller: Caller, signers: dict[str, Signer], note: str, changes: dict[str, Any], reason: str | None
) -> None:
    """Numbers are seconds from now; a text after `=` is written as it is."""
    now = int(time.time())
    times = {"iat": str(now), "exp": str(now + 300)}
    for name, value in changes.items():
        times[name] = value[1:] if isinstance(value, str) else str(now + value) if value is not None else ""
    pairs = "".join(f',"{name}":{value}' for name, value in times.items() if value)
    answer = send(caller, written(signers["ES256"], f"{{{WHOLE}{pairs}}}"))
    if reason is None:
        assert answer.status_code == 200, f"{note}: {answer.text}"
    else:
        assert_refused(answer, 401, reason, note)


def test_lifetime_and_required_claims(caller: Caller, signers: dict[str, Signer]) -> None:
    now = int(time.time())
    whole = {"iss": STRICT, "client_id": "app", "jti": "t-1", "iat": now, "exp": now + 600}
    for note, changes, reason in [
        ("exactly the longest lifetime", {}, None),
        ("a second more", {"exp": now + 601}, "token_lifetime_exceeded"),
        ("no iat to tell it by", {"iat": None}, "token_claim_missing"),
        ("a required claim missing", {"client_id": None}, "token_claim_missing"),
        ("jti missing", {"jti": None}, "token_claim_missing"),
        ("jti not a text", {"jti": 7}, "token_claim_invalid"),
        ("sub missing", {"sub": None}, "token_claim_missing"),
        ("sub empty", {"sub": ""}, "token_claim_invalid"),
        ("sub a number", {"sub": 42}, "token_claim_invalid"),
        ("expired, with little leeway", {"iat": now - 10, "exp": now - 2}, "token_expired"),
    ]:
        answer = send(caller, signers["ES256"].token(**{**whole, **changes}))
        if reason is None:
            assert answer.status_code == 200, answer.text
            assert caller.record(answer)["claimgate.credential.id"] == "t-1"
        else:
            error = assert_refused(answer, 401, reason, note)
            named = next(iter(changes))
            assert reason != "token_claim_missing" or f"`{named}`" in error["message"], note


def test_audiences(caller: Caller, signers: dict[str, Signer]) -> None:
    for note, audience, reason in [
        ("a text", AUDIENCE, None),
        ("a list with ours", ["https://elsewhere.test/", AUDIENCE], None),
        ("another text", "https://elsewhere.test/", "token_audience_mismatch"),
        ("a list without ours", ["a", "b"], "token_audience_mismatch"),
        ("an empty list", [], "token_audience_mismatch"),
        ("an empty text", "", "token_audience_mismatch"),
        ("ours within a longer text", f"{AUDIENCE} other", "token_audience_mismatch"),
        ("in other case", AUDIENCE.upper(), "token_audience_mismatch"),
        ("none", None, "token_claim_missing"),
        ("a list with a number beside ours", [AUDIENCE, 1], "token_claim_invalid"),
        ("an object with ours", {AUDIENCE: True}, "token_claim_invalid"),
        ("another issuer's second audience", "other", "token_audience_mismatch"),
    ]:
        answer = send(caller, signers["ES256"].token(aud=audience))
        if reason is None:
            assert answer.status_code == 200, f"{note}: {answer.text}"
        else:
            assert_refused(answer, 401, reason, note)
    assert send(caller, signers["partner"].token(iss=PARTNER, aud="other")).status_code == 200


def test_claims_and_headers_that_can_be_read_twice_are_refused(caller: Caller, signers: dict[str, Signer]) -> None:
    signer = signers["ES256"]
    head = f'"alg":"ES256","kid":"{signer.kid}","typ":"JWT"'
    whole = f'{WHOLE},"iat":NOW,"exp":SOON'
    for note, header, claims in [
        ("exp twice", "", f'{{{whole},"exp":4102444800}}'),
        ("exp twice, the good one last", "", f'{{{WHOLE},"exp":0,"iat":NOW,"exp":SOON}}'),
        ("sub twice", "", f'{{{whole},"sub":"admin"}}'),
        ("sub twice, once escaped", "", f'{{{whole},"s\\u0075b":"admin"}}'),
        ("a claim twice, deeper", "", f'{{{whole},"org":{{"id":"a","id":"b"}}}}'),
        ("iss twice", "", f'{{{whole},"iss":"{PARTNER}"}}'),
        ("alg twice", f'{{{head},"alg":"none"}}', f"{{{whole}}}"),
        ("kid twice", f'{{{head},"kid":"k2"}}', f"{{{whole}}}"),
        ("claims that are a list", "", f"[{{{whole}}}]"),
        ("claims that are two objects", "", f"{{{whole}}}{{}}"),
        ("claims that are no JSON", "", f"{{{whole},}}"),
        ("claims with a comment", "", f"{{{whole}/**/}}"),
        ("claims with NaN", "", f'{{{whole},"n":NaN}}'),
        ("claims in UTF-16", "", "\x00{\x00}"),
        ("claims nested beyond reading", "", f'{{{whole},"deep":{"[" * 500}{"]" * 500}}}'),
        ("a header without alg", f'{{"kid":"{signer.kid}"}}', f"{{{whole}}}"),
        ("alg that is no text", f'{{"alg":["ES256"],"kid":"{signer.kid}"}}', f"{{{whole}}}"),
        ("kid that is no text", '{"alg":"ES256","kid":1}', f"{{{whole}}}"),
    ]:
        assert_refused(send(caller, written(signer, claims, header)), 401, "token_malformed", note)
    assert send(caller, written(signer, f"{{{whole}}}", f"{{{head}}}")).status_code == 200
    # Equal names in different objects are two things.
    twice = f'{{{whole},"a":{{"id":"x"}},"b":{{"id":"y"}}}}'
    assert send(caller, written(signer, twice)).status_code == 200


def test_tokens_in_another_form_are_refused(caller: Caller, signers: dict[str, Signer]) -> None:
    token = signers["ES256"].token()
    head, claims, signature = token.split(".")
    # 64 bytes leave four unused bits in the last digit.
    stray = signature[:-1] + chr(ord(signature[-1]) + 1)
    padded = base64.urlsafe_b64encode(base64.urlsafe_b64decode(signature + "==")).decode()
    for note, form in [
        ("without a signature", f"{head}.{claims}"),
        ("with an empty signature", f"{head}.{claims}."),
        ("a header alone", head),
        ("a header and dots", f"{head}.."),
        ("empty claims", f"{head}..{signature}"),
        ("four segments", f"{token}.{signature}"),
        ("five segments, as an encrypted token", f"{head}.{head}.{claims}.{claims}.{signature}"),
        ("a dot at the end", f"{token}."),
        ("padding", f"{head}.{claims}.{padded}"),
        ("stray bits in the signature", f"{head}.{claims}.{stray}"),
        ("the other alphabet", f"{head}.{claims}.{'+/' + signature[2:]}"),
        ("padding in the claims", f"{head}.{claims}=.{signature}"),
        ("a percent sign", f"{head}.{claims}.%41{signature[3:]}"),
        ("cut off by one digit", token[:-1]),
        ("cut off in the claims", token[: len(head) + 20]),
    ]:
        assert_refused(send(caller, form), 401, "token_malformed", note)


def test_tokens_beyond_the_bound_are_refused_unread(caller: Caller, signers: dict[str, Signer]) -> None:
    signer = signers["ES256"]
    for note, size, reason in [("large", 11_000, None), ("too large", 13_000, "token_too_large")]:
        token = signer.token(padding="p" * size)
        answer = send(caller, token)
        if reason is None:
            assert len(token) <= 16 * 1024 and answer.status_code == 200, note
        else:
            assert len(token) > 16 * 1024
            assert_refused(answer, 401, reason, note)
    assert_refused(send(caller, "eyJ" + "h" * 20_000), 401, "token_too_large", "no token at all")


def test_what_only_looks_like_a_token_is_refused(caller: Caller) -> None:
    for text in ("eyJ", "eyJhbGciOiJFUzI1NiJ9", "eyJ.eyJ.eyJ", "eyJh..", "eyJ!!!.eyJ.AA", "ew.ew.ew"):
        assert_refused(caller.chat({"authorization": f"Bearer {text}"}), 401, "token_malformed", text)


def test_the_default_mapping(caller: Caller, signers: dict[str, Signer]) -> None:
    signer = signers["ES256"]
    claims = {"tenant": "acme", "client_id": "app-1", "azp": "app-2", "jti": "t-7", "roles": ["reader", "writer"]}
    token = signer.token(**claims, scope="chat embeddings files.read")
    demanded = {**listed("scopes", ["chat", "embeddings", "files.read"]), **listed("roles", ["reader", "writer"])}
    answer = send(caller, token, demanded)
    assert answer.status_code == 200, answer.text
    wanted = {
        "claimgate.principal.kind": "jwt",
        "claimgate.principal.subject": "user-1",
        "claimgate.principal.issuer": ISSUER,
        "claimgate.principal.tenant": "acme",
        "claimgate.principal.client": "app-1",
        "claimgate.credential.id": "t-7",
    }
    record = caller.record(answer)
    assert {name: record.get(name) for name in wanted} == wanted
    assert not {"claimgate.principal.project", "claimgate.principal.service_account"} & set(record)
    by_azp = caller.record(send(caller, signer.token(azp="app-2")))
    assert by_azp["claimgate.principal.client"] == "app-2"
    assert "claimgate.principal.tenant" not in by_azp


SCOPES = [
    ("scope as a text", {"scope": "a b"}, ["a", "b"]),
    ("scp as a text", {"scp": "a b"}, ["a", "b"]),
    ("scp as a list", {"scp": ["a", "b"]}, ["a", "b"]),
    ("scope before scp", {"scope": "a", "scp": ["b", "c"]}, ["a"]),
    ("an empty scope", {"scope": ""}, []),
    ("no scope at all", {}, []),
    ("scope as a list", {"scope": ["a", "b"]}, ["a", "b"]),
    ("many spaces", {"scope": "  a   b "}, ["a", "b"]),
]


@pytest.mark.parametrize("note, claims, scopes", SCOPES, ids=[note for note, *_ in SCOPES])
def test_scopes(
    caller: Caller, signers: dict[str, Signer], note: str, claims: dict[str, Any], scopes: list[str]
) -> None:
    token = signers["ES256"].token(**claims)
    assert send(caller, token, listed("scopes", scopes)).status_code == 200, note
    # The demand itself is sharp.
    assert_refused(send(caller, token, listed("scopes", [*scopes, "more"])), 403, "policy_denied", note)


@pytest.mark.parametrize(
    "claims",
    [
        {"scope": 7},
        {"scope": ["a", 7]},
        {"scp": {"a": True}},
        {"roles": ["a", 7]},
        {"client_id": 7},
        {"azp": ["app"]},
        {"act": "agent"},
        {"act": {"client_id": "agent"}},
        {"act": {"sub": ""}},
        {"act": {"sub": "agent", "act": {}}},
    ],
    ids=str,
)
def test_claims_of_an_unknown_shape_are_refused(
    caller: Caller, signers: dict[str, Signer], claims: dict[str, Any]
) -> None:
    error = assert_refused(send(caller, signers["ES256"].token(**claims)), 401, "token_claim_invalid")
    assert f"`{next(iter(claims))}`" in error["message"]


def test_an_issuers_own_mapping(caller: Caller, signers: dict[str, Signer]) -> None:
    claims = {
        "iss": MAPPED,
        "email": "ada@acme.test",
        "org": {"id": "acme"},
        "permissions": ["chat", "files"],
        "app": "portal",
        "projects": ["search", "mail"],
        "realm": {"roles": ["admin"]},
        # What the defaults would have read.
        "scope": "everything",
        "client_id": "other",
        "roles": ["other"],
    }
    signer = signers["ES256"]
    answer = send(caller, signer.token(**claims), {**listed("scopes", ["chat", "files"]), **listed("roles", ["admin"])})
    assert answer.status_code == 200, answer.text
    record = caller.record(answer)
    principal = {name.rpartition(".")[2]: value for name, value in record.items() if ".principal." in name}
    assert principal == {
        "kind": "jwt",
        "issuer": MAPPED,
        "subject": "ada@acme.test",
        "tenant": "acme",
        "client": "app:portal",
        "project": "search",
    }
    robot = caller.record(send(caller, signer.token(**claims, robot="crawler")))
    assert robot["claimgate.principal.service_account"] == "crawler"
    for note, changes in [
        ("a claim missing", {"org": None}),
        ("a claim without the field", {"org": {}}),
        ("a number for a text", {"org": {"id": 7}}),
        ("a list for a text", {"email": ["ada@acme.test"]}),
        ("an empty list", {"projects": []}),
        ("a list of numbers for scopes", {"permissions": [1]}),
        ("an object for scopes", {"permissions": {"chat": True}}),
        ("an empty subject", {"email": ""}),
        ("an empty tenant, which all without one would share", {"org": {"id": ""}}),
    ]:
        assert_refused(send(caller, signer.token(**{**claims, **changes})), 401, "token_claim_invalid", note)


def test_a_mapping_that_errs_tells_the_operator_and_not_the_caller(
    caller: Caller, signers: dict[str, Signer]
) -> None:
    answer = send(caller, signers["ES256"].token(iss=ERRING))
    error = assert_refused(answer, 401, "token_claim_invalid")
    assert "`tenant`" in error["message"] and "claims." not in error["message"] and "org" not in error["message"]
    assert "principal.tenant" in caller.record(answer)["claimgate.note"]


def test_a_mapping_may_be_constant(caller: Caller, signers: dict[str, Signer]) -> None:
    answer = send(caller, signers["ES256"].token(iss=CONSTANT, project="search"))
    assert answer.status_code == 200, answer.text
    record = caller.record(answer)
    assert (record["claimgate.principal.tenant"], record["claimgate.principal.project"]) == ("everybody", "search")


def test_the_actor_is_in_the_record(caller: Caller, signers: dict[str, Signer]) -> None:
    chain = {"sub": "agent-2", "act": {"sub": "agent-1"}}
    record = caller.record(send(caller, signers["ES256"].token(act=chain)))
    assert (record["claimgate.principal.subject"], record["claimgate.principal.actor"]) == ("user-1", "agent-2")
    for depth in range(3, 9):
        chain = {"sub": f"agent-{depth}", "act": chain}
    assert send(caller, signers["ES256"].token(act=chain)).status_code == 200
    longer = {"sub": "agent-9", "act": chain}
    assert_refused(send(caller, signers["ES256"].token(act=longer)), 401, "token_claim_invalid")


def test_a_token_is_accepted_where_each_sdk_puts_it(caller: Caller, signers: dict[str, Signer]) -> None:
    token = caller.secret(signers["ES256"].token())
    for name in ("x-api-key", "api-key", "x-goog-api-key"):
        assert caller.chat({name: token}).status_code == 200, name
    protocols = f"realtime, openai-insecure-api-key.{token}"
    assert caller.upgrade("/openai/v1/realtime?model=x", {"sec-websocket-protocol": protocols}).status == 101
    assert_refused(caller.chat({"x-api-key": token, "api-key": "other-key"}), 400, "ambiguous_credential")


def of_tenant(tenant: str) -> str:
    return TEMPLATE.replace("{tenantid}", tenant)


@pytest.mark.parametrize(
    ("note", "claims", "reason"),
    [
        ("an access token without `aud`", {"iss": POOL, "client_id": AUDIENCE, "token_use": "access"}, None),
        ("one of another client", {"iss": POOL, "client_id": "x", "token_use": "access"}, "token_audience_mismatch"),
        ("an id token", {"iss": POOL, "aud": AUDIENCE, "token_use": "id"}, "token_claim_mismatch"),
        ("one without either", {"iss": POOL, "token_use": "access"}, "token_claim_missing"),
        ("one for another audience", {"iss": POOL, "aud": "x", "client_id": AUDIENCE}, "token_audience_mismatch"),
        ("an issuer that names its client in `iss` alone", {"iss": CLIENT}, None),
        ("a session of a browser's", {"iss": BROWSER, "azp": "https://app.test"}, None),
        ("one of another page", {"iss": BROWSER, "azp": "https://evil.test"}, "token_audience_mismatch"),
    ],
)
def test_a_token_without_aud_is_held_to_another_claim(
    caller: Caller, signers: dict[str, Signer], note: str, claims: dict[str, Any], reason: str | None
) -> None:
    answer = send(caller, signers["ES256"].token(**{"aud": None, **claims}))
    if reason is None:
        assert answer.status_code == 200, f"{note}: {answer.text}"
    else:
        assert_refused(answer, 401, reason, note)


def test_tenants_share_an_issuer_and_none_speaks_for_another(caller: Caller, signers: dict[str, Signer]) -> None:
    first, second = TENANTS
    signer = signers["ES256"]
    for tenant in TENANTS:
        answer = send(caller, signer.token(iss=of_tenant(tenant), tid=tenant))
        assert answer.status_code == 200, answer.text
        record = caller.record(answer)
        told = (record["claimgate.principal.issuer"], record["claimgate.principal.tenant"])
        assert told == (of_tenant(tenant), tenant)
    stranger = first.replace("a", "c")
    for note, claims, reason in [
        ("in the name of another", {"iss": of_tenant(first), "tid": second}, "token_claim_mismatch"),
        ("without `tid`", {"iss": of_tenant(first)}, "token_claim_missing"),
        ("of no listed tenant", {"iss": of_tenant(stranger), "tid": stranger}, "token_issuer_unknown"),
        ("of the template itself", {"iss": TEMPLATE, "tid": "{tenantid}"}, "token_issuer_unknown"),
    ]:
        assert_refused(send(caller, signer.token(**claims)), 401, reason, note)


def test_a_workload_is_proven_by_its_trust_domain(caller: Caller, signers: dict[str, Signer]) -> None:
    signer, workload = signers["ES256"], f"{DOMAIN}/ns/agents/sa/planner"
    for note, header, claims, reason in [
        ("without `iss`", {}, {}, None),
        ("of the type that SPIFFE also allows", {"typ": "JOSE"}, {}, None),
        ("without a type", {"typ": None}, {}, None),
        ("with the trust domain as `iss`", {}, {"iss": DOMAIN}, None),
        ("without `aud`", {}, {"aud": None}, "token_claim_missing"),
        ("without `exp`", {}, {"exp": None}, "token_claim_missing"),
        ("of another trust domain", {}, {"sub": "spiffe://elsewhere.test/a"}, "token_issuer_unknown"),
        ("in the name of the domain", {}, {"iss": DOMAIN, "sub": "spiffe://elsewhere.test/a"}, "token_claim_mismatch"),
        ("of no workload", {}, {"sub": DOMAIN}, "token_claim_mismatch"),
    ]:
        answer = send(caller, signer.token(header, **{"iss": None, "sub": workload, **claims}))
        if reason is None:
            assert answer.status_code == 200, f"{note}: {answer.text}"
            assert caller.record(answer)["claimgate.principal.issuer"] == DOMAIN
        else:
            assert_refused(answer, 401, reason, note)
    forged = signers["stranger"].token(iss=None, sub=workload)
    assert_refused(send(caller, forged), 401, "token_signature_invalid")


def test_a_set_without_key_ids_is_tried(caller: Caller, signers: dict[str, Signer]) -> None:
    for note, signer, header in [
        ("the second key, and a token without an id", signers["ES256"], {"kid": None}),
        ("the first key, and a token with one", signers["partner"], {"kid": "whatever"}),
    ]:
        answer = send(caller, signer.token(header, iss=UNNAMED))
        assert answer.status_code == 200, f"{note}: {answer.text}"
    forged = signers["stranger"].token({"kid": None}, iss=UNNAMED)
    assert_refused(send(caller, forged), 401, "token_signature_invalid")
