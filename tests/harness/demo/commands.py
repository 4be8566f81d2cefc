"""What the demo prints: commands that work when they are pasted, each under what it will answer."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .credentials import ApiKey

MESSAGES = [{"role": "user", "content": "hello"}]
ANSWER = "-w '\\n%{http_code}\\n'"


@dataclass(frozen=True)
class Example:
    """A command; `outcome` starts with the status it answers, or with the statuses in order."""

    outcome: str
    command: str


def examples(port: int, bedrock_port: int, keys: Mapping[str, ApiKey], token: Path) -> list[Example]:
    """One command per kind of identity, per dialect and per way to be refused."""
    base = f"http://127.0.0.1:{port}"
    acme = _header("authorization", f"Bearer {keys['search-prod'].secret}")
    chat = {"model": "gpt-4o-mini", "messages": MESSAGES}
    openai = f"{base}/openai/v1/chat/completions"
    gemini = {"contents": [{"parts": [{"text": "hello"}]}]}
    bedrock = {"messages": [{"role": "user", "content": [{"text": "hello"}]}]}
    models = f"{base}/openai/v1/models"
    trial = _header("authorization", f"Bearer {keys['trial-user'].secret}")
    return [
        Example("200, by API key", _curl("", openai, acme, chat)),
        Example("200, by JWT", _curl("", openai, f'-H "authorization: Bearer $(cat {token})"', chat)),
        Example(
            "200, by a token for five minutes and one model, got with the API key",
            _curl("", openai, f'-H "authorization: Bearer $({_token(base, acme)})"', chat),
        ),
        Example("200, streamed", _curl("-N", openai, acme, {**chat, "stream": True})),
        Example(
            "200, Anthropic",
            _curl(
                "",
                f"{base}/anthropic/v1/messages",
                _header("x-api-key", keys["search-prod"].secret),
                {"model": "claude-sonnet-4-5", "max_tokens": 64, "messages": MESSAGES},
            ),
        ),
        Example(
            "200, Azure OpenAI",
            _curl(
                "",
                f"{base}/azure/openai/deployments/gpt-4o-mini/chat/completions?api-version=2024-10-21",
                _header("api-key", keys["search-prod"].secret),
                {"messages": MESSAGES},
            ),
        ),
        Example(
            "200, Gemini",
            _curl(
                "",
                f"{base}/gemini/v1beta/models/gemini-2.5-flash:generateContent",
                _header("x-goog-api-key", keys["search-prod"].secret),
                gemini,
            ),
        ),
        Example(
            "200, Bedrock; model ids with %2F need the listener of its own",
            _curl("", f"http://127.0.0.1:{bedrock_port}/bedrock/model/anthropic.claude-sonnet-4-5-20250929-v1:0/converse", acme, bedrock),
        ),
        Example("401, nobody", _curl("-i", openai, "", chat)),
        Example(
            "403, a scope is missing",
            _curl("-i", openai, _header("authorization", f"Bearer {keys['intern-laptop'].secret}"), chat),
        ),
        Example("403, another tenant's upstream", _curl("-i", f"{base}/globex/v1/models", acme)),
        Example(
            "200, the tenant itself",
            _curl("", f"{base}/globex/v1/models", _header("authorization", f"Bearer {keys['globex-app'].secret}")),
        ),
        Example(
            "200 200 200 429 429, three per ten seconds",
            f"for i in 1 2 3 4 5; do curl -s -o /dev/null -w '%{{http_code}}\\n' {trial} {models}; done",
        ),
    ]


def shared(port: int, second_port: int, keys: Mapping[str, ApiKey]) -> Example:
    """Two Envoys of a fleet in turn, and one quota."""
    trial = _header("authorization", f"Bearer {keys['trial-user'].secret}")
    models = "http://127.0.0.1:$port/openai/v1/models"
    ports = f"{port} {second_port} {port} {second_port} {port}"
    command = f"sleep 10; for port in {ports}; do curl -s -o /dev/null -w '%{{http_code}}\\n' {trial} {models}; done"
    return Example("200 200 200 429 429, three per ten seconds at both Envoys together; waits for the next ten", command)


def over_tls(port: int, keys: Mapping[str, ApiKey], authority: Path) -> Example:
    """What an SDK does that sends no key in the clear."""
    credential = _header("authorization", f"Bearer {keys['search-prod'].secret}")
    command = _curl(f"--cacert {authority}", f"https://127.0.0.1:{port}/openai/v1/models", credential)
    return Example("200, over TLS", command)


def listing(shown: list[Example]) -> str:
    return "\n\n".join(f"# {example.outcome}\n{example.command}" for example in shown)


def _curl(options: str, url: str, credential: str, body: object = None) -> str:
    parts = ["curl -s", options, ANSWER, credential]
    if body is not None:
        parts += [_header("content-type", "application/json"), f"-d '{json.dumps(body, separators=(',', ':'))}'"]
    return " ".join(part for part in [*parts, f"'{url}'"] if part)


def _token(base: str, credential: str) -> str:
    """A command that gets a token and prints it alone."""
    wish = {"expires_after": {"anchor": "created_at", "seconds": 300}, "models": ["gpt-4o-mini"]}
    asked = f"-d '{json.dumps(wish, separators=(',', ':'))}' '{base}/claimgate/v1/tokens'"
    asked = f"curl -s {credential} {_header('content-type', 'application/json')} {asked}"
    return f"{asked} | sed 's/.*\"value\":\"\\([^\"]*\\).*/\\1/'"


def _header(name: str, value: str) -> str:
    return f"-H '{name}: {value}'"
