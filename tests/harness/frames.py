"""Reads `application/vnd.amazon.eventstream`, apart from the simulator's writer so that each proves the other."""

import json
import struct
import zlib
from typing import Any


def read_frames(content: bytes) -> list[tuple[str, dict[str, Any]]]:
    """Event name and document of each frame. Raises ValueError where a checksum is wrong or a frame is cut off."""
    events = []
    while content:
        if len(content) < 16:
            raise ValueError("frame: cut off in its prelude")
        total, header_length, prelude_sum = struct.unpack(">III", content[:12])
        if zlib.crc32(content[:8]) != prelude_sum:
            raise ValueError("frame: wrong checksum of the prelude")
        frame, content = content[:total], content[total:]
        if len(frame) < total or zlib.crc32(frame[:-4]) != struct.unpack(">I", frame[-4:])[0]:
            raise ValueError("frame: cut off, or wrong checksum of the message")
        headers = _read_headers(frame[12 : 12 + header_length])
        name = headers.get(":event-type", headers.get(":exception-type", ""))
        events.append((name, json.loads(frame[12 + header_length : -4])))
    return events


def _read_headers(block: bytes) -> dict[str, str]:
    """The headers, all of them strings (type 7)."""
    headers = {}
    while block:
        name_end = 1 + block[0]
        value_start = name_end + 3
        kind, length = struct.unpack(">BH", block[name_end:value_start])
        if kind != 7:
            raise ValueError(f"frame: header of type `{kind}`, a string (7) is expected")
        headers[block[1:name_end].decode()] = block[value_start : value_start + length].decode()
        block = block[value_start + length :]
    return headers
