"""Descriptors whose counters the ledger keeps in one and the same page (src/ledger.rs, src/ledger/table/entry.rs)."""

import hashlib

PAGES = 4096
QUOTA = b"\x01"
MORE_THAN_A_PAGE = 260
"""Counters of one request each take 35 bytes of a page's 8 KiB."""


def values_of_one_page(quota: str, window_seconds: int, count: int = MORE_THAN_A_PAGE) -> list[str]:
    """Values of the one text in the descriptor of a sliding quota; all of nine digits."""
    window = _part(b"sliding") + _part((1000 * window_seconds).to_bytes(8, "little"))
    before = window + _part(_part(quota.encode()) + _part(b"s" + b"0" * 9))
    # Values are of one length, so everything before them is the same.
    start = hashlib.sha256(QUOTA + _part(before)[:-9])
    values, number = list[str](), 0
    while len(values) < count:
        value = f"{number:09d}"
        tag = start.copy()
        tag.update(value.encode())
        if int.from_bytes(tag.digest()[:4], "little") % PAGES == 0:
            values.append(value)
        number += 1
    return values


def _part(content: bytes) -> bytes:
    return len(content).to_bytes(8, "little") + content
