"""gRPC: no provider here speaks it; a denial is one that a gRPC client can read."""

import pytest
from harness.raw import RawResponse
from scene import BOTH, CHAT, MODELS, SCARCE, UNREAD, Scene, assert_answered, assert_refused, body

pytestmark = pytest.mark.both_hosts

# A message of no bytes.
MESSAGE = b"\x00\x00\x00\x00\x00"
HEALTH_CHECK = "grpc.health.v1.Health/Check"
GRPC = ["application/grpc", "application/grpc+proto", "application/grpc+json"]
# These are plain HTTP with a content type of its own.
OTHER = ["application/grpc-web", "application/grpc-web+proto", "application/grpc-web-text", "application/connect+proto"]


def call(scene: Scene, protocol: str, path: str, content_type: str, *headers: tuple[str, str]) -> RawResponse:
    kind = [("content-type", content_type), ("te", "trailers")]
    return scene.ask(protocol, "POST", path, [*kind, *headers], [MESSAGE])


def assert_told(scene: Scene, answer: RawResponse, grpc_status: str, reason: str) -> None:
    """Fails unless the denial is one of gRPC, as its only message: trailers in the headers."""
    assert (answer.status, answer.header("content-type"), answer.body) == (200, "application/grpc", b""), answer
    assert (answer.header("grpc-status"), answer.header("x-claimgate-reason")) == (grpc_status, reason), answer
    message = answer.header("grpc-message") or ""
    assert reason in message and (answer.header("x-claimgate-decision-id") or "-") in message
    record = scene.record(answer)
    said = tuple(record[name] for name in ("claimgate.decision", "claimgate.reason", "claimgate.answered_by"))
    assert said == ("deny", reason, "gateway"), record
    # What the caller got, as gRPC has it.
    assert record["http.response.status_code"] == 200


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("content_type", GRPC)
def test_a_denial_is_a_grpc_status(shipped: Scene, protocol: str, content_type: str) -> None:
    """Envoy writes it as HTTP 200 with `grpc-status`; reason and ids are in the headers and in `grpc-message`."""
    key = shipped.credential
    for path, headers, grpc_status, reason in [
        (CHAT, [], "16", "credential_missing"),
        (f"/openai/{HEALTH_CHECK}", [], "16", "credential_missing"),
        (f"/openai/{HEALTH_CHECK}", [key], "12", "operation_unknown"),
        (f"/{HEALTH_CHECK}", [key], "12", "no_upstream"),
        ("/openai/v1/files", [key], "7", "stateful_operation_shared_credential"),
    ]:
        assert_told(shipped, call(shipped, protocol, path, content_type, *headers), grpc_status, reason)
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
def test_a_quota_is_a_grpc_status(shipped: Scene, protocol: str) -> None:
    """Envoy makes UNAVAILABLE of 429, which clients may retry: `x-should-retry` and `retry-after` say when."""
    counted = [("content-type", GRPC[0]), ("te", "trailers"), *shipped.counted()]
    for _ in range(SCARCE):
        assert_answered(shipped, shipped.ask(protocol, "GET", MODELS, counted))
    answer = shipped.ask(protocol, "GET", MODELS, counted)
    assert_told(shipped, answer, "14", "quota_exceeded")
    assert answer.header("retry-after") and answer.header("x-should-retry")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("content_type", [*GRPC, *OTHER])
def test_a_message_of_grpc_is_no_body_of_an_operation(shipped: Scene, protocol: str, content_type: str) -> None:
    """Where a body is read it must be JSON, so a message is refused unread."""
    answer = call(shipped, protocol, CHAT, content_type, shipped.credential)
    assert answer.header("x-claimgate-reason") == "body_unsupported"
    said = (answer.status, answer.header("grpc-status"))
    # UNKNOWN is what Envoy makes of 415.
    assert said == ((200, "2") if content_type in GRPC else (415, None))
    assert shipped.record(answer)["claimgate.reason"] == "body_unsupported"
    assert shipped.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("content_type", OTHER)
def test_grpc_for_browsers_gets_a_denial_of_http(shipped: Scene, protocol: str, content_type: str) -> None:
    """gRPC-web and Connect clients read the HTTP status, which stays."""
    answer = call(shipped, protocol, CHAT, content_type)
    assert_refused(shipped, answer, 401, "credential_missing")
    assert answer.header("grpc-status") is None and answer.json()["error"]["code"] == "credential_missing"


@pytest.mark.parametrize("protocol", BOTH)
def test_a_content_type_opens_nothing(shipped: Scene, protocol: str) -> None:
    """Where no body is read, the content type is the provider's to judge, and the decision is the same."""
    kind = [("content-type", "application/grpc"), shipped.credential]
    assert_answered(shipped, shipped.ask(protocol, "POST", UNREAD, kind, [body()]))
    assert_answered(shipped, shipped.ask(protocol, "GET", MODELS, kind))
