"""One frame of `application/vnd.amazon.eventstream`, as AWS specifies it: lengths, typed headers, two CRC-32 sums.

It writes frames; readers of these frames are the SDKs and the tests.
"""

import struct
import zlib

STRING_TYPE = 7


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """A frame whose headers are all strings.

    Layout, big-endian: total length (4), header length (4), CRC of those eight bytes (4), headers, payload, CRC of all
    before it (4). A header: name length (1), name, type (1), value length (2), value.
    """
    block = b"".join(_header(name, value) for name, value in headers.items())
    lengths = struct.pack(">II", 16 + len(block) + len(payload), len(block))
    message = lengths + struct.pack(">I", zlib.crc32(lengths)) + block + payload
    return message + struct.pack(">I", zlib.crc32(message))


def event_frame(name: str, payload: bytes) -> bytes:
    """An event with a JSON payload."""
    return frame({":event-type": name, ":content-type": "application/json", ":message-type": "event"}, payload)


def _header(name: str, value: str) -> bytes:
    encoded_name, encoded_value = name.encode(), value.encode()
    head = struct.pack(">B", len(encoded_name)) + encoded_name
    return head + struct.pack(">BH", STRING_TYPE, len(encoded_value)) + encoded_value
