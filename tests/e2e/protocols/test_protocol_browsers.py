"""Calls from web pages: the cors filter stands before the gateway, and a page can read why it was refused."""

import pytest
from harness.demo.bootstrap import BEDROCK_LISTENER
from harness.raw import RawResponse
from scene import (
    BODY_LIMIT,
    BOTH,
    CHAT,
    JSON,
    MODELS,
    ORIGIN,
    SCARCE,
    Scene,
    assert_answered,
    assert_refused,
    body,
)

pytestmark = pytest.mark.both_hosts

PAGE = ("origin", ORIGIN)
ELSEWHERE = ("origin", "https://elsewhere.test")
PREFLIGHT = [
    ("access-control-request-method", "POST"),
    ("access-control-request-headers", "authorization,content-type"),
]
CONVERSE = "/bedrock/model/anthropic.claude-sonnet-4-5-v1:0/converse"


def shared_with(answer: RawResponse) -> str | None:
    """The page's origin where a browser lets the page read the answer."""
    return answer.header("access-control-allow-origin")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("path", [CHAT, MODELS, "/openai/v1/no-such-operation"])
def test_a_preflight_is_answered_without_a_credential(shipped: Scene, protocol: str, path: str) -> None:
    """Envoy's cors filter answers it; the gateway decides nothing, and no provider hears of it."""
    answer = shipped.ask(protocol, "OPTIONS", path, [PAGE, *PREFLIGHT])
    assert (answer.status, answer.body, shared_with(answer)) == (200, b"", ORIGIN)
    assert "POST" in (answer.header("access-control-allow-methods") or "")
    assert "authorization" in (answer.header("access-control-allow-headers") or "")
    record = shipped.record(answer)
    assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("undecided", "envoy"), record
    assert not [name for name in record if name.startswith("claimgate.principal")]
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_a_preflight_spends_nothing(shipped: Scene, protocol: str) -> None:
    """A page that asks often is not refused for it, even where a client sends a credential along."""
    counted = shipped.counted()
    for _ in range(2 * SCARCE):
        assert shipped.ask(protocol, "OPTIONS", CHAT, [PAGE, *PREFLIGHT, *counted]).status == 200
    for _ in range(SCARCE):
        assert_answered(shipped, shipped.ask(protocol, "GET", MODELS, [PAGE, *counted]))
    answer = shipped.ask(protocol, "GET", MODELS, [PAGE, *counted])
    assert_refused(shipped, answer, 429, "quota_exceeded")
    assert shared_with(answer) == ORIGIN
    assert "retry-after" in (answer.header("access-control-expose-headers") or "")


@pytest.mark.parametrize("protocol", BOTH)
def test_a_preflight_from_another_origin_is_an_ordinary_request(shipped: Scene, protocol: str) -> None:
    """It reaches the gateway, which refuses it, and the browser asks no further."""
    answer = shipped.ask(protocol, "OPTIONS", CHAT, [ELSEWHERE, *PREFLIGHT])
    assert_refused(shipped, answer, 401, "credential_missing")
    assert shared_with(answer) is None
    answer = shipped.ask(protocol, "OPTIONS", CHAT, [ELSEWHERE, *PREFLIGHT, shipped.credential])
    assert_refused(shipped, answer, 404, "operation_unknown")
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([PAGE], id="without a requested method"),
        pytest.param([("access-control-request-method", "POST")], id="without an origin"),
        pytest.param([], id="neither"),
    ],
)
def test_an_options_request_that_is_no_preflight_is_refused(
    shipped: Scene, protocol: str, headers: list[tuple[str, str]]
) -> None:
    """Only `Origin` and `Access-Control-Request-Method` together make a preflight (Fetch standard)."""
    assert_refused(shipped, shipped.ask(protocol, "OPTIONS", CHAT, headers), 401, "credential_missing")
    answer = shipped.ask(protocol, "OPTIONS", CHAT, [*headers, shipped.credential])
    assert_refused(shipped, answer, 404, "operation_unknown")
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(
    ("credential", "content", "status", "reason"),
    [
        pytest.param(False, body(), 401, "credential_missing", id="by the headers"),
        pytest.param(True, b"{", 400, "body_malformed", id="by the body"),
        pytest.param(True, body("forbidden"), 403, "model_not_allowed", id="by a rule"),
        pytest.param(True, body(size=BODY_LIMIT + 1), 413, "body_too_large", id="by the bound"),
    ],
)
def test_a_page_can_read_why_it_was_refused(
    shipped: Scene, protocol: str, credential: bool, content: bytes, status: int, reason: str
) -> None:
    """A denial carries `access-control-allow-origin`, and exposes the reason and the ids to quote."""
    headers = [PAGE, JSON, ("content-length", str(len(content))), *([shipped.credential] if credential else [])]
    # A length beyond the bound is refused before the body comes.
    if status == 413:
        answer = shipped.announce(protocol, "POST", CHAT, headers)
    else:
        answer = shipped.ask(protocol, "POST", CHAT, headers, [content])
    assert_refused(shipped, answer, status, reason)
    assert shared_with(answer) == ORIGIN
    exposed = {name.strip() for name in (answer.header("access-control-expose-headers") or "").split(",")}
    assert exposed >= {"x-request-id", "x-claimgate-reason", "x-claimgate-decision-id"}
    assert (answer.header("x-claimgate-decision-id") or "") in answer.json()["error"]["message"]
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize(("origin", "shared"), [(PAGE, ORIGIN), (ELSEWHERE, None)])
def test_an_origin_is_no_credential(
    shipped: Scene, protocol: str, origin: tuple[str, str], shared: str | None
) -> None:
    """An allowed origin opens nothing and another one closes nothing: the browser only withholds the answer."""
    answer = shipped.ask(protocol, "POST", CHAT, [origin, JSON, shipped.credential], [body()])
    assert_answered(shipped, answer)
    assert shared_with(answer) == shared
    assert_refused(shipped, shipped.ask(protocol, "GET", MODELS, [origin]), 401, "credential_missing")


@pytest.mark.parametrize("protocol", BOTH)
def test_without_a_policy_a_preflight_is_an_ordinary_request(shipped: Scene, protocol: str) -> None:
    """A virtual host without a CorsPolicy, as all are shipped, serves no pages: refused, and not shared."""
    bedrock = Scene(shipped.envoy, shipped.simulator, shipped.key, listener=BEDROCK_LISTENER)
    answer = bedrock.ask(protocol, "OPTIONS", CONVERSE, [PAGE, *PREFLIGHT])
    assert_refused(bedrock, answer, 401, "credential_missing")
    assert shared_with(answer) is None
    answer = bedrock.ask(protocol, "OPTIONS", CONVERSE, [PAGE, *PREFLIGHT, bedrock.credential])
    assert_refused(bedrock, answer, 404, "operation_unknown")
    assert bedrock.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_without_a_route_a_page_reads_nothing(shipped: Scene, protocol: str) -> None:
    """The cors filter wants a route to a cluster: a misspelt base URL shows as an error of CORS in a browser."""
    preflight = shipped.ask(protocol, "OPTIONS", "/nowhere", [PAGE, *PREFLIGHT])
    assert_refused(shipped, preflight, 401, "credential_missing")
    answer = shipped.ask(protocol, "GET", "/nowhere", [PAGE, shipped.credential])
    assert_refused(shipped, answer, 404, "no_upstream")
    assert shared_with(preflight) is None and shared_with(answer) is None


@pytest.mark.parametrize("protocol", BOTH)
def test_a_page_cannot_read_what_envoy_refuses_before_its_filters(shipped: Scene, protocol: str) -> None:
    """The cors filter is not asked either, so a browser shows the page an error of CORS."""
    answers = list[RawResponse]()

    def asked() -> RawResponse:
        answers.append(shipped.ask(protocol, "GET", "/openai/v1%2Fmodels", [PAGE, shipped.credential]))
        return answers[-1]

    shipped.refused_by_envoy(asked, 400)
    assert [shared_with(answer) for answer in answers] == [None]
