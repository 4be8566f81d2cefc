"""Bedrock's runtime: converse and invoke, whole or as binary event frames."""

import base64
import uuid
from typing import Any

from .anthropic import message, message_events
from .answer import Answer, encode, json_answer
from .call import Call
from .eventstream import event_frame
from .scenario import DEFAULT_MODEL, Completion, Scenario, complete

REFUSALS = {
    400: ("ValidationException", "Malformed input request, please reformat your input and try again."),
    401: ("UnrecognizedClientException", "The security token included in the request is invalid."),
    403: ("AccessDeniedException", "You don't have access to the model with the specified model ID."),
    404: ("UnknownOperationException", ""),
    429: ("ThrottlingException", "Too many requests, please wait before trying again."),
    500: ("InternalServerException", "The system encountered an unexpected error. Try your request again."),
}
STREAM_TYPE = "application/vnd.amazon.eventstream"
LATENCY_MILLISECONDS = 12


class Bedrock:
    """The dialect under `/model/{modelId}/…`, where the id may be a percent-encoded ARN."""

    name = "bedrock"

    def denied(self, call: Call) -> Answer | None:
        if call.bearer() or (call.header("authorization") or "").startswith("AWS4-HMAC-SHA256 "):
            return None
        error = [("x-amzn-errortype", "MissingAuthenticationTokenException")]
        return json_answer({"message": "Missing Authentication Token"}, status=403, headers=error)

    def model(self, call: Call) -> str:
        return call.segments[1] if call.segments[:1] == ["model"] and len(call.segments) > 1 else DEFAULT_MODEL

    def answer(self, call: Call, scenario: Scenario) -> Answer:
        match call.method, call.segments:
            case "POST", ["model", _, "converse"]:
                return json_answer(_conversation(_completion(call, scenario)))
            case "POST", ["model", _, "converse-stream"]:
                return _frames(_conversation_events(_completion(call, scenario)), scenario)
            case "POST", ["model", _, "invoke"]:
                completion = _completion(call, scenario)
                return json_answer(_native(scenario.model, completion), headers=_counts(completion))
            case "POST", ["model", _, "invoke-with-response-stream"]:
                answer = _frames(_native_events(scenario.model, _completion(call, scenario)), scenario)
                answer.headers.append(("x-amzn-bedrock-content-type", "application/json"))
                return answer
        return self.refusal(404)

    def refusal(self, status: int, message: str | None = None) -> Answer:
        kind, text = REFUSALS.get(status, ("InternalServerException", f"Simulated status {status}."))
        # AWS answers 403 to credentials it does not know.
        shown = 403 if status == 401 else status
        return json_answer({"message": message or text}, status=shown, headers=[("x-amzn-errortype", kind)])

    def headers(self, answer: Answer) -> list[tuple[str, str]]:
        return [("x-amzn-requestid", str(uuid.uuid4()))]


def _completion(call: Call, scenario: Scenario) -> Completion:
    document = call.document
    configuration = document.get("inferenceConfig")
    maximum = configuration.get("maxTokens") if isinstance(configuration, dict) else document.get("max_tokens")
    return complete(scenario, document, maximum)


def _frames(events: list[tuple[str, dict[str, Any]]], scenario: Scenario) -> Answer:
    chunks = [event_frame(name, encode(document)) for name, document in events]
    return Answer(200, [("content-type", STREAM_TYPE)], chunks=chunks, gap=scenario.gap)


def _conversation(completion: Completion) -> dict[str, Any]:
    return {
        "metrics": {"latencyMs": LATENCY_MILLISECONDS},
        "output": {"message": {"role": "assistant", "content": [{"text": completion.text}]}},
        "stopReason": _stop_reason(completion),
        "usage": _usage(completion),
    }


def _conversation_events(completion: Completion) -> list[tuple[str, dict[str, Any]]]:
    # `p` is the padding that hides the length of an event.
    deltas = [
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": piece}, "p": "abcdef"})
        for piece in completion.pieces
    ]
    return [
        ("messageStart", {"role": "assistant", "p": "abc"}),
        *deltas,
        ("contentBlockStop", {"contentBlockIndex": 0, "p": "abcd"}),
        ("messageStop", {"stopReason": _stop_reason(completion), "p": "ab"}),
        ("metadata", {"metrics": {"latencyMs": LATENCY_MILLISECONDS}, "usage": _usage(completion), "p": "abc"}),
    ]


def _native(model: str, completion: Completion) -> dict[str, Any]:
    """The body of the model's own maker: Titan's embedding, Llama's generation, else an Anthropic message."""
    if "titan-embed" in model:
        return {"embedding": [0.125] * 8, "inputTextTokenCount": completion.input_tokens}
    if "llama" in model:
        return {
            "generation": completion.text,
            "prompt_token_count": completion.input_tokens,
            "generation_token_count": completion.output_tokens,
            "stop_reason": "stop" if completion.finished else "length",
        }
    return message(model, completion)


def _native_events(model: str, completion: Completion) -> list[tuple[str, dict[str, Any]]]:
    events = list(message_events(model, completion))
    # The last event carries what Bedrock itself counted.
    events[-1]["amazon-bedrock-invocationMetrics"] = {
        "inputTokenCount": completion.input_tokens - completion.cached_tokens,
        "outputTokenCount": completion.output_tokens,
        "invocationLatency": LATENCY_MILLISECONDS,
        "firstByteLatency": 1,
        "cacheReadInputTokenCount": completion.cached_tokens,
        "cacheWriteInputTokenCount": 0,
    }
    return [("chunk", {"bytes": base64.b64encode(encode(event)).decode(), "p": "abc"}) for event in events]


def _counts(completion: Completion) -> list[tuple[str, str]]:
    return [
        ("x-amzn-bedrock-invocation-latency", str(LATENCY_MILLISECONDS)),
        ("x-amzn-bedrock-input-token-count", str(completion.input_tokens - completion.cached_tokens)),
        ("x-amzn-bedrock-output-token-count", str(completion.output_tokens)),
    ]


def _usage(completion: Completion) -> dict[str, int]:
    # As with Anthropic, `inputTokens` leaves out what was read from the cache.
    return {
        "inputTokens": completion.input_tokens - completion.cached_tokens,
        "outputTokens": completion.output_tokens,
        "totalTokens": completion.total_tokens,
        "cacheReadInputTokens": completion.cached_tokens,
        "cacheWriteInputTokens": 0,
    }


def _stop_reason(completion: Completion) -> str:
    return "end_turn" if completion.finished else "max_tokens"
