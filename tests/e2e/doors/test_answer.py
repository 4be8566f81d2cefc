"""Before the gate and after the answer: who needs no credential gets none, and the account shows to nobody."""

import pytest

from harness.attacks import BOTH, LURES, MODELS, Attack, Stage, upgrade, values
from harness.raw import RawResponse
from harness.raw_http1 import Http1Connection

pytestmark = pytest.mark.both_hosts

OPEN = "/openai/v1/models/open"
ORIGIN = ("origin", "https://evil.test")
PREFLIGHT = (ORIGIN, ("access-control-request-method", "POST"), ("access-control-request-headers", "authorization"))
# How somebody could make an open request into more than it is.
NOT_OPEN = {
    "another method": Attack("POST", OPEN, (), b"{}"),
    "HEAD": Attack("HEAD", OPEN),
    "a query": Attack("GET", f"{OPEN}?model=gpt-4o"),
    "an empty query": Attack("GET", f"{OPEN}?"),
    "another case": Attack("GET", "/openai/v1/models/OPEN"),
    "a slash behind": Attack("GET", f"{OPEN}/"),
    "a slash more": Attack("GET", OPEN.replace("/v1", "//v1")),
    "dot segments": Attack("GET", f"{OPEN}/../gpt-4o"),
    "an escape": Attack("GET", "/openai/v1/models/%6fpen"),
    "a parameter": Attack("GET", f"{OPEN};x"),
}
BROUGHT = ("proxy-authorization", "x_api_key", "x-tenant-id", "openai-organization", "cookie", "x-claimgate-tenant")
ACCOUNT = ("openai-organization", "openai-project", "set-cookie")
RATE = "x-ratelimit-limit-requests"


# Before the gate.


@pytest.mark.parametrize("protocol", BOTH)
def test_a_preflight_is_no_way_in(stage: Stage, protocol: str) -> None:
    """Only Envoy's `cors` filter, which stands before this one, answers without a credential."""
    attack = Attack("OPTIONS", "/openai/v1/chat/completions", PREFLIGHT)
    _, seen = stage.open_door(attack, protocol)
    assert seen["method"] == "OPTIONS"
    stage.refuses(attack, protocol, 401, "credential_missing")
    stage.refuses(attack.adding(stage.bearer()), protocol, 404, "operation_unknown")


@pytest.mark.parametrize("protocol", BOTH)
def test_an_open_request_gets_no_credential(stage: Stage, protocol: str) -> None:
    """The provider refuses it, as it refuses everybody without one."""
    answer, seen = stage.passes(Attack("GET", OPEN, (("user-agent", "prober"),)), protocol)
    assert (answer.status, values(seen, "authorization")) == (401, [])
    record = stage.gateway.audit(claimgate__request_id=answer.header("x-request-id"))
    assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("open", "provider")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", BROUGHT)
def test_an_open_request_brings_nothing_to_be_believed(stage: Stage, protocol: str, name: str) -> None:
    attack = Attack("GET", OPEN, ((name, "forged"),))
    _, seen = stage.open_door(attack, protocol)
    assert values(seen, name) == ["forged"]
    stage.refuses(attack, protocol, 401, "credential_missing")


@pytest.mark.parametrize("protocol", BOTH)
def test_an_open_request_has_no_body_and_no_trailers(stage: Stage, protocol: str) -> None:
    """Bytes that nobody judges, on the way to a provider."""
    trailers = (("authorization", "Bearer forged"), ("x-tenant-id", "forged"))
    attack = Attack("GET", "/raw/v1/models/open", (), b"{}", trailers)
    stage.clear()
    attack.play(stage.bare.port, protocol)
    assert stage.raw.wait_received(1)[0].count("forged") == len(trailers)
    stage.refuses(attack, protocol, 401, "credential_missing")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", NOT_OPEN)
def test_what_is_nearly_open_is_closed(stage: Stage, protocol: str, name: str) -> None:
    _, seen = stage.open_door(NOT_OPEN[name], protocol)
    assert f"/openai{seen['raw_path']}" == NOT_OPEN[name].path
    stage.refuses(NOT_OPEN[name], protocol, 401, "credential_missing")


@pytest.mark.parametrize("protocol", BOTH)
def test_an_open_request_is_not_lured_to_where_envoy_adds_the_credential(stage: Stage, protocol: str) -> None:
    """A header that the filter takes off chose the route; without it Envoy would choose the other one."""
    attack = Attack("GET", "/lured/v1/models")
    # At once where Envoy adds the credential it is not open.
    stage.refuses(attack, protocol, 401, "credential_missing")
    stage.refuses(attack.adding((LURES[0], "acme")), protocol, 401, "credential_missing")
    # Envoy itself adds headers of its own, so they make nothing closed; but they stay, and so does the route.
    stage.clear()
    answer = attack.adding((LURES[1], "acme")).play(stage.gateway.port, protocol)
    assert answer.status == 401 and answer.header("x-claimgate-reason") is None
    [seen] = stage.simulator.wait_received(1)
    assert not any(name.lower() == "authorization" for name, _ in seen["headers"])


# After the answer.


@pytest.mark.parametrize("protocol", BOTH)
def test_the_account_does_not_show_in_an_answer(stage: Stage, protocol: str) -> None:
    attack = Attack("GET", MODELS, (stage.bearer(),))
    answer, _ = stage.open_door(attack, protocol)
    assert all(answer.header(name) for name in (*ACCOUNT, RATE))
    answer, _ = stage.passes(attack, protocol)
    assert not any(answer.header(name) for name in ACCOUNT)
    assert (answer.header(RATE), answer.header(f"x-upstream-{RATE[2:]}")) == ("100000", "10000")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_provider_cannot_speak_for_the_gateway(stage: Stage, protocol: str) -> None:
    lines = "x-claimgate-reason: forged\r\nx-claimgate-at-cluster: forged\r\nx-request-id: forged\r\n"
    lines += f"{RATE}: 1\r\n{RATE}: 2\r\nSet-Cookie: a=b\r\nset-cookie: c=d\r\nOpenAI-Organization: forged\r\n"
    stage.clear()
    stage.raw.answer = f"HTTP/1.1 200 OK\r\n{lines}content-length: 2\r\n\r\n{{}}".encode()
    attack = Attack("GET", "/raw/v1/models", (stage.bearer(),))
    bare = stage.without_keys(attack).play(stage.bare.port, protocol)
    assert bare.header("x-claimgate-reason") == "forged" and bare.header("set-cookie") == "a=b"
    answer = attack.play(stage.gateway.port, protocol)
    told = [name for name, value in answer.headers if "forged" in value or name == "set-cookie"]
    assert (answer.status, told) == (200, ["x-upstream-request-id"])
    assert [value for name, value in answer.headers if name == RATE] == ["100000"]


@pytest.mark.parametrize("protocol", BOTH)
def test_the_account_does_not_show_in_trailers(stage: Stage, protocol: str) -> None:
    lines = "".join(f"{name}: account\r\n" for name in ACCOUNT)
    attack = Attack("GET", "/raw/v1/models", (stage.bearer(), ("te", "trailers")))
    stage.clear()
    stage.raw.answer = f"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{{}}\r\n0\r\n{lines}\r\n".encode()
    bare = stage.without_keys(attack).play(stage.bare.port, protocol)
    assert sorted(name for name, _ in bare.trailers) == sorted(ACCOUNT)
    answer = attack.play(stage.gateway.port, protocol)
    assert (answer.status, answer.body) == (200, b"{}")
    assert not {name for name, _ in answer.trailers} & set(ACCOUNT)


def test_the_account_does_not_show_in_an_early_answer(stage: Stage) -> None:
    """HTTP/1.1 here: no filter sees a provider's 103, and Envoy drops it unless it is told `proxy_100_continue`."""
    early = "HTTP/1.1 103 Early Hints\r\n" + "".join(f"{name}: account\r\n" for name in ACCOUNT)
    stage.clear()
    stage.raw.answer = f"{early}\r\nHTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{{}}".encode()
    head = "GET /raw/v1/models HTTP/1.1\r\nhost: gateway.test\r\n{}: {}\r\n\r\n"
    for port, status in [(stage.bare.port, 103), (stage.gateway.port, 200)]:
        _, credential = stage.bearer() if port == stage.gateway.port else ("", "anybody")
        with Http1Connection(port) as connection:
            connection.send(head.format("authorization", credential).encode())
            content = b""
            while not content.endswith(b"{}"):
                piece = connection.receive_bytes()
                assert piece, content
                content += piece
        assert content.startswith(b"HTTP/1.1 %d" % status)
        assert (b"account" in content) is (status == 103)


@pytest.mark.parametrize("protocol", BOTH)
def test_the_account_does_not_show_when_a_websocket_opens(stage: Stage, protocol: str) -> None:
    def ask(port: int, *headers: tuple[str, str]) -> RawResponse:
        return upgrade(port, protocol, "/raw/v1/realtime?model=gpt-realtime", headers)

    stage.clear()
    lines = "".join(f"{name}: account\r\n" for name in ACCOUNT)
    head = f"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n{lines}\r\n"
    stage.raw.answer = head.encode() + b"\x81\x02hi"
    assert ask(stage.bare.port).header("openai-organization") == "account"
    answer = ask(stage.gateway.port, stage.bearer())
    assert answer.status in (101, 200)
    assert not any(answer.header(name) for name in ACCOUNT)
