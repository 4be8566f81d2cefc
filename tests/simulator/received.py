"""The list of what reached the providers, in order of arrival."""

from typing import Any

from aiohttp import web


class Received:
    """Records of requests since the last clear. A record appears with its headers and is completed in place."""

    def __init__(self) -> None:
        self._records: list[dict[str, Any]] = []
        self._next_id = 1

    def open(self, provider: str, request: web.BaseRequest) -> dict[str, Any]:
        """Starts a record.

        `status` is null until an answer starts. `completed` and `aborted` exclude each other; neither is true where the
        simulator itself cut the answer off. `ended` says that nothing more will happen.
        """
        record: dict[str, Any] = {
            "id": self._next_id,
            "provider": provider,
            "method": request.method,
            "raw_path": request.raw_path,
            "http_version": f"{request.version.major}.{request.version.minor}",
            "headers": [[text(name), text(value)] for name, value in request.raw_headers],
            "body": bytearray(),
            "frames": [],
            "status": None,
            "completed": False,
            "aborted": False,
            "ended": False,
        }
        self._next_id += 1
        self._records.append(record)
        return record

    def list(self) -> list[dict[str, Any]]:
        """All records as JSON documents."""
        return [{**record, "body": text(bytes(record["body"]))} for record in self._records]

    def clear(self) -> None:
        """Forgets all records; ids go on counting, requests in flight are no longer reported."""
        self._records = []


def text(content: bytes) -> str:
    """UTF-8 with every other byte as a surrogate escape, so that nothing received is lost in JSON."""
    return content.decode("utf-8", "surrogateescape")
