"""Address and credentials: who calls is read in one way, and only from what the caller cannot choose."""

import base64
import json

import pytest

from harness.attacks import BOTH, CHAT, FORBIDDEN, JSON, MODELS, Attack, Pair, Stage, posting, values
from harness.gateway import PROVIDER_CREDENTIALS
from harness.raw_http1 import Http1Connection
from harness.raw_http2 import http2_request, request_headers

pytestmark = pytest.mark.both_hosts

HOME = "10.1.2.3"
ADDRESS_HEADERS = ("x-forwarded-for", "forwarded", "x-real-ip", "true-client-ip", "x-envoy-external-address")
# Headers that a provider could take for a credential or for an account, and what stands in them.
STRIPPED = (
    "proxy-authorization",
    "x-amz-security-token",
    "ocp-apim-subscription-key",
    "x_api_key",
    "api_key",
    "x_goog_api_key",
    "cookie",
    "openai-organization",
    "openai_organization",
    "OpenAI-Project",
    "x-goog-user-project",
    "x-ms-client-principal",
    "x-tenant-id",
    "X_Tenant_Id",
    "x-claimgate-tenant",
)
# Operations by which a provider hands out credentials of its own.
MINTING = (
    "/openai/v1/realtime/client_secrets",
    "/openai/v1/realtime/sessions",
    "/openai/v1/organization/admin_api_keys",
    "/openai/v1/organization/projects/p/service_accounts",
    "/anthropic/v1/organizations/api_keys",
    "/gemini/v1alpha/auth_tokens",
    "/gemini/v1alpha/authTokens",
    "/gemini/v1beta/authTokens",
)


# Address.


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("header", ADDRESS_HEADERS)
def test_an_address_that_the_caller_writes_opens_no_network(stage: Stage, protocol: str, header: str) -> None:
    """The key may be used from 10.0.0.0/8 only. This connection manager believes `x-forwarded-for`."""
    attack = Attack("GET", MODELS, (stage.bearer("at-home"), (header, HOME)))
    if header == "x-forwarded-for":
        with stage.changed(lambda configuration: configuration.update(client_address="forwarded")):
            stage.passes(attack, protocol)
        stage.refuses(attack, protocol, 403, "client_address_untrusted")
    else:
        stage.refuses(attack, protocol, 403, "network_not_allowed")


# Credentials.


@pytest.mark.parametrize("protocol", BOTH)
def test_two_credentials_are_nobodys(stage: Stage, protocol: str) -> None:
    """One reader takes the first, another the last, a third both."""
    name, acme = stage.bearer("acme")
    _, globex = stage.bearer("globex")
    other = ("x-goog-api-key", stage.keys["globex"])
    for headers in ([(name, acme), (name, globex)], [(name, f"{acme}, {globex}")], [(name, acme), other]):
        attack = Attack("GET", MODELS, tuple(headers))
        _, seen = stage.open_door(attack, protocol)
        assert values(seen, name) + values(seen, "x-goog-api-key")
        record = stage.refuses(attack, protocol, 400, "ambiguous_credential")
        assert "claimgate.principal.subject" not in record


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", ["key", "api-key", "k%65y", "ACCESS_TOKEN", "x=1;key"])
def test_a_credential_in_the_query_is_nobodys(stage: Stage, protocol: str, name: str) -> None:
    """It would stand in every log on its way, and at Gemini it would pass for the provider's own."""
    key = f"{name}={stage.keys['acme']}"
    stage.refuses(Attack("GET", f"/gemini/v1beta/models?{key}"), protocol, 401, "credential_in_query")
    # Nor does it pass beside a good one.
    attack = Attack("GET", f"/gemini/v1beta/models?{name}=anybody", (stage.bearer(),))
    _, seen = stage.open_door(attack, protocol)
    assert seen["raw_path"].endswith("=anybody")
    stage.refuses(attack, protocol, 401, "credential_in_query")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", STRIPPED)
def test_what_claims_to_be_somebody_is_taken_off(stage: Stage, protocol: str, name: str) -> None:
    sent = name if protocol == "http1" else name.lower()
    attack = Attack("GET", MODELS, (stage.bearer(), (sent, "forged")))
    _, seen = stage.open_door(attack, protocol)
    assert values(seen, name.lower()) == ["forged"]
    _, seen = stage.passes(attack, protocol)
    assert values(seen, name.lower()) == [] and "forged" not in json.dumps(seen)
    assert values(seen, "authorization") == [f"Bearer {PROVIDER_CREDENTIALS['OPENAI_API_KEY']}"]


def test_a_header_named_in_connection_does_not_take_the_credential_off(stage: Stage) -> None:
    """HTTP/1.1 only: a proxy removes what `connection` names. Envoy does so before the filter looks."""
    for named, status, reason in [("authorization", 401, "credential_missing"), ("x-tenant-id", None, None)]:
        attack = Attack("GET", MODELS, (stage.bearer(), ("connection", f"close, {named}"), ("x-tenant-id", "globex")))
        if reason:
            stage.refuses(attack, "http1", status, reason)
        else:
            _, seen = stage.passes(attack, "http1")
            assert values(seen, "authorization") == [f"Bearer {PROVIDER_CREDENTIALS['OPENAI_API_KEY']}"]
            assert values(seen, "x-tenant-id") == []


@pytest.mark.parametrize("protocol", BOTH)
def test_what_only_looks_minted_is_nobodys(stage: Stage, protocol: str) -> None:
    """A prefix, a type or an issuer of ours proves nothing."""
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"cgt+jwt"}').decode().rstrip("=")
    claims = base64.urlsafe_b64encode(b'{"iss":"claimgate","sub":"root","tenant":"acme"}').decode().rstrip("=")
    for token, reason in [
        (f"cgt_{header}.{claims}.", "token_issuer_unknown"),
        (f"cg-{stage.keys['acme']}", "key_unknown"),
        (f"{stage.keys['acme']}.", "key_unknown"),
        (f"{header}.{claims}.", "token_algorithm_not_allowed"),
    ]:
        stage.refuses(Attack("GET", MODELS, (("authorization", f"Bearer {token}"),)), protocol, 401, reason)


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("path", MINTING)
def test_no_provider_mints_a_credential_for_a_caller(stage: Stage, protocol: str, path: str) -> None:
    attack = posting({"model": "gpt-realtime"}, path, stage.bearer())
    _, seen = stage.open_door(attack, protocol)
    assert seen["method"] == "POST"
    is_administration = "/organization" in path
    expected = (404, "operation_unknown") if is_administration else (403, "provider_token_refused")
    stage.refuses(attack, protocol, *expected)


def test_each_request_of_a_connection_proves_itself(stage: Stage) -> None:
    """HTTP/1.1 only: requests sent at once, of which the first is good."""
    name, value = stage.bearer()
    good = f"GET {MODELS} HTTP/1.1\r\nhost: gateway.test\r\n{name}: {value}\r\n\r\n"
    bad = f"GET {MODELS} HTTP/1.1\r\nhost: gateway.test\r\n\r\n"
    stage.clear()
    with Http1Connection(stage.gateway.port) as connection:
        connection.send((good + good + bad).encode())
        answers = [connection.receive() for _ in range(3)]
    assert [answer.status for answer in answers] == [200, 200, 401]
    assert answers[2].header("x-claimgate-reason") == "credential_missing"
    assert len(stage.simulator.received()) == 2


SMUGGLING = {
    "a length beside chunks": "content-length: 4\r\ntransfer-encoding: chunked",
    "two lengths": "content-length: 4\r\ncontent-length: 400",
    "another coding": "transfer-encoding: xchunked",
    "chunks twice": "transfer-encoding: chunked\r\ntransfer-encoding: identity",
    "a blank before the colon": "transfer-encoding : chunked",
    "a folded line": "transfer-encoding:\r\n chunked",
}


@pytest.mark.parametrize("name", SMUGGLING)
def test_no_second_request_hides_in_a_body(stage: Stage, name: str) -> None:
    """HTTP/1.1 only: Envoy and the provider would disagree about where the first request ends."""
    hidden = f'POST {CHAT} HTTP/1.1\r\nhost: x\r\n\r\n{{"model": "{FORBIDDEN}"}}'
    head = f"POST {CHAT} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n{': '.join(stage.bearer())}"
    stage.clear()
    with Http1Connection(stage.gateway.port) as connection:
        connection.send(f"{head}\r\n{SMUGGLING[name]}\r\n\r\n0\r\n\r\n{hidden}".encode())
        answer = connection.receive("POST")
    assert answer.status in (400, 501), answer
    assert stage.simulator.received() == []


# Headers beside those of a good request, of which a provider behind HTTP/1.1 would see others.
UNTRANSLATABLE: dict[str, list[Pair]] = {
    "a line break in a value": [("x-a", "b\r\nx-tenant-id: globex")],
    "a line feed in a value": [("x-a", "b\nx-tenant-id: globex")],
    "a NUL in a value": [("x-a", "b\0c")],
    "a line break in a name": [("x-a: b\r\nx-tenant-id", "globex")],
    "a colon in a name": [("x-tenant-id:", "globex")],
    "a blank in a name": [("x-tenant-id ", "globex")],
    "a name in upper case": [("X-Tenant-Id", "globex")],
    "a header of one connection": [("connection", "authorization")],
    "chunks": [("transfer-encoding", "chunked")],
    "a length that is not the body's": [("content-length", "3")],
    "two lengths": [("content-length", "3"), ("content-length", "4")],
    "a pseudo-header behind the others": [("x-a", "b"), (":path", "/anthropic/v1/models")],
    "a pseudo-header of an answer": [(":status", "200")],
}


@pytest.mark.parametrize("name", UNTRANSLATABLE)
def test_no_header_hides_in_another(stage: Stage, name: str) -> None:
    """HTTP/2 only: it can carry what HTTP/1.1 cannot."""
    stage.clear()
    content = b'{"model": "gpt-4o", "messages": []}'
    headers = request_headers("POST", CHAT, [stage.bearer(), JSON, *UNTRANSLATABLE[name]])
    answer = http2_request(stage.gateway.port, headers, [content])
    assert answer.status in (0, 400), answer
    assert stage.simulator.received() == []
