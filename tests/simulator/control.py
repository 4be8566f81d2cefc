"""The control port: what was received, and the key set that tests of remote keys fetch."""

import json

from aiohttp import web

from .jwks import Jwks
from .received import Received


def control_server(received: Received, jwks: Jwks) -> web.Server:
    """Serves `/received`, `/jwks.json`, `/jwks-mode`, `/jwks-stats` and `/ready`."""

    async def serve(request: web.BaseRequest) -> web.StreamResponse:
        match request.method, request.path:
            case "GET", "/ready":
                return web.json_response({"ready": True})
            case "GET", "/received":
                return web.json_response(received.list())
            case "DELETE", "/received":
                received.clear()
                return web.json_response({"cleared": True})
            case "GET", "/jwks.json":
                return await jwks.fetch(request)
            case "GET", "/jwks-stats":
                return web.json_response(jwks.stats())
            case "DELETE", "/jwks-stats":
                jwks.reset()
                return web.json_response({"cleared": True})
            case "PUT", "/jwks.json":
                return await _apply(request, jwks.replace)
            case "PUT", "/jwks-mode":
                return await _apply(request, jwks.switch)
        return web.json_response({"error": f"no such operation: {request.method} {request.path}"}, status=404)

    return web.Server(serve, handler_cancellation=True, access_log=None)


async def _apply(request: web.BaseRequest, change) -> web.StreamResponse:
    try:
        document = json.loads(await request.read())
        if not isinstance(document, dict):
            raise ValueError("body is not a JSON object")
        change(document)
    except ValueError as error:
        return web.json_response({"error": str(error)}, status=400)
    return web.json_response({"changed": True})
