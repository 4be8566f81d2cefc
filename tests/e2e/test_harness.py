"""The harness itself: Envoy's reports, raw clients, load and reloads, with no gateway filter in the way."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from harness import ecds
from harness.bootstrap import bootstrap, discovered_filter, gateway_bootstrap, http_filter_type, plain_bootstrap
from harness.ecds import Reload
from harness.envoy import Envoy
from harness.host import wasm_config
from harness.load import LoadRequest, run_load
from harness.processes import Process, ProcessFailed
from harness.raw_http1 import Http1Connection, http1_request
from harness.raw_http2 import Http2Connection, http2_request, request_headers
from harness.simulator import Simulator
from harness.trap_module import TRAP_HEADERS, write_trap_module

BEARER = {"authorization": "Bearer provider-credential"}
PIECES = 9


def test_received_reports_requests_exactly(simulator: Simulator, plain_envoy: Envoy) -> None:
    simulator.clear()
    headers = request_headers(
        "POST",
        "/anthropic/v1/messages?q=%41",
        [("x-api-key", "one"), ("x-api-key", "two"), ("x-odd", "caf\xe9"), ("content-type", "application/json")],
    )
    answer = http2_request(plain_envoy.port, headers, [b'{"model":', b'"claude"}\xff'])
    assert answer.status == 400
    [record] = simulator.wait_received(1)
    assert (record["provider"], record["method"], record["raw_path"]) == ("anthropic", "POST", "/v1/messages?q=%41")
    received = [value for name, value in record["headers"] if name.lower() == "x-api-key"]
    assert received == ["one", "two"]
    assert ["x-odd", "caf\udce9"] in record["headers"]
    assert record["body"].encode("utf-8", "surrogateescape") == b'{"model":"claude"}\xff'
    assert (record["status"], record["completed"], record["aborted"]) == (400, True, False)


def test_received_tells_an_abort_from_a_whole_answer(simulator: Simulator, plain_envoy: Envoy) -> None:
    simulator.clear()
    headers = request_headers("POST", "/openai/v1/chat/completions", BEARER.items())
    with Http2Connection(plain_envoy.port) as connection:
        stream = connection.open(headers)
        connection.send(stream, b'{"model": "sim-long-5000", "stream": true}', last=True)
        assert connection.receive_start(stream, 200).status == 200
        connection.reset(stream)
        [record] = simulator.wait_received(1)
    assert (record["status"], record["completed"], record["aborted"]) == (200, False, True)


def test_raw_http2_sends_trailers_and_reads_a_reset(simulator: Simulator, plain_envoy: Envoy) -> None:
    simulator.clear()
    headers = request_headers("POST", "/openai/v1/chat/completions", BEARER.items())
    body = [b'{"model": "gpt-4o", ', b'"messages": []}' + b" " * 200_000]
    answer = http2_request(plain_envoy.port, headers, body, [("x-checksum", "1")])
    assert answer.status == 200 and answer.complete
    assert answer.json()["usage"]["completion_tokens"] == PIECES
    [record] = simulator.wait_received(1)
    assert record["body"].encode() == b"".join(body)
    cut = http2_request(plain_envoy.port, headers, [b'{"model": "sim-cut", "stream": true}'])
    assert cut.status == 200 and not cut.complete and cut.reset_code is not None


def test_raw_http1_sends_exact_bytes_and_reads_pipelined_answers(plain_envoy: Envoy) -> None:
    get = b"GET /openai/v1/models HTTP/1.1\r\nHost: gateway.test\r\nAuthorization: Bearer x\r\n\r\n"
    with Http1Connection(plain_envoy.port) as connection:
        connection.send(get + get)
        assert [connection.receive().status for _ in range(2)] == [200, 200]
        connection.send(
            b"POST /openai/v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n11\r\n{\"model\":\"gpt-4\"}\r\n0\r\nx-checksum: 1\r\n\r\n"
        )
        assert connection.receive("POST").json()["model"] == "gpt-4"
    assert http1_request(plain_envoy.port, b"HEAD /openai/v1/models HTTP/1.1\r\nHost: x\r\n\r\n", "HEAD").body == b""
    assert http1_request(plain_envoy.port, b"GET /openai/%2e%2f HTTP/1.1\r\nHost: x\r\n\r\n").status == 400
    assert http1_request(plain_envoy.port, b"GET / HTTP/1.1\r\nHost: x\r\nx y: 1\r\n\r\n").status == 400
    assert http1_request(plain_envoy.port, b"GARBAGE\r\n\r\n").status == 400


def test_envoy_reports_logs_stats_and_cost(plain_envoy: Envoy) -> None:
    known = len(plain_envoy.access_log_lines())
    before, cpu = plain_envoy.stat("http.gateway.downstream_rq_2xx"), plain_envoy.cpu_seconds()
    url = f"{plain_envoy.url}/openai/v1/chat/completions"
    report = run_load(LoadRequest(url, headers=BEARER, document={"model": "gpt-4o"}), total=640)
    assert report.statuses == {200: 640} and not report.failures
    assert plain_envoy.stat("http.gateway.downstream_rq_2xx") - before == 640
    line = plain_envoy.access_log_lines(known + 640)[-1]
    assert (line["cluster"], line["status"]) == ("openai", 200)
    assert (line["path"], line["upstream_path"]) == ("/openai/v1/chat/completions", "/v1/chat/completions")
    assert set(plain_envoy.audit_lines(640)) == {"-"}
    assert 0 < plain_envoy.cpu_seconds() - cpu < 30
    assert 10_000_000 < plain_envoy.rss_bytes() < 1_000_000_000
    assert plain_envoy.crashes() == 0
    assert "configs" in plain_envoy.config_dump()


def test_connection_manager_options_can_be_overridden(simulator: Simulator, tmp_path: Path) -> None:
    options = {"path_with_escaped_slashes_action": None, "merge_slashes": False}
    document = plain_bootstrap(simulator.ports, tmp_path, connection_manager=options)
    with Envoy(document, tmp_path, concurrency=1) as running:
        simulator.clear()
        path = "/bedrock/model/arn%3Aaws%3Abedrock%3A%3A1%3Ainference-profile%2Fx/converse"
        assert httpx.post(running.url + path, headers=BEARER, json={}).status_code == 200
        assert simulator.wait_received(1)[0]["raw_path"] == path.removeprefix("/bedrock")


def test_ecds_file_moved_into_place_is_applied_or_rejected(simulator: Simulator, tmp_path: Path) -> None:
    def mutation(value: str) -> dict[str, Any]:
        append = {"append": {"header": {"key": "x-generation", "value": value}}}
        return {
            "@type": http_filter_type("header_mutation.v3.HeaderMutation"),
            "mutations": {"response_mutations": [append]},
        }

    (tmp_path / "ecds").mkdir()
    file = tmp_path / "ecds" / "mutation.json"
    ecds.move_into_place(file, ecds.discovery_response(mutation("1"), "1", name="mutation"))
    found = discovered_filter(file, name="mutation", kinds=("header_mutation.v3.HeaderMutation",))
    document = bootstrap(simulator.ports, tmp_path, filters=[found])
    with Envoy(document, tmp_path, concurrency=4) as running:

        def generation() -> str:
            return httpx.get(f"{running.url}/openai/v1/models", headers=BEARER).headers["x-generation"]

        assert generation() == "1"
        assert ecds.applied_version(running, name="mutation") == "1"
        assert ecds.reload(running, file, mutation("2"), name="mutation") is Reload.APPLIED
        assert {generation() for _ in range(50)} == {"2"}
        assert ecds.reload(running, file, mutation("2"), name="mutation") is Reload.UNCHANGED
        assert ecds.reload(running, file, mutation("bad\nvalue"), name="mutation") is Reload.REJECTED
        assert ecds.reload(running, file, '{"resources": [', name="mutation") is Reload.UNREADABLE
        assert generation() == "2"


def test_trap_and_refused_configuration_of_a_wasm_filter_are_seen(simulator: Simulator, tmp_path: Path) -> None:
    module = write_trap_module(tmp_path / "trap.wasm")
    (tmp_path / "ecds").mkdir()
    file = tmp_path / "ecds" / "claimgate.json"
    ecds.move_into_place(file, ecds.discovery_response(wasm_config(module, "one"), "1"))
    with Envoy(gateway_bootstrap(simulator.ports, tmp_path, file), tmp_path, concurrency=1) as running:
        url = f"{running.url}/openai/v1/models"
        assert httpx.get(url, headers=BEARER).status_code == 200
        assert ecds.reload(running, file, wasm_config(module, "")) is Reload.REJECTED
        # Envoy calls the same refused content a success; nothing was configured, and the first one still serves.
        assert ecds.reload(running, file, wasm_config(module, "")) is Reload.UNCHANGED
        assert httpx.get(url, headers=BEARER).status_code == 200
        assert ecds.reload(running, file, wasm_config(module, "two")) is Reload.APPLIED
        assert running.crashes() == 0
        many = {**BEARER, **{f"x-{index}": "1" for index in range(TRAP_HEADERS)}}
        assert httpx.get(url, headers=many).status_code == 503
        assert running.access_log_lines(3)[-1]["details"] == "wasm_fail_stream"
        assert running.crashes() == 1


def test_refused_first_configuration_answers_500(simulator: Simulator, tmp_path: Path) -> None:
    module = write_trap_module(tmp_path / "trap.wasm")
    file = tmp_path / "claimgate.json"
    ecds.move_into_place(file, ecds.discovery_response(wasm_config(module, ""), "1"))
    with Envoy(gateway_bootstrap(simulator.ports, tmp_path, file), tmp_path, concurrency=1) as running:
        assert httpx.get(f"{running.url}/openai/v1/models", headers=BEARER).status_code == 500
        assert running.access_log_lines(1)[-1]["flags"] == "NFCF"
        assert ecds.applied_version(running) == ""
        assert ecds.reload(running, file, wasm_config(module, "one")) is Reload.APPLIED
        assert httpx.get(f"{running.url}/openai/v1/models", headers=BEARER).status_code == 200


def test_process_that_ends_early_shows_its_log(tmp_path: Path) -> None:
    process = Process("failing", ["sh", "-c", "echo the reason >&2; exit 3"], tmp_path)
    with pytest.raises(ProcessFailed, match="(?s)`failing` ended with status 3.*the reason"):
        process.wait_ready(lambda: False, 5)
