"""What is asked of a provider, as the compiled filter reads it: path, body, and only as much of the body as needed."""

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.bootstrap import prefix_route, static_cluster
from harness.deadline import wait_until
from harness.dialects import (
    API_VERSION,
    DIALECTS,
    GOOGLES,
    MODELS,
    VERTEX_BASE,
    Request,
    authorised,
    chat,
    chat_document,
    raw_http1,
)
from harness.exchange import PROTOCOLS
from harness.frames import read_frames
from harness.gateway import Gateway, document, key_entry, rule, upstream_entries
from harness.raw import RawResponse
from harness.raw_http1 import Http1Connection, http1_request
from harness.raw_http2 import Http2Connection, request_headers
from harness.simulator import Simulator

ROOT = Path(__file__).resolve().parents[2]
# The tables of src/dialect/recognition/table.rs: dialect, base, source file, name of the list.
TABLES = [
    ("openai", "", "openai.rs", "ROWS"),
    ("openai", "", "compatible.rs", "ROWS"),
    ("azure", "/openai", "azure.rs", "ROWS"),
    ("azure", "", "azure.rs", "ENDPOINT_ROWS"),
    ("anthropic", "", "anthropic.rs", "ROWS"),
    ("gemini", "", "gemini.rs", "ROWS"),
    ("gemini", "/v1beta/openai", "gemini.rs", "OPENAI_ROWS"),
    ("bedrock", "", "bedrock.rs", "ROWS"),
    ("vertex", f"{VERTEX_BASE}/publishers/google", "vertex.rs", "GOOGLE_ROWS"),
    ("vertex", f"{VERTEX_BASE}/publishers/anthropic", "vertex.rs", "ANTHROPIC_ROWS"),
    ("vertex", f"{VERTEX_BASE}/endpoints/openapi", "vertex.rs", "OPENAPI_ROWS"),
]
ROW = re.compile(r'^\s+(\w+)\s+"(/[^"]*)"\s+"([\w.]+)"\s+(\w+)\s+(\w+)\s+(\w+)\s+\w+\s+\w+;', re.M)
MODEL = "model-1"
PLACES = {"{id}": "id-1", "{resource}": "id-1", "{version}": "v1beta"}
PLACES |= dict.fromkeys(["{model}", "{slug}", "{name}", "{tuned}", "{arn}"], MODEL)
WEBSOCKET = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec-websocket-version": "13",
    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
}
ARN = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fsim-tokens-7-3"
TEXT = "The gate is open and the sum is right."


def asks(what: str) -> str:
    return f"has(request.headers.asks) && request.headers.asks == '{what}'"


class World:
    """A gateway whose providers belong to the caller's tenant alone, but for one that is shared."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.simulator = simulator
        self.key, entry = key_entry("caller", tenant="acme")
        upstreams = [{**upstream, "tenant": "acme"} for upstream in upstream_entries()]
        upstreams[0]["operations"] = [
            {"method": "POST", "path": "/v1/sort", "operation": "sort"},
            {"method": "POST", "path": "/v1/jobs/*/start", "operation": "jobs", "stateful": True},
            # A row of the table comes first, so this cannot make files stateless.
            {"method": "GET", "path": "/v1/files", "operation": "harmless"},
        ]
        shared = {**upstreams[0], "cluster": "shared", "path_prefix": "/shared"}
        del shared["tenant"]
        # The same secret would make the account the tenant's no longer.
        shared["credential"] = {"env": "SHARED_API_KEY"}
        shared["stateless_responses"] = {}
        configuration = document(
            keys=[entry],
            upstreams=[*upstreams, shared],
            public_origins=["https://gw.example"],
            policies=[
                rule("models", "!has(llm.model) || !llm.model.glob('forbidden*')", when=asks("model"),
                     reason="model_not_allowed"),
                rule("whole", "!llm.stream", when=asks("stream")),
                rule("short", "has(llm.max_tokens) && llm.max_tokens <= 100", when=asks("max")),
                rule("operations", "llm.operation != 'embeddings'", when=asks("operation")),
            ],
            body_limit="1023KiB",
            form_limit="1536KiB",
        )  # fmt: skip
        self.gateway = Gateway(
            configuration,
            simulator,
            directory,
            environment={"SHARED_API_KEY": "provider-secret-shared"},
            clusters=[static_cluster("shared", simulator.ports["openai"])],
            routes=[prefix_route("/shared/", "shared")],
            # Twice what the gateway reads.
            buffer_limit=2 * 1024 * 1024,
            # As the shipped listener for Bedrock has it; the filter judges escaped slashes itself.
            connection_manager={"path_with_escaped_slashes_action": "KEEP_UNCHANGED"},
        )
        self.client = httpx.Client(base_url=self.gateway.url, timeout=15)

    def send(self, request: Request) -> RawResponse:
        return http1_request(self.gateway.port, raw_http1(request), request.method)

    def upload(self, protocol: str, body: bytes, *headers: tuple[str, str]) -> RawResponse:
        """A form for a transcription, sent in pieces; a rule reads its model."""
        plain = [("authorization", f"Bearer {self.key}"), ("asks", "model")]
        plain.append(("content-type", "multipart/form-data; boundary=b1"))
        with PROTOCOLS[protocol](self.gateway.port) as exchange:
            exchange.open("POST", "/openai/v1/audio/transcriptions", [*plain, *headers])
            for start in range(0, len(body), 50_000):
                exchange.send(body[start : start + 50_000])
            exchange.end()
            return exchange.receive()

    def ask(self, dialect: str, asking: str = "", **options: Any) -> Request:
        request = chat(dialect, self.key, **options)
        return request.with_headers(asks=asking) if asking else request

    def at(self, dialect: str, method: str, path: str, asking: str = "", body: Any = None) -> Request:
        """Another operation; a document becomes a JSON body."""
        request = authorised(Request(method, f"/{dialect}{path}"), dialect, self.key)
        if dialect == "anthropic":
            request = request.with_headers(anthropic_version="2023-06-01")
        if asking:
            request = request.with_headers(asks=asking)
        return request if body is None else request.with_body(json.dumps(body).encode())

    def record(self, answer: RawResponse) -> dict[str, Any]:
        return self.gateway.audit(claimgate__request_id=answer.header("x-request-id"))

    def stop(self) -> None:
        self.client.close()
        self.gateway.stop()


@pytest.fixture(scope="module")
def world(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(simulator, tmp_path_factory.mktemp("dialects"))
    yield running
    running.stop()


def assert_refused(answer: RawResponse, status: int, reason: str) -> None:
    assert (answer.status, answer.header("x-claimgate-reason")) == (status, reason), answer.body


@dataclass(frozen=True)
class Operation:
    """One row of a table of the source, with its places filled."""

    dialect: str
    method: str
    pattern: str
    path: str
    name: str
    model: str
    body: str


def operations() -> list[Operation]:
    rows = []
    for dialect, base, file, name in TABLES:
        source = (ROOT / "src" / "dialect" / "recognition" / "table" / file).read_text()
        section = source[source.index(f"const {name}:") :]
        for method, pattern, operation, _, model, body in ROW.findall(section[: section.index("];")]):
            path = base + pattern
            for place, value in PLACES.items():
                path = path.replace(place, value)
            rows.append(Operation(dialect, method, base + pattern, path, operation, model, body))
    return rows


def filled(world: World, row: Operation) -> Request:
    """A request for the row that a rule on models can read."""
    query = {"openai": "", "azure": f"?{API_VERSION}"}.get(row.dialect, "")
    if row.model == "Query":
        query = f"?model={MODEL}" if row.dialect == "openai" else f"?{API_VERSION}&model={MODEL}"
    request = world.at(row.dialect, row.method, row.path + query, "model")
    if row.body == "Json":
        return request.with_body(json.dumps({"model": MODEL} if row.model == "Body" else {}).encode())
    if row.body in ("Multipart", "JsonOrMultipart"):
        fields = {"model": MODEL} if row.model == "Multipart" else {}
        return request.with_body(*form(fields))
    if row.body == "Upgrade":
        return replace(request, headers={**request.headers, **WEBSOCKET})
    return request.with_body(b"opaque", "application/octet-stream") if row.body == "Opaque" else request


def form(fields: dict[str, str], *, twice: str = "") -> tuple[bytes, str]:
    """A multipart form with a file, and its content type; one field may come twice."""
    parts = [*fields.items(), *((name, "another") for name in [twice] if name)]
    text = "".join(f'--b1\r\ncontent-disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in parts)
    text += '--b1\r\ncontent-disposition: form-data; name="file"; filename="a.wav"\r\n\r\nRIFF\r\n--b1--\r\n'
    return text.encode(), "multipart/form-data; boundary=b1"


def test_the_tables_were_found() -> None:
    assert len(operations()) > 200


@pytest.mark.parametrize("row", operations(), ids=lambda row: f"{row.dialect}-{row.method}-{row.pattern}")
def test_every_operation_of_the_tables_is_recognised(world: World, row: Operation) -> None:
    answer = world.send(filled(world, row))
    if row.model == "Elsewhere":
        assert_refused(answer, 403, "model_unknowable")
    else:
        assert answer.header("x-claimgate-reason") is None, answer.body
    record = world.record(answer)
    assert record["gen_ai.operation.name"] == row.name
    model = {"None": None, "Elsewhere": None}.get(row.model, MODEL)
    assert record.get("gen_ai.request.model") == (f"tunedModels/{MODEL}" if "{tuned}" in row.pattern else model)
    assert record["claimgate.decision"] == ("deny" if row.model == "Elsewhere" else "allow")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_chat_streams_and_does_not(world: World, dialect: str) -> None:
    request = world.ask(dialect)
    whole = world.send(request)
    assert whole.status == 200 and whole.header("content-type") == "application/json"
    streaming = streamed(request, dialect)
    answer = world.send(streaming)
    assert answer.status == 200 and answer.complete
    if dialect == "bedrock":
        assert [name for name, _ in read_frames(answer.body)][-1] == "metadata"
    else:
        assert (answer.header("content-type") or "").startswith("text/event-stream")
        assert answer.body.count(b"data: ") > 5
    # A rule that wants whole answers knows a stream, whether path or body says so.
    assert world.send(request.with_headers(asks="stream")).status == 200
    assert_refused(world.send(streaming.with_headers(asks="stream")), 403, "policy_denied")


def streamed(request: Request, dialect: str) -> Request:
    if dialect in GOOGLES:
        return replace(request, path=request.path.replace(":generate", ":streamGenerate") + "?alt=sse")
    if dialect == "bedrock":
        return replace(request, path=request.path + "-stream")
    body = {**json.loads(request.body or b""), "stream": True}
    return request.with_body(json.dumps(body).encode())


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_rule_on_models_reads_path_or_body(world: World, dialect: str) -> None:
    assert world.send(world.ask(dialect, "model")).status == 200
    refused = world.send(world.ask(dialect, "model", model="forbidden-7"))
    assert_refused(refused, 403, "model_not_allowed")
    assert world.record(refused)["gen_ai.request.model"] == "forbidden-7"
    # Where no rule reads it, nobody minds.
    assert world.send(world.ask(dialect, model="forbidden-7")).status == 200


@pytest.mark.parametrize(
    ("dialect", "fields"),
    [
        ("openai", {"max_tokens": 101}),
        ("openai", {"max_completion_tokens": 101}),
        ("openai", {"max_tokens": 50, "max_completion_tokens": 101}),
        ("azure", {"max_tokens": 101}),
        ("anthropic", {"max_tokens": 101}),
        ("gemini", {"generationConfig": {"maxOutputTokens": 101}}),
        ("gemini", {"generation_config": {"max_output_tokens": 101}}),
        ("bedrock", {"inferenceConfig": {"maxTokens": 101}}),
        ("vertex", {"generationConfig": {"maxOutputTokens": 101}}),
    ],
)
def test_a_rule_on_the_longest_answer_reads_each_dialects_key(
    world: World, dialect: str, fields: dict[str, Any]
) -> None:
    within = json.loads(json.dumps(fields).replace("101", "100"))
    for asked, status in [(fields, 403), (within, 200)]:
        body = {**chat_document(dialect), **asked}
        assert world.send(world.ask(dialect, "max").with_body(json.dumps(body).encode())).status == status, asked


@pytest.mark.parametrize(
    ("dialect", "method", "path"),
    [
        ("openai", "POST", "/v1/chat/completion"),
        ("openai", "POST", "/v1/chat/completions/"),
        ("openai", "POST", "/V1/chat/completions"),
        ("openai", "GET", "/v1/organization/usage/completions"),
        ("openai", "POST", "/v2/chat"),
        ("openai", "PUT", "/v1/chat/completions"),
        ("openai", "GET", "/"),
        ("azure", "POST", "/v1/chat/completions"),
        ("azure", "POST", "/openai/deployments/m"),
        ("anthropic", "POST", "/v1/chat/completions"),
        ("anthropic", "GET", "/v1/organizations/me"),
        ("gemini", "POST", "/v1beta/models/m:unheardOf"),
        ("gemini", "POST", "/v3/models/m:generateContent"),
        ("bedrock", "POST", "/model/m/converses"),
        ("bedrock", "POST", "/model/a/b/converse"),
        ("vertex", "POST", "/v1beta/models/m:generateContent"),
        ("vertex", "POST", "/v1/publishers/google/models/m:generateContent"),
        ("vertex", "POST", f"{VERTEX_BASE}/publishers/google/models/m:predictLongRunning"),
        ("vertex", "POST", f"{VERTEX_BASE}/publishers/mistralai/models/m:rawPredict"),
        ("vertex", "POST", f"{VERTEX_BASE}/endpoints/7:predict"),
        ("vertex", "POST", f"{VERTEX_BASE}/cachedContents"),
    ],
)
def test_what_is_not_listed_is_refused(world: World, dialect: str, method: str, path: str) -> None:
    world.simulator.clear()
    answer = world.send(world.at(dialect, method, path, body={} if method != "GET" else None))
    assert answer.status in (400, 404)
    assert answer.header("x-claimgate-reason") in ("operation_unknown", "path_ambiguous")
    assert world.simulator.received() == []


def test_a_method_override_and_a_stray_upgrade_are_refused(world: World) -> None:
    override = world.ask("gemini").with_headers(x_http_method_override="DELETE")
    assert_refused(world.send(override), 404, "operation_unknown")
    upgrade = world.at("openai", "GET", "/v1/models")
    assert_refused(world.send(replace(upgrade, headers={**upgrade.headers, **WEBSOCKET})), 404, "operation_unknown")
    plain = world.at("openai", "GET", f"/v1/realtime?model={MODEL}")
    assert_refused(world.send(plain), 404, "operation_unknown")


def test_an_operators_own_operation_passes_and_is_named(world: World) -> None:
    answer = world.send(world.at("openai", "POST", "/v1/sort", body={"query": "x"}))
    assert answer.header("x-claimgate-reason") is None
    assert world.record(answer)["gen_ai.operation.name"] == "sort"
    assert_refused(world.send(world.at("openai", "GET", "/v1/sort")), 404, "operation_unknown")
    started = world.send(world.at("openai", "POST", "/v1/jobs/j1/start", body={}))
    assert world.record(started)["gen_ai.operation.name"] == "jobs"
    assert_refused(world.send(world.at("openai", "POST", "/v1/jobs/a/b/start", body={})), 404, "operation_unknown")
    # What it does with models nobody knows.
    unknowable = world.send(world.at("openai", "POST", "/v1/sort", "model", {"model": "harmless"}))
    assert_refused(unknowable, 403, "model_unknowable")
    stateful = world.send(world.at("shared", "POST", "/v1/jobs/j1/start", body={}))
    assert stateful.status in (401, 403)


def test_an_operators_own_operation_does_not_soften_a_known_one(world: World) -> None:
    request = Request("GET", "/shared/v1/files", {"authorization": f"Bearer {world.key}"})
    answer = world.send(request)
    assert_refused(answer, 403, "stateful_operation_shared_credential")
    assert world.record(answer)["gen_ai.operation.name"] == "files"


def test_a_bedrock_arn_keeps_its_slash(world: World) -> None:
    world.simulator.clear()
    answer = world.send(world.ask("bedrock", "model", model=ARN))
    assert answer.status == 200 and answer.json()["usage"]["inputTokens"] == 7
    assert world.record(answer)["gen_ai.request.model"] == httpx.URL(f"http://x/{ARN}").path[1:]
    assert world.simulator.received("bedrock")[0]["raw_path"] == f"/model/{ARN}/converse"
    for model in ("a%2Fb", "arn%3Aaws%3A..%2F..%2Fx", "arn%3Aaws%3Ax%2F%2Fy", "arn%253Aaws"):
        assert_refused(world.send(world.ask("bedrock", model=model)), 400, "path_ambiguous")


@pytest.mark.parametrize(
    "path",
    [
        "/openai/v1/files/a%2Fb",
        "/openai/v1/models/a%2F..",
        "/openai/v1%2Fmodels",
        "/openai/v1/models/a%5Cb",
        "/openai/v1/models/%00",
        "/openai/v1/models/a;b",
        "/openai/v1/models/a%",
        "/openai/v1/models/%zz",
        "/openai/v1/models/%252e%252e",
        "/gemini/v1beta/models/m%3AgenerateContent",
    ],
)
def test_a_path_of_two_readings_is_refused(world: World, path: str) -> None:
    world.simulator.clear()
    answer = world.send(Request("GET", path, {"authorization": f"Bearer {world.key}"}))
    assert answer.status in (400, 404)
    assert answer.header("x-claimgate-reason") in ("path_ambiguous", None)
    assert world.simulator.received() == []


def test_paths_without_a_version_and_with_another_one(world: World) -> None:
    """Base URLs that end before the version, Azure's `api-version`, Google's newest."""
    for dialect, method, path, operation in [
        ("openai", "POST", "/chat/completions", "chat"),
        ("openai", "POST", "/rerank", "rerank"),
        ("openai", "GET", "/v1/models/meta-llama/Llama-3", "models"),
        ("openai", "GET", "/v1/models/meta-llama%2FLlama-3", "models"),
        ("azure", "POST", f"/openai/vector_stores?{API_VERSION}", "vector_stores"),
        ("azure", "POST", f"/openai/threads/t/messages?{API_VERSION}", "threads"),
        ("azure", "POST", "/openai/v1/evals", "evals"),
        ("gemini", "POST", "/v1alpha/models/m:generateContent", "generate_content"),
    ]:
        body = {"model": MODEL} if method == "POST" and dialect != "gemini" else {} if method == "POST" else None
        answer = world.send(world.at(dialect, method, path, "model", body))
        assert answer.header("x-claimgate-reason") is None, (path, answer.body)
        assert world.record(answer)["gen_ai.operation.name"] == operation


def test_azure_deployment_and_v1_paths(world: World) -> None:
    deployment = world.send(world.ask("azure", "model", model="team-chat"))
    assert deployment.json()["model"] == "team-chat"
    # The deployment decides; Azure ignores a model beside it, and so does the rule.
    body = {"model": "forbidden-1", "messages": []}
    beside = world.send(world.ask("azure", "model", model="team-chat").with_body(json.dumps(body).encode()))
    assert beside.status == 200
    assert world.record(beside)["gen_ai.request.model"] == "team-chat"
    newer = world.at("azure", "POST", "/openai/v1/chat/completions", "model", body)
    assert_refused(world.send(newer), 403, "model_not_allowed")


def test_gemini_verbs_and_the_openai_compatible_prefix(world: World) -> None:
    for path, operation in [
        ("/v1beta/models/m:countTokens", "count_tokens"),
        ("/v1beta/models/m:embedContent", "embeddings"),
        ("/v1/models/m:generateContent", "generate_content"),
    ]:
        answer = world.send(world.at("gemini", "POST", path, body={"contents": []}))
        assert world.record(answer)["gen_ai.operation.name"] == operation
    world.simulator.clear()
    compatible = world.at("gemini", "POST", "/v1beta/openai/chat/completions", "model", chat_document("openai", "m"))
    assert world.send(compatible).status == 200
    headers = dict(world.simulator.received("gemini")[0]["headers"])
    assert headers["authorization"] == "Bearer provider-secret-gemini" and "x-goog-api-key" not in headers
    forbidden = chat_document("openai", "forbidden")
    path = "/v1beta/openai/chat/completions"
    assert_refused(world.send(world.at("gemini", "POST", path, "model", forbidden)), 403, "model_not_allowed")


def test_a_model_in_path_and_body_must_agree(world: World) -> None:
    for name, status in [("models/m", 200), ("m", 200), ("models/other", 400), ("other", 400)]:
        body = {**chat_document("gemini"), "model": name}
        request = world.ask("gemini", "max", model="m").with_body(json.dumps({**body, **SHORT}).encode())
        answer = world.send(request)
        assert answer.status == status, answer.body
        if status == 400:
            assert_refused(answer, 400, "model_mismatch")


SHORT = {"generationConfig": {"maxOutputTokens": 9}}


def test_multipart_audio_has_its_model_in_a_field(world: World) -> None:
    path = "/v1/audio/transcriptions"
    fine = world.at("openai", "POST", path, "model").with_body(*form({"model": "whisper-1"}))
    answer = world.send(fine)
    assert answer.status == 200 and answer.json()["text"] == TEXT
    assert world.record(answer)["gen_ai.request.model"] == "whisper-1"
    forbidden = world.at("openai", "POST", path, "model").with_body(*form({"model": "forbidden-1"}))
    assert_refused(world.send(forbidden), 403, "model_not_allowed")
    doubled = world.at("openai", "POST", path, "model").with_body(*form({"model": "whisper-1"}, twice="model"))
    assert_refused(world.send(doubled), 400, "body_ambiguous")
    as_json = world.at("openai", "POST", path, "model", {"model": "whisper-1"})
    assert_refused(world.send(as_json), 415, "body_unsupported")
    # The SDK's own form, with a boundary of its making.
    files = {"file": ("a.wav", b"RIFF" * 1000)}
    headers = {"authorization": f"Bearer {world.key}", "asks": "model"}
    sdk = world.client.post(f"/openai{path}", headers=headers, files=files, data={"model": "whisper-1"})
    assert sdk.status_code == 200


@pytest.mark.parametrize("announced", [lambda _: [], lambda body: [("content-length", str(len(body)))]],
                         ids=["without-a-length", "with-its-length"])  # fmt: skip
@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_a_long_upload_is_decided_by_its_beginning_and_watched_to_its_end(
    world: World, simulator: Simulator, protocol: str, announced: Callable[[bytes], list[tuple[str, str]]]
) -> None:
    """Nothing holds a recording of megabytes, and nothing behind it says another model."""
    sound = b"RIFF" * 1_000_000
    model, other, file = upload_part("model", b"whisper-1"), upload_part("model", b"forbidden-1"), upload_part("file", sound)
    end = b"--b1--\r\n"
    short = upload_part("file", sound[:1_300_000])
    for parts, status, reason in [
        # More than a body may have, and less than a form may hold before its fields.
        (short + model + end, 200, None),
        (short + other + end, 403, "model_not_allowed"),
        (short + model + other + end, 400, "body_ambiguous"),
        (model + file + upload_part("stream", b"true") + end, 200, None),
        (model + file + end, 200, None),
        (model + file + upload_part("prompt", b"x") + end, 200, None),
        (other + file + end, 403, "model_not_allowed"),
        (file + model + end, 413, "body_too_large"),
        (model + file + other + end, 400, "body_ambiguous"),
        (model + file, 400, "body_malformed"),
    ]:
        simulator.clear()
        answer = world.upload(protocol, parts, *announced(parts))
        assert (answer.status, answer.header("x-claimgate-reason")) == (status, reason), answer.body[:300]
        record = world.record(answer)
        assert record["claimgate.decision"] == ("allow" if status == 200 else "deny")
        # What was cut off on its way was not understood as a request.
        if reason in ("body_ambiguous", "body_too_large", "model_not_allowed"):
            assert not any(received["completed"] for received in simulator.received())
        if status == 200:
            [received] = simulator.wait_received(1)
            assert len(received["body"]) == len(parts)


@pytest.mark.parametrize("path", ["/v1/images/edits", "/v1/images/edits?x=1"])
def test_images_are_edited_by_json_or_by_a_form(world: World, path: str) -> None:
    def edit(model: str, **fields: Any) -> Request:
        body = {"model": model, "prompt": "x", "images": [{"image_url": "data:image/png;base64,AA=="}], **fields}
        return world.at("openai", "POST", path, "model", body)

    answer = world.send(edit("gpt-image-1.5"))
    assert answer.header("x-claimgate-reason") is None
    assert world.record(answer)["gen_ai.request.model"] == "gpt-image-1.5"
    as_form = world.at("openai", "POST", path, "model").with_body(*form({"model": "gpt-image-1.5"}))
    assert world.send(as_form).header("x-claimgate-reason") is None
    assert_refused(world.send(edit("forbidden-1")), 403, "model_not_allowed")
    as_form = world.at("openai", "POST", path, "model").with_body(*form({"model": "forbidden-1"}))
    assert_refused(world.send(as_form), 403, "model_not_allowed")
    stored = replace(edit("gpt-image-1.5", mask={"file_id": "file-1"}), path=f"/shared{path}")
    assert_refused(world.send(stored), 403, "stateful_operation_shared_credential")
    as_text = edit("gpt-image-1.5").with_headers(content_type="text/plain")
    assert_refused(world.send(as_text), 415, "body_unsupported")


def test_bedrock_invokes_without_a_content_type(world: World) -> None:
    """As AWS's SDKs send it; the body is one JSON object all the same."""
    for verb in ("invoke", "invoke-with-response-stream"):
        path = f"/model/{MODEL}/{verb}"
        for kind in ([], [("content-type", "application/octet-stream")], [("content-type", "application/json")]):
            for body, want in [
                (b'{"max_tokens": 9, "messages": []}', None),
                (b'{"max_tokens": 900, "messages": []}', "policy_denied"),
                (b'{"max_tokens": 9, "max_tokens": 900}', "body_ambiguous"),
                (b"\x89PNG", "body_malformed"),
                (b"", "body_malformed"),
            ]:
                headers = {"authorization": f"Bearer {world.key}", "asks": "max", **dict(kind)}
                answer = world.client.post(f"/bedrock{path}", headers=headers, content=body)
                assert answer.headers.get("x-claimgate-reason") == want, (kind, body)
    converse = world.client.post(f"/bedrock/model/{MODEL}/converse", headers=headers | {"content-type": ""}, content=b"{}")
    assert converse.headers["x-claimgate-reason"] == "body_unsupported"


def test_a_shared_account_is_told_to_keep_no_responses(world: World, simulator: Simulator) -> None:
    """With what the next step needs in its place, where the model reasons; all else of the body stays as it was."""
    headers = {"authorization": f"Bearer {world.key}", "content-type": "application/json"}

    def arrived(path: str, body: str) -> str:
        simulator.clear()
        answer = world.client.post(path, headers=headers, content=body)
        assert answer.status_code == 200, answer.text
        [received] = simulator.wait_received(1)
        return received["body"]

    both = '"store":false,"include":["reasoning.encrypted_content"],'
    assert arrived("/shared/v1/responses", '{"model":"o4-mini", "input":"é"}') == f'{{{both}"model":"o4-mini", "input":"é"}}'
    assert arrived("/shared/v1/responses", '{"model":"gpt-4o","input":"x"}') == '{"store":false,"model":"gpt-4o","input":"x"}'
    streamed = '{"model":"gpt-4o","stream":true,"store":null,"input":"x"}'
    assert arrived("/shared/v1/responses", streamed) == streamed.replace("null", "false")
    assert arrived("/openai/v1/responses", '{"model":"o4-mini","input":"x"}') == '{"model":"o4-mini","input":"x"}'
    for fields in ({"store": True}, {"input": [{"type": "item_reference", "id": "rs_1"}]}):
        answer = world.client.post("/shared/v1/responses", headers=headers, json={"model": "o4-mini", **fields})
        assert answer.headers["x-claimgate-reason"] == "stateful_operation_shared_credential"


def test_a_body_that_is_no_json_is_told_where_and_why(world: World) -> None:
    for body, told in [
        (b'{"model": "gpt-4o", secret-word: 1}', "at byte 20: a key stands without quotation marks"),
        (b'{"model": "gpt-4o", "secret-word": \'secret-word\'}', "at byte 35: a text stands in single quotation marks"),
        (b'{"model": "gpt-4o", "user": 1, "user": 2}', "the key `user` comes twice"),
        (b'{"model": "gpt-4o", "user": "\xff"}', "not UTF-8 at byte 29"),
        (b'{"model": "gpt-4o", "user": ' + b"[" * 70 + b"]" * 70 + b"}", "more than 64 levels deep"),
        (b'{"model": 4}', "the key `model` must be a text"),
    ]:
        message = world.send(world.ask("openai", "model").with_body(body)).json()["error"]["message"]
        assert told in message and "secret-word" not in message, message


def upload_part(name: str, content: bytes) -> bytes:
    kind = '; filename="a.wav"' if name == "file" else ""
    return f'--b1\r\ncontent-disposition: form-data; name="{name}"{kind}\r\n\r\n'.encode() + content + b"\r\n"


def test_realtime_names_its_model_in_the_query(world: World) -> None:
    for model, status in [("gpt-realtime", 101), ("forbidden-1", 403)]:
        request = world.at("openai", "GET", f"/v1/realtime?model={model}", "model")
        answer = world.send(replace(request, headers={**request.headers, **WEBSOCKET}))
        assert answer.status == status
    doubled = world.at("openai", "GET", "/v1/realtime?model=a&model=b", "model")
    answer = world.send(replace(doubled, headers={**doubled.headers, **WEBSOCKET}))
    assert_refused(answer, 400, "path_ambiguous")


@pytest.mark.parametrize(
    ("body", "note"),
    [
        (b'{"model":"a","model":"b"}', "a key twice"),
        (b'{"model":"a","mod\\u0065l":"b"}', "the same key, escaped"),
        (b'{"model":"a","Model":"b"}', "a look-alike for readers that ignore case"),
        (b'{"MODEL":"b"}', "a look-alike alone"),
        (b'{"x":1,"x":2}', "an unread key twice"),
        ('{"model":"a","model\u017f":1,"\u017ftream":true}'.encode(), "a letter that folds to another"),
    ],
)
def test_a_body_of_two_readings_is_refused(world: World, body: bytes, note: str) -> None:
    world.simulator.clear()
    assert_refused(world.send(world.ask("openai", "model").with_body(body)), 400, "body_ambiguous")
    assert world.simulator.received() == []


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        ({"content-type": "text/plain"}, b"{}"),
        ({"content-type": "application/json; charset=utf-16"}, b"{}"),
        ({"content-type": "application/x-www-form-urlencoded"}, b"model=a"),
        ({"content-encoding": "gzip"}, gzip.compress(b"{}", mtime=0)),
        ({"content-encoding": "identity, gzip"}, b"{}"),
        ({"content-type": "multipart/form-data; boundary=b1"}, form({"model": "a"})[0]),
    ],
)
def test_a_body_that_is_not_plain_json_is_refused(world: World, headers: dict[str, str], body: bytes) -> None:
    request = world.ask("openai", "model").with_body(body)
    assert_refused(world.send(replace(request, headers={**request.headers, **headers})), 415, "body_unsupported")
    # A body without a type could be anything.
    assert_refused(world.send(request.without("content-type")), 415, "body_unsupported")


@pytest.mark.parametrize("body", [b"", b"[]", b'"x"', b'{"model":1}', b'{"model":"a"', b"\xff\xfe{\x00}\x00", b"{}{}"])
def test_a_body_that_is_not_one_object_is_refused(world: World, body: bytes) -> None:
    assert_refused(world.send(world.ask("openai", "model").with_body(body)), 400, "body_malformed")


def test_a_body_streams_through_where_nobody_reads_it(world: World) -> None:
    """The provider has the first bytes before the last ones exist."""
    world.simulator.clear()
    request = world.ask("openai")
    body = json.dumps(chat_document("openai")).encode()
    with Http2Connection(world.gateway.port) as connection:
        stream = connection.open(request_headers("POST", request.path, request.headers.items()))
        connection.send(stream, body[:20])
        first = wait_until(lambda: bodies(world), what="the first bytes at the provider", seconds=5)
        assert first == [body[:20].decode()]
        connection.send(stream, body[20:], last=True)
        assert connection.receive(stream).status == 200
    # It was not read, so nobody knows the model.
    assert "gen_ai.request.model" not in world.gateway.audit(url__path=request.path)


@pytest.mark.parametrize("prefix", ["openai", "shared"])
def test_a_body_is_held_where_somebody_reads_it(world: World, prefix: str) -> None:
    """A rule does, or the gateway itself, because it could name what another tenant left at a shared account."""
    world.simulator.clear()
    request = world.ask("openai", "model" if prefix == "openai" else "", prefix=prefix)
    body = request.body or b""
    with Http1Connection(world.gateway.port) as connection:
        connection.send(raw_http1(request, body=False) + body[:20])
        with pytest.raises(TimeoutError):
            wait_until(lambda: world.simulator.received(), what="nothing", seconds=0.5)
        connection.send(body[20:])
        assert connection.receive("POST").status == 200
    assert bodies(world) == [body.decode()]


def test_a_large_body_passes_unread_and_is_refused_read(world: World) -> None:
    body = json.dumps({**chat_document("openai"), "padding": "x" * 3_000_000}).encode()
    assert world.send(world.ask("openai").with_body(body)).status == 200
    assert_refused(world.send(world.ask("openai", "model").with_body(body)), 413, "body_too_large")


def test_a_rule_that_reads_the_path_only_holds_no_body(world: World) -> None:
    world.simulator.clear()
    request = world.ask("openai", "operation")
    with Http1Connection(world.gateway.port) as connection:
        connection.send(raw_http1(request, body=False) + (request.body or b"")[:20])
        wait_until(lambda: bodies(world), what="the first bytes at the provider", seconds=5)
        connection.send((request.body or b"")[20:])
        assert connection.receive("POST").status == 200
    embeddings = world.at("openai", "POST", "/v1/embeddings", "operation", {"model": "m", "input": "x"})
    assert_refused(world.send(embeddings), 403, "policy_denied")


@pytest.mark.parametrize(
    "body",
    [
        {"model": "gpt-5", "input": "x", "previous_response_id": "resp_1"},
        {"model": "gpt-5", "input": "x", "conversation": "conv_1"},
        {"model": "gpt-5", "input": [{"type": "item_reference", "id": "msg_1"}]},
        {"model": "gpt-5", "input": "x", "tools": [{"type": "file_search", "vector_store_ids": ["vs_1"]}]},
    ],
)
def test_a_body_that_names_stored_things_is_stateful(world: World, body: dict[str, Any]) -> None:
    request = Request("POST", "/shared/v1/responses", {"authorization": f"Bearer {world.key}"})
    answer = world.send(request.with_body(json.dumps(body).encode()))
    assert_refused(answer, 403, "stateful_operation_shared_credential")
    own = replace(request, path="/openai/v1/responses").with_body(json.dumps(body).encode())
    assert world.send(own).status == 200


def test_a_stored_prompts_model_cannot_be_known(world: World) -> None:
    body = {"prompt": {"id": "pmpt_1"}, "input": "x"}
    answer = world.send(world.at("openai", "POST", "/v1/responses", "model", body))
    assert_refused(answer, 403, "model_unknowable")
    assert world.send(world.at("openai", "POST", "/v1/responses", body=body)).status == 200


def bodies(world: World) -> list[str]:
    return [record["body"] for record in world.simulator.received() if record["body"]]


def test_no_trap(world: World) -> None:
    assert world.gateway.envoy.crashes() == 0
    assert MODELS.keys() == set(DIALECTS)


def test_the_url_of_results_leads_to_the_gateway(world: World) -> None:
    """Anthropic's SDKs fetch the results at the URL that the batch names."""
    answer = world.send(world.at("anthropic", "GET", "/v1/messages/batches/b1"))
    assert answer.status == 200 and answer.complete
    assert answer.json()["results_url"] == "https://gw.example/anthropic/v1/messages/batches/b1/results"
    results = world.send(world.at("anthropic", "GET", "/v1/messages/batches/b1/results"))
    assert results.status == 200 and world.record(results)["gen_ai.operation.name"] == "batches"


def test_a_files_upload_goes_on_at_the_gateway(world: World) -> None:
    """Google's SDKs send the file to the URL that the start of the upload names."""
    start = world.at("gemini", "POST", "/upload/v1beta/files", body={"file": {}})
    start = start.with_headers(x_goog_upload_protocol="resumable", x_goog_upload_command="start")
    answer = world.send(start)
    url = "https://gw.example/gemini/upload/v1beta/files?upload_id=u1&upload_protocol=resumable"
    assert answer.status == 200 and answer.header("x-goog-upload-url") == url
    rest = world.at("gemini", "POST", "/upload/v1beta/files?upload_id=u1&upload_protocol=resumable")
    rest = rest.with_headers(x_goog_upload_command="upload, finalize", x_goog_upload_offset="0")
    uploaded = world.send(rest.with_body(b"bytes", "application/octet-stream"))
    file = uploaded.json()["file"]
    assert file["downloadUri"] == f"https://gw.example/gemini/v1beta/{file['name']}:download?alt=media"
    assert file["uri"] == f"https://generativelanguage.googleapis.com/v1beta/{file['name']}", "its name at the provider"


@pytest.mark.parametrize(
    ("dialect", "path"),
    [
        ("openai", "/v1/realtime/client_secrets"),
        ("openai", "/v1/chatkit/sessions"),
        ("azure", "/openai/v1/realtime/sessions"),
        ("gemini", "/v1alpha/auth_tokens"),
    ],
)
def test_a_token_of_the_providers_own_is_not_given(world: World, dialect: str, path: str) -> None:
    world.simulator.clear()
    assert_refused(world.send(world.at(dialect, "POST", path, body={})), 403, "provider_token_refused")
    assert world.simulator.received() == []
