"""A provider of exact bytes: keeps what it was sent as it came, trailers included, and answers what a test wrote."""

import socket
import threading

from .deadline import wait_until
from .ports import LOOPBACK

BODY = b'{"id":"1","object":"list","data":[]}'
PLAIN = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n%b" % (len(BODY), BODY)
SECONDS = 10.0


class RawProvider:
    """Serves one request per connection over HTTP/1.1."""

    def __init__(self) -> None:
        self.answer = PLAIN
        self._requests: list[bytes] = []
        self._server = socket.create_server((LOOPBACK, 0))
        self.port: int = self._server.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def received(self) -> list[str]:
        """The requests since the last clear, one character per byte."""
        return [request.decode("latin-1") for request in self._requests]

    def wait_received(self, count: int) -> list[str]:
        """The requests once there are so many. Raises TimeoutError."""
        wait_until(lambda: len(self._requests) >= count, what=f"{count} raw requests", seconds=SECONDS)
        return self.received()

    def clear(self, answer: bytes = PLAIN) -> None:
        """Forgets what was received; from now on the answer is this one."""
        self._requests, self.answer = [], answer

    def stop(self) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._exchange, args=(connection,), daemon=True).start()

    def _exchange(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(SECONDS)
            try:
                request = _read(connection)
                if request:
                    self._requests.append(request)
                    connection.sendall(self.answer)
            except OSError:
                return


def _read(connection: socket.socket) -> bytes:
    """One request to its end, or what came of it."""
    content = b""
    while not _is_whole(content):
        piece = connection.recv(65536)
        if not piece:
            break
        content += piece
    return content


def _is_whole(content: bytes) -> bool:
    head, found, body = content.partition(b"\r\n\r\n")
    lines = [line.partition(b":") for line in head.lower().split(b"\r\n")]
    fields = {name: value.strip() for name, _, value in lines}
    if not found:
        return False
    if fields.get(b"transfer-encoding") == b"chunked":
        return _chunks_end(body)
    return len(body) >= int(fields.get(b"content-length", b"0"))


def _chunks_end(body: bytes) -> bool:
    """True once the last chunk and the trailers have come (RFC 9112 section 7.1)."""
    while True:
        size, found, rest = body.partition(b"\r\n")
        if not found:
            return False
        length = int(size, 16)
        if length == 0:
            return rest == b"\r\n" or rest.endswith(b"\r\n\r\n")
        if len(rest) < length + 2:
            return False
        body = rest[length + 2 :]
