"""Path: what is recognised is what is forwarded."""

import pytest

from harness.attacks import BOTH, MODELS, Attack, Stage
from harness.raw_http1 import http1_request
from harness.raw_http2 import http2_request

pytestmark = pytest.mark.both_hosts

# The path as sent. A provider that decodes once more, or later, reads another operation than the gateway did.
TWO_READINGS = {
    "dot segments": "/openai/v1/chat/../files",
    "dot segments out of the route": "/openai/../anthropic/v1/models",
    "encoded dot segments": "/openai/v1/models/%2e%2e/files",
    "half encoded dot segments": "/openai/v1/models/.%2e/files",
    "dots encoded twice": "/openai/v1/models/%252e%252e/files",
    "an empty segment": "/openai/v1//files",
    "a slash at the end": "/openai/v1/models/",
    "an encoded slash": "/openai/v1%2ffiles",
    "a slash encoded twice": "/openai/v1%252ffiles",
    "a backslash": "/openai/v1\\files",
    "an encoded backslash": "/openai/v1/models/..%5cfiles",
    "a parameter of a segment": "/openai/v1/models;/../files",
    "an encoded parameter": "/openai/v1/models/..%3b/files",
    "an encoded NUL": "/openai/v1/models%00",
    "an encoded line break": "/openai/v1/models%0d%0aauthorization:x",
    "an encoded question mark": "/openai/v1/files%3f/models",
    "an encoded fragment": "/openai/v1/files%23/models",
    "an overlong slash": "/openai/v1/models/..%c0%affiles",
    "an escape cut short": "/openai/v1/models%2",
}
# Headers by which some servers let a caller replace the method.
OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", TWO_READINGS)
def test_a_path_with_two_readings_reaches_nobody(stage: Stage, protocol: str, name: str) -> None:
    attack = Attack("GET", TWO_READINGS[name], (stage.bearer(),))
    _, seen = stage.open_door(attack, protocol)
    assert f"/openai{seen['raw_path']}" == attack.path
    record = stage.refuses(attack, protocol, 400, "path_ambiguous")
    assert "gen_ai.operation.name" not in record


@pytest.mark.parametrize("protocol", BOTH)
def test_the_path_that_was_decided_is_the_path_that_arrives(stage: Stage, protocol: str) -> None:
    """An escape that has one reading is neither refused nor rewritten."""
    answer, seen = stage.passes(Attack("GET", "/openai/v1/model%73?after=%2e%2e", (stage.bearer(),)), protocol)
    assert (answer.status, seen["raw_path"]) == (200, "/v1/model%73?after=%2e%2e")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("path", ["/openai/v1/models#/../files", "*", "http://elsewhere.test/openai/v1/../files"])
def test_a_target_in_another_form_reaches_nobody(stage: Stage, protocol: str, path: str) -> None:
    """Envoy refuses most of them; what it passes on as a path, the filter reads as one."""
    stage.clear()
    answer = Attack("GET", path, (stage.bearer(),)).play(stage.gateway.port, protocol)
    assert answer.status in (0, 400, 404), answer
    assert stage.simulator.received() == []


def test_an_absolute_target_is_decided_by_its_path(stage: Stage) -> None:
    """HTTP/1.1 only: its authority stands in the target (RFC 9112 section 3.2.2)."""
    head = "GET http://elsewhere.test{} HTTP/1.1\r\nhost: gateway.test\r\n{}: {}\r\n\r\n"
    stage.clear()
    answer = http1_request(stage.gateway.port, head.format("/openai/v1/files", *stage.bearer()).encode())
    stage.refused(answer, 403, "stateful_operation_shared_credential")
    answer = http1_request(stage.gateway.port, head.format(MODELS, *stage.bearer()).encode())
    assert answer.status == 200


def test_two_paths_reach_nobody(stage: Stage) -> None:
    """HTTP/2 only: pseudo-headers may be sent twice."""
    stage.clear()
    pseudo = [(":method", "GET"), (":scheme", "http"), (":authority", "gateway.test")]
    for paths in ([MODELS, "/openai/v1/files"], ["/openai/v1/files", MODELS], []):
        headers = [*pseudo, *((":path", path) for path in paths), stage.bearer()]
        assert http2_request(stage.gateway.port, headers).status in (0, 400), paths
    assert stage.simulator.received() == []


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", OVERRIDES)
def test_a_header_that_replaces_the_method_is_refused(stage: Stage, protocol: str, name: str) -> None:
    attack = Attack("GET", "/gemini/v1beta/models", (stage.bearer(), (name, "DELETE")))
    _, seen = stage.open_door(attack, protocol)
    assert (name, "DELETE") in [(header.lower(), value) for header, value in seen["headers"]]
    stage.refuses(attack, protocol, 404, "operation_unknown")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", [name.replace("-", "_") for name in OVERRIDES])
def test_an_underscore_does_not_hide_the_header_that_replaces_the_method(
    stage: Stage, protocol: str, name: str
) -> None:
    attack = Attack("GET", "/gemini/v1beta/models", (stage.bearer(), (name, "DELETE")))
    stage.refuses(attack, protocol, 404, "operation_unknown")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("query", ["$httpMethod=DELETE", "%24httpMethod=DELETE", "$httpHeaders=x-goog-api-key%3Ax"])
def test_a_query_that_replaces_the_method_is_refused(stage: Stage, protocol: str, query: str) -> None:
    attack = Attack("GET", f"/gemini/v1beta/models?{query}", (stage.bearer(),))
    stage.refuses(attack, protocol, 400, "path_ambiguous")
