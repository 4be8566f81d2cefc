"""What a model's name asks the simulator to do, and the usage figures of its answer."""

import re
from dataclasses import dataclass
from typing import Any

DEFAULT_TEXT = "The gate is open and the sum is right."
LONG_EVENTS = 500
STREAM_GAP = 0.001
LONG_GAP = 0.005
DEFAULT_MODEL = "sim-default"

_NAME = re.compile(r"(?:^|[/.:])sim-([a-z]+|\d{3})((?:-\d+(?:\.\d+)?)*)$")
_TEXT_KEYS = ("messages", "contents", "content", "input", "inputText", "prompt", "system", "instructions", "requests")


@dataclass(frozen=True)
class Scenario:
    """A model name taken apart.

    `sim-401`, `sim-429`, `sim-500` (any status): the provider's own refusal. `sim-slow[-seconds]`: a late answer.
    `sim-cut`: the connection closes in the middle. `sim-long[-events]`: a long stream. `sim-gzip`: a compressed answer.
    `sim-garbage`: 200 with a body that is not JSON. `sim-split`: a stream in chunks of seven bytes.
    `sim-tokens-<input>-<output>[-<cached input>]`: these usage figures. Any other name: a plain answer.
    """

    model: str
    kind: str
    numbers: tuple[float, ...]

    @classmethod
    def of(cls, model: str) -> "Scenario":
        """The scenario a model, a deployment or the last part of an ARN names."""
        match = _NAME.search(model)
        if match is None:
            return cls(model, "plain", ())
        numbers = tuple(float(number) for number in match[2].split("-")[1:])
        return cls(model, match[1], numbers)

    @property
    def refusal_status(self) -> int | None:
        """The status of a refusal, where the name asks for one."""
        return int(self.kind) if self.kind.isdigit() and int(self.kind) >= 400 else None

    @property
    def gap(self) -> float:
        """Seconds between two chunks of a stream."""
        return LONG_GAP if self.kind == "long" else STREAM_GAP

    def number(self, index: int, default: float) -> float:
        """The number at this place of the suffix."""
        return self.numbers[index] if index < len(self.numbers) else default


@dataclass(frozen=True)
class Completion:
    """Generated text in pieces of one model token each, and its usage; `input_tokens` includes `cached_tokens`."""

    pieces: list[str]
    input_tokens: int
    output_tokens: int
    cached_tokens: int
    finished: bool
    """False where the caller's maximum cut the text short."""

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    @property
    def total_tokens(self) -> int:
        return self.input_tokens + self.output_tokens


def complete(scenario: Scenario, document: dict[str, Any], maximum: int | None = None) -> Completion:
    """The completion of a request: one input token per four characters of its texts, one output token per piece."""
    if scenario.kind == "long":
        pieces = [f"word{index} " for index in range(int(scenario.number(0, LONG_EVENTS)))]
    else:
        pieces = re.findall(r"\S+\s*", DEFAULT_TEXT)
    whole = len(pieces)
    if isinstance(maximum, int) and maximum > 0:
        pieces = pieces[:maximum]
    input_tokens, output_tokens, cached = count_input(document), len(pieces), 0
    if scenario.kind == "tokens":
        input_tokens = int(scenario.number(0, input_tokens))
        output_tokens = int(scenario.number(1, output_tokens))
        cached = int(scenario.number(2, 0))
    return Completion(pieces, input_tokens, output_tokens, cached, len(pieces) == whole)


def count_input(document: dict[str, Any]) -> int:
    """Input tokens of a request: a quarter of the characters in its text fields, at least one."""
    return max(1, sum(_characters(document[key]) for key in _TEXT_KEYS if key in document) // 4)


def _characters(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(_characters(item) for item in value)
    if isinstance(value, dict):
        return sum(_characters(item) for key, item in value.items() if key not in ("role", "type"))
    return 0
