"""The providers' own SDKs through the gateway, with nothing changed but the base URL and the key."""

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors as google_errors
from google.genai import types as google_types

from harness.gateway import Gateway, Signer, document, issuer_entry, key_entry, rule, upstream_entries
from harness.simulator import Simulator

QUESTION = [{"role": "user", "content": "Is the gate open?"}]
TEXT = "The gate is open and the sum is right."
PIECES = 9
DOWN = "https://down.test/"
PROVIDER_SECRET = "provider-secret-"
RETRYING = 2


class World:
    """A gateway that knows one good caller and some who are refused, and the SDKs of all of them."""

    def __init__(self, simulator: Simulator, directory: Path) -> None:
        self.simulator = simulator
        self.keys: dict[str, str] = {}
        entries = []
        for name in ("good", "waiting", "spent", "frugal", "revoked"):
            fields = {"disabled": True} if name == "revoked" else {}
            self.keys[name], entry = key_entry(name, tenant="acme", scopes=["chat"], **fields)
            entries.append(entry)
        self.keys["unknown"] = "test-key-nobody-knows-this-one"
        self.signer, down = Signer(), Signer("ES256", kid="down")
        self.keys["token"] = self.signer.token(sub="person-1", tenant="acme")
        self.keys["unverifiable"] = down.token(iss=DOWN)
        remote = {"cluster": "idp", "host": "idp", "path": "/jwks.json", "timeout": "100ms"}
        upstreams = upstream_entries()
        upstreams[4]["credential"] = {"env": "ABSENT_API_KEY"}
        configuration = document(
            keys=entries,
            issuers=[issuer_entry(self.signer), issuer_entry(down, issuer=DOWN, jwks={"remote": remote})],
            body_limit="16KiB",
            upstreams=upstreams,
            policies=[
                rule(
                    "allowed-models",
                    "!has(llm.model) || !llm.model.glob('forbidden*')",
                    when="llm.operation != 'models'",
                    reason="model_not_allowed",
                ),
                rule(
                    "embeddings-scope",
                    "principal.subject != 'waiting-account'",
                    when="llm.operation == 'embeddings'",
                    reason="insufficient_scope",
                    scopes=["embeddings"],
                ),
            ],
            quotas=[
                by_account("waiting", 1, "2s"),
                by_account("spent", 0, "1h"),
                by_account("frugal", 1, "month") | {"durability": "process"},
            ],
        )
        self.gateway = Gateway(configuration, simulator, directory)
        self.secrets = [*self.keys.values()]

    def gpt(self, who: str = "good", retries: int = 0, **options: Any) -> openai.OpenAI:
        url = f"{self.gateway.url}/openai/v1"
        return openai.OpenAI(api_key=self.keys[who], base_url=url, max_retries=retries, timeout=15, **options)

    def azure(self, who: str = "good", retries: int = 0) -> openai.AzureOpenAI:
        return openai.AzureOpenAI(
            api_key=self.keys[who],
            azure_endpoint=f"{self.gateway.url}/azure",
            api_version="2024-10-21",
            max_retries=retries,
            timeout=15,
        )

    def claude(self, who: str = "good", retries: int = 0, **options: Any) -> anthropic.Anthropic:
        url = f"{self.gateway.url}/anthropic"
        return anthropic.Anthropic(api_key=self.keys[who], base_url=url, max_retries=retries, timeout=15, **options)

    def gemini(self, who: str = "good", **options: Any) -> genai.Client:
        http = google_types.HttpOptions(base_url=f"{self.gateway.url}/gemini", timeout=15_000, **options)
        return genai.Client(api_key=self.keys[who], http_options=http)

    def reached(self) -> int:
        """How many requests the gateway has recorded; all that came, as none is in flight when an SDK is back."""
        total = self.gateway.envoy.stat("http.gateway.downstream_rq_total")
        return len(self.gateway.envoy.audit_lines(total))

    def record_of(self, decision_text: str) -> dict[str, Any]:
        """The audit record of the decision that a message quotes."""
        decision = decision_text.rpartition("decision ")[2].split("]")[0]
        return self.gateway.audit(claimgate__decision_id=decision)


def by_account(who: str, limit: int, window: str) -> dict[str, Any]:
    when = f"principal.subject == '{who}-account'"
    return {"id": who, "limit": limit, "window": window, "per": ["principal.subject", "request.path"], "when": when}


@pytest.fixture(scope="module")
def world(simulator: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    simulator.set_jwks_mode("500")
    running = World(simulator, tmp_path_factory.mktemp("sdks"))
    yield running
    running.gateway.stop()
    simulator.reset_jwks()


@pytest.fixture(autouse=True)
def only_providers_credentials_arrive(world: World) -> Iterator[None]:
    """Whatever a test does, the provider sees its own credential and none of a caller's."""
    world.simulator.clear()
    yield
    for received in world.simulator.received():
        told = str(received["headers"])
        assert PROVIDER_SECRET in told
        assert not any(secret in told for secret in world.secrets)


@pytest.mark.parametrize("who", ["good", "token"])
def test_openai_chats_streams_embeds_lists_and_responds(world: World, who: str) -> None:
    client = world.gpt(who)
    raw = client.chat.completions.with_raw_response.create(model="gpt-4o", messages=QUESTION)
    assert raw.parse().choices[0].message.content == TEXT
    assert raw.request_id == world.gateway.audit(claimgate__request_id=raw.request_id)["claimgate.request_id"]
    options = {"stream": True, "stream_options": {"include_usage": True}}
    chunks = list(client.chat.completions.create(model="gpt-4o", messages=QUESTION, **options))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == TEXT
    assert chunks[-1].usage.completion_tokens == PIECES
    assert client.embeddings.create(model="text-embedding-3-small", input=["a", "b"]).data[1].embedding[0] == 0.125
    assert "gpt-4o" in [model.id for model in client.models.list()]
    assert client.models.retrieve("gpt-4o").id == "gpt-4o"
    response = client.responses.create(model="gpt-5", input="Is the gate open?", store=False)
    assert response.output_text == TEXT
    events = list(client.responses.create(model="gpt-5", input="Is the gate open?", store=False, stream=True))
    assert events[-1].type == "response.completed"
    assert client.completions.create(model="gpt-4o", prompt="x", max_tokens=3).usage.completion_tokens == 3
    heard = client.audio.transcriptions.create(model="whisper-1", file=("a.wav", b"RIFF"))
    assert heard.text == TEXT


async def chat_async(world: World) -> str | None:
    url = f"{world.gateway.url}/openai/v1"
    async with openai.AsyncOpenAI(api_key=world.keys["good"], base_url=url, max_retries=0) as client:
        answer = await client.chat.completions.create(model="gpt-4o", messages=QUESTION)
        return answer.choices[0].message.content


def test_openai_async(world: World) -> None:
    assert asyncio.run(chat_async(world)) == TEXT


@pytest.mark.filterwarnings("ignore:connect:DeprecationWarning")
def test_openai_realtime(world: World) -> None:
    client = world.gpt()
    address = str(client.base_url).replace("http", "ws")
    with client.with_options(websocket_base_url=address).realtime.connect(model="gpt-realtime") as connection:
        assert connection.recv().session.model == "gpt-realtime"
        connection.send({"type": "response.create"})
        assert connection.recv().response.usage.output_tokens == PIECES
    with pytest.raises(Exception, match="401|403"):
        other = world.gpt("unknown").with_options(websocket_base_url=address)
        with other.realtime.connect(model="gpt-realtime"):
            pass


def test_azure_uses_deployments(world: World) -> None:
    client = world.azure()
    assert client.chat.completions.create(model="team-chat", messages=QUESTION).model == "team-chat"
    streamed = list(client.chat.completions.create(model="team-chat", messages=QUESTION, stream=True))
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed if chunk.choices) == TEXT
    assert client.embeddings.create(model="team-embeddings", input="a").data[0].embedding[0] == 0.125
    record = world.gateway.audit(gen_ai__request__model="team-embeddings")
    assert record["gen_ai.provider.name"] == "azure.ai.openai"


def test_anthropic_chats_streams_counts_and_lists(world: World) -> None:
    client = world.claude()
    message = client.messages.create(model="claude-simulated", max_tokens=100, messages=QUESTION)
    assert message.content[0].text == TEXT
    with client.messages.stream(model="claude-simulated", max_tokens=100, messages=QUESTION) as stream:
        assert "".join(stream.text_stream) == TEXT
        assert stream.get_final_message().usage.output_tokens == PIECES
    assert client.messages.count_tokens(model="claude-simulated", messages=QUESTION).input_tokens == 4
    assert client.models.list().data[0].id == "claude-opus-4-1"
    # The SDK also takes a token, as a bearer.
    bearer = anthropic.Anthropic(
        api_key=None, auth_token=world.keys["token"], base_url=f"{world.gateway.url}/anthropic", max_retries=0
    )
    assert bearer.messages.create(model="claude-simulated", max_tokens=9, messages=QUESTION).content


def test_google_generates_streams_embeds_and_counts(world: World) -> None:
    client = world.gemini()
    assert client.models.generate_content(model="gemini-2.5-flash", contents="Is the gate open?").text == TEXT
    parts = list(client.models.generate_content_stream(model="gemini-2.5-flash", contents="Is the gate open?"))
    assert "".join(part.text for part in parts) == TEXT
    embedded = client.models.embed_content(model="gemini-embedding-001", contents="x")
    assert embedded.embeddings[0].values[0] == 0.125
    assert client.models.count_tokens(model="gemini-2.5-flash", contents="Is the gate open?").total_tokens == 4
    assert list(client.models.list())
    compatible = openai.OpenAI(
        api_key=world.keys["good"], base_url=f"{world.gateway.url}/gemini/v1beta/openai", max_retries=0
    )
    assert compatible.chat.completions.create(model="gemini-2.5-flash", messages=QUESTION).choices


Call = Callable[[World, int], Any]


def chat(who: str, model: str = "gpt-4o", **options: Any) -> Call:
    return lambda world, retries: world.gpt(who, retries, **options).chat.completions.create(
        model=model, messages=QUESTION
    )


def azure_chat(who: str, model: str = "team-chat") -> Call:
    return lambda world, retries: world.azure(who, retries).chat.completions.create(model=model, messages=QUESTION)


def claude(who: str, model: str = "claude-simulated", **options: Any) -> Call:
    return lambda world, retries: world.claude(who, retries, **options).messages.create(
        model=model, max_tokens=9, messages=QUESTION
    )


def bedrock_claude(who: str) -> Call:
    def call(world: World, retries: int) -> Any:
        client = anthropic.AnthropicBedrock(
            api_key=world.keys[who],
            aws_region="us-east-1",
            base_url=f"{world.gateway.url}/bedrock",
            max_retries=retries,
        )
        return client.messages.create(model="anthropic.claude-sonnet-4-5", max_tokens=9, messages=QUESTION)

    return call


def big(world: World, retries: int) -> Any:
    long = [{"role": "user", "content": "x" * 20_000}]
    return world.gpt(retries=retries).chat.completions.create(model="gpt-4o", messages=long)


def big_claude(world: World, retries: int) -> Any:
    long = [{"role": "user", "content": "x" * 20_000}]
    return world.claude(retries=retries).messages.create(model="claude-simulated", max_tokens=9, messages=long)


def unheard(world: World, retries: int) -> Any:
    return world.gpt(retries=retries).get("/unheard-of", cast_to=object)


def embed(world: World, retries: int) -> Any:
    return world.gpt("waiting", retries).embeddings.create(model="text-embedding-3-small", input="a")


def streamed(world: World, retries: int) -> Any:
    return world.gpt("revoked", retries).chat.completions.create(model="gpt-4o", messages=QUESTION, stream=True)


def stored(world: World, retries: int) -> Any:
    return world.gpt(retries=retries).files.list()


TWO_CREDENTIALS = {"default_headers": {"x-goog-api-key": "test-key-another-one"}}
GPT, CLAUDE = openai, anthropic

# The call, the SDK's class, the reason, and how many requests a client that retries twice sends.
ERRORS: list[tuple[str, Call, type[Exception], int, str, int]] = [
    ("unknown key", chat("unknown"), GPT.AuthenticationError, 401, "key_unknown", 1),
    ("revoked key, streaming", streamed, GPT.AuthenticationError, 401, "credential_revoked", 1),
    ("model", chat("good", "forbidden-1"), GPT.PermissionDeniedError, 403, "model_not_allowed", 1),
    ("scope", embed, GPT.PermissionDeniedError, 403, "insufficient_scope", 1),
    ("stateful", stored, GPT.PermissionDeniedError, 403, "stateful_operation_shared_credential", 1),
    ("spent quota", chat("spent"), GPT.RateLimitError, 429, "quota_exceeded", 1),
    ("two credentials", chat("good", **TWO_CREDENTIALS), GPT.BadRequestError, 400, "ambiguous_credential", 1),
    ("unknown operation", unheard, GPT.NotFoundError, 404, "operation_unknown", 1),
    ("large body", big, GPT.APIStatusError, 413, "body_too_large", 1),
    ("issuer down", chat("unverifiable"), GPT.InternalServerError, 503, "identity_unavailable", 1 + RETRYING),
    ("Azure, unknown key", azure_chat("unknown"), GPT.AuthenticationError, 401, "key_unknown", 1),
    ("Azure, model", azure_chat("good", "forbidden-1"), GPT.PermissionDeniedError, 403, "model_not_allowed", 1),
    ("Azure, spent quota", azure_chat("spent"), GPT.RateLimitError, 429, "quota_exceeded", 1),
    ("Anthropic, unknown key", claude("unknown"), CLAUDE.AuthenticationError, 401, "key_unknown", 1),
    ("Anthropic, model", claude("good", "forbidden-1"), CLAUDE.PermissionDeniedError, 403, "model_not_allowed", 1),
    ("Anthropic, spent quota", claude("spent"), CLAUDE.RateLimitError, 429, "quota_exceeded", 1),
    ("Anthropic, two", claude("good", **TWO_CREDENTIALS), CLAUDE.BadRequestError, 400, "ambiguous_credential", 1),
    ("Anthropic, large body", big_claude, CLAUDE.RequestTooLargeError, 413, "body_too_large", 1),
    ("Anthropic, down", claude("unverifiable"), CLAUDE.InternalServerError, 503, "identity_unavailable", 1 + RETRYING),
    ("Bedrock, unknown key", bedrock_claude("unknown"), CLAUDE.AuthenticationError, 401, "key_unknown", 1),
    ("Bedrock, absent", bedrock_claude("good"), CLAUDE.InternalServerError, 503, "provider_credential_missing", 1),
]


@pytest.mark.parametrize(
    ("call", "error_class", "status", "reason", "requests"), [row[1:] for row in ERRORS], ids=[row[0] for row in ERRORS]
)
def test_a_denial_is_the_sdks_own_error(
    world: World, call: Call, error_class: type[Exception], status: int, reason: str, requests: int
) -> None:
    before = world.reached()
    with pytest.raises(error_class) as raised:
        call(world, RETRYING)
    assert world.reached() - before == requests, "the SDK retries where a retry can help, and nowhere else"
    error: Any = raised.value
    assert type(error) is error_class or issubclass(error_class, (GPT.APIStatusError, CLAUDE.APIStatusError))
    assert error.status_code == status
    assert error.response.headers["x-claimgate-reason"] == reason
    record = world.record_of(error.message)
    assert record["claimgate.reason"] == reason
    if isinstance(error, GPT.APIError):
        renamed = {"quota_exceeded": "rate_limit_exceeded", "key_unknown": "invalid_api_key"}
        assert error.code == renamed.get(reason, reason)
        assert error.type
        assert error.request_id == record["claimgate.request_id"]
    elif record["claimgate.upstream.cluster"] == "anthropic":
        assert error.request_id == record["claimgate.request_id"]
        assert error.body["error"]["message"] in error.message or error.message
        assert error.body["request_id"] == record["claimgate.request_id"]
    assert f"[{reason}, decision " in error.message
    assert world.simulator.received() == []


@pytest.mark.parametrize(
    ("call", "error_class", "status", "code"),
    [
        (chat("frugal"), GPT.RateLimitError, 429, "insufficient_quota"),
        (azure_chat("frugal"), GPT.RateLimitError, 429, "insufficient_quota"),
        (claude("frugal"), CLAUDE.RateLimitError, 429, "enforced_spend_limit_reached"),
    ],
    ids=["OpenAI", "Azure", "Anthropic"],
)
def test_an_sdk_tells_a_spent_budget_from_a_rate_limit_and_does_not_retry(
    world: World, call: Call, error_class: type[Exception], status: int, code: str
) -> None:
    """The wait is until the month is over, so that a retry would be for nothing."""
    assert call(world, 0)
    before = world.reached()
    with pytest.raises(error_class) as raised:
        call(world, RETRYING)
    assert world.reached() - before == 1, "no retry"
    error: Any = raised.value
    assert error.status_code == status
    assert (error.code if isinstance(error, GPT.APIError) else error.error_code) == code
    assert not isinstance(error, GPT.APIError) or error.type == code
    assert int(error.response.headers["retry-after"]) <= 31 * 86_400
    assert world.record_of(error.message)["claimgate.reason"] == "budget_exhausted"


def test_google_tells_which_quota_and_how_long_to_wait(world: World) -> None:
    client = world.gemini("frugal")
    assert client.models.generate_content(model="gemini-2.5-flash", contents="x").text
    before = world.reached()
    with pytest.raises(google_errors.ClientError) as raised:
        client.models.generate_content(model="gemini-2.5-flash", contents="x")
    assert world.reached() - before == 1
    error = raised.value
    assert (error.code, error.status) == (429, "RESOURCE_EXHAUSTED")
    details = {detail["@type"].rpartition(".")[2]: detail for detail in error.details["error"]["details"]}
    assert details["ErrorInfo"]["reason"] == "BUDGET_EXHAUSTED"
    violation = {"quotaMetric": "requests", "quotaId": "frugal", "quotaValue": "1"}
    assert details["QuotaFailure"]["violations"] == [violation]
    assert 0 < int(details["RetryInfo"]["retryDelay"].removesuffix("s")) <= 31 * 86_400


def test_an_sdk_waits_as_told_and_then_passes(world: World) -> None:
    """`Retry-After` is honest, so the SDK's own retry succeeds."""
    for call in (chat("waiting"), claude("waiting")):
        assert call(world, 0)
        before, began = world.reached(), time.monotonic()
        assert call(world, RETRYING)
        assert world.reached() - before == 2, "one refusal, one retry"
        assert 0.5 <= time.monotonic() - began <= 6


@pytest.mark.parametrize(
    ("who", "model", "status", "words", "reason"),
    [
        ("unknown", "gemini-2.5-flash", 401, "UNAUTHENTICATED", "key_unknown"),
        ("good", "forbidden-1", 403, "PERMISSION_DENIED", "model_not_allowed"),
        ("spent", "gemini-2.5-flash", 429, "RESOURCE_EXHAUSTED", "quota_exceeded"),
        ("unverifiable", "gemini-2.5-flash", 503, "UNAVAILABLE", "identity_unavailable"),
    ],
)
def test_a_denial_is_googles_own_error(
    world: World, who: str, model: str, status: int, words: str, reason: str
) -> None:
    before = world.reached()
    error_class = google_errors.ServerError if status >= 500 else google_errors.ClientError
    client = world.gemini(who)
    with pytest.raises(error_class) as raised:
        client.models.generate_content(model=model, contents="x")
    error = raised.value
    assert (error.code, error.status) == (status, words)
    assert f"[{reason}, decision " in (error.message or "")
    assert error.details["error"]["details"][0]["reason"] == reason.upper()
    assert world.record_of(error.message or "")["claimgate.reason"] == reason
    assert world.reached() - before == 1
    with pytest.raises(error_class):
        list(client.models.generate_content_stream(model=model, contents="x"))


@pytest.mark.parametrize(
    ("model", "error_class"), [("sim-429", GPT.RateLimitError), ("sim-500", GPT.InternalServerError)]
)
def test_the_providers_own_errors_pass(world: World, model: str, error_class: type[Exception]) -> None:
    with pytest.raises(error_class) as raised:
        world.gpt().chat.completions.create(model=model, messages=QUESTION)
    error: Any = raised.value
    assert "x-claimgate-reason" not in error.response.headers
    record = world.gateway.audit(claimgate__request_id=error.request_id)
    assert (record["claimgate.decision"], record["claimgate.answered_by"]) == ("allow", "provider")
    assert record["http.response.status_code"] == error.status_code
    assert record["claimgate.upstream.request_id"] == error.response.headers["x-upstream-request-id"]


def test_a_stream_cut_by_the_provider_is_an_error_in_the_sdk(world: World) -> None:
    with pytest.raises(openai.APIConnectionError):
        list(world.gpt().chat.completions.create(model="sim-cut", messages=QUESTION, stream=True))
    record = world.gateway.audit(gen_ai__request__model="sim-cut")
    assert record["claimgate.aborted"] is True, record


def test_no_trap_and_no_secret(world: World) -> None:
    assert world.gateway.envoy.crashes() == 0
