"""OpenAI: which operation a path names, who may call it, and the headers of every answer."""

from .answer import Answer, json_answer
from .call import Call
from .identifier import fresh, now
from .openai_chat import chat, completions, embeddings
from .openai_files import OpenAIFiles
from .openai_media import image_generation, speech, transcription
from .openai_responses import responses
from .scenario import DEFAULT_MODEL, Scenario

MODELS = ("gpt-4o", "gpt-4o-mini", "gpt-5", "text-embedding-3-small", "gpt-image-1", "whisper-1", "tts-1")
OPERATIONS = {
    "chat/completions": chat,
    "completions": completions,
    "embeddings": embeddings,
    "responses": responses,
    "images/generations": image_generation,
    "audio/transcriptions": transcription,
    "audio/speech": speech,
}
BROWSER_CREDENTIAL = "openai-insecure-api-key."
REFUSALS = {
    400: ("invalid_request_error", None, "The request body is not valid."),
    401: ("invalid_request_error", "invalid_api_key", "Incorrect API key provided: sim***401."),
    404: ("invalid_request_error", None, "Invalid URL"),
    429: ("tokens", "rate_limit_exceeded", "Rate limit reached on tokens per min (TPM). Please try again in 1s."),
    500: ("server_error", None, "The server had an error while processing your request. Sorry about that!"),
}
RETRY = [("retry-after", "1"), ("retry-after-ms", "1000")]


class OpenAI:
    """The dialect at its own port, under `/v1`."""

    name = "openai"

    def __init__(self) -> None:
        self._files = OpenAIFiles()

    def denied(self, call: Call) -> Answer | None:
        if call.bearer() or BROWSER_CREDENTIAL in (call.header("sec-websocket-protocol") or ""):
            return None
        message = "You didn't provide an API key. You need to provide your API key in an Authorization header."
        return self.refusal(401, message)

    def model(self, call: Call) -> str:
        return openai_model(call)

    def answer(self, call: Call, scenario: Scenario) -> Answer:
        if call.segments[:1] != ["v1"]:
            return self.refusal(404)
        return self.operate(call, call.segments[1:], scenario)

    def operate(self, call: Call, segments: list[str], scenario: Scenario) -> Answer:
        """The answer of the operation that these segments name, also for hosts that mount it elsewhere."""
        path = "/".join(segments)
        if call.method == "POST" and path in OPERATIONS:
            return OPERATIONS[path](call, scenario)
        if segments[:1] == ["models"] and call.method == "GET":
            return _models(segments[1:])
        if path == "realtime" and call.method == "GET":
            return Answer(101, upgrade_model=scenario.model)
        stored = self._files.answer(call, segments)
        return stored or self.refusal(404, f"Invalid URL ({call.method} {call.target})")

    def refusal(self, status: int, message: str | None = None) -> Answer:
        return openai_refusal(status, message)

    def headers(self, answer: Answer) -> list[tuple[str, str]]:
        return [
            ("x-request-id", fresh("req_")),
            ("openai-organization", "org-simulator"),
            ("openai-project", "proj_simulator"),
            ("openai-processing-ms", "12"),
            ("openai-version", "2020-10-01"),
            ("x-ratelimit-limit-requests", "10000"),
            ("x-ratelimit-limit-tokens", "2000000"),
            ("x-ratelimit-remaining-requests", "9999"),
            ("x-ratelimit-remaining-tokens", "1999987"),
            ("x-ratelimit-reset-requests", "6ms"),
            ("x-ratelimit-reset-tokens", "0s"),
            ("set-cookie", "__cf_bm=simulated; path=/; HttpOnly; Secure; SameSite=None"),
            ("cf-cache-status", "DYNAMIC"),
            ("server", "cloudflare"),
        ]


def openai_model(call: Call) -> str:
    """The model named in the path, the query, a form field or the JSON body."""
    if "models" in call.segments:
        return call.segments[-1]
    if call.method != "POST":
        return call.query.get("model", DEFAULT_MODEL)
    if (call.header("content-type") or "").startswith("multipart/"):
        return call.form.get("model", DEFAULT_MODEL)
    return str(call.document.get("model", DEFAULT_MODEL)) if call.body else DEFAULT_MODEL


def openai_refusal(status: int, message: str | None) -> Answer:
    """An error in OpenAI's shape, with `retry-after` where it is a 429."""
    kind, code, text = REFUSALS.get(status, ("api_error", None, f"Simulated status {status}."))
    document = {"error": {"message": message or text, "type": kind, "param": None, "code": code}}
    return json_answer(document, status=status, headers=RETRY if status == 429 else [])


def _models(rest: list[str]) -> Answer:
    def describe(model: str) -> dict[str, object]:
        return {"id": model, "object": "model", "created": now(), "owned_by": "system"}

    if rest:
        return json_answer(describe("/".join(rest)))
    return json_answer({"object": "list", "data": [describe(model) for model in MODELS]})
