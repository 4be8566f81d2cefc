"""Configurations that change while requests run: nothing of the old one outlives it, and nobody notices the change."""

import copy
import json
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from harness import ecds
from harness.bootstrap import gateway_bootstrap, static_cluster
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.envoy import Envoy
from harness.exchange import Http1Exchange, Http2Exchange
from harness.gateway import (
    PROVIDER_CREDENTIALS,
    Gateway,
    Signer,
    document,
    environment_keys,
    issuer_entry,
    key_entry,
    rule,
)
from harness.host import filter_config
from harness.key_server import KeyServer
from harness.load import LoadReport, LoadRequest, run_load
from harness.simulator import Simulator

pytestmark = pytest.mark.both_hosts

CHAT = "/openai/v1/chat/completions"
MODELS = "/openai/v1/models"
GOOD = {"model": "gpt-4o", "messages": [{"role": "user", "content": "hi"}]}
JSON = ("content-type", "application/json")
# Enough that every worker answers some, each on a connection of its own.
MANY = 24
HOLD_SECONDS = 3
REMOTE = "https://remote.test/"
Edit = Callable[[dict[str, Any]], None]


@dataclass
class Scene:
    """A gateway that can be told another configuration, and credentials for it."""

    gateway: Gateway
    simulator: Simulator
    key_server: KeyServer
    base: dict[str, Any]
    keys: dict[str, str]
    inline: Signer
    remote: Signer

    def change(self, edit: Edit) -> None:
        """Puts the base configuration with one edit into place, and returns once all workers have it."""
        configuration = copy.deepcopy(self.base)
        edit(configuration)
        # A reload that changes nothing would prove nothing.
        configuration["metric_tenants"] = uuid.uuid4().int % 1_000_000
        assert self.gateway.reload(configuration) is Reload.APPLIED

    def offer(self, text: str) -> Reload:
        """Moves a configuration into place that is perhaps not even JSON."""
        typed = filter_config(text, environment_keys=environment_keys(self.base))
        return ecds.reload(self.gateway.envoy, self.gateway.file, typed)

    def ask(self, credential: str) -> httpx.Response:
        """One request on a new connection."""
        headers = {"authorization": f"Bearer {credential}"}
        # Reading the authorities of TLS would take longer than the request.
        return httpx.get(self.gateway.url + MODELS, headers=headers, verify=False)

    def answers(self, credential: str) -> set[tuple[int, str | None]]:
        """Status and reason of many requests."""
        found = [self.ask(credential) for _ in range(MANY)]
        return {(answer.status_code, answer.headers.get("x-claimgate-reason")) for answer in found}

    def serves(self) -> bool:
        return self.answers(self.keys["kept"]) == {(200, None)}

    @contextmanager
    def under_load(self) -> Iterator[list[LoadReport]]:
        """Requests without a pause until the block ends. None may fail."""
        over, reports = threading.Event(), list[LoadReport]()
        headers = {"authorization": f"Bearer {self.keys['kept']}"}
        request = LoadRequest(self.gateway.url + CHAT, headers=headers, document=GOOD)

        def run() -> None:
            while not over.is_set():
                reports.append(run_load(request, total=100, connections=8))

        load = threading.Thread(target=run)
        load.start()
        try:
            yield reports
        finally:
            over.set()
            load.join()
        assert reports and all(report.statuses == {200: 100} for report in reports), reports


@pytest.fixture(scope="module")
def started(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    key_server, inline, remote = KeyServer(), Signer(), Signer("EdDSA")
    key_server.publish("remote", {"keys": [remote.jwk()]})
    made = {name: key_entry(name, tenant="acme") for name in ("kept", "removed", "other", "counted", "counted-more")}
    source = {"cluster": "keys", "host": "keys.test", "path": "/remote", "refetch": "300ms", "timeout": "20s"}
    base = document(
        keys=[entry for _, entry in made.values()],
        issuers=[
            issuer_entry(inline),
            issuer_entry(remote, issuer=REMOTE, jwks={"remote": source}),
            *(
                issuer_entry(remote, issuer=f"https://{name}.test/", jwks={"remote": {**source, "path": f"/{name}"}})
                for name in ("slow", "lost")
            ),
        ],
        quotas=[
            {
                "id": "few",
                "limit": 5,
                "window": "1h",
                "per": ["principal.subject"],
                "when": "principal.subject.startsWith('counted')",
            }
        ],
        hold_timeout=f"{HOLD_SECONDS}s",
    )
    directory = tmp_path_factory.mktemp("reload")
    clusters = [static_cluster("keys", key_server.port)]
    # Or Envoy replaces what an untrusted caller sent before the filter sees it.
    options = {"clusters": clusters, "connection_manager": {"preserve_external_request_id": True}}
    with Gateway(base, simulator, directory, **options) as gateway:
        keys = {name: key for name, (key, _) in made.items()}
        yield Scene(gateway, simulator, key_server, base, keys, inline, remote)
        assert gateway.envoy.crashes() == 0, gateway.envoy.log()[-2000:]
    key_server.stop()


@pytest.fixture
def scene(started: Scene) -> Scene:
    """The gateway with its base configuration."""
    started.change(lambda configuration: None)
    started.simulator.clear()
    return started


def without_key(configuration: dict[str, Any]) -> None:
    configuration["keys"] = [entry for entry in configuration["keys"] if entry["id"] != "removed"]


def without_issuer(name: str) -> Edit:
    def edit(configuration: dict[str, Any]) -> None:
        configuration["issuers"] = [entry for entry in configuration["issuers"] if entry["issuer"] != name]

    return edit


# What was removed is refused.


def test_a_removed_key_is_refused_at_once(scene: Scene) -> None:
    assert scene.answers(scene.keys["removed"]) == {(200, None)}
    with scene.under_load(), httpx.Client(base_url=scene.gateway.url) as old_connection:
        headers = {"authorization": f"Bearer {scene.keys['removed']}"}
        assert old_connection.get(MODELS, headers=headers).status_code == 200
        scene.change(without_key)
        assert scene.answers(scene.keys["removed"]) == {(401, "key_unknown")}
        assert old_connection.get(MODELS, headers=headers).headers["x-claimgate-reason"] == "key_unknown"
        scene.change(lambda configuration: None)
        assert scene.answers(scene.keys["removed"]) == {(200, None)}


@pytest.mark.parametrize("name", ["https://login.test/", REMOTE])
def test_a_removed_issuer_is_refused_at_once(scene: Scene, name: str) -> None:
    signer = scene.remote if name == REMOTE else scene.inline
    token = signer.token(iss=name)
    assert scene.answers(token) == {(200, None)}
    with scene.under_load():
        scene.change(without_issuer(name))
        assert scene.answers(token) == {(401, "token_issuer_unknown")}
    scene.change(lambda configuration: None)
    assert scene.answers(token) == {(200, None)}


def test_a_replaced_signing_key_is_refused_at_once(scene: Scene) -> None:
    token, successor = scene.inline.token(), Signer(kid="k2")
    assert scene.answers(token) == {(200, None)}

    def rotate(configuration: dict[str, Any]) -> None:
        configuration["issuers"][0]["jwks"] = {"inline": {"keys": [successor.jwk()]}}

    scene.change(rotate)
    assert scene.answers(token) == {(401, "token_key_unknown")}
    assert scene.answers(successor.token()) == {(200, None)}


def test_what_a_key_may_changes_at_once(scene: Scene) -> None:
    def forbid(configuration: dict[str, Any]) -> None:
        configuration["policies"] = [rule("nobody", "principal.key.id == 'kept'")]

    scene.change(forbid)
    assert scene.answers(scene.keys["removed"]) == {(403, "policy_denied")}
    assert scene.serves()


def test_a_removed_upstream_is_refused_at_once(scene: Scene) -> None:
    def remove(configuration: dict[str, Any]) -> None:
        # Its variable stays named, or the plugin would get a VM of its own.
        for entry in configuration["upstreams"]:
            if entry["cluster"] == "openai":
                entry["cluster"] = "nobody"

    scene.change(remove)
    assert scene.answers(scene.keys["kept"]) == {(403, "upstream_not_configured")}


# What is in flight ends as it began.


def test_streams_in_flight_finish(scene: Scene) -> None:
    content = json.dumps({**GOOD, "model": "sim-long-300", "stream": True}).encode()
    with Http1Exchange(scene.gateway.port) as first, Http2Exchange(scene.gateway.port) as second:
        for exchange in (first, second):
            exchange.open("POST", CHAT, [("authorization", f"Bearer {scene.keys['removed']}"), JSON])
            exchange.send(content)
            exchange.end()
            assert exchange.receive_start().status == 200
        scene.change(without_key)
        assert scene.answers(scene.keys["removed"]) == {(401, "key_unknown")}
        assert all(not record["ended"] for record in scene.simulator.received()[:2])
        for exchange in (first, second):
            answer = exchange.receive()
            assert answer.complete and answer.body.rstrip().endswith(b"data: [DONE]")
            record = scene.gateway.audit(claimgate__request_id=answer.header("x-request-id"))
            said = (record["claimgate.decision"], record["claimgate.aborted"], record["claimgate.credential.id"])
            assert said == ("allow", False, "removed")


def test_a_request_held_for_its_body_ends(scene: Scene) -> None:
    """The configuration that began with it decides it, and its hold timeout still holds."""
    content = json.dumps(GOOD).encode()
    with Http1Exchange(scene.gateway.port) as first, Http2Exchange(scene.gateway.port) as second:
        for exchange in (first, second):
            _seen(scene, lambda exchange=exchange: _open_held(scene, exchange, content[:20]))
        scene.change(lambda configuration: None)
        first.send(content[20:])
        first.end()
        assert first.receive().status == 200
        answer = second.receive(seconds=HOLD_SECONDS + 5)
        assert (answer.status, answer.header("x-claimgate-reason")) == (503, "hold_timeout")


def _open_held(scene: Scene, exchange: Http1Exchange | Http2Exchange, content: bytes) -> None:
    exchange.open("POST", CHAT, [("authorization", f"Bearer {scene.keys['kept']}"), JSON])
    exchange.send(content)


def _seen(scene: Scene, step: Callable[[], None]) -> None:
    """Takes a step and waits until Envoy has a request more than before."""
    before = scene.gateway.envoy.stat("http.gateway.downstream_rq_total")
    step()
    wait_until(
        lambda: scene.gateway.envoy.stat("http.gateway.downstream_rq_total") > before, what="a request", seconds=5
    )


def test_a_request_held_for_keys_ends(scene: Scene) -> None:
    scene.key_server.wait_asked("slow")
    token = scene.remote.token(iss="https://slow.test/")
    with Http1Exchange(scene.gateway.port) as first, Http2Exchange(scene.gateway.port) as second:
        headers = [("authorization", f"Bearer {token}")]
        for exchange in (first, second):
            _seen(scene, lambda exchange=exchange: exchange.open("GET", MODELS, headers, last=True))
        scene.change(lambda configuration: None)
        scene.key_server.publish("slow", {"keys": [scene.remote.jwk()]})
        for exchange in (first, second):
            assert exchange.receive().status == 200


def test_a_fetch_under_way_is_not_lost(scene: Scene) -> None:
    scene.key_server.wait_asked("lost")
    scene.change(lambda configuration: None)
    scene.key_server.publish("lost", {"keys": [scene.remote.jwk()]})
    token = scene.remote.token(iss="https://lost.test/")
    # Its lease would last far longer than a request may wait.
    assert scene.answers(token) == {(200, None)}


# A configuration that is refused changes nothing.


def _unknown_field(configuration: dict[str, Any]) -> None:
    configuration["keys"][0]["colour"] = "blue"


def _broken_rule(configuration: dict[str, Any]) -> None:
    configuration["policies"].append(rule("broken", "principal.subject =="))


def _misspelt_variable(configuration: dict[str, Any]) -> None:
    configuration["policies"].append(rule("misspelt", "principal.tennant == 'acme'"))


def _no_rules(configuration: dict[str, Any]) -> None:
    configuration["policies"] = []


def _broken_hash(configuration: dict[str, Any]) -> None:
    configuration["keys"][1]["hash"] = "sha256:12"


@pytest.mark.parametrize(
    "edit, where",
    [
        (_unknown_field, "keys[0].colour: "),
        (_broken_rule, "broken.cel:1:21: "),
        (_misspelt_variable, "misspelt.cel: "),
        (_no_rules, "policies: "),
        (_broken_hash, "keys[1].hash: "),
    ],
)
def test_a_configuration_that_is_refused(scene: Scene, edit: Edit, where: str) -> None:
    configuration = copy.deepcopy(scene.base)
    edit(configuration)
    # Everybody else is gone from it, so that it would show.
    configuration["keys"] = configuration["keys"][:2]
    before = len(scene.gateway.envoy.log())
    assert scene.offer(json.dumps(configuration)) is Reload.REJECTED
    assert f"claimgate: configuration refused: {where}" in scene.gateway.envoy.log()[before:]
    assert scene.serves() and scene.answers(scene.keys["other"]) == {(200, None)}
    scene.change(without_key)
    assert scene.answers(scene.keys["removed"]) == {(401, "key_unknown")}


@pytest.mark.parametrize("text", ["", "{", "null", "[]", "{}", '{"policies": []', "\x00", '{"a": 1, "a": 1}'])
def test_a_configuration_that_cannot_be_read(scene: Scene, text: str) -> None:
    before = len(scene.gateway.envoy.log())
    assert scene.offer(text) is Reload.REJECTED
    assert "claimgate: configuration refused: " in scene.gateway.envoy.log()[before:]
    assert scene.serves()


def test_a_file_that_is_no_discovery_response(scene: Scene) -> None:
    assert ecds.reload(scene.gateway.envoy, scene.gateway.file, '{"resources": [') is Reload.UNREADABLE
    assert scene.serves()


# What survives.


def test_quota_counters_survive(scene: Scene) -> None:
    for name, limits in [("counted", (5, 5, 5)), ("counted-more", (5, 5, 8))]:
        passed = 0
        for limit in limits:

            def allow(configuration: dict[str, Any], limit: int = limit) -> None:
                configuration["quotas"][0]["limit"] = limit

            scene.change(allow)
            # Two at a time, then all there are.
            for _ in range(2 if limit == 5 and passed < 4 else 9):
                answer = scene.ask(scene.keys[name])
                passed += answer.status_code == 200
                if answer.status_code != 200:
                    assert answer.headers["x-claimgate-reason"] == "quota_exceeded"
                else:
                    assert answer.headers["x-ratelimit-remaining-requests"] == str(limit - passed)
        assert passed == limits[-1], name


def test_key_sets_survive(scene: Scene) -> None:
    token = scene.remote.token(iss=REMOTE)
    assert scene.answers(token) == {(200, None)}
    fetches = scene.key_server.fetches("remote")
    for _ in range(3):
        scene.change(lambda configuration: None)
        assert scene.answers(token) == {(200, None)}
    assert scene.key_server.fetches("remote") == fetches


def test_no_request_fails_in_many_reloads(scene: Scene) -> None:
    with scene.under_load() as reports:
        for index in range(20):
            scene.change(without_key if index % 2 else without_issuer(REMOTE))
    assert sum(len(report.answers) for report in reports) >= 100


# The first configuration of all.


@pytest.mark.parametrize("text", ["", '{"polices": []}'])
def test_no_configuration_is_not_an_open_door(simulator: Simulator, tmp_path: Path, text: str) -> None:
    key, entry = key_entry("k1")
    good = document(keys=[entry])
    file = tmp_path / "ecds" / "claimgate.json"
    file.parent.mkdir()

    def typed(text: str) -> dict[str, Any]:
        return filter_config(text, environment_keys=environment_keys(good))

    ecds.move_into_place(file, ecds.discovery_response(typed(text), "1"))
    bootstrap = gateway_bootstrap(simulator.ports, tmp_path, file)
    with Envoy(bootstrap, tmp_path, environment=PROVIDER_CREDENTIALS) as envoy:
        simulator.clear()
        for headers in ({}, {"authorization": f"Bearer {key}"}):
            for _ in range(MANY // 2):
                assert httpx.get(envoy.url + MODELS, headers=headers).status_code == 500
        assert simulator.received() == []
        assert "claimgate: configuration refused: " in envoy.log()
        assert ecds.reload(envoy, file, typed(json.dumps(good))) is Reload.APPLIED
        assert httpx.get(envoy.url + MODELS).headers["x-claimgate-reason"] == "credential_missing"
        assert httpx.get(envoy.url + MODELS, headers={"authorization": f"Bearer {key}"}).status_code == 200
        assert envoy.crashes() == 0
