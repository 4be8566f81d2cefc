"""API keys in a real Envoy: where they are accepted, why they are refused, and what the record says of them."""

import os
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from harness.caller import CHAT_PATH, Caller, assert_challenge, assert_refused, calling
from harness.gateway import document, hash_of, key_entry
from harness.raw import RawResponse
from harness.raw_http1 import http1_request
from harness.simulator import Simulator

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PAST, FUTURE = "2020-01-01T00:00:00Z", "2999-01-01T00:00:00Z"


def base62(number: int, width: int) -> str:
    digits = ""
    for _ in range(width):
        number, digit = divmod(number, len(DIGITS))
        digits = DIGITS[digit] + digits
    return digits


def minted_key() -> str:
    """A key as `claimgate key new` makes it, written here a second time so that each proves the other."""
    signed = "cgk_" + base62(int.from_bytes(os.urandom(32)), 43)
    return signed + base62(zlib.crc32(signed.encode()), 6)


ENTRIES: dict[str, dict[str, Any]] = {
    "plain": {"tenant": "acme", "labels": {"plan": "gold"}},
    "successor": {"service_account": "plain-account", "tenant": "acme", "not_before": PAST, "expires_at": FUTURE},
    "expired": {"expires_at": PAST},
    "future": {"not_before": FUTURE},
    "disabled": {"disabled": True},
    "disabled-and-expired": {"disabled": True, "expires_at": PAST},
    "office": {"cidrs": ["192.0.2.0/24"]},
    "loopback": {"cidrs": ["127.0.0.0/8", "2001:db8::/32"]},
}


@pytest.fixture(scope="module")
def keys() -> dict[str, str]:
    return {"minted": minted_key()}


@pytest.fixture(scope="module")
def caller(simulator: Simulator, keys: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    entries = []
    for name, fields in ENTRIES.items():
        keys[name], entry = key_entry(name, **fields)
        entries.append(entry)
    _, minted = key_entry("minted", hash=hash_of(keys["minted"]))
    configuration = document(keys=[*entries, minted], client_address="peer")
    # As an operator might have it who trusts every proxy: then an address can come from a header.
    options = {"connection_manager": {"use_remote_address": False}}
    with calling(configuration, simulator, tmp_path_factory.mktemp("keys"), **options) as running:
        for key in keys.values():
            running.secret(key)
        yield running


@pytest.mark.parametrize(
    "name, form",
    [
        ("authorization", "Bearer {}"),
        ("authorization", "bearer {}"),
        ("authorization", "BEARER {}"),
        ("authorization", "Bearer   {}"),
        ("x-api-key", "{}"),
        ("api-key", "{}"),
        ("x-goog-api-key", "{}"),
        ("X-Api-Key", "{}"),
    ],
)
def test_a_key_is_accepted_where_each_sdk_puts_it(caller: Caller, keys: dict[str, str], name: str, form: str) -> None:
    answer = caller.chat({name: form.format(keys["plain"])})
    assert answer.status_code == 200, answer.text
    record = caller.record(answer)
    assert (record["claimgate.decision"], record["claimgate.credential.id"]) == ("allow", "plain")


def test_a_browser_sends_its_key_as_a_subprotocol(
    caller: Caller, keys: dict[str, str], simulator: Simulator
) -> None:
    simulator.clear()
    protocols = f"realtime, openai-insecure-api-key.{keys['plain']}, openai-organization.org-forged"
    opened = caller.upgrade("/openai/v1/realtime?model=gpt-realtime", {"sec-websocket-protocol": protocols})
    assert opened.status == 101 and opened.header("sec-websocket-protocol") == "realtime"
    [record] = simulator.received("openai")
    sent = [value for name, value in record["headers"] if name.lower() == "sec-websocket-protocol"]
    assert sent == ["realtime"]
    # Without an upgrade nobody reads subprotocols.
    plain = caller.chat({"sec-websocket-protocol": protocols})
    assert_refused(plain, 401, "credential_missing")


def test_the_same_key_in_two_places_is_one_credential(caller: Caller, keys: dict[str, str]) -> None:
    everywhere = {name: keys["plain"] for name in ("x-api-key", "api-key", "x-goog-api-key")}
    assert caller.chat({**everywhere, "authorization": f"Bearer {keys['plain']}"}).status_code == 200


@pytest.mark.parametrize(
    "note, headers",
    [
        ("two keys in two headers", [("authorization", "Bearer {plain}"), ("x-api-key", "{minted}")]),
        ("a known key and a foreign one", [("x-api-key", "{plain}"), ("api-key", "sk-something-else")]),
        ("two Authorization headers", [("authorization", "Bearer {plain}"), ("authorization", "Bearer {minted}")]),
        ("the same Authorization twice", [("authorization", "Bearer {plain}"), ("authorization", "Bearer {plain}")]),
        ("a comma in Authorization", [("authorization", "Bearer {plain}, Bearer {minted}")]),
        ("two schemes in Authorization", [("authorization", "Basic eDp5, Bearer {plain}")]),
        ("x-api-key twice", [("x-api-key", "{plain}"), ("x-api-key", "{minted}")]),
        ("the same x-api-key twice", [("x-api-key", "{plain}"), ("x-api-key", "{plain}")]),
        ("a comma in x-api-key", [("x-api-key", "{plain},{plain}")]),
    ],
)
def test_two_credentials_are_refused(
    caller: Caller, keys: dict[str, str], note: str, headers: list[tuple[str, str]]
) -> None:
    answer = caller.chat([(name, value.format(**keys)) for name, value in headers])
    assert_refused(answer, 400, "ambiguous_credential", note)


def test_two_keys_as_subprotocols_are_refused(caller: Caller, keys: dict[str, str]) -> None:
    for second in (keys["plain"], keys["minted"]):
        protocols = f"openai-insecure-api-key.{keys['plain']}, openai-insecure-api-key.{second}"
        refused = caller.upgrade("/openai/v1/realtime?model=x", {"sec-websocket-protocol": protocols})
        assert (refused.status, refused.header("x-claimgate-reason")) == (400, "ambiguous_credential")


@pytest.mark.parametrize("name", ["key", "api_key", "API-KEY", "access_token", "subscription-key", "%6Bey", "token"])
def test_a_key_in_the_query_is_refused_with_the_reason_why(caller: Caller, keys: dict[str, str], name: str) -> None:
    for headers in ({}, {"authorization": f"Bearer {keys['plain']}"}):
        answer = caller.chat(headers, path=f"{CHAT_PATH}?a=1&{name}={keys['plain']}")
        error = assert_refused(answer, 401, "credential_in_query")
        assert "send it in a header, and rotate it" in error["message"]
        assert caller.record(answer)["url.path"] == CHAT_PATH


def test_a_missing_credential_is_told_where_to_send_one(caller: Caller) -> None:
    for headers in ({}, {"cookie": "session=1"}, {"x-other": "1"}):
        error = assert_refused(caller.chat(headers), 401, "credential_missing")
        assert "`Authorization: Bearer`" in error["message"]


def test_keys_that_are_not_known_are_refused(caller: Caller, keys: dict[str, str]) -> None:
    known = keys["minted"]
    mistyped = known[:20] + ("a" if known[20] != "a" else "b") + known[21:]
    for note, key, reason in [
        ("another gateway's", minted_key(), "key_unknown"),
        ("a provider's", "sk-proj-0123456789abcdef", "key_unknown"),
        ("a key with its end cut off", keys["plain"][:-1], "key_unknown"),
        ("in other case", keys["plain"].upper(), "key_unknown"),
        ("mistyped", mistyped, "credential_malformed"),
        ("cut off", known[:-1], "credential_malformed"),
        ("one digit too many", known + "0", "credential_malformed"),
    ]:
        answer = caller.bearer(key)
        assert_refused(answer, 401, reason, note)
        record = caller.record(answer)
        assert (record["claimgate.decision"], record["claimgate.reason"]) == ("deny", reason)
        assert not [name for name in record if name.startswith("claimgate.principal")], note
    assert "checksum" in caller.bearer(mistyped).json()["error"]["message"]
    assert caller.bearer(known).status_code == 200


@pytest.mark.parametrize(
    "name, status, reason",
    [
        ("expired", 401, "key_expired"),
        ("future", 401, "key_not_yet_valid"),
        ("disabled", 401, "credential_revoked"),
        ("disabled-and-expired", 401, "credential_revoked"),
        ("office", 403, "network_not_allowed"),
    ],
)
def test_keys_that_may_not_be_used_now_are_refused(
    caller: Caller, keys: dict[str, str], name: str, status: int, reason: str
) -> None:
    answer = caller.bearer(keys[name])
    assert_refused(answer, status, reason)
    assert caller.record(answer)["claimgate.reason"] == reason


def test_a_network_is_only_believed_from_the_connection(caller: Caller, keys: dict[str, str]) -> None:
    assert caller.bearer(keys["loopback"]).status_code == 200
    for name, address in [("office", "192.0.2.7"), ("loopback", "127.0.0.1"), ("loopback", "10.0.0.1")]:
        forged = {"authorization": f"Bearer {keys[name]}", "x-forwarded-for": address}
        assert_refused(caller.chat(forged), 403, "client_address_untrusted", f"{name} from {address}")
    # A key that may be used from anywhere does not ask.
    free = {"authorization": f"Bearer {keys['plain']}", "x-forwarded-for": "192.0.2.7"}
    assert caller.chat(free).status_code == 200


def test_keys_of_one_service_account_overlap_while_they_rotate(caller: Caller, keys: dict[str, str]) -> None:
    records = [caller.record(caller.bearer(keys[name])) for name in ("plain", "successor")]
    assert [record["claimgate.credential.id"] for record in records] == ["plain", "successor"]
    assert [record["claimgate.principal.subject"] for record in records] == ["plain-account"] * 2


@pytest.mark.parametrize(
    "value, detail",
    [
        ("Basic {basic}", "`Authorization` must be `Bearer` or `DPoP` and the credential"),
        ("{plain}", "`Authorization` must be `Bearer` or `DPoP` and the credential"),
        ("Bearer {plain} {plain}", "`authorization` must hold visible ASCII"),
        ("Bearer\t{plain}", "`Authorization` must be `Bearer` or `DPoP` and the credential"),
        ("Digest username={plain}", "`Authorization` must be `Bearer` or `DPoP` and the credential"),
        ("AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/bedrock/aws4_request, Signature=x", "AWS signatures"),
    ],
)
def test_other_schemes_are_refused(caller: Caller, keys: dict[str, str], value: str, detail: str) -> None:
    text = value.format(basic="dXNlcjpwYXNzd29yZA==", **keys)
    error = assert_refused(caller.chat({"authorization": text}), 401, "credential_malformed")
    assert detail in error["message"]


def test_bytes_that_are_no_credential_are_refused(caller: Caller) -> None:
    lines = b"POST " + CHAT_PATH.encode() + b" HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n"
    for header in (b"x-api-key: caf\xc3\xa9", b"api-key: \xff\xfe", b"authorization: Bearer \x80abc"):
        answer = http1_request(caller.gateway.port, lines + header + b"\r\n\r\n{}", "POST")
        assert (answer.status, answer.header("x-claimgate-reason")) == (401, "credential_malformed"), header
        assert_challenge(answer.header("www-authenticate"), 401, "credential_malformed")
    long = caller.chat({"x-api-key": "k" * 17_000})
    assert_refused(long, 401, "credential_malformed")


def test_the_record_says_whose_key_it_was(caller: Caller, keys: dict[str, str]) -> None:
    record = caller.record(caller.bearer(keys["plain"]))
    wanted = {
        "claimgate.principal.kind": "api_key",
        "claimgate.principal.subject": "plain-account",
        "claimgate.principal.tenant": "acme",
        "claimgate.principal.project": "search",
        "claimgate.principal.service_account": "plain-account",
        "claimgate.credential.id": "plain",
        "client.address": "127.0.0.1",
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
    }
    # Nothing in this configuration reads the model, but a shared credential has the body searched for references.
    assert {name: record.get(name) for name in wanted} == wanted
    assert "claimgate.principal.issuer" not in record and "claimgate.principal.client" not in record
    assert "claimgate.principal.tenant" not in caller.record(caller.bearer(keys["minted"]))


EMPTY = [
    ("api-key", ""),
    ("x-api-key", ""),
    ("x-goog-api-key", "  "),
    ("authorization", ""),
    ("authorization", "Bearer"),
    ("authorization", "Bearer  "),
]


@pytest.mark.parametrize(("name", "value"), EMPTY)
def test_a_header_without_a_value_is_no_credential(
    caller: Caller, keys: dict[str, str], simulator: Simulator, name: str, value: str
) -> None:
    real = ("x-api-key", keys["plain"]) if name == "authorization" else ("authorization", f"Bearer {keys['plain']}")
    simulator.clear()
    assert raw_get(caller, "/openai/v1/models", real, (name, value)).status == 200
    [seen] = simulator.wait_received(1)
    sent = [(header.lower(), content) for header, content in seen["headers"]]
    assert [content for header, content in sent if header in CREDENTIAL_HEADERS] == ["Bearer provider-secret-openai"]
    alone = raw_get(caller, "/openai/v1/models", (name, value))
    assert (alone.status, alone.header("x-claimgate-reason")) == (401, "credential_missing")


def test_all_of_them_empty_are_none(caller: Caller) -> None:
    answer = raw_get(caller, "/openai/v1/models", *EMPTY[:3], ("authorization", "Bearer"))
    assert (answer.status, answer.header("x-claimgate-reason")) == (401, "credential_missing")


def test_a_parameter_without_a_value_is_no_credential(caller: Caller, keys: dict[str, str]) -> None:
    key = ("x-goog-api-key", keys["plain"])
    assert raw_get(caller, "/gemini/v1beta/models?key=", key).status == 200
    answer = raw_get(caller, "/gemini/v1beta/models?key=a", key)
    assert (answer.status, answer.header("x-claimgate-reason")) == (401, "credential_in_query")


def test_who_signs_for_aws_is_told_of_the_bearer_key(caller: Caller) -> None:
    """As the SDKs of AWS sign by default."""
    scope = "AKIAEXAMPLE/20260101/us-east-1/bedrock/aws4_request"
    signed = f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host;x-amz-date, Signature={'ab' * 32}"
    signature = ("authorization", signed), ("x-amz-date", "20260101T000000Z")
    answer = raw_get(caller, "/bedrock/foundation-models", *signature)
    assert (answer.status, answer.header("x-claimgate-reason")) == (401, "credential_malformed")
    assert "AWS_BEARER_TOKEN_BEDROCK" in answer.json()["message"]


CREDENTIAL_HEADERS = ("authorization", "x-api-key", "api-key", "x-goog-api-key")


def raw_get(caller: Caller, path: str, *headers: tuple[str, str]) -> RawResponse:
    """A request whose headers arrive as they are written here, empty ones too."""
    lines = [f"GET {path} HTTP/1.1", "host: gateway.test", *(f"{name}: {value}" for name, value in headers)]
    return http1_request(caller.gateway.port, "\r\n".join([*lines, "", ""]).encode())
