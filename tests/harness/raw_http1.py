"""HTTP/1.1 by exact bytes: nothing that a test sends is checked or changed; h11 reads the answers."""

import socket
import time

import h11

from .ports import LOOPBACK
from .raw import RawResponse, decode

ANSWER_SECONDS = 15.0


class Http1Connection:
    """One connection; answers are read in the order of their requests, also when these were sent at once."""

    def __init__(self, port: int, host: str = LOOPBACK) -> None:
        self._socket = socket.create_connection((host, port), timeout=ANSWER_SECONDS)
        self._waiting = b""

    def send(self, content: bytes) -> None:
        """Sends these bytes and no others."""
        self._socket.sendall(content)

    def receive(self, method: str = "GET", *, seconds: float = ANSWER_SECONDS) -> RawResponse:
        """The next answer, up to its end, to an upgrade, or to the end of the connection.

        `method` is that of the request, as HEAD and CONNECT change where an answer ends. Raises TimeoutError.
        """
        reader = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
        # h11 reads an answer only where it saw a request: this one is never sent.
        upgrade = [("host", "x"), ("connection", "upgrade"), ("upgrade", "websocket")]
        reader.send(h11.Request(method=method, target="/", headers=upgrade))
        reader.send(h11.EndOfMessage())
        response, end = RawResponse(), time.monotonic() + seconds
        if self._waiting:
            reader.receive_data(self._waiting)
            self._waiting = b""
        while not response.complete:
            try:
                event = reader.next_event()
            except h11.RemoteProtocolError:
                return response
            if event is h11.NEED_DATA:
                content = self._read(end)
                reader.receive_data(content)
            elif isinstance(event, h11.ConnectionClosed) or event is h11.PAUSED:
                return response
            else:
                _take(response, event)
        self._waiting = reader.trailing_data[0]
        return response

    def receive_interim(self, *, seconds: float = ANSWER_SECONDS) -> bytes:
        """The head of an answer as it came, such as that of a 100; the rest is left. Raises TimeoutError."""
        end = time.monotonic() + seconds
        while b"\r\n\r\n" not in self._waiting:
            content = self._read(end)
            if not content:
                raise ConnectionError("the connection ended before a head was complete")
            self._waiting += content
        head, separator, self._waiting = self._waiting.partition(b"\r\n\r\n")
        return head + separator

    def receive_bytes(self, *, seconds: float = ANSWER_SECONDS) -> bytes:
        """Whatever comes next, unparsed, as for an upgraded connection; empty at the end."""
        content, self._waiting = self._waiting, b""
        return content or self._read(time.monotonic() + seconds)

    def close_writing(self) -> None:
        """Tells the other side that no more comes, and goes on reading."""
        self._socket.shutdown(socket.SHUT_WR)

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> "Http1Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, end: float) -> bytes:
        self._socket.settimeout(max(0.001, end - time.monotonic()))
        try:
            return self._socket.recv(65536)
        except ConnectionResetError:
            return b""


def http1_request(port: int, content: bytes, method: str = "GET") -> RawResponse:
    """Sends exact bytes on a new connection and reads one answer."""
    with Http1Connection(port) as connection:
        connection.send(content)
        return connection.receive(method)


def _take(response: RawResponse, event: h11.Event) -> None:
    match event:
        case h11.InformationalResponse(status_code=101) | h11.Response():
            response.status = event.status_code
            response.headers = decode(event.headers.raw_items())
            response.complete = event.status_code == 101
        case h11.Data():
            response.body += bytes(event.data)
        case h11.EndOfMessage():
            response.trailers = decode(event.headers.raw_items())
            response.complete = True
