"""OpenAI's chat completions, legacy completions and embeddings."""

import base64
import struct
from collections.abc import Iterator
from typing import Any

from .answer import Answer, data_event, event_stream, json_answer
from .call import Call
from .identifier import fresh, now
from .scenario import Completion, Scenario, complete, count_input

EMBEDDING_DIMENSIONS = 8


def chat(call: Call, scenario: Scenario) -> Answer:
    """POST chat/completions; a stream reports usage only where `stream_options.include_usage` asks for it."""
    document = call.document
    maximum = document.get("max_completion_tokens") or document.get("max_tokens")
    completion = complete(scenario, document, maximum)
    if document.get("stream") is True:
        return event_stream(list(_chat_events(document, scenario.model, completion)), gap=scenario.gap)
    message = {"role": "assistant", "content": completion.text, "refusal": None, "annotations": []}
    choices = [
        {"index": index, "message": message, "logprobs": None, "finish_reason": _finish(completion)}
        for index in range(_choice_count(document))
    ]
    return json_answer({**_head("chat.completion", scenario.model), "choices": choices, "usage": _usage(completion)})


def completions(call: Call, scenario: Scenario) -> Answer:
    """POST completions."""
    document = call.document
    completion = complete(scenario, document, document.get("max_tokens"))
    head = _head("text_completion", scenario.model)
    if document.get("stream") is True:
        events = [
            data_event({**head, "choices": [{"text": piece, "index": 0, "logprobs": None, "finish_reason": None}]})
            for piece in completion.pieces
        ]
        last = {"text": "", "index": 0, "logprobs": None, "finish_reason": _finish(completion)}
        events.append(data_event({**head, "choices": [last]}))
        if _includes_usage(document):
            events.append(data_event({**head, "choices": [], "usage": _usage(completion)}))
        return event_stream([*events, b"data: [DONE]\n\n"], gap=scenario.gap)
    choice = {"text": completion.text, "index": 0, "logprobs": None, "finish_reason": _finish(completion)}
    return json_answer({**head, "choices": [choice], "usage": _usage(completion)})


def embeddings(call: Call, scenario: Scenario) -> Answer:
    """POST embeddings, as floats or base64."""
    document = call.document
    texts = document.get("input", "")
    count = len(texts) if isinstance(texts, list) else 1
    vector: Any = [0.125] * EMBEDDING_DIMENSIONS
    if document.get("encoding_format") == "base64":
        vector = base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
    tokens = int(scenario.number(0, 0)) if scenario.kind == "tokens" else count_input(document)
    data = [{"object": "embedding", "index": index, "embedding": vector} for index in range(count)]
    usage = {"prompt_tokens": tokens, "total_tokens": tokens}
    return json_answer({"object": "list", "data": data, "model": scenario.model, "usage": usage})


def _chat_events(document: dict[str, Any], model: str, completion: Completion) -> Iterator[bytes]:
    head = _head("chat.completion.chunk", model)
    # With include_usage every chunk but the last carries `usage: null`.
    tail: dict[str, Any] = {"usage": None} if _includes_usage(document) else {}

    def chunk(delta: dict[str, Any], finish: str | None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return data_event({**head, "choices": [choice], **tail})

    yield chunk({"role": "assistant", "content": "", "refusal": None}, None)
    for piece in completion.pieces:
        yield chunk({"content": piece}, None)
    yield chunk({}, _finish(completion))
    if tail:
        yield data_event({**head, "choices": [], "usage": _usage(completion)})
    yield b"data: [DONE]\n\n"


def _head(kind: str, model: str) -> dict[str, Any]:
    return {
        "id": fresh("chatcmpl-" if kind.startswith("chat") else "cmpl-"),
        "object": kind,
        "created": now(),
        "model": model,
        "service_tier": "default",
        "system_fingerprint": "fp_simulator",
    }


def _usage(completion: Completion) -> dict[str, Any]:
    return {
        "prompt_tokens": completion.input_tokens,
        "completion_tokens": completion.output_tokens,
        "total_tokens": completion.total_tokens,
        "prompt_tokens_details": {"cached_tokens": completion.cached_tokens, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _finish(completion: Completion) -> str:
    return "stop" if completion.finished else "length"


def _includes_usage(document: dict[str, Any]) -> bool:
    options = document.get("stream_options")
    return isinstance(options, dict) and options.get("include_usage") is True


def _choice_count(document: dict[str, Any]) -> int:
    count = document.get("n")
    return min(count, 16) if isinstance(count, int) and count > 0 else 1
