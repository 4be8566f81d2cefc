"""Credentials that need no secret of the provider's, in a real Envoy: signed and borrowed assertions, managed identities, keys of
Google and of AWS. The clouds' own clients and signers judge the parts that stand in for the clouds."""

import base64
import os
import time
import urllib.parse
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unittest import mock

import pytest
from aws_bedrock_token_generator import token_generator
from azure.identity import ManagedIdentityCredential
from botocore.credentials import Credentials
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from google.auth.compute_engine import Credentials as GoogleCredentials
from google.auth.transport.requests import Request as GoogleRequest

from harness import evidence, jwt_judge
from harness.bootstrap import static_cluster, without_forwarded_for
from harness.caller import Caller, assert_refused, calling
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.evidence import Kind
from harness.gateway import Signer, document, google_key_file, key_entry, upstream_entries
from harness.host import HOST, Host
from harness.identity_provider import FOR_JWT, ISSUER, Client, IdentityProvider
from harness.metadata_server import APP_SERVICE, CONTAINER, IMDS, MetadataServer
from harness.served_files import CLUSTER as FILES
from harness.served_files import ServedFiles
from harness.simulator import Simulator
from harness.token_server import TokenServer
from harness.wire import unheard

KEY, ENTRY = key_entry("machine-identities", tenant="acme")
SIGNERS = {"PS256": Signer("PS256", "gate-ps"), "ES256": Signer("ES256", "gate-es")}
GOOGLE = Signer("RS256", "google-key-1")
GOOGLE_EMAIL = "gate@acme-prod.iam.gserviceaccount.test"
IDENTITY_HEADER, POD_TOKEN = "identity-header-4711-of-app-service", "pod-token-4711-of-eks"
AWS_ID, AWS_SECRET = "AKIAEXAMPLE000000000", "aws-secret-key-4711-of-nobody"
ASSERTIONS = [".".join([base64.urlsafe_b64encode(f'{{"{name}":1}}'.encode()).decode().rstrip("=")] * 3) for name in ("first", "second")]
COGNITIVE = "https://cognitiveservices.azure.com"


def pem(signer: Signer) -> str:
    return signer.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


ENVIRONMENT = {
    "PS256_KEY": pem(SIGNERS["PS256"]),
    # As many write it into a variable.
    "ES256_KEY": pem(SIGNERS["ES256"]).replace("\n", "\\n"),
    "GOOGLE_KEY": google_key_file(GOOGLE, GOOGLE_EMAIL),
    "IDENTITY_HEADER": IDENTITY_HEADER,
    "AWS_ID": AWS_ID,
    "AWS_SECRET": AWS_SECRET,
}
evidence.register(Kind.PROVIDER_CREDENTIAL, IDENTITY_HEADER, POD_TOKEN, AWS_SECRET, *ASSERTIONS)


class Parts:
    """A gateway, and all that it gets credentials of."""

    def __init__(self, caller: Caller, metadata: MetadataServer, tokens: TokenServer, files: ServedFiles) -> None:
        self.caller, self.metadata, self.tokens, self.files = caller, metadata, tokens, files

    def configure(self, kind: dict[str, Any], *, upstream: str = "openai", **sections: Any) -> None:
        assert self.caller.gateway.reload(configuration(kind, upstream=upstream, **sections)) is Reload.APPLIED

    def bearer(self, simulator: Simulator) -> str:
        """The token with which a chat goes to the provider."""
        answer = self.caller.bearer(KEY)
        assert answer.status_code == 200, answer.text + self.caller.gateway.envoy.log()[-600:]
        authorization = dict(simulator.received("openai")[-1]["headers"])["authorization"]
        scheme, _, token = authorization.partition(" ")
        assert scheme == "Bearer"
        return self.caller.secret(token)


def configuration(kind: dict[str, Any], *, upstream: str = "openai", **sections: Any) -> dict[str, Any]:
    entries = upstream_entries()
    next(entry for entry in entries if entry["cluster"] == upstream)["credential"] = {"from": "it"}
    return document(keys=[ENTRY], credentials=[{"id": "it", **kind}], upstreams=entries, **sections)


def client(**fields: Any) -> dict[str, Any]:
    endpoint = {"cluster": "login", "host": "login.test", "path": "/token"}
    return {"oauth": {"endpoint": endpoint, "scope": "chat", "parameters": {"resource": FOR_JWT}, **fields}}


@pytest.fixture(scope="module")
def running(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    directory = tmp_path_factory.mktemp("machine_identities")
    clients = [
        Client(f"signs-{name}", method="private_key_jwt", tenant="acme", key=signer.jwk())
        for name, signer in SIGNERS.items()
    ]
    files = ServedFiles(directory / "volume", assertion=f"{ASSERTIONS[0]}\n", pod=POD_TOKEN, other="no JWT")
    with (
        IdentityProvider(tmp_path_factory.mktemp("provider"), *clients) as provider,
        MetadataServer(IDENTITY_HEADER, POD_TOKEN) as metadata,
        TokenServer() as tokens,
    ):
        places = {"login": provider.port, "metadata": metadata.port, "tokens": tokens.port}
        clusters = [*(static_cluster(name, port) for name, port in places.items()), files.cluster()]
        if HOST is Host.MODULE:
            clusters[1] = without_forwarded_for(clusters[1])
        options = {"concurrency": 2, "clusters": clusters, "listeners": [files.listener()], "environment": ENVIRONMENT}
        azure = {"metadata": {"azure": {"cluster": "metadata", "resource": COGNITIVE}}}
        with calling(configuration(azure), simulator, directory, **options) as caller:
            caller.secrets.update([KEY, IDENTITY_HEADER, POD_TOKEN, AWS_SECRET, *ASSERTIONS])
            yield Parts(caller, metadata, tokens, files)
    files.socket.unlink(missing_ok=True)


@pytest.fixture
def parts(running: Parts, simulator: Simulator) -> Parts:
    running.metadata.clear()
    running.tokens.clear()
    simulator.clear()
    return running


@pytest.mark.parametrize("algorithm", SIGNERS)
def test_a_client_that_signs_what_proves_it(parts: Parts, simulator: Simulator, algorithm: str) -> None:
    # It does not know the URL by which the gateway knows its endpoint, since it is asked in clear.
    proof = {"key": {"env": f"{algorithm}_KEY"}, "algorithm": algorithm, "audience": ISSUER}
    parts.configure(client(client_id=f"signs-{algorithm}", client_authentication={"private_key_jwt": proof}))
    assert parts.bearer(simulator).count(".") == 2


def borrowed(file: str, path: str = "/token") -> dict[str, Any]:
    endpoint = {"cluster": "tokens", "host": "login.test", "path": path}
    proof = {"client_assertion": {"file": file}}
    return {"oauth": {"endpoint": endpoint, "client_id": "gate", "client_authentication": proof, "scope": "all"}}


def served(name: str) -> list[dict[str, str]]:
    return [{"id": name, "cluster": FILES, "path": f"/{name}"}]


def test_a_borrowed_assertion_is_read_for_each_question(parts: Parts, simulator: Simulator) -> None:
    parts.tokens.clear(life=10.0)
    parts.configure(borrowed("assertion"), files=served("assertion"))
    assert parts.bearer(simulator) == parts.tokens.given[0].value
    (question,) = parts.tokens.questions
    assert question.form == {
        "grant_type": "client_credentials", "scope": "all", "client_id": "gate",
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": ASSERTIONS[0],
    }  # fmt: skip
    # As the kubelet does it.
    parts.files.write(assertion=ASSERTIONS[1], pod=POD_TOKEN, other="no JWT")
    try:
        wait_until(lambda: len(parts.tokens.questions) == 2, what="the next question", seconds=15)
    finally:
        parts.files.write(assertion=ASSERTIONS[0], pod=POD_TOKEN, other="no JWT")
    assert parts.tokens.questions[1].form["client_assertion"] == ASSERTIONS[1]


@pytest.mark.parametrize(
    "file, path, why",
    [
        ("other", "/other", "the file `other` does not hold one JWT"),
        ("absent", "/absent", "the file that proves the gateway could not be read: status 404"),
    ],
)
def test_a_file_that_proves_nothing(parts: Parts, file: str, path: str, why: str) -> None:
    parts.configure(borrowed(file, f"/token/{file}"), files=[{"id": file, "cluster": FILES, "path": path}])
    answer = parts.caller.bearer(KEY)
    assert_refused(answer, 503, "upstream_token_unavailable")
    assert parts.caller.record(answer)["claimgate.note"] == f"credentials `it`: {why}"
    assert parts.tokens.questions == []


def test_a_managed_identity_of_azure(parts: Parts, simulator: Simulator) -> None:
    user = "7d1e0000-0000-4000-8000-000000000001"
    parts.configure({"metadata": {"azure": {"cluster": "metadata", "resource": COGNITIVE, "client_id": user}}})
    assert parts.bearer(simulator) == parts.metadata.tokens[f"{COGNITIVE} {user}"]
    asked = parts.metadata.asked[-1]
    assert asked.path == IMDS and "x-forwarded-for" not in asked.headers


def test_an_identity_of_app_service(parts: Parts, simulator: Simulator) -> None:
    service = {"cluster": "metadata", "header": {"env": "IDENTITY_HEADER"}, "resource": COGNITIVE}
    parts.configure({"metadata": {"app_service": service}})
    assert parts.bearer(simulator) == parts.metadata.tokens[f"{COGNITIVE} "]
    assert parts.metadata.asked[-1].path == APP_SERVICE


def test_a_service_account_of_google(parts: Parts, simulator: Simulator) -> None:
    scopes = ["https://www.googleapis.com/auth/cloud-platform"]
    parts.configure({"metadata": {"google": {"cluster": "metadata", "scopes": scopes}}})
    assert parts.bearer(simulator) in parts.metadata.tokens.values()
    assert parts.metadata.asked[-1].query == {"scopes": scopes[0]}


def test_the_clouds_own_clients_take_the_metadata_servers_for_theirs(parts: Parts) -> None:
    place = f"http://127.0.0.1:{parts.metadata.port}"
    # They are no callers of a gateway.
    with unheard(), mock.patch.dict(os.environ, {"AZURE_POD_IDENTITY_AUTHORITY_HOST": place}):
        token = ManagedIdentityCredential().get_token(f"{COGNITIVE}/.default")
    assert token.token in parts.metadata.tokens.values()
    application = {"IDENTITY_ENDPOINT": place + APP_SERVICE, "IDENTITY_HEADER": IDENTITY_HEADER}
    with unheard(), mock.patch.dict(os.environ, application):
        token = ManagedIdentityCredential().get_token(f"{COGNITIVE}/.default")
    assert token.token in parts.metadata.tokens.values()
    host = "google.auth.compute_engine._metadata._GCE_METADATA_HOST"
    with unheard(), mock.patch(host, place.removeprefix("http://")):
        account = GoogleCredentials()
        account.refresh(GoogleRequest())
    assert account.token in parts.metadata.tokens.values()


def test_a_key_of_google_signs_for_an_hour(parts: Parts, simulator: Simulator) -> None:
    parts.configure({"google_key": {"key": {"env": "GOOGLE_KEY"}}})
    header, claims = jwt_judge.verified(parts.bearer(simulator), GOOGLE)
    assert header == {"alg": "RS256", "typ": "JWT", "kid": GOOGLE.kid}
    who = {"iss": GOOGLE_EMAIL, "sub": GOOGLE_EMAIL, "aud": "https://generativelanguage.googleapis.com/"}
    assert {name: claims[name] for name in who} == who
    assert claims["exp"] - claims["iat"] == 3600 and abs(claims["iat"] - time.time()) < 30


def bedrock(keys: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"bedrock_key": {"region": "eu-central-1", "aws": keys, **fields}}


def url_of(key: str) -> tuple[str, dict[str, str]]:
    prefix, text = key[:16], key[16:]
    assert prefix == "bedrock-api-key-"
    url = urllib.parse.urlsplit("https://" + base64.b64decode(text).decode())
    return url.netloc + url.path, dict(urllib.parse.parse_qsl(url.query, strict_parsing=True))


def as_aws_makes_it(credentials: Credentials, query: dict[str, str]) -> dict[str, str]:
    """The same key at the same time, by AWS's own generator."""
    at = datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    with mock.patch("botocore.auth.get_current_datetime", lambda *_, **__: at.replace(tzinfo=None)):
        made = token_generator._generate_token(credentials, "eu-central-1", int(query["X-Amz-Expires"]))
    return url_of(made)[1]


KEYS = {"keys": {"access_key_id": {"env": "AWS_ID"}, "secret_access_key": {"env": "AWS_SECRET"}}}


def test_a_key_of_bedrock_is_signed_as_aws_signs_it(parts: Parts, simulator: Simulator) -> None:
    parts.configure(bedrock(KEYS, lifetime="2h"))
    place, query = url_of(parts.bearer(simulator))
    assert (place, query["X-Amz-Expires"]) == ("bedrock.amazonaws.com/", "7200")
    assert query == as_aws_makes_it(Credentials(AWS_ID, AWS_SECRET), query)


def test_a_key_of_bedrock_by_the_role_of_a_container(parts: Parts, simulator: Simulator) -> None:
    container = {"cluster": "metadata", "path": CONTAINER, "authorization_file": "pod"}
    parts.configure(bedrock({"container": container}, lifetime="12h"), files=served("pod"))
    _, query = url_of(parts.bearer(simulator))
    # No key outlives the keys that it is made by.
    assert 3500 < int(query["X-Amz-Expires"]) <= 3600
    aws = parts.metadata.aws
    credentials = Credentials(aws["AccessKeyId"], aws["SecretAccessKey"], aws["Token"])
    assert query == as_aws_makes_it(credentials, query)


def test_a_key_that_is_not_there_is_told_by_its_requests(parts: Parts) -> None:
    absent = {"keys": {"access_key_id": {"env": "AWS_ID"}, "secret_access_key": {"env": "NOWHERE"}}}
    parts.configure(bedrock(absent))
    answer = parts.caller.bearer(KEY)
    assert_refused(answer, 503, "provider_credential_missing")


@pytest.mark.parametrize(
    "kind, why",
    [
        ({"google_key": {"key": {"env": "AWS_SECRET"}}}, "credentials[0].google_key.key: the variable's value is not the JSON of a key file"),
        (bedrock(KEYS, lifetime="13h"), "credentials[0].bedrock_key.lifetime: a key lives `1m` to `12h`, and not 13h"),
        (bedrock(KEYS, region="eu central"), "credentials[0].bedrock_key.region: `eu central` is no region"),
        (borrowed("nowhere"), "credentials[0].oauth.client_authentication.client_assertion.file: `nowhere` is no id of `files`"),
    ],
)
def test_a_configuration_that_is_wrong_is_refused_with_its_place(parts: Parts, kind: dict[str, Any], why: str) -> None:
    assert parts.caller.gateway.reload(configuration(kind)) is Reload.REJECTED
    assert why in parts.caller.gateway.envoy.log()
    assert AWS_SECRET not in parts.caller.gateway.envoy.log()
