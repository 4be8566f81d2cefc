"""OpenAI's responses API: one document, or its typed events with sequence numbers."""

from collections.abc import Iterator
from typing import Any

from .answer import Answer, event_stream, json_answer, typed_event
from .call import Call
from .identifier import fresh, now
from .scenario import Completion, Scenario, complete


def responses(call: Call, scenario: Scenario) -> Answer:
    """POST responses."""
    document = call.document
    completion = complete(scenario, document, document.get("max_output_tokens"))
    head = _head(document, scenario.model)
    if document.get("stream") is True:
        events = [
            typed_event({**event, "sequence_number": number}) for number, event in enumerate(_events(head, completion))
        ]
        return event_stream(events, gap=scenario.gap)
    return json_answer(_finished(head, completion, _message(fresh("msg_"), completion)))


def _events(head: dict[str, Any], completion: Completion) -> Iterator[dict[str, Any]]:
    item_id = fresh("msg_")
    place = {"item_id": item_id, "output_index": 0, "content_index": 0}
    empty = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
    full = {**empty, "text": completion.text}
    opened = {"id": item_id, "type": "message", "status": "in_progress", "role": "assistant", "content": []}
    closed = _message(item_id, completion)
    yield {"type": "response.created", "response": head}
    yield {"type": "response.in_progress", "response": head}
    yield {"type": "response.output_item.added", "output_index": 0, "item": opened}
    yield {"type": "response.content_part.added", **place, "part": empty}
    for piece in completion.pieces:
        yield {"type": "response.output_text.delta", **place, "delta": piece, "logprobs": []}
    yield {"type": "response.output_text.done", **place, "text": completion.text, "logprobs": []}
    yield {"type": "response.content_part.done", **place, "part": full}
    yield {"type": "response.output_item.done", "output_index": 0, "item": closed}
    ending = "response.completed" if completion.finished else "response.incomplete"
    yield {"type": ending, "response": _finished(head, completion, closed)}


def _head(document: dict[str, Any], model: str) -> dict[str, Any]:
    return {
        "id": fresh("resp_"),
        "object": "response",
        "created_at": now(),
        "status": "in_progress",
        "error": None,
        "incomplete_details": None,
        "instructions": document.get("instructions"),
        "max_output_tokens": document.get("max_output_tokens"),
        "model": model,
        "output": [],
        "parallel_tool_calls": True,
        "previous_response_id": document.get("previous_response_id"),
        "store": document.get("store", True),
        "tool_choice": "auto",
        "tools": [],
        "usage": None,
    }


def _message(item_id: str, completion: Completion) -> dict[str, Any]:
    part = {"type": "output_text", "text": completion.text, "annotations": [], "logprobs": []}
    status = "completed" if completion.finished else "incomplete"
    return {"id": item_id, "type": "message", "status": status, "role": "assistant", "content": [part]}


def _finished(head: dict[str, Any], completion: Completion, message: dict[str, Any]) -> dict[str, Any]:
    usage = {
        "input_tokens": completion.input_tokens,
        "input_tokens_details": {"cached_tokens": completion.cached_tokens},
        "output_tokens": completion.output_tokens,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": completion.total_tokens,
    }
    reason = None if completion.finished else {"reason": "max_output_tokens"}
    return {**head, "status": message["status"], "incomplete_details": reason, "output": [message], "usage": usage}
