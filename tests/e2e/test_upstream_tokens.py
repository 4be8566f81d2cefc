"""Tokens for providers in a real Envoy with four workers: got by a real authorization server and by one that fails in every
way, renewed under load, never served after their end, and shown nowhere."""

import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.bootstrap import static_cluster
from harness.caller import CHAT, CHAT_PATH, Caller, assert_refused, calling, chat_request
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.envoy import Envoy
from harness.gateway import COMMAND, ROOT, document, key_entry, upstream_entries, with_half_at_cluster
from harness.identity_provider import FOR_JWT, Client, IdentityProvider
from harness.load import LoadRequest, run_load
from harness.simulator import Simulator
from harness.steady_load import SteadyLoad
from harness.token_server import TokenServer

pytestmark = pytest.mark.both_hosts

WORKERS = 4
KEY, ENTRY = key_entry("upstream-tokens", tenant="acme")
SCOPE = "https://cognitiveservices.azure.com/.default"
# Both have to be escaped (RFC 6749 section 2.3.1).
CLIENTS = {
    "client_secret_basic": Client("gate:basic", secret="s3cret +%&=:/?~-upstream", tenant="acme"),
    "client_secret_post": Client("gate&post", secret="s3cret +%&=:/?~-posted", method="client_secret_post", tenant="acme"),
}
SECRET = "client-secret-of-the-token-server-4711"
ENVIRONMENT = {
    "BASIC_SECRET": CLIENTS["client_secret_basic"].secret,
    "POST_SECRET": CLIENTS["client_secret_post"].secret,
    "SERVER_SECRET": SECRET,
}
_paths = itertools.count()


class Shared:
    """A gateway, and the token server that its tokens are of."""

    def __init__(self, caller: Caller, server: TokenServer) -> None:
        self.caller, self.server = caller, server

    def configure(self, client: dict[str, Any] | None = None, **sections: Any) -> None:
        """Another client, of whose tokens nothing is known yet."""
        assert self.caller.gateway.reload(configuration(client, **sections)) is Reload.APPLIED

    def chat(self) -> Any:
        return self.caller.bearer(KEY)


def client_of(**fields: Any) -> dict[str, Any]:
    """A client of the token server; each is another one, since its path is."""
    endpoint = {"cluster": "tokens", "host": "login.test", "path": f"/token/{next(_paths)}", "timeout": "1s"}
    proof = {"client_secret_post": {"env": "SERVER_SECRET"}}
    return {"endpoint": endpoint, "client_id": "gate", "client_authentication": proof, "scope": SCOPE, **fields}


def configuration(client: dict[str, Any] | None = None, **sections: Any) -> dict[str, Any]:
    entries = [entry | {"credential": {"from": "app"}} for entry in upstream_entries() if entry["dialect"] == "azure"]
    others = [entry for entry in upstream_entries() if entry["dialect"] != "azure"]
    others[0]["credential"] = {"from": "app"}
    credentials = [{"id": "app", "oauth": client or client_of()}]
    return document(keys=[ENTRY], credentials=credentials, upstreams=[*others, *entries], **sections)


@pytest.fixture(scope="module")
def server() -> Iterator[TokenServer]:
    with TokenServer() as running:
        yield running


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[IdentityProvider]:
    with IdentityProvider(tmp_path_factory.mktemp("provider"), *CLIENTS.values()) as running:
        yield running


@pytest.fixture(scope="module")
def running(
    server: TokenServer, provider: IdentityProvider, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Shared]:
    clusters = [static_cluster("tokens", server.port), static_cluster("login", provider.port)]
    options = {"concurrency": WORKERS, "clusters": clusters, "environment": ENVIRONMENT}
    with calling(configuration(), simulator, tmp_path_factory.mktemp("upstream_tokens"), **options) as caller:
        caller.secrets.update([*ENVIRONMENT.values(), KEY])
        yield Shared(caller, server)
        caller.secrets.update(token.value for token in server.given)


@pytest.fixture
def shared(running: Shared, simulator: Simulator) -> Shared:
    running.server.clear()
    simulator.clear()
    return running


@pytest.mark.parametrize("method", CLIENTS)
def test_a_client_of_a_real_provider(shared: Shared, simulator: Simulator, provider: IdentityProvider, method: str) -> None:
    client = CLIENTS[method]
    variable = "BASIC_SECRET" if method == "client_secret_basic" else "POST_SECRET"
    endpoint = {"cluster": "login", "host": "login.test", "path": "/token"}
    shared.configure(
        client_of(
            endpoint=endpoint, client_id=client.id, client_authentication={method: {"env": variable}},
            scope="chat", parameters={"resource": FOR_JWT},
        )
    )  # fmt: skip
    answer = shared.chat()
    assert answer.status_code == 200, answer.text
    (authorization,) = simulator.authorizations()
    scheme, _, token = authorization.partition(" ")
    shared.caller.secret(token)
    assert (scheme, token.count(".")) == ("Bearer", 2)
    record = shared.caller.record(answer)
    named = {name: record[f"claimgate.upstream.credential.{name}"] for name in ("id", "kind")}
    assert named == {"id": "app", "kind": "oauth"}


def test_a_token_goes_on_as_a_bearer_whatever_the_dialect(shared: Shared, simulator: Simulator) -> None:
    shared.configure()
    path = "/azure/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"
    answer = shared.caller.chat({"api-key": shared.caller.secret(KEY)}, path)
    assert answer.status_code == 200, answer.text
    (token,) = shared.server.given
    assert simulator.authorizations("azure") == [f"Bearer {token.value}"]
    (record,) = simulator.received("azure")
    assert "api-key" not in dict(record["headers"])
    assert shared.caller.record(answer)["claimgate.upstream.credential.token_id"] == token.id
    (question,) = shared.server.questions
    assert question.form == {
        "grant_type": "client_credentials", "scope": SCOPE, "client_id": "gate", "client_secret": SECRET
    }  # fmt: skip


def test_a_crowd_waits_for_one_question(shared: Shared, simulator: Simulator) -> None:
    shared.server.clear(delay=0.5)
    shared.configure()
    request = LoadRequest(
        f"{shared.caller.gateway.url}{CHAT_PATH}", headers={"authorization": f"Bearer {KEY}"}, document=CHAT
    )
    report = run_load(request, total=50, connections=50)
    assert report.statuses == {200: 50}
    (token,) = shared.server.given
    assert set(simulator.authorizations()) == {f"Bearer {token.value}"}


@pytest.mark.alone
def test_a_token_is_renewed_under_load_and_never_served_after_its_end(shared: Shared) -> None:
    # From 80 to 90 % of its life a token serves on while the next one comes: 1.6 s, since a busy machine may stall for one.
    shared.server.clear(life=16.0, delay=0.2)
    shared.configure()
    assert shared.chat().status_code == 200
    load = SteadyLoad(shared.caller.gateway.port, lambda _: chat_request(KEY), per_second=200)
    with load:
        wait_until(lambda: len(shared.server.given) == 2, what="a second token", seconds=18)
    assert set(load.report.outcomes) == {(200, "")}, str(load.report)
    # The endpoint goes away, and the token serves on while it lasts.
    shared.server.stop()
    answers = SteadyLoad(shared.caller.gateway.port, lambda _: chat_request(KEY), per_second=200)
    try:
        with answers:
            wait_until(
                lambda: any(status == 503 for status, _ in answers.report.outcomes), what="a refusal", seconds=21
            )
    finally:
        shared.server.start()
    assert set(answers.report.outcomes) <= {(200, ""), (503, "upstream_token_unavailable")}, str(answers.report)
    expires = {token.id: token.expires for token in shared.server.given}
    assert len(expires) == 2, "one question for each life"
    told = [record for record in shared.caller.gateway.records() if record["claimgate.decision"] == "allow"]
    told = [record for record in told if record.get("claimgate.upstream.credential.token_id") in expires]
    assert len(told) > 1000
    late = [record for record in told if _seconds(record["time"]) > expires[record["claimgate.upstream.credential.token_id"]]]
    assert not late, late[:3]
    # It is back, and so is the gateway.
    wait_until(lambda: shared.chat().status_code == 200, what="an answer", seconds=30)


def test_an_endpoint_that_is_down_is_told_with_when_to_come_back_and_nothing_is_charged(shared: Shared) -> None:
    shared.server.stop()
    try:
        quota = {"id": "one", "limit": 1, "window": "1h", "per": ["'all'"]}
        shared.configure(quotas=[quota])
        answer = shared.chat()
    finally:
        shared.server.start()
    assert_refused(answer, 503, "upstream_token_unavailable")
    assert answer.headers["x-should-retry"] == "true"
    assert 1 <= int(answer.headers["retry-after"]) <= 72
    assert shared.caller.record(answer)["claimgate.note"].startswith("credentials `app`: ")
    wait_until(lambda: shared.chat().status_code == 200, what="an answer", seconds=20)
    assert_refused(shared.chat(), 429, "quota_exceeded")


def test_a_client_that_is_refused_is_the_operators_to_mend(shared: Shared) -> None:
    described = "AADSTS7000215: Invalid client secret provided: a-description-that-is-not-told"
    error = {
        "error": "invalid_client", "error_description": described, "error_codes": [7000215],
        "trace_id": "0d1e2f3a-1111", "correlation_id": "4b5c6d7e-2222",
    }  # fmt: skip
    shared.server.answers(401, error)
    shared.configure()
    for _ in range(3):
        answer = shared.chat()
        assert_refused(answer, 503, "upstream_token_refused")
        assert answer.headers["x-should-retry"] == "false"
    note = shared.caller.record(answer)["claimgate.note"]
    assert "401 `invalid_client`, AADSTS7000215: the client secret is wrong" in note
    log = shared.caller.gateway.envoy.log()
    lines = [line for line in log.splitlines() if "4b5c6d7e-2222" in line]
    assert len(lines) == 1 and "credentials `app`" in lines[0], lines
    assert "a-description-that-is-not-told" not in log + answer.text + note
    assert len(shared.server.questions) == 1


HOSTILE: dict[str, tuple[int, Any, dict[str, str]]] = {
    "a megabyte": (200, b'{"access_token":"t","a":"' + b"x" * 1_000_000 + b'"}', {}),
    "no JSON": (200, b"<html>sign in first</html>", {}),
    "nothing": (200, b"", {}),
    "a name twice": (200, b'{"access_token":"hostile-token-1","access_token":"hostile-token-2"}', {}),
    "a line break": (200, {"access_token": "hostile-token\r\nx-evil: 1"}, {}),
    "another type": (200, {"access_token": "hostile-token", "token_type": "mac"}, {}),
    "a life below 0": (200, {"access_token": "hostile-token", "expires_in": -1}, {}),
    "a life beyond all": (200, b'{"access_token":"hostile-token","expires_in":1e99}', {}),
    "no life": (200, {"access_token": "hostile-token", "expires_in": None}, {}),
    "a redirect": (302, {"access_token": "hostile-token"}, {"location": "http://elsewhere.test/"}),
    "less than it says": (200, {"access_token": "hostile-token"}, {"content-length": "10000"}),
}


@pytest.mark.parametrize("answer", HOSTILE)
def test_a_hostile_answer_is_a_failure(shared: Shared, simulator: Simulator, answer: str) -> None:
    status, content, headers = HOSTILE[answer]
    shared.server.answers(status, content, headers)
    shared.configure()
    refused = shared.chat()
    assert_refused(refused, 503, "upstream_token_unavailable")
    assert "hostile-token" not in refused.text + shared.caller.gateway.envoy.log()
    assert simulator.authorizations() == []


def test_an_answer_without_end_is_a_failure(shared: Shared) -> None:
    shared.server.never_ends()
    shared.configure()
    assert_refused(shared.chat(), 503, "upstream_token_unavailable")


def test_another_scope_never_meets_the_old_token(shared: Shared, simulator: Simulator) -> None:
    client = client_of()
    shared.configure(client)
    assert shared.chat().status_code == 200
    shared.configure(client | {"scope": "https://ai.azure.com/.default"})
    assert shared.chat().status_code == 200
    shared.configure(client)
    assert shared.chat().status_code == 200
    first, second = shared.server.given
    assert simulator.authorizations() == [f"Bearer {token.value}" for token in (first, second, first)]


@pytest.mark.parametrize(
    "change, why",
    [
        ({"credentials": []}, "upstreams[0].credential.from: `app` is no id of `credentials`; there are none"),
        (
            {"credentials": [{"id": "app", "oauth": client_of()}, {"id": "idle", "oauth": client_of()}]},
            "credentials[1].id: no upstream has `from: idle`; name it there, or leave the entry out",
        ),
        (
            {"credentials": [{"id": "app", "oauth": client_of(scope=None)}]},
            "credentials[0].oauth.scope: nothing says what the token is for",
        ),
    ],
)
def test_a_configuration_that_is_wrong_is_refused_with_its_place(shared: Shared, change: dict[str, Any], why: str) -> None:
    # What is absent is not there.
    wrong = json.loads(json.dumps(configuration() | change), object_pairs_hook=_without_none)
    assert shared.caller.gateway.reload(wrong) is Reload.REJECTED
    assert why in shared.caller.gateway.envoy.log()


def test_at_the_cluster_each_attempt_has_the_token(
    server: TokenServer, simulator: Simulator, tmp_path: Path
) -> None:
    server.clear()
    simulator.clear()
    configured = configuration(attach="at_cluster")
    clusters = [static_cluster("tokens", server.port)]
    bootstrap = with_half_at_cluster(configured, simulator, tmp_path, but=["tokens"], clusters=clusters)
    with Envoy(bootstrap, tmp_path, concurrency=WORKERS, environment=ENVIRONMENT) as envoy:
        headers = {"authorization": f"Bearer {KEY}"}
        answer = httpx.post(f"{envoy.url}{CHAT_PATH}", headers=headers, json=CHAT, timeout=10)
        assert answer.status_code == 200, answer.text + envoy.log()[-3000:]
        (token,) = server.given
        assert simulator.authorizations() == [f"Bearer {token.value}"]
        assert token.value not in envoy.log() + envoy.admin("/config_dump?include_eds")


ASSERTION = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhLXBvZCJ9.c2lnbmVk"


class Trying:
    """`claimgate credential test`, as an operator runs it."""

    def __init__(self, server: TokenServer, directory: Path) -> None:
        self.server, self.directory = server, directory

    def run(self, *options: str, client: dict[str, Any] | None = None, **environment: str) -> tuple[int, str]:
        """The exit status, and all that is printed."""
        upstream = {"cluster": "azure", "dialect": "azure", "credential": {"from": "app"}}
        gateway = {
            "keys": [ENTRY],
            "policies": [{"file": "model_allow_list.cel"}],
            "files": [{"id": "pod", "cluster": "files", "path": "/pod"}] if client else [],
            "credentials": [{"id": "app", "oauth": client or client_of()}],
            "upstreams": [upstream],
        }
        file = self.directory / "gateway.yaml"
        file.write_text(json.dumps(gateway))
        place = f"http://127.0.0.1:{self.server.port}"
        command = [COMMAND, "credential", "test", "--config", file, "--policies", ROOT / "policies", "--to", place]
        ran = subprocess.run(
            [*command, *options], env={**os.environ, **environment}, capture_output=True, text=True, timeout=30
        )
        return ran.returncode, ran.stdout + ran.stderr


@pytest.fixture
def trying(server: TokenServer, tmp_path: Path) -> Trying:
    if shutil.which("curl") is None:
        subprocess.run([ROOT / "tests" / "setup" / "debian", "curl"], check=True)
    server.clear()
    return Trying(server, tmp_path)


def test_an_operator_sees_that_there_is_a_token(trying: Trying) -> None:
    status, told = trying.run("--id", "app", SERVER_SECRET=SECRET)
    (token,) = trying.server.given
    assert (status, told) == (0, f"app: there is a token for 3600 s (token_id {token.id})\n")
    assert trying.server.questions[0].form["client_secret"] == SECRET


def test_an_operator_sees_what_is_wrong(trying: Trying) -> None:
    assert trying.run("--id", "app") == (2, f"error: {trying.directory}/gateway.yaml: the environment lacks one of `SERVER_SECRET`\n")
    status, told = trying.run("--id", "azure", SERVER_SECRET=SECRET)
    assert status == 2 and "`azure` is no id of `credentials`; there are `app`" in told
    trying.server.answers(401, {"error": "invalid_client", "error_codes": [7000222], "error_description": SECRET})
    status, told = trying.run("--id", "app", SERVER_SECRET=SECRET)
    why = "401 `invalid_client`, AADSTS7000222: the client secret has expired; make a new one"
    assert (status, told) == (1, f"app: there is no token: the endpoint answered {why}\n")
    trying.server.answers(200, b"<html>sign in first</html>")
    status, told = trying.run("--id", "app", SERVER_SECRET=SECRET)
    assert (status, told) == (1, "app: there is no token: the endpoint's answer is of no use: it is not one JSON object\n")
    trying.server.stop()
    try:
        status, told = trying.run("--id", "app", SERVER_SECRET=SECRET)
    finally:
        trying.server.start()
    assert status == 1 and f"http://127.0.0.1:{trying.server.port}: " in told and "connect" in told.lower()


def test_an_operator_gives_the_file_that_envoy_would_serve(trying: Trying) -> None:
    client = client_of(client_authentication={"client_assertion": {"file": "pod"}})
    status, told = trying.run("--id", "app", client=client)
    assert (status, told) == (1, "app: there is no token: say where the file lies: `--file pod=PATH`\n")
    file = trying.directory / "token"
    file.write_text(ASSERTION)
    status, told = trying.run("--id", "app", "--file", f"pod={file}", client=client)
    assert status == 0, told
    assert trying.server.questions[0].form["client_assertion"] == ASSERTION


def test_the_stats_tell_of_each_credential(shared: Shared) -> None:
    shared.configure()
    assert shared.chat().status_code == 200

    def told() -> dict[str, int]:
        stats = shared.caller.gateway.envoy.stats("claimgate.credentials.app")
        return {name.rpartition("credentials.app.")[2]: int(value) for name, value in stats.items()}

    wait_until(lambda: told().get("expires_in_seconds", 0) > 3500, what="the token's life", seconds=5)
    assert told()["fetches.outcome.ok"] >= 1 and told()["failing_since_seconds"] == 0


def _without_none(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in pairs if value is not None}


def _seconds(time: str) -> float:
    return datetime.fromisoformat(time).timestamp()
