"""One request as a provider sees it: raw parts, and the readings of them that the dialects share."""

import email
import email.policy
import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from urllib.parse import parse_qsl, unquote


class MalformedBody(Exception):
    """The body is not what the operation takes; the provider answers 400."""


@dataclass(frozen=True)
class Call:
    """A request whose body has been read to its end. Text holds foreign bytes as surrogate escapes."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    @cached_property
    def segments(self) -> list[str]:
        """Path segments, each percent-decoded once after the split, so `%2F` stays inside its segment."""
        path = self.target.partition("?")[0]
        return [unquote(segment) for segment in path.split("/")[1:]]

    @cached_property
    def query(self) -> dict[str, str]:
        """Query parameters; the last of several with one name."""
        return dict(parse_qsl(self.target.partition("?")[2], keep_blank_values=True))

    def header(self, name: str) -> str | None:
        """The first value of a header, its name compared without case."""
        return next((value for key, value in self.headers if key.lower() == name), None)

    def bearer(self) -> str | None:
        """The credential of `Authorization: Bearer`, or nothing."""
        scheme, _, credential = (self.header("authorization") or "").partition(" ")
        return credential.strip() or None if scheme.lower() == "bearer" else None

    @cached_property
    def document(self) -> dict[str, Any]:
        """The body as one JSON object. Raises MalformedBody."""
        try:
            document = json.loads(self.body)
        except ValueError as error:
            raise MalformedBody(f"body is not JSON: {error}") from error
        if not isinstance(document, dict):
            raise MalformedBody("body is not a JSON object")
        return document

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of a multipart form; of a file, its name. Raises MalformedBody."""
        head = b"content-type: " + (self.header("content-type") or "").encode() + b"\r\n\r\n"
        message = email.message_from_bytes(head + self.body, policy=email.policy.HTTP)
        if not message.is_multipart():
            raise MalformedBody("body is not multipart/form-data")
        fields = {}
        for part in message.iter_parts():
            name = part.get_param("name", header="content-disposition")
            content = part.get_payload(decode=True) or b""
            fields[str(name)] = part.get_filename() or content.decode("utf-8", "replace").strip()
        return fields
