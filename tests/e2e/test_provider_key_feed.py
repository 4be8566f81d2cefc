"""Providers' keys that are kept for tenants and users, in a real Envoy with several workers: whose account a call is for, rotation,
what is wrong with an entry or with the document, and what its reader gets."""

import datetime
import itertools
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness import evidence
from harness.bootstrap import static_cluster
from harness.caller import CHAT, CHAT_PATH, Caller, assert_refused, calling
from harness.deadline import wait_until
from harness.ecds import Reload
from harness.envoy import Envoy
from harness.evidence import Kind
from harness.gateway import (
    COMMAND,
    ISSUER,
    PROVIDER_CREDENTIALS,
    Signer,
    document,
    issuer_entry,
    key_entry,
    upstream_entries,
    with_half_at_cluster,
)
from harness.host import STATS
from harness.list_server import ListServer
from harness.polled import TICK, hang_out
from harness.sealed_keys import GATEWAY, HEADER, FeedPair, SealingKey, claims
from harness.served_files import CLUSTER as FILES
from harness.served_files import ServedFiles
from harness.simulator import Simulator

WORKERS = 4
POLL, MAX_AGE = 1.0, 4.0
USER = Signer("ES256")
PROGRAM, PROGRAM_ENTRY = key_entry("nightly", tenant="acme")
SEAL = SealingKey("seal-1")
PAIR, NEXT_PAIR = FeedPair("feed-1"), FeedPair("feed-2")
ENVIRONMENT = {"SEAL": SEAL.json, "FEED": PAIR.json, "NEXT_FEED": NEXT_PAIR.json}
BOTH = ["openai", "anthropic"]
MESSAGES = "/anthropic/v1/messages"
AZURE = "/azure/openai/v1/chat/completions"
MISSING, BROKEN = (403, "provider_key_missing"), (503, "provider_keys_unavailable")
UNAVAILABLE = (503, "credential_feed_unavailable")
_numbers = itertools.count()


def configuration(feed: dict[str, Any] | None = None, max_age: str = "1h", **sections: Any) -> dict[str, Any]:
    """Callers' own keys at `openai`, and with a fallback at `anthropic`; the others are the gateway's."""
    own: dict[str, dict[str, Any]] = {"openai": {}, "anthropic": {"fallback": "ANTHROPIC_API_KEY"}}
    entries = upstream_entries()
    for entry in entries:
        if entry["cluster"] in own:
            entry["credential"] = {"own": own[entry["cluster"]]}
    remote = {"cluster": "lists", "host": "lists.test", "path": "/credentials.json", "timeout": "1s"}
    remote |= {"poll": f"{POLL:.0f}s", "max_age": max_age}
    section = {"issuer": GATEWAY, "sealing_key": {"env": "SEAL"}, "allow": "false"}
    section["feed"] = {"remote": remote, "key": {"env": "FEED"}, **(feed or {})}
    plain = {"own_keys": section, "issuers": [issuer_entry(USER)], "keys": [PROGRAM_ENTRY], "upstreams": entries}
    return document(**{**plain, **sections})


@pytest.fixture(scope="module")
def feed() -> Iterator[ListServer]:
    with ListServer("credentials") as server:
        yield server


@pytest.fixture(scope="module")
def running(feed: ListServer, simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    directory = tmp_path_factory.mktemp("provider_key_feed")
    options = {"environment": ENVIRONMENT, "clusters": [static_cluster("lists", feed.port)], "concurrency": WORKERS}
    with calling(configuration(), simulator, directory, **options) as caller:
        wait_for(caller, "nobody", MISSING, what="the first document")
        yield caller


@pytest.fixture
def caller(running: Caller, simulator: Simulator, feed: ListServer) -> Iterator[Caller]:
    simulator.clear()
    yield running
    feed.answer("ok")
    reload(running, configuration())
    hang_out(feed)
    wait_until(lambda: gauges(running)["entries"] == 0, what="an empty document", seconds=10)


def reload(caller: Caller, settings: dict[str, Any]) -> None:
    assert caller.gateway.reload(settings) in (Reload.APPLIED, Reload.UNCHANGED)


def gauges(caller: Caller) -> dict[str, int]:
    stats = caller.gateway.envoy.stats("claimgate.own_keys")
    names = {name: int(value) for name, value in stats.items()}
    return {name.removeprefix(f"{STATS}claimgate.own_keys.").removeprefix("feed."): names[name] for name in names}


def token(subject: str, **fields: Any) -> str:
    return USER.token(**{"sub": subject, "tenant": "acme", "jti": f"{subject}-{next(_numbers)}", **fields})


def provider_key(caller: Caller, owner: str) -> str:
    """A key that somebody has at the provider."""
    key = f"sk-kept-{owner}-{next(_numbers)}-7c3f9a51d2e84b06"
    evidence.register(Kind.PROVIDER_CREDENTIAL, key)
    return caller.secret(key)


def entry(caller: Caller, name: str, key: str, **fields: Any) -> dict[str, Any]:
    made = PAIR.entry(name, key, **fields)
    caller.secret(made["jwe"])
    return made


def of_user(caller: Caller, name: str, key: str, subject: str, **fields: Any) -> dict[str, Any]:
    return entry(caller, name, key, subject=subject, issuer=ISSUER, **fields)


def resealed(entry: dict[str, Any], **fields: Any) -> dict[str, Any]:
    """The entry with other fields, and what was sealed in it."""
    return {**entry, **fields}


def time_of(seconds: float) -> str:
    """RFC 3339, so many seconds from now."""
    moment = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=seconds)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def chat(caller: Caller, credential: str, path: str = CHAT_PATH, brought: str | None = None, **body: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {caller.secret(credential)}"} | ({HEADER: brought} if brought else {})
    return caller.chat(headers, path, **body)


def anywhere(caller: Caller, credential: str, path: str = CHAT_PATH) -> httpx.Response:
    """By any worker: on a connection of its own."""
    with httpx.Client(base_url=caller.gateway.url, timeout=15) as client:
        return client.post(path, headers={"authorization": f"Bearer {credential}"}, json={**CHAT, "max_tokens": 1})


def verdict(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.headers.get("x-claimgate-reason")


def everywhere(caller: Caller, subject: str, wanted: tuple[int, str | None], path: str = CHAT_PATH) -> bool:
    credential = caller.secret(token(subject))
    return all(verdict(anywhere(caller, credential, path)) == wanted for _ in range(WORKERS * 2))


def wait_for(caller: Caller, subject: str, wanted: tuple[int, str | None], *, what: str, seconds: float = 20) -> None:
    wait_until(lambda: everywhere(caller, subject, wanted), what=what, seconds=seconds)


def sent(simulator: Simulator, provider: str = "openai") -> set[str]:
    """The keys that have reached the provider."""
    name = "x-api-key" if provider == "anthropic" else "authorization"
    return {dict(record["headers"])[name].removeprefix("Bearer ") for record in simulator.received(provider)}


def used(caller: Caller, simulator: Simulator, subject: str, path: str = CHAT_PATH, provider: str = "openai") -> set[str]:
    """The keys that all workers use for this caller."""
    simulator.clear()
    assert everywhere(caller, subject, (200, None), path)
    return sent(simulator, provider)


def publish(caller: Caller, feed: ListServer, simulator: Simulator, *entries: dict[str, Any]) -> None:
    hang_out(feed, *entries)
    wait_until(lambda: gauges(caller)["entries"] == len(entries), what="the document", seconds=10)


def told(caller: Caller, answer: httpx.Response) -> dict[str, Any]:
    record = caller.record(answer)
    return {name: record.get(f"claimgate.upstream.credential.{name}") for name in ("owner", "kind", "key_id")}


def test_a_tenant_has_a_key_and_a_user_of_it_another(caller: Caller, feed: ListServer, simulator: Simulator) -> None:
    acme, alices, brought = (provider_key(caller, owner) for owner in ("acme", "alice", "brought"))
    publish(
        caller, feed, simulator,
        entry(caller, "acme-1", acme, upstreams=BOTH), of_user(caller, "alice-1", alices, "alice", models=["gpt-4o*"]),
    )  # fmt: skip
    for _ in range(2):
        assert used(caller, simulator, "bob") == {acme}
        assert used(caller, simulator, "alice") == {alices}
    assert used(caller, simulator, "alice", MESSAGES, "anthropic") == {acme}, "hers is not for there"
    for credential, owner, name in [(token("bob"), "tenant", "acme-1"), (PROGRAM, "tenant", "acme-1"), (token("alice"), "caller", "alice-1")]:
        answer = chat(caller, credential)
        assert answer.status_code == 200, answer.text
        assert told(caller, answer) == {"owner": owner, "kind": "feed", "key_id": name}
    value = SEAL.seal(claims(caller.secret(brought), "alice"))
    simulator.clear()
    answer = chat(caller, token("alice"), brought=caller.secret(value), model="o1")
    assert (answer.status_code, sent(simulator)) == (200, {brought}), "what she brings along goes before it"
    assert_refused(chat(caller, token("alice"), model="o1"), 403, "model_not_allowed")
    globex = token("alice", tenant="globex")
    assert_refused(chat(caller, globex), *MISSING, "another tenant")
    fallback = chat(caller, globex, MESSAGES, max_tokens=1)
    assert (fallback.status_code, told(caller, fallback)["owner"]) == (200, "gateway")
    assert chat(caller, token("bob"), AZURE).status_code == 200, "the gateway's own account"
    answer = caller.send("GET", "/openai/v1/files", {"authorization": f"Bearer {token('bob')}"})
    assert "x-claimgate-reason" not in answer.headers, "it is the tenant's account alone"
    refused = caller.send("GET", "/azure/openai/v1/files", {"authorization": f"Bearer {token('bob')}"})
    assert refused.headers["x-claimgate-reason"] == "stateful_operation_shared_credential"
    wait_until(lambda: gauges(caller).get("kid.feed-1", 0) > 0, what="the counter of the pair", seconds=5)


def test_a_key_is_rotated_without_a_gap(caller: Caller, feed: ListServer, simulator: Simulator) -> None:
    old, new = (provider_key(caller, owner) for owner in ("old", "new"))
    before = entry(caller, "acme-1", old)
    after = entry(caller, "acme-2", new, not_before=time_of(-1))
    publish(caller, feed, simulator, before)
    assert used(caller, simulator, "bob") == {old}
    feed.publish(before, after)
    deadline, credential, keys = time.monotonic() + 20, caller.secret(token("bob")), [old]
    while keys[-WORKERS * 3 :] != [new] * WORKERS * 3 and time.monotonic() < deadline:
        simulator.clear()
        answer = anywhere(caller, credential)
        assert answer.status_code == 200, answer.text
        keys += sent(simulator)
    assert set(keys) == {old, new} and keys[-1] == new, "one or the other, at any moment"
    publish(caller, feed, simulator, after)
    assert used(caller, simulator, "bob") == {new}
    publish(caller, feed, simulator, after, entry(caller, "acme-3", old, not_before=time_of(3600)))
    assert used(caller, simulator, "bob") == {new}, "one that has not begun"


def test_an_entry_that_is_over_or_disabled_is_not_replaced_by_another_account(
    caller: Caller, feed: ListServer, simulator: Simulator
) -> None:
    acme, alices = provider_key(caller, "acme"), provider_key(caller, "alice")
    tenants = entry(caller, "acme-1", acme, upstreams=BOTH)
    hers = of_user(caller, "alice-1", alices, "alice", upstreams=BOTH)
    for change, note in [
        ({"disabled": True}, "the entry `alice-1` of the feed is disabled"),
        ({"expires_at": time_of(-1)}, "the entry `alice-1` of the feed has expired"),
    ]:
        publish(caller, feed, simulator, tenants, {**hers, **change})
        wait_for(caller, "alice", MISSING, what=note)
        refused = chat(caller, token("alice"))
        assert_refused(refused, *MISSING)
        assert caller.record(refused)["claimgate.note"] == note
        assert everywhere(caller, "alice", MISSING, MESSAGES), "nor by the fallback"
        assert used(caller, simulator, "bob") == {acme}
        publish(caller, feed, simulator, tenants, hers)
        assert used(caller, simulator, "alice") == {alices}
    publish(caller, feed, simulator, tenants, {**hers, "expires_at": time_of(10)})
    assert chat(caller, token("alice")).status_code == 200
    wait_for(caller, "alice", MISSING, what="its end, though it is remembered")
    publish(caller, feed, simulator, tenants)
    assert used(caller, simulator, "alice") == {acme}, "hers is gone, and it is her tenant's again"


def test_an_entry_that_was_moved_or_changed_is_of_no_use(caller: Caller, feed: ListServer, simulator: Simulator) -> None:
    key = provider_key(caller, "globex")
    of_globex = entry(caller, "globex-1", key, tenant="globex")
    for change in (
        {"tenant": "acme"},
        {"tenant": "acme", "subject": "bob", "issuer": ISSUER},
        {"tenant": "acme", "id": "acme-1"},
    ):
        publish(caller, feed, simulator, resealed(of_globex, **change))
        refused = chat(caller, token("bob"))
        assert_refused(refused, *BROKEN)
        name = change.get("id", "globex-1")
        assert caller.record(refused)["claimgate.note"].startswith(f"the entry `{name}` of the feed says something else")
        assert everywhere(caller, "bob", BROKEN)
    own = entry(caller, "acme-1", provider_key(caller, "acme"), models=["gpt-4o"])
    for change in ({"upstreams": BOTH}, {"models": ["*"]}):
        publish(caller, feed, simulator, resealed(own, **change))
        assert everywhere(caller, "bob", BROKEN), change
        assert everywhere(caller, "bob", (200, None), AZURE), "nobody looks there"
    assert sent(simulator) == set()


def test_only_what_is_sealed_for_the_gateway_is_opened(caller: Caller, feed: ListServer, simulator: Simulator) -> None:
    key, bob = provider_key(caller, "acme"), token("bob")
    for header, pair, note in [
        (PAIR.header(zip="DEF"), PAIR, "compressed"),
        (PAIR.header(typ="cgs+jwt"), PAIR, "of another type"),
        (PAIR.header(cty="JWT"), PAIR, "with a member more"),
        (PAIR.header(apu="QQ"), PAIR, "with a name of the sender"),
        (PAIR.header(alg="ECDH-ES"), PAIR, "by the derived key itself"),
        (NEXT_PAIR.header(), NEXT_PAIR, "for a key that is not here now"),
        (PAIR.header(), NEXT_PAIR, "for another key under this name"),
    ]:
        made = pair.entry(f"acme-{next(_numbers)}", key, header)
        if note != "by the derived key itself":
            publish(caller, feed, simulator, made)
            assert_refused(chat(caller, bob), *BROKEN, note)
            continue
        # It has four parts with something in them, so that the whole document is refused.
        failed = gauges(caller)["polls.outcome.failed"] if "polls.outcome.failed" in gauges(caller) else 0
        feed.publish(made)
        wait_until(lambda: gauges(caller).get("polls.outcome.failed", 0) > failed, what=note, seconds=10)
    good, other = PAIR.entry("acme-good", key), NEXT_PAIR.entry("acme-good", key)
    rotated = {"key": {"env": "NEXT_FEED"}, "other_keys": [{"env": "FEED"}]}
    for feed_keys, made, wanted in [
        ({}, good, (200, None)),
        (rotated, good, (200, None)),
        (rotated, other, (200, None)),
        ({"key": {"env": "NEXT_FEED"}}, other, (200, None)),
        ({"key": {"env": "NEXT_FEED"}}, good, BROKEN),
        ({"key": {"env": "ABSENT"}}, good, BROKEN),
    ]:
        reload(caller, configuration(feed_keys))
        publish(caller, feed, simulator, made)
        wait_for(caller, "bob", wanted, what=f"{feed_keys}")


def test_a_document_that_is_wrong_is_refused_as_a_whole_and_the_last_good_one_stays(
    caller: Caller, feed: ListServer, simulator: Simulator
) -> None:
    acme = provider_key(caller, "acme")
    good = entry(caller, "acme-1", acme)
    other = entry(caller, "bob-1", provider_key(caller, "bob"), subject="bob", issuer=ISSUER)
    publish(caller, feed, simulator, good)
    raw = caller.secret("sk-pasted-by-mistake-5d1f7a93c2")
    for entries, place in [
        ([other, {**good, "id": "bob-1"}], "credentials[1].id: `bob-1` is the id of two entries"),
        ([other, {**good, "jwe": raw}], "credentials[1].jwe: is not a JWE of five parts"),
        ([other, {**good, "subject": "alice"}], "credentials[1].subject: has no `issuer` beside it"),
        ([other, {**good, "tennant": "acme"}], "credentials[1].tennant: unknown field"),
    ]:
        failed = gauges(caller).get("polls.outcome.failed", 0)
        feed.publish(*entries)
        wait_until(lambda: gauges(caller).get("polls.outcome.failed", 0) > failed, what=place, seconds=10)
        time.sleep(2 * TICK)
        assert used(caller, simulator, "bob") == {acme}, "nothing of it is taken"
        lines = [line for line in caller.gateway.envoy.log().splitlines() if place in line]
        assert lines and all("the provider key feed `feed`: " in line and "the last good one stays" in line for line in lines)
    assert raw not in caller.gateway.envoy.log()


def test_a_feed_that_fails_serves_until_it_is_too_old(caller: Caller, feed: ListServer, simulator: Simulator) -> None:
    acme = provider_key(caller, "acme")
    publish(caller, feed, simulator, entry(caller, "acme-1", acme, upstreams=BOTH))
    reload(caller, configuration(max_age=f"{MAX_AGE:.0f}s"))
    value = SEAL.seal(claims(provider_key(caller, "alice"), "alice"))
    feed.answer("error")
    began = time.monotonic()
    wait_for(caller, "bob", UNAVAILABLE, what="too old", seconds=20)
    assert time.monotonic() - began > MAX_AGE - POLL - 1, "the last good one served on"
    refused = chat(caller, token("bob"))
    assert_refused(refused, *UNAVAILABLE)
    assert refused.headers["retry-after"] == "1"
    assert caller.record(refused)["claimgate.note"] == "the feed of provider keys is older than its `max_age`"
    assert everywhere(caller, "bob", UNAVAILABLE, MESSAGES), "and never the fallback"
    assert everywhere(caller, "bob", (200, None), AZURE), "nobody looks there"
    assert chat(caller, token("alice"), brought=value).status_code == 200, "she brings one along"
    no_tenant = chat(caller, token("bob", tenant=None), MESSAGES, max_tokens=1)
    assert no_tenant.status_code == 200, "it cannot be about who has no tenant"
    wait_until(lambda: gauges(caller)["stale"] == 1, what="the alarm", seconds=5)
    going_on = configuration({"when_stale": "continue"}, max_age=f"{MAX_AGE:.0f}s")
    reload(caller, going_on)
    assert used(caller, simulator, "bob") == {acme}, "as the operator has chosen"
    assert gauges(caller)["stale"] == 1


def test_who_reads_the_document_can_use_nothing_of_it(caller: Caller, feed: ListServer, simulator: Simulator) -> None:
    made = entry(caller, "acme-1", provider_key(caller, "acme"))
    publish(caller, feed, simulator, made)
    for value in (made["jwe"], f"cgf_{made['jwe']}", f"cgs_{made['jwe']}"):
        for subject, fields in (("bob", {}), ("mallory", {"tenant": "globex"})):
            refused = chat(caller, token(subject, **fields), brought=caller.secret(value))
            error = assert_refused(refused, 401, "provider_key_invalid")
            assert made["jwe"] not in error["message"]
    assert chat(caller, caller.secret(f"cgf_{made['jwe']}")).status_code == 401, "nor is it a credential"
    assert sent(simulator) == set()


def test_a_stream_ends_where_its_entry_is_disabled_and_goes_on_where_it_is_replaced(
    caller: Caller, feed: ListServer, simulator: Simulator
) -> None:
    made = entry(caller, "acme-1", provider_key(caller, "acme"))
    publish(caller, feed, simulator, made)
    headers = {"authorization": f"Bearer {caller.secret(token('bob'))}"}
    asked = {**CHAT, "model": "sim-long-4000", "stream": True}
    with httpx.Client(base_url=caller.gateway.url, timeout=30) as client:
        with client.stream("POST", CHAT_PATH, headers=headers, json=asked) as answer:
            assert answer.status_code == 200
            identifier, pieces = answer.headers["x-request-id"], answer.iter_raw()
            next(pieces)
            publish(caller, feed, simulator, entry(caller, "acme-2", provider_key(caller, "acme")))
            time.sleep(2 * TICK)
            next(pieces)
            feed.publish({**made, "disabled": True})
            with pytest.raises(httpx.RemoteProtocolError):
                for _ in pieces:
                    pass
    record = caller.gateway.audit(claimgate__request_id=identifier)
    wanted = ("revoked_in_flight", "the entry `acme-1` of the feed is disabled")
    assert (record["claimgate.reason"], record["claimgate.note"]) == wanted, record


def test_the_commands_make_what_the_gateway_opens(
    caller: Caller, feed: ListServer, simulator: Simulator, tmp_path: Path
) -> None:
    def run(*arguments: str, text: str = "") -> str:
        command = [COMMAND, "key", *arguments]
        done = subprocess.run(command, input=text, capture_output=True, text=True, cwd=tmp_path, check=False)
        assert done.returncode == 0, done.stderr
        assert text == "" or (text not in done.stdout and text not in done.stderr)
        return done.stdout

    pair = json.loads(run("sealing", "--feed", "made.jwk", "--id", "feed-9"))
    evidence.register(Kind.PRIVATE_KEY, caller.secret(pair["d"]))
    made = json.loads((tmp_path / "made.jwk").read_text())
    assert made == {**{name: value for name, value in pair.items() if name != "d"}}
    (tmp_path / "public.jwk").write_text(PAIR.public)
    acme, alices = provider_key(caller, "acme"), provider_key(caller, "alice")
    plain = ("seal", "--to", "public.jwk", "--feed", "credentials.json", "--tenant", "acme", "--upstream", "openai")
    assert run(*plain, "--id", "acme-1", text=acme) == "credentials.json: 1 credentials\n"
    run(*plain, "--id", "alice-1", "--subject", "alice", "--issuer", ISSUER, "--model", "gpt-4o*", text=alices)
    document = json.loads((tmp_path / "credentials.json").read_text())
    for kept in document["credentials"]:
        caller.secret(kept["jwe"])
    header, content = PAIR.open(document["credentials"][1]["jwe"])
    epk = header.pop("epk")
    assert header == PAIR.header() and set(epk) == {"kty", "crv", "x"}
    said = {"id": "alice-1", "tenant": "acme", "subject": "alice", "issuer": ISSUER, "upstreams": ["openai"]}
    assert content == {**said, "models": ["gpt-4o*"], "key": alices}
    publish(caller, feed, simulator, *document["credentials"])
    assert used(caller, simulator, "bob") == {acme}
    assert used(caller, simulator, "alice") == {alices}
    successor = provider_key(caller, "acme")
    time.sleep(1)
    run(*plain, "--id", "acme-2", text=successor)
    publish(caller, feed, simulator, *json.loads((tmp_path / "credentials.json").read_text())["credentials"])
    assert used(caller, simulator, "bob") == {successor}, "the newest counts"


def test_at_the_cluster_and_from_a_file_that_envoy_serves(simulator: Simulator, tmp_path: Path) -> None:
    """In an Envoy of its own: both halves run there, and each attempt opens the key. The document is as an agent of a vault would
    have written it."""
    keys = {name: f"sk-kept-{name}-{next(_numbers)}-7c3f9a51d2e84b06" for name in ("first", "second")}
    evidence.register(Kind.PROVIDER_CREDENTIAL, *keys.values())

    def text(name: str) -> str:
        return json.dumps({"credentials": [PAIR.entry(f"acme-{name}", keys[name], upstreams=BOTH)]})

    files = ServedFiles(tmp_path / "served", credentials=text("first"))
    settings = configuration(attach="at_cluster")
    settings["own_keys"]["feed"]["remote"] |= {"cluster": FILES, "path": "/credentials"}
    bootstrap = with_half_at_cluster(settings, simulator, tmp_path)
    bootstrap["static_resources"]["clusters"].append(files.cluster())
    bootstrap["static_resources"]["listeners"].append(files.listener())
    simulator.clear()
    with Envoy(bootstrap, tmp_path, environment={**PROVIDER_CREDENTIALS, **ENVIRONMENT}) as envoy:
        bob = token("bob")

        def ask(path: str = CHAT_PATH) -> httpx.Response:
            headers = {"authorization": f"Bearer {bob}"}
            return httpx.post(f"{envoy.url}{path}", headers=headers, json={**CHAT, "max_tokens": 1}, timeout=15)

        wait_until(lambda: ask().status_code == 200, what="the first document", seconds=10)
        assert ask(MESSAGES).status_code == 200
        assert (sent(simulator), sent(simulator, "anthropic")) == ({keys["first"]}, {keys["first"]})
        files.write(credentials=text("second"))
        wait_until(lambda: ask() and keys["second"] in sent(simulator), what="the renewed file", seconds=15)
        assert envoy.crashes() == 0
