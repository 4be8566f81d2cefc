"""Anthropic: messages as a document or typed events, token counts and models."""

from collections.abc import Iterator
from typing import Any

from .answer import Answer, encode, event_stream, json_answer, typed_event
from .call import Call
from .identifier import fresh
from .scenario import DEFAULT_MODEL, Completion, Scenario, complete

MODELS = ("claude-opus-4-1", "claude-sonnet-4-5", "claude-haiku-4-5")
REFUSALS = {
    400: ("invalid_request_error", "The request body is not valid."),
    401: ("authentication_error", "invalid x-api-key"),
    403: ("permission_error", "Your API key does not have permission to use the specified resource."),
    404: ("not_found_error", "Not found"),
    429: ("rate_limit_error", "This request would exceed your organization's rate limit of input tokens per minute."),
    500: ("api_error", "Internal server error"),
    529: ("overloaded_error", "Overloaded"),
}
LIMITS = {"requests": ("4000", "3999"), "input-tokens": ("400000", "399000"), "output-tokens": ("80000", "79000")}
RESET = "2030-01-01T00:00:00Z"


class Anthropic:
    """The dialect at its own port, under `/v1`."""

    name = "anthropic"

    def denied(self, call: Call) -> Answer | None:
        return None if call.header("x-api-key") or call.bearer() else self.refusal(401, "x-api-key header is required")

    def model(self, call: Call) -> str:
        if call.method == "POST":
            return str(call.document.get("model", DEFAULT_MODEL))
        return call.segments[-1]

    def answer(self, call: Call, scenario: Scenario) -> Answer:
        if not call.header("anthropic-version"):
            return self.refusal(400, "anthropic-version: header is required")
        match call.method, call.segments:
            case "POST", ["v1", "messages"]:
                return messages(call.document, scenario)
            case "POST", ["v1", "messages", "count_tokens"]:
                return json_answer({"input_tokens": complete(scenario, call.document).input_tokens})
            case "GET", ["v1", "messages", "batches", batch]:
                return json_answer(_batch(batch))
            case "GET", ["v1", "messages", "batches", batch, "results"]:
                succeeded = {"type": "succeeded", "message": message(scenario.model, complete(scenario, {}, None))}
                line = {"custom_id": batch, "result": succeeded}
                return Answer(200, [("content-type", "application/x-jsonl")], encode(line) + b"\n")
            case "GET", ["v1", "models"]:
                data = [_describe(model) for model in MODELS]
                return json_answer({"data": data, "has_more": False, "first_id": MODELS[0], "last_id": MODELS[-1]})
            case "GET", ["v1", "models", model]:
                return json_answer(_describe(model))
        return self.refusal(404)

    def refusal(self, status: int, message: str | None = None) -> Answer:
        kind, text = REFUSALS.get(status, ("api_error", f"Simulated status {status}."))
        error = {"type": kind, "message": message or text}
        document = {"type": "error", "error": error, "request_id": fresh("req_")}
        return json_answer(document, status=status, headers=[("retry-after", "1")] if status == 429 else [])

    def headers(self, answer: Answer) -> list[tuple[str, str]]:
        limits = []
        for unit, (limit, remaining) in LIMITS.items():
            limits += [
                (f"anthropic-ratelimit-{unit}-limit", limit),
                (f"anthropic-ratelimit-{unit}-remaining", remaining),
                (f"anthropic-ratelimit-{unit}-reset", RESET),
            ]
        account = ("anthropic-organization-id", "00000000-0000-4000-8000-000000000001")
        return [("request-id", fresh("req_")), account, *limits, ("server", "cloudflare")]


def messages(document: dict[str, Any], scenario: Scenario) -> Answer:
    """POST messages, as a document or as typed events."""
    completion = complete(scenario, document, document.get("max_tokens"))
    if document.get("stream") is True:
        events = [typed_event(event) for event in message_events(scenario.model, completion)]
        return event_stream(events, gap=scenario.gap)
    return json_answer(message(scenario.model, completion))


def message(model: str, completion: Completion) -> dict[str, Any]:
    """A finished message with its usage."""
    content = [{"type": "text", "text": completion.text}]
    usage = _usage(completion, completion.output_tokens)
    return {**_head(model), "content": content, "stop_reason": _stop_reason(completion), "usage": usage}


def message_events(model: str, completion: Completion) -> Iterator[dict[str, Any]]:
    """The events of a streamed message; the output count in `message_start` is provisional."""
    started = {**_head(model), "content": [], "stop_reason": None, "usage": _usage(completion, 1)}
    yield {"type": "message_start", "message": started}
    yield {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}
    yield {"type": "ping"}
    for piece in completion.pieces:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": piece}}
    yield {"type": "content_block_stop", "index": 0}
    delta = {"stop_reason": _stop_reason(completion), "stop_sequence": None}
    yield {"type": "message_delta", "delta": delta, "usage": {"output_tokens": completion.output_tokens}}
    yield {"type": "message_stop"}


def _head(model: str) -> dict[str, Any]:
    return {"id": fresh("msg_"), "type": "message", "role": "assistant", "model": model, "stop_sequence": None}


def _usage(completion: Completion, output_tokens: int) -> dict[str, Any]:
    # Anthropic counts cached input apart from `input_tokens`.
    return {
        "input_tokens": completion.input_tokens - completion.cached_tokens,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": completion.cached_tokens,
        "output_tokens": output_tokens,
        "service_tier": "standard",
    }


def _stop_reason(completion: Completion) -> str:
    return "end_turn" if completion.finished else "max_tokens"


def _batch(batch: str) -> dict[str, Any]:
    """One that has ended; its results are at an absolute URL of the provider's."""
    counts = {"processing": 0, "succeeded": 1, "errored": 0, "canceled": 0, "expired": 0}
    return {
        "id": batch,
        "type": "message_batch",
        "processing_status": "ended",
        "request_counts": counts,
        "created_at": "2025-10-01T00:00:00Z",
        "expires_at": "2025-10-02T00:00:00Z",
        "ended_at": "2025-10-01T00:01:00Z",
        "results_url": f"https://api.anthropic.com/v1/messages/batches/{batch}/results",
    }


def _describe(model: str) -> dict[str, Any]:
    return {"type": "model", "id": model, "display_name": model, "created_at": "2025-10-01T00:00:00Z"}
