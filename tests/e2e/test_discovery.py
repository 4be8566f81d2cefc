"""What the gateway tells of itself in a real Envoy: its metadata, its challenges, and the keys of its tokens."""

import base64
import re
from collections.abc import Iterator

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from harness.caller import CHAT, CHAT_PATH, Caller, calling
from harness.gateway import ISSUER, Signer, document, issuer_entry, key_entry
from harness.simulator import Simulator

RESOURCE = "https://ai.gateway.test/"
METADATA, KEY_SET = "/.well-known/oauth-protected-resource", "/.well-known/jwks.json"
SIGNER = Signer("EdDSA", "tokens")
KEY, ENTRY = key_entry("web")


@pytest.fixture(scope="module")
def caller(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    configuration = document(
        keys=[ENTRY],
        issuers=[issuer_entry(Signer("ES256"))],
        discovery={"resource": RESOURCE, "scopes_supported": ["chat"]},
        tokens={"issuer": RESOURCE, "signing_key": {"env": "SIGNING_KEY"}},
    )
    directory = tmp_path_factory.mktemp("discovery")
    with calling(configuration, simulator, directory, environment={"SIGNING_KEY": SIGNER.private_jwk()}) as running:
        running.secret(KEY)
        yield running


def test_a_client_that_was_refused_finds_the_authorization_server(caller: Caller) -> None:
    refused = caller.chat()
    assert refused.status_code == 401
    url = re.search(r'resource_metadata="([^"]+)"', refused.headers["www-authenticate"])
    assert url is not None and url[1] == f"{RESOURCE.rstrip('/')}{METADATA}"
    metadata = caller.send("GET", METADATA)
    assert (metadata.status_code, metadata.headers["content-type"]) == (200, "application/json")
    assert metadata.json() == {
        "resource": RESOURCE,
        "authorization_servers": [ISSUER],
        "bearer_methods_supported": ["header"],
        "scopes_supported": ["chat"],
    }
    record = caller.record(metadata)
    wanted = {"claimgate.decision": "open", "claimgate.answered_by": "gateway", "http.response.status_code": 200}
    assert wanted.items() <= record.items()
    head = caller.send("HEAD", METADATA)
    assert (head.status_code, head.content) == (200, b"")


def test_others_prove_the_tokens_by_the_published_keys(caller: Caller) -> None:
    answer = httpx.post(f"{caller.gateway.url}/claimgate/v1/tokens", headers={"authorization": f"Bearer {KEY}"})
    token = caller.secret(answer.json()["value"]).removeprefix("cgt_")
    signed, _, signature = token.rpartition(".")
    [key] = caller.send("GET", KEY_SET).json()["keys"]
    assert (key["kid"], key["alg"], key["use"], "d" in key) == ("tokens", "EdDSA", "sig", False)

    def decoded(text: str) -> bytes:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))

    Ed25519PublicKey.from_public_bytes(decoded(key["x"])).verify(decoded(signature), signed.encode())


def test_nothing_else_is_told(caller: Caller) -> None:
    for method, path in (("POST", METADATA), ("GET", f"{METADATA}?x"), ("GET", "/.well-known/openid-configuration")):
        assert caller.send(method, path).headers["x-claimgate-reason"] == "credential_missing", path
    # It is no way to the provider either.
    assert caller.chat({"authorization": f"Bearer {KEY}"}, CHAT_PATH, **CHAT).status_code == 200
