"""OpenAI's stored files and batches, kept in memory and shared by all callers of one provider credential."""

from typing import Any

from .answer import Answer, json_answer
from .call import Call, MalformedBody
from .identifier import fresh, now


class OpenAIFiles:
    """Files and batches by id, in order of creation."""

    def __init__(self) -> None:
        self._files: dict[str, dict[str, Any]] = {}
        self._contents: dict[str, bytes] = {}
        self._batches: dict[str, dict[str, Any]] = {}

    def answer(self, call: Call, segments: list[str]) -> Answer | None:
        """The answer to an operation on files or batches, or nothing where it is neither."""
        match call.method, segments:
            case "POST", ["files"]:
                return self._upload(call)
            case "GET", ["files"]:
                return _list(self._files)
            case "GET", ["files", name] if name in self._files:
                return json_answer(self._files[name])
            case "GET", ["files", name, "content"] if name in self._files:
                return Answer(200, [("content-type", "application/octet-stream")], self._contents[name])
            case "DELETE", ["files", name] if name in self._files:
                del self._files[name]
                return json_answer({"id": name, "object": "file", "deleted": True})
            case "POST", ["batches"]:
                return self._start_batch(call)
            case "GET", ["batches"]:
                return _list(self._batches)
            case "GET", ["batches", name] if name in self._batches:
                return json_answer(self._batches[name])
            case "POST", ["batches", name, "cancel"] if name in self._batches:
                self._batches[name]["status"] = "cancelling"
                return json_answer(self._batches[name])
        return None

    def _upload(self, call: Call) -> Answer:
        if "file" not in call.form:
            raise MalformedBody("form field `file` is missing")
        name = fresh("file-")
        self._contents[name] = call.body
        self._files[name] = {
            "id": name,
            "object": "file",
            "bytes": len(call.body),
            "created_at": now(),
            "filename": call.form["file"],
            "purpose": call.form.get("purpose", "user_data"),
            "status": "processed",
        }
        return json_answer(self._files[name])

    def _start_batch(self, call: Call) -> Answer:
        name = fresh("batch_")
        self._batches[name] = {
            "id": name,
            "object": "batch",
            "endpoint": call.document.get("endpoint", "/v1/chat/completions"),
            "input_file_id": call.document.get("input_file_id", ""),
            "completion_window": call.document.get("completion_window", "24h"),
            "status": "validating",
            "created_at": now(),
            "request_counts": {"total": 0, "completed": 0, "failed": 0},
        }
        return json_answer(self._batches[name])


def _list(entries: dict[str, dict[str, Any]]) -> Answer:
    return json_answer({"object": "list", "data": list(entries.values()), "has_more": False})
