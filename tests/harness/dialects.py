"""The plainest request of each dialect, where its SDK puts the credential, and how its errors read."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

DIALECTS = ("openai", "azure", "anthropic", "gemini", "bedrock", "vertex")
GOOGLES = ("gemini", "vertex")
"""Those with Google's words."""
MODELS = {
    "openai": "gpt-4o",
    "azure": "gpt-4o",
    "anthropic": "claude-sonnet-4-5",
    "gemini": "gemini-2.5-flash",
    "bedrock": "anthropic.claude-sonnet-4-5-v1:0",
    "vertex": "gemini-2.5-flash",
}
QUESTION = "Is the gate open?"
API_VERSION = "api-version=2024-10-21"
VERTEX_PROJECT = "acme-prod"
VERTEX_LOCATION = "us-east5"
VERTEX_BASE = f"/v1/projects/{VERTEX_PROJECT}/locations/{VERTEX_LOCATION}"


@dataclass(frozen=True)
class Request:
    """One request, its path with the prefix that Envoy's route cuts off."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None

    def with_headers(self, **headers: str) -> "Request":
        """`_` in a name stands for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **named})

    def without(self, *names: str) -> "Request":
        return replace(self, headers={name: value for name, value in self.headers.items() if name not in names})

    def with_body(self, body: bytes, content_type: str = "application/json") -> "Request":
        return replace(self, body=body, headers={**self.headers, "content-type": content_type})


def chat(
    dialect: str, credential: str | None = None, *, prefix: str | None = None, model: str | None = None
) -> Request:
    """A chat that does not stream; `prefix` names another route to the same provider."""
    model = model or MODELS[dialect]
    below = {
        "openai": "/v1/chat/completions",
        "azure": f"/openai/deployments/{model}/chat/completions?{API_VERSION}",
        "anthropic": "/v1/messages",
        "gemini": f"/v1beta/models/{model}:generateContent",
        "bedrock": f"/model/{model}/converse",
        "vertex": f"{VERTEX_BASE}/publishers/google/models/{model}:generateContent",
    }[dialect]
    headers = {"content-type": "application/json"}
    if dialect == "anthropic":
        headers["anthropic-version"] = "2023-06-01"
    body = json.dumps(chat_document(dialect, model)).encode()
    return authorised(Request("POST", f"/{prefix or dialect}{below}", headers, body), dialect, credential)


def chat_document(dialect: str, model: str | None = None) -> dict[str, Any]:
    """The body of `chat`."""
    model = model or MODELS[dialect]
    messages = [{"role": "user", "content": QUESTION}]
    return {
        "openai": {"model": model, "messages": messages},
        "azure": {"messages": messages},
        "anthropic": {"model": model, "max_tokens": 64, "messages": messages},
        "gemini": {"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]},
        "vertex": {"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]},
        "bedrock": {"messages": [{"role": "user", "content": [{"text": QUESTION}]}]},
    }[dialect]


def authorised(request: Request, dialect: str, credential: str | None) -> Request:
    """The request with the credential where the dialect's SDK puts it."""
    if credential is None:
        return request
    return replace(request, headers={**request.headers, **credential_header(dialect, credential)})


def credential_header(dialect: str, credential: str) -> dict[str, str]:
    """Where the dialect's SDK puts a credential."""
    name = {"azure": "api-key", "anthropic": "x-api-key", "gemini": "x-goog-api-key"}.get(dialect)
    return {name: credential} if name else {"authorization": f"Bearer {credential}"}


def error_message(dialect: str, document: Any) -> str:
    """The text for people in an error of the dialect. Raises KeyError where the shape is another one."""
    return document["message"] if dialect == "bedrock" else document["error"]["message"]


def raw_http1(request: Request, extra: Iterable[tuple[str, str]] = (), *, body: bool = True) -> bytes:
    """The request as the bytes of HTTP/1.1; without `body` only its headers, which announce one."""
    lines = [f"{request.method} {request.path} HTTP/1.1", "host: gateway.test"]
    lines += [f"{name}: {value}" for name, value in [*request.headers.items(), *extra]]
    content = request.body or b""
    if content and not any(name == "transfer-encoding" for name, _ in extra):
        lines.append(f"content-length: {len(content)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (content if body else b"")
