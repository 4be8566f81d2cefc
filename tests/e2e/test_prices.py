"""What an answer costs in a real Envoy, in all that providers bill by, and that a bill can be worked out again from the records."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.gateway import COMMAND, Gateway, document, key_entry, upstream_entries
from harness.raw_http1 import http1_request
from harness.raw_provider import RawProvider

ANSWERS = Path(__file__).resolve().parents[1] / "answers"
PRICES = {
    "version": "t",
    "models": [
        {
            "model": "claude-sonnet-4-5*",
            "input": 3,
            "cache_read": 0.3,
            "cache_write": 3.75,
            "cache_write_1h": 6,
            "output": 15,
            "tiers": {"priority": 2},
            "inference_geo": {"us": 1.1},
            "calls": {"web_search": 10},
        },
        {"model": "claude-opus-4-6*", "input": 5, "output": 25},
        {
            "model": "gpt-5*",
            "input": 1.25,
            "cache_read": 0.125,
            "output": 10,
            "above": [{"input_tokens": 999, "input": 2.5, "cache_read": 0.25}],
            "calls": {"web_search": 10, "file_search": 2.5, "code_interpreter": 30},
        },
        {"model": "gpt-4o-audio*", "input": 2.5, "cache_read": 1.25, "audio_input": 40, "output": 10},
        {"model": "gemini-2.5-flash*", "input": 0.3, "cache_read": 0.03, "output": 2.5, "calls": {"grounded_prompt": 35}},
        {"model": "kimi*", "input": 1, "cache_read": 0.5, "output": 2},
        {"model": "tts-1", "input": 0, "output": 0, "per_million_characters": 15},
    ],
}
CHAT, MESSAGES, RESPONSES = "/openai/v1/chat/completions", "/anthropic/v1/messages", "/openai/v1/responses"
GEMINI = "/gemini/v1beta/models/gemini-2.5-flash:generateContent"
# The recorded answer, what was asked, and the microdollars.
COSTS = [
    # (12 * 3 + 7000 * 0.3 + 1100 * 3.75 + 3000 * 6 + 9 * 15) twice as priority and a tenth more, and two searches.
    ("anthropic-messages-cache-1h.json", MESSAGES, 73_672),
    ("anthropic-messages-zero-delta.sse", MESSAGES, 700 * 3 + 27 + 33 * 15),
    # 1700 fresh, 400 cached and 480 of output by the one, 900 and 1600 by the other.
    ("anthropic-messages-advisor.sse", MESSAGES, 1700 * 3 + 120 + 480 * 15 + 900 * 5 + 1600 * 25),
    # Above 999 tokens of input: 800 fresh and 200 cached at the higher price, one search, one more of each.
    ("openai-responses-tools.json", RESPONSES, 2000 + 50 + 1000 + 10_000 + 2500 + 30_000),
    ("openai-responses-tools-stream.sse", RESPONSES, 2000 + 50 + 1000 + 10_000 + 2500 + 30_000),
    # 300 are text and 200 sound: 100 of the first and 400 of the second were cached.
    ("openai-chat-cached-audio.json", CHAT, 200 * 25 // 10 + 200 * 40 + 500 * 125 // 100 + 10 * 10),
    ("gemini-grounded.json", GEMINI, 126 + 21 + 50 + 35_000),
    ("openai-compatible-moonshot.sse", CHAT, 11 + 4 + 26),
]


class World:
    def __init__(self, directory: Path) -> None:
        self.directory, self.provider = directory, RawProvider()
        self.ports = dict.fromkeys(("openai", "azure", "anthropic", "gemini", "bedrock", "vertex", "control"), self.provider.port)
        self.key, entry = key_entry("caller", tenant="acme")
        self.upstreams = [{**upstream, "tenant": "acme"} for upstream in upstream_entries()]
        self.configuration = document(keys=[entry], upstreams=self.upstreams, prices=PRICES)
        self.gateway = Gateway(self.configuration, self, directory)

    def ask(self, file: str, path: str) -> dict[str, Any]:
        """The record of a request that this recorded answer was given."""
        kind = "text/event-stream" if file.endswith(".sse") else "application/json"
        # Gemini's path names the model.
        question = {"messages": []} if path == GEMINI else {"model": "m", "messages": []}
        return self.send(path, question, (kind, (ANSWERS / file).read_bytes()))

    def speak(self) -> dict[str, Any]:
        """The record of a request to speak ten characters."""
        question = {"model": "tts-1", "voice": "alloy", "input": "Grüße, 中 😀", "instructions": "Slowly."}
        return self.send("/openai/v1/audio/speech", question, ("audio/mpeg", b"\xff\xfb\x90"))

    def send(self, path: str, content: dict[str, Any], answer: tuple[str, bytes]) -> dict[str, Any]:
        kind, body = answer
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {kind}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.provider.clear(head.encode() + body)
        question = json.dumps(content)
        lines = [f"POST {path} HTTP/1.1", "host: g", f"authorization: Bearer {self.key}", "content-type: application/json"]
        request = "\r\n".join([*lines, f"content-length: {len(question)}", "", question])
        answered = http1_request(self.gateway.port, request.encode())
        assert answered.status == 200, answered
        return self.gateway.audit(claimgate__request_id=answered.header("x-request-id"))

    def reported(self, *arguments: str) -> int:
        command = [str(COMMAND), "report", "--format", "json", *arguments, str(self.directory / "audit.log")]
        return json.loads(subprocess.run(command, check=True, capture_output=True).stdout)["total"]["microdollars"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    running = World(tmp_path_factory.mktemp("prices"))
    yield running
    running.gateway.stop()
    running.provider.stop()


@pytest.mark.parametrize(("file", "path", "microdollars"), COSTS, ids=[file for file, _, _ in COSTS])
def test_an_answer_costs_what_the_provider_charges(world: World, file: str, path: str, microdollars: int) -> None:
    assert world.ask(file, path)["claimgate.cost.microdollars"] == microdollars


def test_speech_costs_by_the_character_of_its_text(world: World) -> None:
    record = world.speak()
    assert (record["claimgate.usage.input_characters"], record["claimgate.cost.microdollars"]) == (10, 150)


def test_an_upstream_has_a_factor_of_its_own(world: World) -> None:
    dearer = [{**upstream, "price_multiplier": 1.1} for upstream in world.upstreams]
    world.gateway.reload({**world.configuration, "upstreams": dearer})
    record = world.ask("openai-compatible-moonshot.sse", CHAT)
    assert (record["claimgate.cost.microdollars"], record["claimgate.cost.multiplier"]) == (46, 1.1)


def test_the_bill_is_worked_out_again_to_the_microdollar(world: World) -> None:
    for file, path, _ in COSTS:
        world.ask(file, path)
    world.speak()
    table = world.directory / "prices.json"
    table.write_text(json.dumps({"prices": PRICES}))
    assert world.reported("--prices", str(table)) == world.reported() > 0
