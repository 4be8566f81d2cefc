"""A rate limit service that answers wrongly, late or not at all, over HTTP/2 as gRPC has it."""

import asyncio
import contextlib
import threading
from collections.abc import Mapping
from typing import Any

import h2.config
import h2.connection
import h2.errors
import h2.events
import h2.exceptions
import h2.settings

from .bootstrap import Document, static_cluster
from .ports import LOOPBACK
from .rate_limit_service import CLUSTER

SLOW_SECONDS = 2.0
GARBAGE = b"<html>sign in first</html>"
INTERNAL, UNAVAILABLE = 13, 14
MOST_STREAMS = 10_000
LIMIT = 1000
# Units of the protocol, by their numbers.
HOUR, DAY = 3, 4


class FaultyLimitService:
    """Its first answers are right, for a limit per day: there is always room."""

    def __init__(self) -> None:
        self._mode = "ok"
        self.asked = 0
        """For how many counters it was asked."""
        self._writers: set[asyncio.StreamWriter] = set()
        self._loop = asyncio.new_event_loop()
        threading.Thread(target=self._loop.run_forever, daemon=True).start()
        listening = asyncio.run_coroutine_threadsafe(self._listen(), self._loop)
        self.port: int = listening.result()

    def answer(self, mode: str) -> None:
        """How it answers: `ok`, `slow`, `hang`, `garbage`, `few` statuses, `none` of the answer's message, `unknown`
        descriptors, a limit per hour for `another` one, `error`, `unavailable`, `page` of a proxy, or `cut`."""
        self._mode = mode

    def cluster(self, name: str = CLUSTER) -> Document:
        """It, as a cluster of Envoy's."""
        return static_cluster(name, self.port, http2=True)

    def drop(self) -> None:
        """Breaks all connections at once, with every question that waits."""
        self._loop.call_soon_threadsafe(lambda: [writer.transport.abort() for writer in self._writers])

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)

    async def _listen(self) -> int:
        server = await asyncio.start_server(self._serve, LOOPBACK, 0)
        return server.sockets[0].getsockname()[1]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer)
        self._writers.add(writer)
        with contextlib.suppress(ConnectionError):
            while content := await reader.read(1 << 16):
                for stream, request in connection.receive(content):
                    self.asked += _descriptors(request)
                    answer = self._answer(connection, stream, request)
                    connection.tasks.add(self._loop.create_task(answer))
        self._writers.discard(writer)
        writer.close()

    async def _answer(self, connection: "_Connection", stream: int, request: bytes) -> None:
        mode, count = self._mode, _descriptors(request)
        match mode:
            case "slow":
                await asyncio.sleep(SLOW_SECONDS)
                connection.answer(stream, _message(count))
            case "hang":
                return
            case "garbage":
                connection.answer(stream, GARBAGE)
            case "few":
                connection.answer(stream, _message(count - 1))
            case "none":
                connection.answer(stream, None)
            case "unknown":
                connection.answer(stream, _fields({1: 1}) + _fields({2: _fields({1: 1})}) * count)
            case "another":
                connection.answer(stream, _message(count, HOUR))
            case "error" | "unavailable":
                connection.answer(stream, None, status=INTERNAL if mode == "error" else UNAVAILABLE)
            case "page":
                connection.page(stream)
            case "cut":
                connection.cut(stream)
            case _:
                connection.answer(stream, _message(count))

    def __enter__(self) -> "FaultyLimitService":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Connection:
    """One connection of Envoy's, from the server's side."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        config = h2.config.H2Configuration(client_side=False, header_encoding=None)
        self._state = h2.connection.H2Connection(config)
        # A crowd of questions waits on one connection.
        streams = {h2.settings.SettingCodes.MAX_CONCURRENT_STREAMS: MOST_STREAMS}
        self._state.local_settings = h2.settings.Settings(client=False, initial_values=streams)
        self._state.initiate_connection()
        self._bodies: dict[int, bytes] = {}
        # The loop itself holds its tasks too loosely to keep them.
        self.tasks: set[asyncio.Task[None]] = set()
        self._flush()

    def receive(self, content: bytes) -> list[tuple[int, bytes]]:
        """The requests that are complete, without gRPC's prefix."""
        complete = []
        for event in self._state.receive_data(content):
            match event:
                case h2.events.DataReceived():
                    self._bodies[event.stream_id] = self._bodies.get(event.stream_id, b"") + event.data
                    self._state.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
                case h2.events.StreamEnded():
                    complete.append((event.stream_id, self._bodies.pop(event.stream_id, b"")[5:]))
        self._flush()
        return complete

    def answer(self, stream: int, message: bytes | None, status: int = 0) -> None:
        """A gRPC answer; without a message, headers and trailers only."""

        def send() -> None:
            self._state.send_headers(stream, [(":status", "200"), ("content-type", "application/grpc")])
            if message is not None:
                self._state.send_data(stream, b"\0" + len(message).to_bytes(4, "big") + message)
            self._state.send_headers(stream, [("grpc-status", str(status))], end_stream=True)

        self._send(send)

    def page(self, stream: int) -> None:
        """What something else than a gRPC service answers."""

        def send() -> None:
            self._state.send_headers(stream, [(":status", "200"), ("content-type", "text/html")])
            self._state.send_data(stream, GARBAGE, end_stream=True)

        self._send(send)

    def cut(self, stream: int) -> None:
        self._send(lambda: self._state.reset_stream(stream, h2.errors.ErrorCodes.INTERNAL_ERROR))

    def _send(self, send: Any) -> None:
        try:
            send()
        except h2.exceptions.ProtocolError:
            # Whoever asked has given up.
            return
        self._flush()

    def _flush(self) -> None:
        if not self._writer.is_closing():
            self._writer.write(self._state.data_to_send())


def _message(count: int, unit: int = DAY) -> bytes:
    """A RateLimitResponse (envoy/service/ratelimit/v3/rls.proto) with a status for each descriptor."""
    status = _fields({1: 1, 2: _fields({1: LIMIT, 2: unit}), 3: LIMIT - 1})
    return _fields({1: 1}) + _fields({2: status}) * count


def _fields(values: Mapping[int, int | bytes]) -> bytes:
    """Fields of a protobuf message by their numbers: varints, and nested messages."""
    encoded = b""
    for number, value in values.items():
        if isinstance(value, int):
            encoded += _varint(number << 3) + _varint(value)
        else:
            encoded += _varint(number << 3 | 2) + _varint(len(value)) + value
    return encoded


def _varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*encoded, value])


def _descriptors(request: bytes) -> int:
    """How many descriptors a RateLimitRequest has: its second field."""
    count, place = 0, 0
    while place < len(request):
        key, place = _read_varint(request, place)
        value, place = _read_varint(request, place)
        # Its fields are texts, messages and, last, a number.
        if key & 7 == 2:
            place += value
        count += key >> 3 == 2
    return count


def _read_varint(content: bytes, place: int) -> tuple[int, int]:
    value, shift = 0, 0
    while True:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
