"""What a raw client got back: shared by the HTTP/1.1 and the HTTP/2 client."""

import json
from dataclasses import dataclass, field
from typing import Any

Headers = list[tuple[str, str]]


@dataclass
class RawResponse:
    """An answer as it came. Header text is Latin-1, so every byte of it is kept."""

    status: int = 0
    headers: Headers = field(default_factory=list)
    body: bytes = b""
    trailers: Headers = field(default_factory=list)
    complete: bool = False
    """False where the connection closed or the stream was reset before the end."""
    reset_code: int | None = None
    """The HTTP/2 error code of a reset stream."""

    def header(self, name: str) -> str | None:
        """The first value of a header, its name compared without case."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def json(self) -> Any:
        """The body as JSON. Raises ValueError."""
        return json.loads(self.body)


def decode(headers: list[tuple[bytes, bytes]]) -> Headers:
    """Header bytes as text, one character per byte."""
    return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
