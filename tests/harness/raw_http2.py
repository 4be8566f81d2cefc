"""HTTP/2 in cleartext with every freedom a hostile peer has: duplicate headers, trailers, resets, half-sent bodies."""

import socket
import time
from collections.abc import Iterable, Sequence

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions

from .ports import LOOPBACK
from .raw import Headers, RawResponse, decode

ANSWER_SECONDS = 15.0
WINDOW = 1 << 24


class Http2Connection:
    """One connection with prior knowledge. Header lists are sent in order and unchecked, pseudo-headers included."""

    def __init__(self, port: int, host: str = LOOPBACK) -> None:
        self._socket = socket.create_connection((host, port), timeout=ANSWER_SECONDS)
        # Small frames in a row would each wait for the acknowledgement of the one before.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        config = h2.config.H2Configuration(
            client_side=True,
            header_encoding=None,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
            validate_inbound_headers=False,
        )
        self._state = h2.connection.H2Connection(config)
        self._state.initiate_connection()
        self._state.increment_flow_control_window(WINDOW)
        self._responses: dict[int, RawResponse] = {}
        self._closed = False
        self._flush()

    def open(self, headers: Iterable[tuple[str, str]], *, last: bool = False) -> int:
        """Sends a header block and returns the new stream's id; `last` ends the request with it."""
        stream = self._begin(headers, last)
        self._flush()
        return stream

    def open_together(self, blocks: Iterable[Iterable[tuple[str, str]]]) -> list[int]:
        """Sends requests without a body in one write, so that whoever reads finds them at the same moment."""
        streams = [self._begin(headers, last=True) for headers in blocks]
        self._flush()
        return streams

    def _begin(self, headers: Iterable[tuple[str, str]], last: bool) -> int:
        stream = self._state.get_next_available_stream_id()
        self._responses[stream] = RawResponse()
        self._state.send_headers(stream, _encode(headers), end_stream=last)
        return stream

    def send(self, stream: int, content: bytes, *, last: bool = False) -> None:
        """Sends body bytes as window and frame size allow. Raises TimeoutError where the window stays closed."""
        end = time.monotonic() + ANSWER_SECONDS
        rest = memoryview(content)
        while rest:
            room = min(self._state.local_flow_control_window(stream), self._state.max_outbound_frame_size)
            if room == 0:
                self._read(end)
                continue
            self._state.send_data(stream, bytes(rest[:room]))
            rest = rest[room:]
            self._flush()
        if last:
            self._state.end_stream(stream)
            self._flush()

    def send_trailers(self, stream: int, trailers: Iterable[tuple[str, str]]) -> None:
        """Ends the request with trailers."""
        self._state.send_headers(stream, _encode(trailers), end_stream=True)
        self._flush()

    def reset(self, stream: int, code: h2.errors.ErrorCodes = h2.errors.ErrorCodes.CANCEL) -> None:
        """Gives a stream up midway."""
        self._state.reset_stream(stream, code)
        self._flush()

    def receive(self, stream: int, *, seconds: float = ANSWER_SECONDS) -> RawResponse:
        """The answer on a stream, up to its end, its reset or the end of the connection. Raises TimeoutError."""
        return self._receive(stream, seconds, 0)

    def receive_start(self, stream: int, body_bytes: int = 1, *, seconds: float = ANSWER_SECONDS) -> RawResponse:
        """The answer so far, once it has a status and at least so many bytes of body."""
        return self._receive(stream, seconds, body_bytes)

    def close(self) -> None:
        """Closes the connection without a farewell."""
        self._socket.close()

    def __enter__(self) -> "Http2Connection":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _receive(self, stream: int, seconds: float, body_bytes: int) -> RawResponse:
        response, end = self._responses[stream], time.monotonic() + seconds
        while not (response.complete or self._closed or response.reset_code is not None):
            if body_bytes and response.status and len(response.body) >= body_bytes:
                break
            self._read(end)
        return response

    def _read(self, end: float) -> None:
        self._socket.settimeout(max(0.001, end - time.monotonic()))
        try:
            content = self._socket.recv(65536)
        except ConnectionResetError:
            content = b""
        if not content:
            self._closed = True
            return
        for event in self._state.receive_data(content):
            self._take(event)
        self._flush()

    def _take(self, event: h2.events.Event) -> None:
        if isinstance(event, h2.events.ConnectionTerminated):
            self._closed = True
        response = self._responses.get(getattr(event, "stream_id", None) or 0)
        if response is None:
            return
        match event:
            case h2.events.ResponseReceived():
                headers = decode(event.headers)
                response.status = int(dict(headers)[":status"])
                response.headers = [(name, value) for name, value in headers if not name.startswith(":")]
            case h2.events.DataReceived():
                response.body += event.data
                self._state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.TrailersReceived():
                response.trailers = decode(event.headers)
            case h2.events.StreamEnded():
                response.complete = True
            case h2.events.StreamReset():
                response.reset_code = int(event.error_code)

    def _flush(self) -> None:
        content = self._state.data_to_send()
        if content:
            self._socket.sendall(content)


def request_headers(method: str, path: str, headers: Iterable[tuple[str, str]] = ()) -> Headers:
    """A header list that starts with the four pseudo-headers."""
    pseudo = [(":method", method), (":scheme", "http"), (":authority", "gateway.test"), (":path", path)]
    return [*pseudo, *headers]


def extended_connect(protocol: str, path: str, headers: Iterable[tuple[str, str]] = ()) -> Headers:
    """The header list of an upgrade over HTTP/2 (RFC 8441 section 4)."""
    pseudo = [(":method", "CONNECT"), (":protocol", protocol), (":scheme", "http"), (":authority", "gateway.test")]
    return [*pseudo, (":path", path), *headers]


def http2_request(
    port: int,
    headers: Iterable[tuple[str, str]],
    body: Sequence[bytes] = (),
    trailers: Iterable[tuple[str, str]] = (),
) -> RawResponse:
    """One request on a new connection: a DATA frame per body part, trailers if there are any."""
    with Http2Connection(port) as connection:
        trailers = list(trailers)
        stream = connection.open(headers, last=not body and not trailers)
        for index, part in enumerate(body):
            connection.send(stream, part, last=index == len(body) - 1 and not trailers)
        if trailers:
            connection.send_trailers(stream, trailers)
        return connection.receive(stream)


def _encode(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
