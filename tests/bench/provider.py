"""What answers in the provider's place: an Envoy that answers every request itself, and a server of streams."""

import json
import socket
import sys
import threading

from harness.bootstrap import Document, socket_address, static_cluster
from harness.ports import LOOPBACK

from .configurations import TOKEN_PATH

EVENTS = 500


def answering_bootstrap() -> Document:
    """An Envoy that answers every request itself, once all of it has come."""
    kind = "type.googleapis.com/envoy.extensions.filters"
    usage = {"prompt_tokens": 21, "completion_tokens": 9, "total_tokens": 30}
    message = {"role": "assistant", "content": "The quick brown fox jumps over the lazy dog."}
    answer = {"id": "chatcmpl-1", "object": "chat.completion", "choices": [{"index": 0, "message": message}], "usage": usage}
    reply = {"status": 200, "body": {"inline_string": json.dumps(answer)}}
    route = {
        "match": {"prefix": "/"},
        "direct_response": reply,
        "response_headers_to_add": [{"header": {"key": "content-type", "value": "application/json"}}],
    }
    # Tokens are as long as Entra's.
    token = {"access_token": "t" * 1500, "token_type": "Bearer", "expires_in": 3600}
    tokens = {
        "match": {"path": TOKEN_PATH},
        "direct_response": {"status": 200, "body": {"inline_string": json.dumps(token)}},
    }
    host = {"name": "all", "domains": ["*"], "routes": [tokens, route]}
    buffer = {"@type": f"{kind}.http.buffer.v3.Buffer", "max_request_bytes": 1 << 20}
    router = {"@type": f"{kind}.http.router.v3.Router"}
    manager = {
        "@type": f"{kind}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "provider",
        "route_config": {"virtual_hosts": [host]},
        "http_filters": [
            {"name": "envoy.filters.http.buffer", "typed_config": buffer},
            {"name": "envoy.filters.http.router", "typed_config": router},
        ],
    }
    chain = {"filters": [{"name": "envoy.filters.network.http_connection_manager", "typed_config": manager}]}
    listener = {
        "name": "gateway",
        "address": socket_address(0),
        "filter_chains": [chain],
        "per_connection_buffer_limit_bytes": 1 << 20,
    }
    # Nothing is sent there; an Envoy without clusters would have an empty admin page for them.
    clusters = [static_cluster("nobody", 9)]
    resources = {"listeners": [listener], "clusters": clusters}
    return {"admin": {"address": socket_address(0)}, "static_resources": resources}


def event(number: int) -> bytes:
    """One event of a chat stream, as a chunk of its own (RFC 9112 section 7.1)."""
    delta = {"index": 0, "delta": {"content": f" word{number % 100}"}, "finish_reason": None}
    content = {"id": "chatcmpl-1", "object": "chat.completion.chunk", "model": "gpt-4o", "choices": [delta]}
    data = f"data: {json.dumps(content)}\n\n".encode()
    return b"%x\r\n%s\r\n" % (len(data), data)


HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
CHUNKS = [*(event(number) for number in range(EVENTS)), b"e\r\ndata: [DONE]\n\n\r\n", b"0\r\n\r\n"]


def serve(connection: socket.socket) -> None:
    """Answers each request of a connection by a stream, one write per event, as providers do."""
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as requests:
        while line := requests.readline():
            length = 0
            while line not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                if name.lower() == b"content-length":
                    length = int(value)
                line = requests.readline()
            requests.read(length)
            connection.sendall(HEAD)
            for chunk in CHUNKS:
                connection.sendall(chunk)


def main() -> None:
    """Serves streams on a free port, which it prints, until it is ended."""
    listener = socket.create_server((LOOPBACK, 0))
    print(listener.getsockname()[1], flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=quietly, args=(connection,), daemon=True).start()


def quietly(connection: socket.socket) -> None:
    # The load generator ends its connections in the middle of an answer.
    try:
        serve(connection)
    except OSError:
        pass


if __name__ == "__main__":
    sys.exit(main())
