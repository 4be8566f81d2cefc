"""Gemini: content as a document, a JSON array or events; embeddings, counts, and the OpenAI-compatible path."""

from typing import Any

from .answer import Answer, data_event, encode, event_stream, json_answer
from .call import Call
from .identifier import fresh
from .openai import OpenAI, openai_model
from .scenario import DEFAULT_MODEL, Completion, Scenario, complete

MODELS = ("gemini-2.5-pro", "gemini-2.5-flash", "gemini-embedding-001")
EMBEDDING = {"values": [0.125] * 8}
REFUSALS = {
    400: ("INVALID_ARGUMENT", "Invalid JSON payload received."),
    401: ("UNAUTHENTICATED", "Request had invalid authentication credentials."),
    403: ("PERMISSION_DENIED", "Permission denied."),
    404: ("NOT_FOUND", "Requested entity was not found."),
    429: ("RESOURCE_EXHAUSTED", "You exceeded your current quota. Please retry in 1s."),
    500: ("INTERNAL", "An internal error has occurred."),
}


class Gemini:
    """The dialect under `/v1beta` (and `/v1`)."""

    name = "gemini"

    def __init__(self) -> None:
        self._compatible = OpenAI()

    def denied(self, call: Call) -> Answer | None:
        if call.header("x-goog-api-key") or call.query.get("key") or call.bearer():
            return None
        message = (
            "Method doesn't allow unregistered callers (callers without established identity). "
            "Please use API Key or other form of API consumer identity to call this API."
        )
        return self.refusal(403, message)

    def model(self, call: Call) -> str:
        match call.segments:
            case [_, "models", name]:
                return name.rpartition(":")[0] or name
            case [_, "openai", *_]:
                return openai_model(call)
        return DEFAULT_MODEL

    def answer(self, call: Call, scenario: Scenario) -> Answer:
        match call.method, call.segments:
            case _, ["v1beta", "openai", *operation]:
                return self._compatible.operate(call, operation, scenario)
            case "POST", ["v1beta" | "v1" | "v1alpha", "models", name] if ":" in name:
                return self.operate(call, name.rpartition(":")[2], scenario)
            case "POST", ["upload", version, "files"]:
                return _upload(call, version)
            case "GET", ["v1beta" | "v1", "models"]:
                return json_answer({"models": [_describe(model) for model in MODELS]})
            case "GET", ["v1beta" | "v1", "models", name]:
                return json_answer(_describe(name))
        return self.refusal(404)

    def refusal(self, status: int, message: str | None = None) -> Answer:
        name, text = REFUSALS.get(status, ("UNKNOWN", f"Simulated status {status}."))
        error: dict[str, Any] = {"code": status, "message": message or text, "status": name}
        if status == 429:
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}]
        return json_answer({"error": error}, status=status, headers=[("retry-after", "1")] if status == 429 else [])

    def headers(self, answer: Answer) -> list[tuple[str, str]]:
        return [
            ("vary", "Origin"),
            ("vary", "X-Origin"),
            ("server", "scaffolding on HTTPServer2"),
            ("server-timing", "gfet4t7; dur=12"),
            ("x-xss-protection", "0"),
            ("x-frame-options", "SAMEORIGIN"),
            ("x-content-type-options", "nosniff"),
        ]

    def operate(self, call: Call, verb: str, scenario: Scenario) -> Answer:
        """The answer of a model's verb, also for hosts that mount it elsewhere."""
        document = call.document
        configuration = document.get("generationConfig")
        maximum = configuration.get("maxOutputTokens") if isinstance(configuration, dict) else None
        completion = complete(scenario, document, maximum)
        counted = {"promptTokenCount": completion.input_tokens}
        match verb:
            case "generateContent":
                return json_answer(_whole(scenario.model, completion))
            case "streamGenerateContent":
                return _stream(call, scenario, completion)
            case "embedContent":
                return json_answer({"embedding": EMBEDDING, "usageMetadata": counted})
            case "batchEmbedContents":
                embeddings = [EMBEDDING for _ in document.get("requests", [])]
                return json_answer({"embeddings": embeddings, "usageMetadata": counted})
            case "countTokens":
                return json_answer({"totalTokens": completion.input_tokens})
        return self.refusal(404)


def _upload(call: Call, version: str) -> Answer:
    """The start of a resumable upload names an absolute URL; what comes there is the file."""
    if call.header("x-goog-upload-command") == "start":
        url = f"https://generativelanguage.googleapis.com/upload/{version}/files?upload_id=u1&upload_protocol=resumable"
        return Answer(200, [("x-goog-upload-url", url), ("x-goog-upload-status", "active")])
    name = f"files/{fresh('')}"
    base = f"https://generativelanguage.googleapis.com/{version}"
    file = {"name": name, "uri": f"{base}/{name}", "downloadUri": f"{base}/{name}:download?alt=media"}
    return json_answer({"file": file}, headers=[("x-goog-upload-status", "final")])


def _stream(call: Call, scenario: Scenario, completion: Completion) -> Answer:
    parts = _parts(scenario.model, completion)
    if call.query.get("alt") == "sse":
        return event_stream([data_event(part).replace(b"\n\n", b"\r\n\r\n") for part in parts], gap=scenario.gap)
    chunks = [(b"[" if index == 0 else b",\r\n") + encode(part) for index, part in enumerate(parts)]
    headers = [("content-type", "application/json; charset=UTF-8")]
    return Answer(200, headers, chunks=[*chunks, b"\n]\n"], gap=scenario.gap)


def _parts(model: str, completion: Completion) -> list[dict[str, Any]]:
    """One document per piece; the usage in each counts the output so far."""
    identity = fresh("")
    parts = []
    for index, piece in enumerate(completion.pieces):
        last = index == len(completion.pieces) - 1
        output_tokens = completion.output_tokens if last else index + 1
        candidate: dict[str, Any] = {"content": {"parts": [{"text": piece}], "role": "model"}, "index": 0}
        if last:
            candidate["finishReason"] = _finish(completion)
        parts.append(
            {
                "candidates": [candidate],
                "usageMetadata": _usage(completion, output_tokens),
                "modelVersion": model,
                "responseId": identity,
            }
        )
    return parts


def _whole(model: str, completion: Completion) -> dict[str, Any]:
    content = {"parts": [{"text": completion.text}], "role": "model"}
    return {
        "candidates": [{"content": content, "finishReason": _finish(completion), "index": 0}],
        "usageMetadata": _usage(completion, completion.output_tokens),
        "modelVersion": model,
        "responseId": fresh(""),
    }


def _usage(completion: Completion, output_tokens: int) -> dict[str, Any]:
    usage: dict[str, Any] = {
        "promptTokenCount": completion.input_tokens,
        "candidatesTokenCount": output_tokens,
        "totalTokenCount": completion.input_tokens + output_tokens,
        "promptTokensDetails": [{"modality": "TEXT", "tokenCount": completion.input_tokens}],
    }
    if completion.cached_tokens:
        usage["cachedContentTokenCount"] = completion.cached_tokens
    return usage


def _finish(completion: Completion) -> str:
    return "STOP" if completion.finished else "MAX_TOKENS"


def _describe(model: str) -> dict[str, Any]:
    methods = ["generateContent", "countTokens", "embedContent"]
    return {"name": f"models/{model}", "version": "001", "displayName": model, "supportedGenerationMethods": methods}
