"""Serves one provider on one port: reads, records, asks the provider, sends the answer with its fault."""

import asyncio
import gzip
import zlib
from typing import Any, Protocol

from aiohttp import web

from .answer import Answer
from .call import Call, MalformedBody
from .realtime import serve_realtime
from .received import Received, text
from .scenario import Scenario

LARGEST_HEADER = 256 * 1024
MOST_HEADERS = 1000
SPLIT_BYTES = 7


class Provider(Protocol):
    """A dialect: pure functions from a call to an answer."""

    name: str

    def denied(self, call: Call) -> Answer | None:
        """The provider's own 401 or 403 where its credential is missing."""

    def model(self, call: Call) -> str:
        """The model, deployment or model id that the call names."""

    def answer(self, call: Call, scenario: Scenario) -> Answer:
        """The answer to an accepted call."""

    def refusal(self, status: int, message: str | None = None) -> Answer:
        """An error in the provider's shape."""

    def headers(self, answer: Answer) -> list[tuple[str, str]]:
        """What the provider adds to each of its answers."""


def provider_server(provider: Provider, received: Received, slow_seconds: float) -> web.Server:
    """A server without a router, so that raw paths stay raw. It notices when the caller goes away."""

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        record = received.open(provider.name, request)
        try:
            return await _exchange(provider, request, record, slow_seconds)
        except (asyncio.CancelledError, ConnectionError, web.RequestPayloadError):
            record["aborted"] = not record["completed"]
            raise
        finally:
            record["ended"] = True

    return web.Server(
        serve,
        handler_cancellation=True,
        auto_decompress=False,
        access_log=None,
        max_line_size=LARGEST_HEADER,
        max_field_size=LARGEST_HEADER,
        max_headers=MOST_HEADERS,
    )


async def _exchange(
    provider: Provider, request: web.BaseRequest, record: dict[str, Any], slow_seconds: float
) -> web.StreamResponse:
    async for chunk in request.content.iter_any():
        record["body"] += chunk
    headers = [(text(name), text(value)) for name, value in request.raw_headers]
    call = Call(request.method, request.raw_path, headers, bytes(record["body"]))
    scenario = Scenario("", "plain", ())
    answer = provider.denied(call)
    if answer is None:
        try:
            scenario = Scenario.of(provider.model(call))
            status = scenario.refusal_status
            answer = provider.answer(call, scenario) if status is None else provider.refusal(status)
        except MalformedBody as error:
            answer = provider.refusal(400, str(error))
    if scenario.kind == "slow":
        await asyncio.sleep(scenario.number(0, slow_seconds))
    if answer.upgrade_model is not None:
        return await serve_realtime(request, record, answer.upgrade_model)
    if scenario.kind == "garbage":
        answer.body, answer.chunks = b'{"choices": [{"mess', None
    answer.headers = answer.headers + provider.headers(answer)
    return await _send(request, record, answer, scenario)


async def _send(
    request: web.BaseRequest, record: dict[str, Any], answer: Answer, scenario: Scenario
) -> web.StreamResponse:
    chunks, gap = answer.chunks, answer.gap
    if scenario.kind == "gzip":
        answer.headers.append(("content-encoding", "gzip"))
        answer.body, chunks = gzip.compress(answer.body), _gzip_chunks(chunks)
    if scenario.kind == "split" and chunks is not None:
        whole, gap = b"".join(chunks), 0.0
        chunks = [whole[start : start + SPLIT_BYTES] for start in range(0, len(whole), SPLIT_BYTES)]
    response = web.StreamResponse(status=answer.status)
    for name, value in answer.headers:
        response.headers.add(name, value)
    if chunks is None:
        response.content_length = len(answer.body)
        chunks = [answer.body]
    record["status"] = answer.status
    await response.prepare(request)
    if scenario.kind == "cut":
        return await _send_half(request, response, chunks)
    for index, chunk in enumerate(chunks):
        if index and answer.chunks is not None:
            await asyncio.sleep(gap)
        if chunk:
            await response.write(chunk)
    await response.write_eof()
    record["completed"] = True
    return response


async def _send_half(
    request: web.BaseRequest, response: web.StreamResponse, chunks: list[bytes]
) -> web.StreamResponse:
    if len(chunks) == 1:
        chunks = [chunks[0][: len(chunks[0]) // 2], b""]
    for chunk in chunks[: len(chunks) // 2]:
        await response.write(chunk)
    # A pause, or the bytes and the end arrive together and the caller may never see the first.
    await asyncio.sleep(0.05)
    if request.transport is not None:
        request.transport.close()
    return response


def _gzip_chunks(chunks: list[bytes] | None) -> list[bytes] | None:
    """One gzip stream, flushed after each chunk so that it can be read as soon as it is there."""
    if chunks is None:
        return None
    stream = zlib.compressobj(wbits=zlib.MAX_WBITS | 16)
    flushed = [stream.compress(chunk) + stream.flush(zlib.Z_SYNC_FLUSH) for chunk in chunks]
    return [*flushed, stream.flush()]
