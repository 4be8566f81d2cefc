"""One request step by step, over HTTP/1.1 or HTTP/2, so that a test runs the same over both."""

import contextlib
import socket
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Protocol

from h2.exceptions import StreamClosedError

from .ports import LOOPBACK
from .raw import Headers, RawResponse
from .raw_http1 import Http1Connection
from .raw_http2 import Http2Connection, request_headers

ANSWER_SECONDS = 15.0
CHUNKED = ("transfer-encoding", "chunked")


class Exchange(Protocol):
    """A request on a connection of its own. The steps: `open`, any number of `send`, `end`, `receive`."""

    def open(self, method: str, path: str, headers: Iterable[tuple[str, str]] = (), *, last: bool = False) -> None:
        """Sends the headers; `last` ends the request with them."""

    def send(self, content: bytes) -> None:
        """Sends a piece of the body."""

    def end(self, trailers: Iterable[tuple[str, str]] = ()) -> None:
        """Ends the body, with trailers if there are any."""

    def receive(self, *, seconds: float = ANSWER_SECONDS) -> RawResponse:
        """The whole answer, or what came of it before it broke off. Raises TimeoutError."""

    def receive_start(self, *, seconds: float = ANSWER_SECONDS) -> RawResponse:
        """The answer's status and at least one byte of its body. Raises TimeoutError."""

    def abort(self) -> None:
        """Gives the request up midway."""


class Http1Exchange:
    """Over HTTP/1.1: a body without `content-length` is sent in chunks."""

    def __init__(self, port: int) -> None:
        self._connection = _Http1Reader(port)
        self._method = "GET"
        self._chunked = False

    def open(self, method: str, path: str, headers: Iterable[tuple[str, str]] = (), *, last: bool = False) -> None:
        pairs = [("host", "gateway.test"), *headers]
        self._method = method
        self._chunked = not last and not any(name == "content-length" for name, _ in pairs)
        lines = [f"{method} {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in [*pairs, *([CHUNKED] if self._chunked else [])]]
        self._connection.send("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def send(self, content: bytes) -> None:
        if self._chunked:
            content = b"%x\r\n%b\r\n" % (len(content), content)
        self._connection.send(content)

    def end(self, trailers: Iterable[tuple[str, str]] = ()) -> None:
        if self._chunked:
            lines = "".join(f"{name}: {value}\r\n" for name, value in trailers)
            self._connection.send(f"0\r\n{lines}\r\n".encode("latin-1"))

    def receive(self, *, seconds: float = ANSWER_SECONDS) -> RawResponse:
        return self._connection.receive(self._method, seconds=seconds)

    def receive_start(self, *, seconds: float = ANSWER_SECONDS) -> RawResponse:
        return self._connection.receive_start(seconds)

    def abort(self) -> None:
        self._connection.close()

    def __enter__(self) -> "Http1Exchange":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()


class Http2Exchange:
    """Over HTTP/2 with prior knowledge: a stream on a new connection."""

    def __init__(self, port: int) -> None:
        self._connection = Http2Connection(port)
        self._stream = 0

    def open(self, method: str, path: str, headers: Iterable[tuple[str, str]] = (), *, last: bool = False) -> None:
        self._stream = self._connection.open(request_headers(method, path, headers), last=last)

    def send(self, content: bytes) -> None:
        # The gateway may have answered already, and closed the stream with it.
        with contextlib.suppress(StreamClosedError):
            self._connection.send(self._stream, content)

    def end(self, trailers: Iterable[tuple[str, str]] = ()) -> None:
        pairs: Headers = list(trailers)
        with contextlib.suppress(StreamClosedError):
            if pairs:
                self._connection.send_trailers(self._stream, pairs)
            else:
                self._connection.send(self._stream, b"", last=True)

    def receive(self, *, seconds: float = ANSWER_SECONDS) -> RawResponse:
        return self._connection.receive(self._stream, seconds=seconds)

    def receive_start(self, *, seconds: float = ANSWER_SECONDS) -> RawResponse:
        return self._connection.receive_start(self._stream, seconds=seconds)

    def abort(self) -> None:
        self._connection.reset(self._stream)

    def __enter__(self) -> "Http2Exchange":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()


PROTOCOLS = {"http1": Http1Exchange, "http2": Http2Exchange}


class _Http1Reader(Http1Connection):
    """Reads the beginning of an answer before its end has come, and keeps what it read."""

    def receive_start(self, seconds: float) -> RawResponse:
        end = time.monotonic() + seconds
        while True:
            head, found, body = self._waiting.partition(b"\r\n\r\n")
            if found and body:
                break
            content = self._read(end)
            if not content:
                raise ConnectionError("the connection ended before the answer began")
            self._waiting += content
        status, *lines = head.decode("latin-1").split("\r\n")
        headers = [tuple(line.split(": ", 1)) for line in lines]
        return RawResponse(int(status.split(" ")[1]), [(name.lower(), value) for name, value in headers], body)

    def send(self, content: bytes) -> None:
        # A gateway that has refused already may have closed the connection; its answer can still be read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            super().send(content)


def closed_port() -> int:
    """A port on loopback where nobody listens."""
    with socket.socket() as free:
        free.bind((LOOPBACK, 0))
        return free.getsockname()[1]
