"""Listens to every connection of this process at the socket, whatever client or server it belongs to.

It keeps what callers were answered and what reached providers, and registers what callers sent as a credential.
"""

import bisect
import contextlib
import re
import shlex
import socket
import subprocess
import threading
import weakref
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import hpack
from hyperframe.exceptions import HyperframeError
from hyperframe.frame import ContinuationFrame, DataFrame, Frame, GoAwayFrame, HeadersFrame

from .evidence import ANSWER, RECEIVED, SHORTEST, Exhibit, Kind, Recorder, recorder

HTTP2_PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
HTTP2_START = HTTP2_PREFACE[:16]
FRAME_HEAD = 9
CHUNK_SIZE = re.compile(rb"\r\n[0-9a-fA-F]{1,8}\r\n")
GZIP_MAGIC = b"\x1f\x8b\x08"
LARGEST_HEADERS = 1 << 24
UNREADABLE = re.compile(rb"(?im)^(content-encoding: *(?!gzip|identity)\S+|sec-websocket-extensions: *\S+)")

CARRIERS = rb"authorization|proxy-authorization|dpop|x-api-key|api-key|x-goog-api-key"
CREDENTIAL_HEADER = re.compile(rb"(?im)^(?:" + CARRIERS + rb")[ \t]*:[ \t]*([^\r\n]+)")
CREDENTIAL_IN_QUERY = re.compile(rb"(?i)[?&](?:key|api_key|api-key|access_token|token)=([^&\s#]+)")
CREDENTIAL_IN_PROTOCOL = re.compile(rb"openai-insecure-api-key\.([^\s,;]+)")
CREDENTIAL_FORMS = (CREDENTIAL_HEADER, CREDENTIAL_IN_QUERY, CREDENTIAL_IN_PROTOCOL)
AWS_SCHEME = "AWS4-HMAC-SHA256"
"""It stands where a credential may, and is none: what AWS signs has it, too."""
CREDENTIAL = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[A-Za-z0-9._~+/=-]+")
"""Random requests have all sorts of words where a credential belongs; one with letters and digits may be one."""

_conversations: "weakref.WeakKeyDictionary[socket.socket, Conversation]" = weakref.WeakKeyDictionary()
_own = threading.local()


class Conversation:
    """One connection: what came in, and what was sent where that is needed to read it."""

    def __init__(self, record: Recorder, kind: str, port: int) -> None:
        self._recorder, self._kind = record, kind
        self._place = f"the connection on port {port}"
        self._received, self._sent = bytearray(), bytearray()
        self._marks: list[tuple[int, str]] = []
        self._is_http2 = False
        record.follow(self)

    def received(self, content: bytes | memoryview) -> None:
        test = self._recorder.test
        if not self._marks or self._marks[-1][1] != test:
            self._marks.append((len(self._received), test))
        self._received += content

    def sent(self, content: bytes) -> None:
        if self._kind != ANSWER:
            return
        if content.startswith(HTTP2_START):
            self._is_http2 = True
        if self._is_http2:
            # Header compression hides what was sent until all of it is read in order.
            self._sent += content
        else:
            self._register(content)

    def register_compressed(self) -> None:
        """Registers the credentials in compressed headers."""
        # What is sent to a gateway may be broken on purpose.
        with contextlib.suppress(HyperframeError, hpack.HPACKError):
            for _, text in _read_http2(bytes(self._sent)):
                self._register(text, self._marks[0][1] if self._marks else "")

    def exhibits(self) -> Iterator[Exhibit]:
        """What came in as it came, and once more as its reader sees it."""
        for test, content in self._segments():
            yield Exhibit(self._kind, self._place, test, content)
            if self._kind == ANSWER and (coding := UNREADABLE.search(content)):
                raise ValueError(f"{test}: an answer has `{coding[0].decode()}`, which nobody can search")
            for text in _as_read(content):
                yield Exhibit(self._kind, self._place, test, text)

    def _segments(self) -> Iterator[tuple[str, bytes]]:
        content = bytes(self._received)
        starts = [start for start, _ in self._marks]
        if self._is_http2 or content.startswith(HTTP2_START):
            for offset, text in _read_http2(content):
                yield self._marks[bisect.bisect(starts, offset) - 1][1], text
            return
        for (start, test), end in zip(self._marks, [*starts[1:], len(content)]):
            yield test, content[start:end]

    def _register(self, content: bytes, test: str = "") -> None:
        for form in CREDENTIAL_FORMS:
            for value in form.findall(content):
                for credential in re.split(r"[,\s]+", value.decode("latin-1")):
                    is_one = len(credential) >= SHORTEST and CREDENTIAL.fullmatch(credential)
                    if is_one and credential != AWS_SCHEME:
                        self._recorder.register(Kind.SENT_CREDENTIAL, credential, test)


def listen() -> None:
    """Hears all sockets of this process from now on, and the commands that call a gateway for a test."""
    for name in ("accept", "connect", "connect_ex", "recv", "recv_into", "send", "sendall", "sendmsg"):
        _wrap(name)
    run = subprocess.run

    def heard(command: Any, *arguments: Any, **options: Any) -> Any:
        finished = run(command, *arguments, **options)
        current, words = recorder(), command if isinstance(command, str) else shlex.join(map(str, command))
        if current is not None and "curl" in words:
            for printed in filter(None, (finished.stdout, finished.stderr)):
                content = printed.encode() if isinstance(printed, str) else printed
                current.output("what `curl` printed", content)
        return finished

    subprocess.run = heard


@contextlib.contextmanager
def unheard() -> Iterator[None]:
    """Inside, this thread asks as the test that looks, not as a caller."""
    _own.unheard = True
    try:
        yield
    finally:
        _own.unheard = False


def _wrap(name: str) -> None:
    original = getattr(socket.socket, name)

    def accepting(self: socket.socket) -> Any:
        connection, address = original(self)
        _begin(connection, RECEIVED, self.getsockname())
        return connection, address

    def connecting(self: socket.socket, address: Any) -> Any:
        _begin(self, ANSWER, address)
        return original(self, address)

    def sending(self: socket.socket, content: Any, *arguments: Any) -> Any:
        conversation = _conversations.get(self)
        if conversation is None:
            return original(self, content, *arguments)
        sent = original(self, content, *arguments)
        parts = content if name == "sendmsg" else [content]
        whole = b"".join(bytes(part) for part in parts)
        conversation.sent(whole if sent is None else whole[:sent])
        return sent

    def receiving(self: socket.socket, *arguments: Any) -> bytes:
        content = original(self, *arguments)
        if (conversation := _conversations.get(self)) is not None and content:
            conversation.received(content)
        return content

    def receiving_into(self: socket.socket, buffer: Any, *arguments: Any) -> int:
        size = original(self, buffer, *arguments)
        if (conversation := _conversations.get(self)) is not None and size:
            conversation.received(memoryview(buffer).cast("B")[:size])
        return size

    wrappers: dict[str, Callable[..., Any]] = {"accept": accepting, "connect": connecting, "connect_ex": connecting}
    wrappers |= {"recv": receiving, "recv_into": receiving_into}
    setattr(socket.socket, name, wrappers.get(name, sending))


def _begin(connection: socket.socket, kind: str, address: Any) -> None:
    current = recorder()
    if current is None or connection.family != socket.AF_INET or getattr(_own, "unheard", False):
        return
    port = address[1]
    if port not in current.simulator_ports and connection not in _conversations:
        _conversations[connection] = Conversation(current, kind, port)


def _as_read(content: bytes) -> Iterator[bytes]:
    """The text without the frames of chunks and without compression, where that makes it another one."""
    whole = CHUNK_SIZE.sub(b"", content)
    if whole != content:
        yield whole
    start = whole.find(GZIP_MAGIC)
    while start >= 0:
        try:
            yield zlib.decompressobj(wbits=zlib.MAX_WBITS | 16).decompress(whole[start:])
        except zlib.error:
            # The three bytes stood there by chance.
            pass
        start = whole.find(GZIP_MAGIC, start + 1)


def _read_http2(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Header lists, bodies and farewells as text, each with the place where the last of it stood.

    A stream's body comes in one piece. A frame that is cut off is left out.
    """
    headers, bodies, block = hpack.Decoder(LARGEST_HEADERS), dict[int, tuple[int, bytearray]](), bytearray()
    offset = len(HTTP2_PREFACE) if content.startswith(HTTP2_START) else 0
    while offset + FRAME_HEAD <= len(content):
        frame, length = Frame.parse_frame_header(memoryview(content[offset : offset + FRAME_HEAD]))
        body = content[offset + FRAME_HEAD : offset + FRAME_HEAD + length]
        if len(body) < length:
            break
        frame.parse_body(memoryview(body))
        if isinstance(frame, DataFrame):
            _, whole = bodies.get(frame.stream_id, (offset, bytearray()))
            bodies[frame.stream_id] = offset, whole + frame.data
        elif isinstance(frame, HeadersFrame | ContinuationFrame):
            block += frame.data
            if "END_HEADERS" in frame.flags:
                pairs = headers.decode(bytes(block), raw=True)
                yield offset, b"".join(b"%b: %b\r\n" % (name, value) for name, value in pairs)
                block.clear()
        elif isinstance(frame, GoAwayFrame):
            yield offset, frame.additional_data
        offset += FRAME_HEAD + length
    for place, whole in bodies.values():
        yield place, bytes(whole)
