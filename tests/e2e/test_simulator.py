"""The provider simulator through a real Envoy without the gateway's filter, asked by the providers' own SDKs."""

import base64
import json
import time
from collections.abc import Iterator

import anthropic
import httpx
import openai
import pytest
from google import genai

from harness.dialects import VERTEX_BASE
from harness.envoy import Envoy
from harness.frames import read_frames
from harness.simulator import Simulator

BEARER = {"authorization": "Bearer provider-credential"}
QUESTION = [{"role": "user", "content": "Is the gate open?"}]
TEXT = "The gate is open and the sum is right."
PIECES = 9


@pytest.fixture
def client(plain_envoy: Envoy) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=plain_envoy.url, timeout=15) as running:
        yield running


@pytest.fixture
def gpt(plain_envoy: Envoy) -> openai.OpenAI:
    address = f"{plain_envoy.url}/openai/v1"
    return openai.OpenAI(api_key="provider-credential", base_url=address, max_retries=0, timeout=15)


@pytest.fixture
def claude(plain_envoy: Envoy) -> anthropic.Anthropic:
    address = f"{plain_envoy.url}/anthropic"
    return anthropic.Anthropic(api_key="provider-credential", base_url=address, max_retries=0, timeout=15)


def test_openai_sdk_chats_streams_and_stores(gpt: openai.OpenAI) -> None:
    chat = gpt.chat.completions.create(model="gpt-4o", messages=QUESTION)
    assert chat.choices[0].message.content == TEXT
    assert (chat.usage.prompt_tokens, chat.usage.completion_tokens) == (4, PIECES)
    stream = gpt.chat.completions.create(
        model="sim-tokens-100-50-20", messages=QUESTION, stream=True, stream_options={"include_usage": True}
    )
    chunks = list(stream)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks[:-1]) == TEXT
    assert chunks[0].usage is None
    assert chunks[-1].usage.total_tokens == 150
    assert chunks[-1].usage.prompt_tokens_details.cached_tokens == 20
    silent = list(gpt.chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True))
    assert all(chunk.usage is None for chunk in silent)
    assert gpt.completions.create(model="gpt-4o", prompt="x", max_tokens=3).usage.completion_tokens == 3
    assert gpt.embeddings.create(model="text-embedding-3-small", input=["a", "b"]).data[1].embedding[0] == 0.125
    assert "gpt-4o" in [model.id for model in gpt.models.list()]
    assert gpt.models.retrieve("gpt-4o").id == "gpt-4o"
    stored = gpt.files.create(file=("batch.jsonl", b"{}\n"), purpose="batch")
    batch = gpt.batches.create(
        input_file_id=stored.id, endpoint="/v1/chat/completions", completion_window="24h"
    )
    assert gpt.batches.retrieve(batch.id).input_file_id == stored.id
    assert gpt.files.delete(stored.id).deleted
    with pytest.raises(openai.NotFoundError):
        gpt.files.retrieve(stored.id)


def test_openai_sdk_reads_responses_and_media(gpt: openai.OpenAI) -> None:
    response = gpt.responses.create(model="gpt-5", input="Is the gate open?")
    assert response.output_text == TEXT
    assert response.usage.output_tokens == PIECES
    events = list(gpt.responses.create(model="gpt-5", input="Is the gate open?", stream=True))
    assert [event.sequence_number for event in events] == list(range(len(events)))
    assert events[-1].type == "response.completed"
    assert events[-1].response.usage.total_tokens == 4 + PIECES
    image = gpt.images.generate(model="gpt-image-1", prompt="a gate")
    assert base64.b64decode(image.data[0].b64_json).startswith(b"\x89PNG")
    heard = gpt.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF"))
    assert heard.text == TEXT
    assert gpt.audio.speech.create(model="tts-1", voice="alloy", input="x").read().startswith(b"\xff\xfb")


@pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")
def test_openai_realtime_greets_echoes_and_answers(gpt: openai.OpenAI) -> None:
    websocket_url = str(gpt.base_url).replace("http", "ws")
    with gpt.with_options(websocket_base_url=websocket_url).realtime.connect(model="gpt-realtime") as connection:
        assert connection.recv().session.model == "gpt-realtime"
        connection.send({"type": "response.create"})
        assert connection.recv().response.usage.output_tokens == PIECES


def test_anthropic_sdk_chats_and_streams(claude: anthropic.Anthropic) -> None:
    message = claude.messages.create(model="claude-simulated", max_tokens=100, messages=QUESTION)
    assert message.content[0].text == TEXT
    assert (message.usage.input_tokens, message.usage.output_tokens) == (4, PIECES)
    with claude.messages.stream(model="claude-simulated", max_tokens=4, messages=QUESTION) as stream:
        assert "".join(stream.text_stream) == "The gate is open "
        assert stream.get_final_message().stop_reason == "max_tokens"
        assert stream.get_final_message().usage.output_tokens == 4
    assert claude.messages.count_tokens(model="claude-simulated", messages=QUESTION).input_tokens == 4
    assert claude.models.list().data[0].id == "claude-opus-4-1"


def test_gemini_sdk_generates_streams_and_embeds(plain_envoy: Envoy, client: httpx.Client) -> None:
    google = genai.Client(api_key="provider-credential", http_options={"base_url": f"{plain_envoy.url}/gemini"})
    answer = google.models.generate_content(model="gemini-2.5-flash", contents="Is the gate open?")
    assert answer.text == TEXT
    assert answer.usage_metadata.total_token_count == 4 + PIECES
    parts = list(google.models.generate_content_stream(model="gemini-2.5-flash", contents="Is the gate open?"))
    assert "".join(part.text for part in parts) == TEXT
    assert parts[-1].usage_metadata.candidates_token_count == PIECES
    assert google.models.count_tokens(model="gemini-2.5-flash", contents="Is the gate open?").total_tokens == 4
    assert google.models.embed_content(model="gemini-embedding-001", contents="x").embeddings[0].values[0] == 0.125
    body = {"contents": [{"parts": [{"text": "x"}]}]}
    path = "/gemini/v1beta/models/gemini-2.5-flash:streamGenerateContent?key=x"
    assert len(client.post(path, json=body).json()) == PIECES
    compatible = openai.OpenAI(api_key="x", base_url=f"{plain_envoy.url}/gemini/v1beta/openai", max_retries=0)
    assert compatible.chat.completions.create(model="gemini-2.5-flash", messages=QUESTION).usage.total_tokens == 13


def test_azure_sdk_uses_deployments(plain_envoy: Envoy, client: httpx.Client) -> None:
    azure = openai.AzureOpenAI(
        api_key="x", azure_endpoint=f"{plain_envoy.url}/azure", api_version="2024-10-21", max_retries=0
    )
    raw = azure.chat.completions.with_raw_response.create(model="team-chat", messages=QUESTION)
    assert raw.parse().model == "team-chat"
    assert raw.headers["x-ms-region"] and raw.headers["apim-request-id"]
    stream = list(azure.chat.completions.create(model="team-chat", messages=QUESTION, stream=True))
    assert stream[0].choices == []
    document = {"model": "m", "messages": []}
    newer = client.post("/azure/openai/v1/chat/completions", headers={"api-key": "x"}, json=document)
    assert newer.json()["model"] == "m"
    unversioned = client.post("/azure/openai/deployments/m/embeddings", headers={"api-key": "x"}, json={})
    assert unversioned.status_code == 404


def test_bedrock_answers_documents_and_frames(simulator: Simulator, client: httpx.Client) -> None:
    body = {"messages": [{"role": "user", "content": [{"text": "Is the gate open?"}]}]}
    model = "/bedrock/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0"
    answer = client.post(f"{model}/converse", headers=BEARER, json=body)
    assert answer.json()["usage"]["outputTokens"] == PIECES
    assert answer.headers["x-amzn-requestid"]
    streamed = client.post(f"{model}/converse-stream", headers=BEARER, json=body)
    assert streamed.headers["content-type"] == "application/vnd.amazon.eventstream"
    events = read_frames(streamed.content)
    assert [name for name, _ in events][-2:] == ["messageStop", "metadata"]
    assert events[-1][1]["usage"]["totalTokens"] == 4 + PIECES
    invoked = client.post(f"{model}/invoke", headers=BEARER, json=body)
    assert invoked.json()["usage"]["output_tokens"] == int(invoked.headers["x-amzn-bedrock-output-token-count"])
    chunks = read_frames(client.post(f"{model}/invoke-with-response-stream", headers=BEARER, json=body).content)
    last = json.loads(base64.b64decode(chunks[-1][1]["bytes"]))
    assert last["amazon-bedrock-invocationMetrics"]["outputTokenCount"] == PIECES
    # An ARN holds %2F, which the gateway's own listener refuses: straight to the simulator.
    arn = "arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fsim-tokens-7-3"
    direct = httpx.post(f"{simulator.url('bedrock')}/model/{arn}/converse", headers=BEARER, json=body)
    assert direct.json()["usage"]["inputTokens"] == 7


@pytest.mark.parametrize(
    ("path", "status", "message"),
    [
        ("/openai/v1/chat/completions", 401, "You didn't provide an API key."),
        ("/azure/openai/v1/chat/completions", 401, "Access denied due to invalid subscription key"),
        ("/anthropic/v1/messages", 401, "x-api-key header is required"),
        ("/gemini/v1beta/models/m:generateContent", 403, "Method doesn't allow unregistered callers"),
        ("/bedrock/model/m/converse", 403, "Missing Authentication Token"),
    ],
    ids=["openai", "azure", "anthropic", "gemini", "bedrock"],
)
def test_missing_credential_is_refused_in_the_providers_words(
    client: httpx.Client, path: str, status: int, message: str
) -> None:
    answer = client.post(path, json={"model": "m"})
    assert answer.status_code == status
    assert message in answer.text


@pytest.mark.parametrize("wanted", [401, 429, 500])
def test_faults_by_model_name_reach_every_dialect(client: httpx.Client, wanted: int) -> None:
    model = f"sim-{wanted}"
    credentials = {**BEARER, "anthropic-version": "2023-06-01"}
    paths = {
        "/openai/v1/chat/completions": wanted,
        f"/azure/openai/deployments/{model}/chat/completions?api-version=1": wanted,
        "/anthropic/v1/messages": wanted,
        f"/gemini/v1beta/models/{model}:generateContent": wanted,
        f"/bedrock/model/{model}/converse": 403 if wanted == 401 else wanted,
        f"/vertex{VERTEX_BASE}/publishers/anthropic/models/{model}:rawPredict": wanted,
    }
    for path, status in paths.items():
        answer = client.post(path, headers=credentials, json={"model": model})
        assert answer.status_code == status, path
        assert "message" in answer.text
        assert wanted != 429 or "bedrock" in path or answer.headers["retry-after"] == "1"


def test_slow_cut_long_and_encoded_answers(client: httpx.Client, gpt: openai.OpenAI) -> None:
    began = time.monotonic()
    gpt.chat.completions.create(model="sim-slow", messages=QUESTION)
    assert time.monotonic() - began >= 0.5
    for stream in (False, True):
        document = {"model": "sim-cut", "messages": QUESTION, "stream": stream}
        with pytest.raises(httpx.RemoteProtocolError):
            client.post("/openai/v1/chat/completions", headers=BEARER, json=document)
    long = list(gpt.chat.completions.create(model="sim-long-50", messages=QUESTION, stream=True))
    assert sum(1 for chunk in long if chunk.choices[0].delta.content) == 50
    for model in ("sim-gzip", "sim-split"):
        chunks = list(gpt.chat.completions.create(model=model, messages=QUESTION, stream=True))
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == TEXT
    assert gpt.chat.completions.create(model="sim-gzip", messages=QUESTION).usage.total_tokens == 4 + PIECES
    garbage = client.post("/openai/v1/chat/completions", headers=BEARER, json={"model": "sim-garbage"})
    with pytest.raises(ValueError):
        garbage.json()


def test_jwks_modes_and_counters(simulator: Simulator) -> None:
    simulator.reset_jwks()
    url = f"{simulator.url('control')}/jwks.json"
    simulator.set_jwks({"keys": [{"kid": "one"}]})
    first = httpx.get(url)
    assert first.json()["keys"][0]["kid"] == "one"
    assert httpx.get(url, headers={"if-none-match": first.headers["etag"]}).status_code == 304
    simulator.set_jwks_mode("500")
    assert httpx.get(url).status_code == 500
    simulator.set_jwks_mode("garbage")
    with pytest.raises(ValueError):
        httpx.get(url).json()
    simulator.set_jwks_mode("hang")
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(url, timeout=0.3)
    simulator.set_jwks_mode("slow", delay=0.2)
    assert httpx.get(url).elapsed.total_seconds() >= 0.2
    simulator.set_jwks_mode("cut")
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(url)
    stats = simulator.jwks_stats()
    assert (stats["fetches"], stats["not_modified"]) == (7, 1)
    assert stats["by_mode"] == {"ok": 2, "500": 1, "garbage": 1, "hang": 1, "slow": 1, "cut": 1}
