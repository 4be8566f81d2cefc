"""Vertex AI in a real Envoy: three vendors' clients at their own paths, and callers who would spend on another project."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import anthropic
import httpx
import openai
import pytest
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google_types
from google.oauth2.credentials import Credentials

from harness import jwt_judge
from harness.caller import Caller, calling
from harness.dialects import VERTEX_BASE, VERTEX_LOCATION, VERTEX_PROJECT, chat, chat_document, raw_http1
from harness.ecds import Reload
from harness.gateway import Signer, document, google_key_file, key_entry, rule, upstream_entries
from harness.raw import RawResponse
from harness.raw_http1 import http1_request
from harness.simulator import Simulator

QUESTION = [{"role": "user", "content": "Is the gate open?"}]
TEXT = "The gate is open and the sum is right."
PIECES = 9
INPUT, OUTPUT = 120, 45
KEY, ENTRY = key_entry("vertex", tenant="acme")
STRANGER, _ = key_entry("nobody")
GOOGLE = Signer("RS256", "google-key-2")
SECRET = "Bearer provider-secret-vertex"
PREDICTION = "https://aiplatform.googleapis.com/"
SONNET = "claude-sonnet-4-5@20250929"
GENERATE = "/publishers/google/models/gemini-2.5-flash:generateContent"


def configuration(**changes: Any) -> dict[str, Any]:
    """A gateway that knows Vertex AI alone; `changes` are of its upstream, but for whole sections."""
    sections = {name: changes.pop(name) for name in ("credentials", "quotas", "policies", "prices") if name in changes}
    (upstream,) = (entry for entry in upstream_entries() if entry["dialect"] == "vertex")
    return document(keys=[ENTRY], upstreams=[{**upstream, **changes}], **sections)


@pytest.fixture(scope="module")
def running(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    environment = {"GOOGLE_KEY": google_key_file(GOOGLE)}
    directory = tmp_path_factory.mktemp("vertex")
    # Paths as they were sent, which the filter must judge itself.
    raw = {"normalize_path": False, "merge_slashes": False, "path_with_escaped_slashes_action": "KEEP_UNCHANGED"}
    options = {"environment": environment, "connection_manager": raw}
    with calling(configuration(), simulator, directory, **options) as caller:
        caller.secrets.update([KEY, "provider-secret-vertex"])
        yield caller
        caller.assert_untold()


@pytest.fixture
def gate(running: Caller, simulator: Simulator) -> Caller:
    configure(running)
    simulator.clear()
    return running


def configure(gate: Caller, **changes: Any) -> None:
    assert gate.gateway.reload(configuration(**changes)) in (Reload.APPLIED, Reload.UNCHANGED)


def google(gate: Caller, key: str = KEY, project: str = VERTEX_PROJECT, location: str = VERTEX_LOCATION) -> genai.Client:
    http = google_types.HttpOptions(base_url=f"{gate.gateway.url}/vertex", timeout=15_000)
    credentials = Credentials(token=key)
    return genai.Client(vertexai=True, project=project, location=location, credentials=credentials, http_options=http)


def claude(gate: Caller, key: str = KEY, project: str = VERTEX_PROJECT) -> anthropic.AnthropicVertex:
    return anthropic.AnthropicVertex(
        region=VERTEX_LOCATION,
        project_id=project,
        access_token=key,
        base_url=f"{gate.gateway.url}/vertex/v1",
        max_retries=0,
    )


def gpt(gate: Caller, key: str = KEY, base: str = VERTEX_BASE) -> openai.OpenAI:
    return openai.OpenAI(
        api_key=key, base_url=f"{gate.gateway.url}/vertex{base}/endpoints/openapi", max_retries=0, timeout=15
    )


def arrived(simulator: Simulator) -> list[tuple[str, str]]:
    """Path and credential of each request that the provider has seen."""
    return [
        (record["raw_path"], dict(record["headers"])["authorization"]) for record in simulator.received("vertex")
    ]


def test_googles_client_generates_streams_embeds_and_counts(gate: Caller, simulator: Simulator) -> None:
    client, model = google(gate), "gemini-2.5-flash"
    assert client.models.generate_content(model=model, contents="Is the gate open?").text == TEXT
    parts = list(client.models.generate_content_stream(model=model, contents="Is the gate open?"))
    assert "".join(part.text or "" for part in parts) == TEXT
    assert parts[-1].usage_metadata.candidates_token_count == PIECES
    for embedder in ("gemini-embedding-001", "text-embedding-005"):
        assert client.models.embed_content(model=embedder, contents="x").embeddings[0].values[0] == 0.125
    assert client.models.count_tokens(model=model, contents="Is the gate open?").total_tokens == 4
    base = VERTEX_BASE.replace("/v1/", "/v1beta1/") + "/publishers/google/models"
    assert arrived(simulator) == [
        (f"{base}/{model}:generateContent", SECRET),
        (f"{base}/{model}:streamGenerateContent?alt=sse", SECRET),
        (f"{base}/gemini-embedding-001:embedContent", SECRET),
        (f"{base}/text-embedding-005:predict", SECRET),
        (f"{base}/{model}:countTokens", SECRET),
    ]


def test_anthropics_client_chats_streams_and_counts(gate: Caller, simulator: Simulator) -> None:
    client = claude(gate)
    message = client.messages.create(model=SONNET, max_tokens=100, messages=QUESTION)
    assert (message.content[0].text, message.model) == (TEXT, SONNET)
    with client.messages.stream(model=SONNET, max_tokens=100, messages=QUESTION) as stream:
        assert "".join(stream.text_stream) == TEXT
        assert stream.get_final_message().usage.output_tokens == PIECES
    assert client.messages.count_tokens(model=SONNET, messages=QUESTION).input_tokens == 4
    base = f"{VERTEX_BASE}/publishers/anthropic/models"
    assert arrived(simulator) == [
        (f"{base}/{SONNET}:rawPredict", SECRET),
        (f"{base}/{SONNET}:streamRawPredict", SECRET),
        (f"{base}/count-tokens:rawPredict", SECRET),
    ]
    for operation in ("chat", "count_tokens"):
        record = gate.gateway.audit(gen_ai__operation__name=operation, gen_ai__request__model=SONNET)
        assert record["gen_ai.provider.name"] == "gcp.vertex_ai"


def test_openais_client_chats_and_streams(gate: Caller, simulator: Simulator) -> None:
    model = f"google/sim-tokens-{INPUT}-{OUTPUT}"
    answer = gpt(gate).chat.completions.create(model=model, messages=QUESTION)
    assert answer.usage.completion_tokens == OUTPUT
    assert arrived(simulator) == [(f"{VERTEX_BASE}/endpoints/openapi/chat/completions", SECRET)]
    # A caller who does not ask for the usage of a stream is charged all the same.
    quota = {"id": "all", "unit": "tokens", "limit": 1_000_000, "window": "1h", "per": ["principal.tenant"]}
    configure(gate, quotas=[quota])
    chunks = list(gpt(gate).chat.completions.create(model=model, messages=QUESTION, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    # The client leaves at `[DONE]`, before the end of the answer; this one does not.
    asked = {"model": model, "messages": QUESTION, "stream": True}
    streamed = posted(gate, f"{VERTEX_BASE}/endpoints/openapi/chat/completions", asked)
    record = gate.gateway.audit(claimgate__request_id=streamed.header("x-request-id"))
    assert (record["gen_ai.usage.input_tokens"], record["gen_ai.usage.output_tokens"]) == (INPUT, OUTPUT)
    assert record["claimgate.charged"] == [{"quota": "all", "unit": "tokens", "amount": INPUT + OUTPUT}]
    assert json.loads(simulator.received("vertex")[-1]["body"])["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("project", "location"),
    [
        ("globex-prod", VERTEX_LOCATION),
        (VERTEX_PROJECT, "europe-west1"),
        (VERTEX_PROJECT.upper(), VERTEX_LOCATION),
        (f"{VERTEX_PROJECT}.", VERTEX_LOCATION),
        ("%67lobex-prod", VERTEX_LOCATION),
        ("-", VERTEX_LOCATION),
        (VERTEX_PROJECT, "-"),
        ("acme%E2%80%90prod", VERTEX_LOCATION),
    ],
)
@pytest.mark.parametrize(
    "below", [GENERATE, f"/publishers/anthropic/models/{SONNET}:rawPredict", "/endpoints/openapi/chat/completions"]
)
def test_another_project_or_location_is_refused_before_anything_is_spent(
    gate: Caller, simulator: Simulator, project: str, location: str, below: str
) -> None:
    quota = {"id": "once", "limit": 1, "window": "1h", "per": ["principal.tenant"]}
    configure(gate, quotas=[quota])
    for _ in range(2):
        answer = posted(gate, f"/v1/projects/{project}/locations/{location}{below}")
        assert (answer.status, answer.header("x-claimgate-reason")) == (403, "tenant_mismatch"), answer.body
        assert VERTEX_PROJECT not in answer.body.decode(), "what is listed is not told"
    assert simulator.received() == []


@pytest.mark.parametrize(
    "path",
    [
        "/v1/projects/acme-prod/locations/us-east5/../../../globex-prod/locations/us-east5",
        "/v1/projects/%2e%2e/projects/globex-prod/locations/us-east5",
        "/v1/projects//globex-prod/locations/us-east5",
        "/v1/projects/acme-prod%2F..%2Fglobex-prod/locations/us-east5",
        "/v1/projects/acme-prod;globex-prod/locations/us-east5",
        "/v1/projects/acme%252Dprod/locations/us-east5",
        "/v1/projects/acme-prod%3Aglobex-prod/locations/us-east5",
        "/v1/projects/acme-prod\\..\\globex-prod/locations/us-east5",
    ],
)
def test_a_place_with_two_readings_is_refused(gate: Caller, simulator: Simulator, path: str) -> None:
    answer = posted(gate, path + GENERATE)
    assert (answer.status, answer.header("x-claimgate-reason")) == (400, "path_ambiguous"), answer.body
    assert simulator.received() == []


def test_an_escaped_letter_is_the_same_project_here_and_there(gate: Caller, simulator: Simulator) -> None:
    path = f"/v1/projects/%61cme%2Dprod/locations/us%2deast5{GENERATE}"
    assert posted(gate, path).status == 200
    assert arrived(simulator) == [(path, SECRET)]


def test_an_operation_of_ones_own_has_its_place_too(gate: Caller, simulator: Simulator) -> None:
    own = {"method": "POST", "path": "/v1/projects/*/locations/*/endpoints/*", "operation": "own", "metered": "free"}
    configure(gate, operations=[own])
    answer = posted(gate, f"{VERTEX_BASE}/endpoints/7:predict")
    assert answer.header("x-claimgate-reason") is None and len(simulator.received()) == 1
    elsewhere = posted(gate, "/v1/projects/globex-prod/locations/us-east5/endpoints/7:predict")
    assert (elsewhere.status, elsewhere.header("x-claimgate-reason")) == (403, "tenant_mismatch")
    anywhere = {**own, "path": "/v1/endpoints/*"}
    assert gate.gateway.reload(configuration(operations=[anywhere])) is Reload.REJECTED
    assert "begin it with `/v1/projects/*/locations/*`" in gate.gateway.envoy.log()
    assert len(simulator.received()) == 1


def posted(gate: Caller, path: str, body: dict[str, Any] | None = None) -> RawResponse:
    request = chat("vertex", KEY).with_body(json.dumps(body or chat_document("vertex")).encode())
    head = raw_http1(request).replace(request.path.encode(), f"/vertex{path}".encode(), 1)
    return http1_request(gate.gateway.port, head, "POST")


Call = Callable[[Caller, str], Any]


def generate(gate: Caller, key: str) -> Any:
    client = google(gate, key)
    return client.models.generate_content(model="forbidden-1", contents="x")


def message(gate: Caller, key: str) -> Any:
    return claude(gate, key).messages.create(model="forbidden-1", max_tokens=9, messages=QUESTION)


def complete(gate: Caller, key: str) -> Any:
    return gpt(gate, key).chat.completions.create(model="google/forbidden-1", messages=QUESTION)


@pytest.mark.parametrize(
    ("call", "unknown", "forbidden"),
    [
        (generate, google_errors.ClientError, google_errors.ClientError),
        (message, anthropic.AuthenticationError, anthropic.PermissionDeniedError),
        (complete, openai.AuthenticationError, openai.PermissionDeniedError),
    ],
    ids=["google", "anthropic", "openai"],
)
def test_each_client_reads_a_refusal_in_its_own_words(
    gate: Caller, simulator: Simulator, call: Call, unknown: type[Exception], forbidden: type[Exception]
) -> None:
    models = rule("models", "!llm.model.glob('*forbidden*')", reason="model_not_allowed")
    configure(gate, policies=[models])
    for key, kind, status, reason in ((STRANGER, unknown, 401, "key_unknown"), (KEY, forbidden, 403, "model_not_allowed")):
        with pytest.raises(kind) as raised:
            call(gate, key)
        error: Any = raised.value
        assert reason in str(error)
        if isinstance(error, google_errors.ClientError):
            assert error.code == status
            assert error.status == {401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED"}[status]
        elif isinstance(error, anthropic.APIStatusError):
            assert (error.status_code, error.body["type"]) == (status, "error")
            assert error.request_id == error.body["request_id"]
        else:
            code = {"key_unknown": "invalid_api_key"}.get(reason, reason)
            assert (error.status_code, error.code) == (status, code)
    assert simulator.received() == []


def test_what_is_left_is_told_in_the_words_of_the_path(gate: Caller) -> None:
    quota = {"id": "calls", "limit": 9, "window": "1h", "per": ["principal.tenant"]}
    configure(gate, quotas=[quota])
    body = {"anthropic_version": "vertex-2023-10-16", "max_tokens": 9, "messages": QUESTION}
    claudes = posted(gate, f"{VERTEX_BASE}/publishers/anthropic/models/{SONNET}:rawPredict", body)
    assert claudes.status == 200 and claudes.header("anthropic-ratelimit-requests-limit") == "9"
    googles = posted(gate, VERTEX_BASE + GENERATE)
    assert googles.header("x-ratelimit-limit-requests") == "9"
    assert googles.header("anthropic-ratelimit-requests-limit") is None


def test_a_model_has_one_price_whatever_its_date_stands_behind(gate: Caller) -> None:
    prices = {"version": "test", "models": [{"model": "claude-sonnet-4-5-20250929", "input": 2, "output": 10}]}
    prices["models"].append({"model": f"sim-tokens-{INPUT}-{OUTPUT}", "input": 4, "output": 20})
    budget = {"id": "money", "unit": "microdollars", "limit": 10_000_000, "window": "1h", "per": ["principal.tenant"]}
    configure(gate, prices=prices, quotas=[budget])
    claude(gate).messages.create(model=SONNET, max_tokens=100, messages=QUESTION)
    record = gate.gateway.audit(gen_ai__request__model=SONNET, claimgate__cost__price_version="test")
    used = record["gen_ai.usage.input_tokens"] * 2 + record["gen_ai.usage.output_tokens"] * 10
    assert record["claimgate.charged"] == [{"quota": "money", "unit": "microdollars", "amount": used}]
    model = f"google/sim-tokens-{INPUT}-{OUTPUT}"
    gpt(gate).chat.completions.create(model=model, messages=QUESTION)
    record = gate.gateway.audit(gen_ai__request__model=model, claimgate__cost__price_version="test")
    assert record["claimgate.charged"][0]["amount"] == INPUT * 4 + OUTPUT * 20


def test_a_key_of_google_signs_for_vertex_and_counts_against_the_quota_project(
    gate: Caller, simulator: Simulator
) -> None:
    key = {"id": "google", "google_key": {"key": {"env": "GOOGLE_KEY"}, "audience": PREDICTION}}
    configure(gate, credentials=[key], credential={"from": "google"}, quota_project="acme-quota")
    request = chat("vertex", KEY).with_headers(x_goog_user_project="globex-quota")
    assert http1_request(gate.gateway.port, raw_http1(request), "POST").status == 200
    (record,) = simulator.received("vertex")
    projects = [value for name, value in record["headers"] if name.lower() == "x-goog-user-project"]
    assert projects == ["acme-quota"]
    token = gate.secret(dict(record["headers"])["authorization"].removeprefix("Bearer "))
    _, claims = jwt_judge.verified(token, GOOGLE)
    assert claims["aud"] == PREDICTION


def test_a_configuration_without_its_places_is_refused(gate: Caller, simulator: Simulator) -> None:
    for change, why in [
        ({"projects": []}, "upstreams[0].projects: callers write projects into the path"),
        ({"locations": ["*"]}, "upstreams[0].locations[0]: `*` cannot stand in a path"),
    ]:
        assert gate.gateway.reload(configuration(**change)) is Reload.REJECTED
        assert why in gate.gateway.envoy.log()
    assert posted(gate, VERTEX_BASE + GENERATE).status == 200, "the configuration before goes on"


def test_an_api_key_is_for_callers_alone(simulator: Simulator) -> None:
    """The simulator refuses what Vertex AI refuses."""
    answer = httpx.post(
        simulator.url("vertex") + VERTEX_BASE + GENERATE, headers={"x-goog-api-key": "k"}, json=chat_document("vertex")
    )
    assert answer.status_code == 401 and "API keys are not supported" in answer.json()["error"]["message"]
