"""A settable JWKS document with an ETag, a fault mode and counters of its fetches."""

import asyncio
import hashlib
import json
import time
from typing import Any

from aiohttp import web

MODES = ("ok", "500", "hang", "garbage", "slow", "cut")
LONGEST_HANG = 60.0


class Jwks:
    """What an identity provider publishes at `/jwks.json`."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """No keys, mode `ok`, counters at zero."""
        self._document: dict[str, Any] = {"keys": []}
        self._mode, self._delay = "ok", 1.0
        self._stats: dict[str, Any] = {"fetches": 0, "not_modified": 0, "by_mode": {}, "at": []}

    def replace(self, document: dict[str, Any]) -> None:
        self._document = document

    def switch(self, wanted: dict[str, Any]) -> None:
        """Takes `{"mode": …, "delay": seconds}`. Raises ValueError."""
        mode = str(wanted.get("mode", "ok"))
        if mode not in MODES:
            raise ValueError(f"mode: unknown `{mode}`, one of {', '.join(MODES)}")
        self._mode, self._delay = mode, float(wanted.get("delay", 1.0))

    def stats(self) -> dict[str, Any]:
        """Fetches in all and by mode, how many were answered 304, and when (seconds since the epoch)."""
        return self._stats

    async def fetch(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answers a fetch in the current mode."""
        mode = self._mode
        self._stats["fetches"] += 1
        self._stats["by_mode"][mode] = self._stats["by_mode"].get(mode, 0) + 1
        self._stats["at"].append(time.time())
        if mode == "500":
            return web.Response(status=500, text="simulated failure")
        if mode == "garbage":
            return web.Response(body=b"<html>not a key set\xff", content_type="application/json")
        if mode == "slow":
            await asyncio.sleep(self._delay)
        if mode == "hang":
            await asyncio.sleep(LONGEST_HANG)
        if mode == "cut":
            return await _cut_off(request)
        body = json.dumps(self._document).encode()
        etag = f'"{hashlib.sha256(body).hexdigest()[:16]}"'
        if request.headers.get("if-none-match") == etag:
            self._stats["not_modified"] += 1
            return web.Response(status=304, headers={"etag": etag})
        headers = {"etag": etag, "cache-control": "max-age=5"}
        return web.Response(body=body, content_type="application/json", headers=headers)


async def _cut_off(request: web.BaseRequest) -> web.StreamResponse:
    """An answer that breaks off after its headers."""
    response = web.StreamResponse(headers={"content-length": "1000"})
    await response.prepare(request)
    await response.write(b'{"keys": [')
    if request.transport is not None:
        request.transport.close()
    return response
