"""Finds thousands of secrets in any amount of text at once, as they are and in the codings they could hide in.

Each needle is known by the blocks of eight bytes at its end, at every offset. A text is read block by block, so a
needle in it shows one of its blocks, wherever it stands; only then is the needle itself looked for.
"""

import base64
import re
import sys
import urllib.parse
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from .evidence import SHORTEST, Exhibit, Kind, Registered

BLOCK = 8
# With this many bytes a whole block lies within, however the text is cut into blocks.
INDEXED = 2 * BLOCK - 1
HALVED = 32
HALF = "second half of "
FEWEST_CHARACTERS = 5
CONTEXT = 60
HIDDEN = b"<hidden>"
LONG_WORD = re.compile(rb"[\w+/=.~%-]{16,}")
"""It may be a part of a secret."""
LONGEST_WORD = 4096
JSON_ESCAPE = re.compile(rb"\\u00([0-9a-f]{2})")
BASE64_STARTS = (0, 2, 3)
"""How many characters of a coding depend on what stands before, by the number of bytes of it in the first group."""


@dataclass(frozen=True)
class Finding:
    """A secret that shows."""

    exhibit: Exhibit
    secret: Registered
    form: str
    context: str
    """What stands around it, without any secret."""

    def __str__(self) -> str:
        where = f"{self.exhibit.kind}, {self.exhibit.place}, in {self.exhibit.test}"
        return f"{where}: {self.secret.kind} ({self.form}) made in {self.secret.test}: …{self.context}…"


class SecretSearch:
    """An index of secrets. Letters are compared without case, as some codings have no fixed one."""

    def __init__(self, secrets: Iterable[Registered]) -> None:
        self._needles: dict[bytes, tuple[Registered, str]] = {}
        # What was sent is named by what it is, where it was made here.
        for secret in sorted(secrets, key=lambda secret: secret.kind is Kind.SENT_CREDENTIAL):
            for needle, form in needles(secret.secret):
                # A signature of nothing but `A` is forged, and no secret.
                if len(set(needle)) >= FEWEST_CHARACTERS:
                    self._needles.setdefault(needle, (secret, form))
        self._short = [needle for needle in self._needles if len(needle) < INDEXED]
        self._blocks: dict[int, list[bytes]] = defaultdict(list)
        for needle in self._needles:
            end = needle[-INDEXED:]
            for start in range(len(end) - BLOCK + 1 if len(end) == INDEXED else 0):
                self._blocks[int.from_bytes(end[start : start + BLOCK], sys.byteorder)].append(needle)

    def find(self, exhibit: Exhibit) -> list[Finding]:
        """Every secret in it, once for each form it has there."""
        found = dict[tuple[str, str], Finding]()
        for text in _readings(exhibit.content):
            # The whole goes before its half, which then is nothing new.
            for needle in sorted(self._in(text), key=len, reverse=True):
                secret, form = self._needles[needle]
                if (secret.secret, form.removeprefix(HALF)) in found:
                    continue
                found.setdefault((secret.secret, form), Finding(exhibit, secret, form, _around(text, needle)))
        return list(found.values())

    def _in(self, text: bytes) -> set[bytes]:
        present = {needle for needle in self._short if needle in text}
        blocks = memoryview(text[: len(text) // BLOCK * BLOCK]).cast("Q")
        if self._blocks.keys().isdisjoint(blocks):
            return present
        for number, block in enumerate(blocks):
            for needle in self._blocks.get(block, ()):
                start = number * BLOCK
                if text.find(needle, max(0, start - len(needle)), start + len(needle)) >= 0:
                    present.add(needle)
        return present


def needles(secret: str) -> Iterator[tuple[bytes, str]]:
    """What tells a secret, in lower case, and what to call it. Of a token that are its claims and its signature."""
    for part, name in _telling_parts(secret):
        plain = part.encode("utf-8", "surrogateescape")
        yield plain.lower(), name
        yield re.sub(rb"[^a-z0-9]", b"_", plain.lower()), f"{name}, as a metric's name"
        if len(plain) >= HALVED:
            yield plain[len(plain) // 2 :].lower(), f"{HALF}{name}"
        yield plain.hex().encode(), f"{name}, in hexadecimal"
        for before, start in enumerate(BASE64_STARTS):
            end = (before + len(plain)) * BLOCK // 6
            for encode in (base64.b64encode, base64.urlsafe_b64encode):
                yield encode(bytes(before) + plain)[start:end].lower(), f"{name}, in base64"


def _telling_parts(secret: str) -> list[tuple[str, str]]:
    if secret.startswith("eyJ") and secret.count(".") >= 2:
        _, claims, signature, *_ = secret.split(".")
        parts = [(claims, "claims"), (signature, "signature")]
        long_enough = [(part, name) for part, name in parts if len(part) >= SHORTEST]
        if long_enough:
            return long_enough
    return [(secret, "whole")]


def _readings(content: bytes) -> Iterator[bytes]:
    """The text in lower case, and as one reads it who undoes its escapes."""
    lower = content.lower()
    yield lower
    if b"%" in lower:
        yield urllib.parse.unquote_to_bytes(lower).lower()
    if b"\\" in lower:
        unescaped = JSON_ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), lower)
        yield unescaped.replace(b"\\/", b"/").lower()


def _around(text: bytes, needle: bytes) -> str:
    start = text.index(needle)
    end = start + len(needle)
    # More than is shown, so that whatever reaches into it is seen as long.
    before = LONG_WORD.sub(HIDDEN, text[max(0, start - LONGEST_WORD) : start])[-CONTEXT:]
    after = LONG_WORD.sub(HIDDEN, text[end : end + LONGEST_WORD])[:CONTEXT]
    return " ".join((before + HIDDEN + after).decode("utf-8", "replace").split())
