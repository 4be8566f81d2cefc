"""Whatever body the gate accepts, Python, Node and Go read as the gate does."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from readers import programs
from readers.bodies import Generator, Question
from readers.programs import View

SEED = 20_260_131
BODIES = 20_000
# Below this share the bodies would be too wild to tell anything.
ACCEPTED_SHARE = 0.2
LIMITS = {
    "openai": ("max_tokens", "max_completion_tokens", "max_output_tokens"),
    "azure": ("max_tokens", "max_completion_tokens", "max_output_tokens"),
    "anthropic": ("max_tokens", "max_tokens_to_sample"),
    "gemini": (),
    "bedrock": ("max_tokens", "max_completion_tokens", "maxTokens", "max_gen_len"),
}
INNER_LIMITS = {
    "gemini": {
        "generationConfig": ("maxOutputTokens", "max_output_tokens"),
        "generation_config": ("maxOutputTokens", "max_output_tokens"),
    },
    "bedrock": {
        "inferenceConfig": ("maxTokens", "max_new_tokens", "maxNewTokens"),
        "textGenerationConfig": ("maxTokenCount",),
        "additionalModelRequestFields": ("max_tokens", "max_completion_tokens", "maxTokens", "max_gen_len"),
    },
}
Facts = dict[str, Any]


class Accepted:
    """Generated bodies that the gate accepts, with its facts."""

    def __init__(self, form: str) -> None:
        questions = list(Generator(SEED).questions(BODIES))
        print(f"{BODIES} bodies of seed {SEED}")
        questions = [question for question in questions if question.is_json == (form == "json")]
        answers = programs.gate(questions)
        self.pairs = [(q, a) for q, a in zip(questions, answers, strict=True) if "refused" not in a]
        self.share = len(self.pairs) / len(questions)
        self.questions = [question for question, _ in self.pairs]

    def disagreements(self, views: Sequence[View]) -> Iterator[str]:
        for (question, facts), view in zip(self.pairs, views, strict=True):
            compare = json_disagreement if question.is_json else form_disagreement
            if why := compare(question, facts, view):
                yield f"{why}: {question.path} {question.content_type} {question.body!r}"


def json_disagreement(question: Question, facts: Facts, view: View) -> str | None:
    if view.error is not None:
        return f"not read ({view.error})"
    if len(set(view.keys)) != len(view.keys):
        return "a key comes twice"
    seen = facts_of(question, view)
    for name in ("model", "stream", "max_tokens"):
        if seen[name] != facts[name] or type(seen[name]) is not type(facts[name]):
            return f"{name} is {seen[name]!r}, to the gate {facts[name]!r}"
    return None


def facts_of(question: Question, view: View) -> Facts:
    """The gate's facts, from what another reader sees."""
    dialect = "openai" if "/openai/" in question.path and question.dialect == "gemini" else question.dialect
    model = view.values.get("model")
    if question.dialect == "gemini" and isinstance(model, str):
        model = model.removeprefix("models/")
    if dialect in ("gemini", "bedrock") or question.dialect == "azure":
        # The path's; where the body names one too, the gate has compared them, but for Azure.
        assert question.dialect == "azure" or model in (None, "m")
        model = "m"
    stream = False if dialect in ("gemini", "bedrock") else view.values.get("stream")
    limits = [view.values.get(name) for name in LIMITS[dialect]]
    for outer, names in INNER_LIMITS.get(dialect, {}).items():
        inner = [(view.values.get(outer) or {}).get(name) for name in names]
        limits += [protobuf_integer(n) for n in inner if n is not None] if dialect == "gemini" else inner
    return {"model": model, "stream": stream, "max_tokens": max((n for n in limits if n is not None), default=None)}


def protobuf_integer(value: Any) -> int:
    """An integer in any spelling of protobuf's JSON mapping, of which JSON's own readers make a number or a text."""
    number = float(value)
    assert number.is_integer()
    return int(number)


def form_disagreement(question: Question, facts: Facts, view: View) -> str | None:
    if view.error is not None:
        # A reader may be stricter than the gate; then nothing is read two ways.
        return None
    for name in ("model", "stream"):
        expected = facts[name]
        if isinstance(expected, bool):
            expected = "true" if expected else "false"
        wanted = [] if expected is None else [expected]
        found = [text for field, text in view.fields if field == name]
        if found != wanted:
            return f"{name} is {found!r}, to the gate {wanted!r}"
    return None


@pytest.fixture(scope="module")
def objects() -> Accepted:
    return Accepted("json")


@pytest.fixture(scope="module")
def forms() -> Accepted:
    return Accepted("form")


def agree(accepted: Accepted, views: Sequence[View], read_share: float) -> None:
    """Fails where the views differ from the gate's, or where too few bodies were read to tell."""
    assert accepted.share > ACCEPTED_SHARE
    read = sum(view.error is None for view in views)
    print(f"the gate accepts {len(views)}, and {read} of these are read")
    found = list(accepted.disagreements(views))
    assert not found, f"{len(found)} of {len(views)}, seed {SEED}:\n" + "\n".join(sorted(found, key=len)[:10])
    assert read >= read_share * len(views)


def test_python_reads_an_accepted_object_as_the_gate_does(objects: Accepted) -> None:
    agree(objects, [programs.python_json(question) for question in objects.questions], 1)


def test_node_reads_an_accepted_object_as_the_gate_does(objects: Accepted) -> None:
    agree(objects, programs.node(objects.questions), 1)


def test_every_reader_sees_the_same_keys_of_an_accepted_object(objects: Accepted) -> None:
    python = [sorted(programs.python_json(question).keys) for question in objects.questions]
    node = [sorted(view.keys) for view in programs.node(objects.questions)]
    assert python == node


@pytest.mark.skipif(shutil.which("go") is None, reason="needs `go`, which is not installed")
def test_go_reads_an_accepted_object_as_the_gate_does(objects: Accepted, tmp_path: Path) -> None:
    agree(objects, programs.go(objects.questions, tmp_path), 1)


def test_python_email_reads_an_accepted_form_as_the_gate_does(forms: Accepted) -> None:
    agree(forms, [programs.python_email(question) for question in forms.questions], 0.9)


def test_python_multipart_reads_an_accepted_form_as_the_gate_does(forms: Accepted) -> None:
    agree(forms, [programs.python_multipart(question) for question in forms.questions], 0.9)


def test_node_reads_an_accepted_form_as_the_gate_does(forms: Accepted) -> None:
    # It takes no boundary as short as a quarter of these have.
    agree(forms, programs.node(forms.questions), 0.7)


@pytest.mark.skipif(shutil.which("go") is None, reason="needs `go`, which is not installed")
def test_go_reads_an_accepted_form_as_the_gate_does(forms: Accepted, tmp_path: Path) -> None:
    agree(forms, programs.go(forms.questions, tmp_path), 0.9)
