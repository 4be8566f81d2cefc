"""The realtime WebSocket: a session event, an answer to `response.create`, and an echo of every other frame."""

import json
from typing import Any

from aiohttp import WSMsgType, web

from .identifier import fresh
from .scenario import Scenario, complete


async def serve_realtime(request: web.BaseRequest, record: dict[str, Any], model: str) -> web.StreamResponse:
    """Serves until either side closes. Text frames received are kept in the record's `frames`."""
    socket = web.WebSocketResponse(protocols=("realtime",))
    record["status"] = 101
    await socket.prepare(request)
    session = {"type": "realtime", "object": "realtime.session", "id": fresh("sess_"), "model": model}
    await socket.send_json({"type": "session.created", "event_id": fresh("event_"), "session": session})
    async for message in socket:
        if message.type is WSMsgType.TEXT:
            record["frames"].append(message.data)
            if _type_of(message.data) == "response.create":
                await socket.send_json(_response_done(model, message.data))
            else:
                await socket.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await socket.send_bytes(message.data)
    record["completed"] = socket.close_code is not None and socket.close_code < 1006
    record["aborted"] = not record["completed"]
    return socket


def _type_of(frame: str) -> str | None:
    try:
        event = json.loads(frame)
    except ValueError:
        return None
    return event.get("type") if isinstance(event, dict) else None


def _response_done(model: str, frame: str) -> dict[str, Any]:
    completion = complete(Scenario.of(model), {"input": frame})
    usage = {
        "total_tokens": completion.total_tokens,
        "input_tokens": completion.input_tokens,
        "output_tokens": completion.output_tokens,
        "input_token_details": {"text_tokens": completion.input_tokens, "audio_tokens": 0, "cached_tokens": 0},
        "output_token_details": {"text_tokens": completion.output_tokens, "audio_tokens": 0},
    }
    content = [{"type": "output_text", "text": completion.text}]
    item = {"id": fresh("item_"), "type": "message", "role": "assistant", "status": "completed", "content": content}
    response = {"object": "realtime.response", "id": fresh("resp_"), "status": "completed", "output": [item]}
    return {"type": "response.done", "event_id": fresh("event_"), "response": {**response, "usage": usage}}
