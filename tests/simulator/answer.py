"""A provider's answer as a value: what the server sends, whole or in chunks."""

import json
from dataclasses import dataclass, field
from typing import Any

Headers = list[tuple[str, str]]


@dataclass
class Answer:
    """Either `body` or, for a stream, `chunks` with a pause of `gap` seconds between them."""

    status: int
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    chunks: list[bytes] | None = None
    gap: float = 0.0
    upgrade_model: str | None = None
    """Set where the answer is a WebSocket: the model its session is about."""


def json_answer(document: Any, *, status: int = 200, headers: Headers | None = None) -> Answer:
    """A JSON body with its content type."""
    return Answer(status, [("content-type", "application/json"), *(headers or [])], encode(document))


def event_stream(events: list[bytes], *, gap: float) -> Answer:
    """Server-sent events, one chunk each."""
    return Answer(200, [("content-type", "text/event-stream; charset=utf-8")], chunks=events, gap=gap)


def data_event(document: Any) -> bytes:
    """An unnamed server-sent event."""
    return b"data: " + encode(document) + b"\n\n"


def typed_event(document: dict[str, Any]) -> bytes:
    """A server-sent event named after the document's `type`."""
    return b"event: " + document["type"].encode() + b"\n" + data_event(document)


def encode(document: Any) -> bytes:
    """Compact JSON in UTF-8, as providers send it."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
