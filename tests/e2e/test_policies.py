"""The shipped policies played live, and rules as the compiled filter keeps them."""

import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.bootstrap import prefix_route, static_cluster
from harness.dialects import Request, authorised, chat
from harness.ecds import Reload
from harness.gateway import COMMAND, ROOT, Gateway, Signer, document, issuer_entry, key_entry, rule
from harness.load import LoadRequest, run_load
from harness.simulator import Simulator

EXPORT_SECONDS = 60
QUOTA_SCRIPT = "policies/trial_model_lists.test.yaml"


class Shipped:
    """The shipped gateway.yaml and policies in a real Envoy, with the callers that the command made for the scripts."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        file = directory / "export.json"
        command = [COMMAND, "test", "--export", file]
        played = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=EXPORT_SECONDS)
        assert played.returncode == 0, played.stdout + played.stderr
        export = json.loads(file.read_text())
        self.calls: list[dict[str, Any]] = export["calls"]
        self.simulator = simulator
        self.gateway = Gateway(
            export["bundle"],
            simulator,
            directory,
            environment=export["environment"],
            clusters=[static_cluster("openai-globex", simulator.ports["openai"])],
            routes=[prefix_route("/globex/", "openai-globex")],
        )
        self.client = httpx.Client(base_url=self.gateway.url, timeout=15)

    def play(self, call: dict[str, Any]) -> list[str]:
        """What came out otherwise than the script says, one line each."""
        self.simulator.clear()
        body = None if call["body"] is None else json.dumps(call["body"]).encode()
        headers = [(name, value) for name, value in call["headers"]]
        for _ in range(call["times"]):
            answer = self.client.request(call["method"], call["path"], headers=headers, content=body)
        record = self.gateway.audit(claimgate__request_id=answer.headers["x-request-id"])
        received = self.simulator.received()
        want, got = call["want"], seen(answer, record)
        faults = [fault for name in got if name in want for fault in differs(name, want[name], got[name])]
        for name, value in want.get("answer_headers", {}).items():
            faults += differs(f"answer header {name}", value, answer.headers.get(name))
        if want["decision"] == "deny":
            return faults + differs("requests at the provider", call["times"] - 1, len(received))
        sent = {name.lower(): value for name, value in received[-1]["headers"]}
        for name, value in want.get("upstream_headers", {}).items():
            faults += differs(f"upstream header {name}", value, sent.get(name))
        for name in want.get("upstream_absent", []):
            faults += differs(f"upstream header {name}", None, sent.get(name))
        return faults + differs("requests at the provider", call["times"], len(received))

    def stop(self) -> None:
        self.client.close()
        self.gateway.stop()


def seen(answer: httpx.Response, record: dict[str, Any]) -> dict[str, Any]:
    """The outcome in the words of a script."""
    return {
        "decision": record["claimgate.decision"],
        "status": answer.status_code,
        "reason": record.get("claimgate.reason"),
        "rule": record.get("claimgate.rule"),
        "shadow": record.get("claimgate.shadow_denials", []),
    }


def differs(what: str, wanted: Any, got: Any) -> list[str]:
    return [] if wanted == got else [f"{what}: wanted {wanted}, got {got}"]


@pytest.fixture(scope="module")
def shipped(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shipped]:
    running = Shipped(simulator, tmp_path_factory.mktemp("shipped"))
    yield running
    running.stop()


def test_the_shipped_scripts_hold_in_a_real_envoy(shipped: Shipped) -> None:
    scripts = {call["script"] for call in shipped.calls}
    assert len(scripts) >= 8 and QUOTA_SCRIPT in scripts
    # Each script has counters of its own in the command, here they share Envoy's: the quota's goes first.
    order = sorted(shipped.calls, key=lambda call: call["script"] != QUOTA_SCRIPT)
    faults = {f"{call['script']}: {call['note']}": shipped.play(call) for call in order}
    assert {note: fault for note, fault in faults.items() if fault} == {}
    print(f"{len(faults)} calls of {len(scripts)} scripts")


def test_each_shipped_rule_denies_in_some_script(shipped: Shipped) -> None:
    """A rule that only Envoy's own clock can decide, and one in shadow mode, are shown otherwise."""
    denying = {call["want"].get("rule") for call in shipped.calls if call["want"]["decision"] == "deny"}
    files = {file.name.removesuffix(".cel") for file in (ROOT / "policies").glob("*.cel")}
    assert files - denying <= {"batch_hours", "retiring_models"}


def test_the_shipped_gateway_did_not_trap(shipped: Shipped) -> None:
    assert shipped.gateway.envoy.crashes() == 0


def asks(what: str) -> str:
    return f"has(request.headers.asks) && request.headers.asks == '{what}'"


class World:
    """A gateway with rules for one question each."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.signer = Signer()
        self.key, entry = key_entry("caller", tenant="acme", scopes=["chat.read", "files"], labels={"plan": "pro"})
        self.configuration = document(
            keys=[entry],
            issuers=[issuer_entry(self.signer)],
            client_address="peer",
            policies=[
                rule("everybody", "true"),
                rule("shadowed", "false", when=asks("shadow"), mode="shadow"),
                rule("shadow-broken", "request.headers.nobody == 'x'", when=asks("shadow"), mode="shadow"),
                rule("shadow-when", "true", when="has(request.headers.oops) && request.headers.no == 'x'",
                     mode="shadow"),
                rule("shadow-model", "!llm.model.glob('old*')", when=asks("shadow-model"), mode="shadow"),
                rule("scoped", "principal.scopes.covers('chat.write')", when=asks("scope"),
                     reason="insufficient_scope", scopes=["chat.write", "chat"]),
                rule("covered", "principal.scopes.covers('files.write')", when=asks("covered")),
                rule("inside", "source.address.in_cidr(['10.0.0.0/8', '127.0.0.0/8'])", when=asks("inside")),
                rule("outside", "source.address.in_cidr('10.0.0.0/8')", when=asks("outside")),
                rule("missing-key", "principal.claims.plan == 'pro'", when=asks("missing")),
                rule("no-boolean", "request.headers.asks == 'text' ? dyn('x') : dyn(true)", when=asks("text")),
                rule("two-types", "dyn(request.headers.asks) < dyn(1)", when=asks("types")),
                rule("bad-time", "timestamp(request.headers.asks) < request.time", when=asks("time")),
                rule("either", "principal.claims.plan == 'pro' || true", when=asks("either")),
                rule("both", "principal.claims.plan == 'pro' && false", when=asks("both")),
                rule("not", "!(principal.claims.plan == 'pro')", when=asks("not")),
                rule("bad-when", "true", when="request.headers.asks == 'when' && request.headers.nobody == 'x'"),
                rule("first", "false", when=asks("order")),
                rule("second", "request.headers.nobody == 'x'", when=asks("order")),
                rule("mine", "principal.tenant == 'acme'", when=asks("mine"), reason="tenant_mismatch"),
                rule("spoofed", "!('x-api-key' in request.headers) && !('authorization' in request.headers)",
                     when=asks("headers")),
                rule("query", "request.query.mode == 'safe'", when=asks("query")),
                rule("told", "variables.plan == 'free'", when=asks("told"), message="Ask the platform team.",
                     message_expression="'The plan ' + variables.plan + ' has no room for ' + request.headers.wish"),
            ],
            variables={"plan": "principal.key.labels.plan"},
            record={"labels": {"plan": "variables.plan", "cost_center": "request.headers['x-cost-center']"}},
        )  # fmt: skip
        self.gateway = Gateway(self.configuration, simulator, directory)
        self.client = httpx.Client(base_url=self.gateway.url, timeout=15)

    def ask(self, what: str = "", credential: str | None = None, **headers: str) -> httpx.Response:
        request = chat("openai", credential or self.key).with_headers(asks=what or "nothing", **headers)
        return self.client.post(request.path, headers=dict(request.headers), content=request.body)

    def record(self, answer: httpx.Response) -> dict[str, Any]:
        return self.gateway.audit(claimgate__request_id=answer.headers["x-request-id"])

    def stop(self) -> None:
        self.client.close()
        self.gateway.stop()


@pytest.fixture(scope="module")
def world(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(simulator, tmp_path_factory.mktemp("policies"))
    yield running
    running.stop()


def assert_refused(answer: httpx.Response, reason: str, name: str) -> None:
    assert (answer.status_code, answer.headers.get("x-claimgate-reason")) == (403, reason), answer.text
    assert f"(rule `{name}`)" in answer.text


def test_shadow_rules_refuse_nobody_and_are_recorded(world: World) -> None:
    answer = world.ask("shadow")
    assert answer.status_code == 200
    assert world.record(answer)["claimgate.shadow_denials"] == ["shadowed", "shadow-broken"]
    broken = world.ask(oops="1")
    assert broken.status_code == 200
    assert world.record(broken)["claimgate.shadow_denials"] == ["shadow-when"]
    assert "claimgate.shadow_denials" not in world.record(world.ask())
    assert not any("shadow" in name for name in answer.headers), "the caller is not told"


def test_a_rule_tells_the_caller_what_to_do(world: World) -> None:
    for headers, message in (
        ({"wish": "two\tmore"}, "The plan pro has no room for two more"),
        ({}, "Ask the platform team."),
    ):
        answer = world.ask("told", **headers)
        assert_refused(answer, "policy_denied", "told")
        assert message in answer.json()["error"]["message"]


def test_a_record_has_the_labels_of_the_configuration(world: World) -> None:
    answer = world.ask("order", **{"x-cost-center": "4711"})
    assert world.record(answer)["claimgate.labels"] == {"cost_center": "4711", "plan": "pro"}
    answer = world.ask(credential=world.signer.token(tenant="acme"))
    assert "claimgate.labels" not in world.record(answer), "neither has a value"


def test_a_shadow_rule_refuses_nobody_whose_model_it_cannot_see(world: World) -> None:
    """What the rule would read is not there; an enforced rule would make that a denial."""
    prompt = {"prompt": {"id": "pmpt_1"}, "input": "x"}
    own = {**world.configuration, "upstreams": [{**world.configuration["upstreams"][0], "tenant": "acme"}]}
    assert world.gateway.reload(own) is Reload.APPLIED
    headers = {"authorization": f"Bearer {world.key}", "asks": "shadow-model"}
    answer = world.client.post("/openai/v1/responses", headers=headers, json=prompt)
    assert world.gateway.reload(world.configuration) is Reload.APPLIED
    assert answer.status_code == 200, answer.text
    assert world.record(answer)["claimgate.shadow_denials"] == ["shadow-model"]


def test_a_missing_scope_is_named(world: World) -> None:
    answer = world.ask("scope")
    assert_refused(answer, "insufficient_scope", "scoped")
    assert answer.headers["www-authenticate"].endswith('error="insufficient_scope", error_description='
        '"the credential lacks a scope", scope="chat.write chat"')  # fmt: skip
    assert world.ask("scope", world.signer.token(scope="chat.write")).status_code == 200
    assert world.ask("scope", world.signer.token(scope="chat")).status_code == 200, "a scope covers what is below it"
    assert world.ask("scope", world.signer.token(scp=["chat.*"])).status_code == 200
    assert world.ask("scope", world.signer.token(scope="chatter chat.writer")).status_code == 403
    assert world.ask("covered").status_code == 200


def test_a_network_is_the_peers_and_not_the_headers(world: World) -> None:
    assert world.ask("inside").status_code == 200
    assert_refused(world.ask("outside", x_forwarded_for="10.1.2.3"), "policy_denied", "outside")


@pytest.mark.parametrize(
    ("what", "name"),
    [
        ("missing", "missing-key"),
        ("text", "no-boolean"),
        ("types", "two-types"),
        ("time", "bad-time"),
        ("not", "not"),
        ("when", "bad-when"),
    ],
)
def test_an_error_denies_in_every_polarity(world: World, what: str, name: str) -> None:
    answer = world.ask(what)
    assert_refused(answer, "policy_error", name)
    record = world.record(answer)
    assert record["claimgate.rule"] == name
    assert record["claimgate.note"] and record["claimgate.note"] not in answer.text


def test_cels_or_and_and_absorb_an_error_only_where_the_other_side_decides(world: World) -> None:
    assert world.ask("either").status_code == 200
    assert_refused(world.ask("both"), "policy_denied", "both")


def test_the_first_rule_that_does_not_hold_answers(world: World) -> None:
    assert_refused(world.ask("order"), "policy_denied", "first")


def test_a_tenant_is_the_credentials(world: World) -> None:
    assert world.ask("mine").status_code == 200
    claimed = {"x_tenant_id": "acme", "openai_organization": "acme", "x_claimgate_tenant": "acme"}
    answer = world.ask("mine", world.signer.token(tenant="globex"), **claimed)
    assert_refused(answer, "tenant_mismatch", "mine")


def test_rules_see_no_credential(world: World) -> None:
    assert world.ask("headers").status_code == 200


def test_rules_see_the_query(world: World) -> None:
    for query, status in [("?mode=safe", 200), ("?mode=unsafe", 403), ("?mode=%73afe", 200), ("", 403)]:
        request = authorised(Request("GET", f"/openai/v1/models{query}"), "openai", world.key)
        assert world.client.get(request.path, headers={**request.headers, "asks": "query"}).status_code == status


PNG = {"mime": "image/png", "base64": "iVBORw0KGgo="}
# A picture and a tool, as each dialect writes them.
PICTURES: dict[str, dict[str, Any]] = {
    "openai": {"type": "image_url", "image_url": {"url": f"data:{PNG['mime']};base64,{PNG['base64']}"}},
    "anthropic": {"type": "image", "source": {"type": "base64", "media_type": PNG["mime"], "data": PNG["base64"]}},
    "gemini": {"inlineData": {"mimeType": PNG["mime"], "data": PNG["base64"]}},
    "bedrock": {"image": {"format": "png", "source": {"bytes": PNG["base64"]}}},
}
TOOLS: dict[str, dict[str, Any]] = {
    "openai": {"tools": [{"type": "function", "function": {"name": "sql", "parameters": {"type": "object"}}}]},
    "anthropic": {"tools": [{"name": "sql", "input_schema": {"type": "object"}}]},
    "gemini": {"tools": [{"functionDeclarations": [{"name": "sql"}]}]},
    "bedrock": {"toolConfig": {"tools": [{"toolSpec": {"name": "sql", "inputSchema": {"json": {}}}}]}},
}


def with_pictures(dialect: str, document: dict[str, Any], count: int) -> dict[str, Any]:
    content = [PICTURES[dialect]] * count
    at, key = ("contents", "parts") if dialect == "gemini" else ("messages", "content")
    return {**document, at: [{"role": "user", key: content}]}


@pytest.mark.both_hosts
@pytest.mark.parametrize("dialect", list(PICTURES))
def test_a_rule_sees_what_each_dialect_asks_for(world: World, dialect: str) -> None:
    rules = [rule("two-pictures", "llm.images <= 2"), rule("no-tools", "size(llm.tools) == 0"), rule("short", "request.size < 4096")]
    labels = {"pictures": "llm.images", "ticket": "request.body.metadata.ticket"}
    own = {**world.configuration, "policies": rules, "record": {"labels": labels}}
    request = chat(dialect, world.key)
    plain = json.loads(request.body or b"")

    def ask(document: dict[str, Any]) -> httpx.Response:
        return world.client.post(request.path, headers=dict(request.headers), json=document)

    assert world.gateway.reload(own) is Reload.APPLIED
    few, many = ask(with_pictures(dialect, plain, 2)), ask(with_pictures(dialect, plain, 3))
    tool = ask({**plain, **TOOLS[dialect]})
    long = ask({**plain, "metadata": {"ticket": "T-1", "more": "x" * 5000}})
    twice = ask({**plain, "tools": [{"name": "sql"}, "sql"]})
    told = [world.record(answer)["claimgate.labels"] for answer in (few, long)]
    assert world.gateway.reload(world.configuration) is Reload.APPLIED
    assert few.status_code == 200, few.text
    assert_refused(many, "policy_denied", "two-pictures")
    assert_refused(tool, "policy_denied", "no-tools")
    assert_refused(long, "policy_denied", "short")
    assert (twice.status_code, twice.headers["x-claimgate-reason"]) == (400, "body_malformed")
    assert "a tool has no name" in twice.text
    assert told == [{"pictures": "2"}, {"pictures": "0", "ticket": "T-1"}]


def test_a_policy_change_is_in_force_with_the_next_request(world: World) -> None:
    closed = {**world.configuration, "policies": [rule("closed", "false")]}
    assert world.ask().status_code == 200
    assert world.gateway.reload(closed) is Reload.APPLIED
    assert_refused(world.ask(), "policy_denied", "closed")
    for broken in ("llm.modl == 'x'", "1 +", "'text'", "principal.scopes.cover('x')"):
        refused = {**world.configuration, "policies": [rule("broken", broken)]}
        assert world.gateway.reload(refused) is Reload.REJECTED, broken
        assert "broken.cel" in world.gateway.envoy.log()
        assert_refused(world.ask(), "policy_denied", "closed")
    assert world.gateway.reload({**world.configuration, "policies": []}) is Reload.REJECTED
    assert world.gateway.reload(world.configuration) is Reload.APPLIED
    assert world.ask().status_code == 200


def test_a_policy_changes_under_load_without_a_gap(world: World) -> None:
    """Every answer is one of the old or of the new rules, and after the change only of the new."""
    plain = chat("openai", world.key).with_headers(asks="nothing")
    load = LoadRequest(world.gateway.url + plain.path, headers=plain.headers, document=json.loads(plain.body or b""))
    sent: list[float] = []
    changed: list[float] = []

    def request(number: int) -> LoadRequest:
        if number == 150:
            closed = {**world.configuration, "policies": [rule("closed", "false")]}
            assert world.gateway.reload(closed) is Reload.APPLIED
            changed.append(time.monotonic())
        sent.append(time.monotonic())
        return load

    report = run_load(request, total=400, connections=16)
    assert world.gateway.reload(world.configuration) is Reload.APPLIED
    assert not report.failures
    assert report.statuses.keys() == {200, 403}
    after = {answer.status for answer in report.answers if sent[answer.index] > changed[0]}
    assert after == {403}


def test_no_trap(world: World) -> None:
    assert world.gateway.envoy.crashes() == 0
