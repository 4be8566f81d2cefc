"""The readers: the gate, Python, Node, and Go where it is installed. Each answers a list of questions at once."""

import base64
import email
import email.policy
import io
import json
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from harness.identity_provider import node_binary
from python_multipart.multipart import Field, File, create_form_parser

from .bodies import NAMES, Question

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SECONDS = 300


@dataclass
class View:
    """What a reader sees of a body."""

    error: str | None = None
    # Of JSON: the names of the object, and the values of the read ones.
    keys: list[str] = field(default_factory=list)
    values: dict[str, Any] = field(default_factory=dict)
    # Of a form: the fields that are no files, in order.
    fields: list[tuple[str, str]] = field(default_factory=list)


def gate(questions: Sequence[Question]) -> list[dict[str, Any]]:
    """The gate's facts of each body, or its reason to refuse it."""
    toolchain = subprocess.run([ROOT / "tests/setup/toolchain"], check=True, capture_output=True, text=True)
    environment = dict(os.environ, CARGO_TARGET_DIR=str(ROOT / "target"))
    if toolchain.stdout.strip():
        environment["RUSTUP_TOOLCHAIN"] = toolchain.stdout.strip()
    # `cargo test` has built it, where it ran before.
    build = ["cargo", "build", "--quiet", "--example", "body_facts"]
    subprocess.run(build, cwd=ROOT, env=environment, check=True)
    return [json.loads(line) for line in asked([ROOT / "target/debug/examples/body_facts"], questions)]


def node(questions: Sequence[Question]) -> list[View]:
    return [view(line) for line in asked([node_binary(), HERE / "node.mjs"], questions)]


def go(questions: Sequence[Question], directory: Path) -> list[View]:
    program = directory / "go_reader"
    subprocess.run(["go", "build", "-o", program, HERE / "go_reader.go"], check=True, timeout=SECONDS)
    return [view(line) for line in asked([program], questions)]


def asked(command: Sequence[str | Path], questions: Sequence[Question]) -> list[str]:
    lines = []
    for question in questions:
        fields = {"dialect": question.dialect, "path": question.path, "content_type": question.content_type}
        names = {"names": NAMES} if question.is_json else {}
        lines.append(json.dumps(fields | names | {"body": base64.b64encode(question.body).decode()}))
    text = "\n".join(lines) + "\n"
    ran = subprocess.run(command, input=text, capture_output=True, text=True, timeout=SECONDS, encoding="utf-8")
    assert ran.returncode == 0, ran.stderr
    # Not `splitlines`: answers hold other characters that Python takes for the end of a line.
    answers = ran.stdout.removesuffix("\n").split("\n")
    assert len(answers) == len(questions), ran.stderr
    return answers


def view(line: str) -> View:
    answer = json.loads(line)
    fields = [(name, text) for name, text in answer.get("fields", [])]
    return View(answer.get("error"), answer.get("keys", []), dict(answer.get("values", [])), fields)


def python_json(question: Question) -> View:
    seen: list[list[tuple[str, Any]]] = []

    def keep(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        # The outermost object ends last.
        seen.append(pairs)
        return dict(pairs)

    try:
        tree = json.loads(question.body, object_pairs_hook=keep)
    except (ValueError, RecursionError) as error:
        return View(error=str(error))
    if not isinstance(tree, dict):
        return View(error="not an object")
    values = {name: tree[name] for name in NAMES if name in tree}
    return View(keys=[name for name, _ in seen[-1]], values=values)


def python_email(question: Question) -> View:
    """The standard library's reader, which many small servers use."""
    head = f"Content-Type: {question.content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + question.body, policy=email.policy.HTTP)
    if not message.is_multipart():
        return View(error="no parts")
    fields = []
    for part in message.iter_parts():
        assert isinstance(part, EmailMessage)
        name = part.get_param("name", header="content-disposition")
        if part.get_filename() is None and name is not None:
            content = part.get_payload(decode=True) or b""
            fields.append((str(name), content.decode("utf-8", "replace")))
    return View(fields=fields)


def python_multipart(question: Question) -> View:
    """The reader below Starlette and FastAPI."""
    fields: list[tuple[str, str]] = []

    def on_field(found: Field) -> None:
        name, value = found.field_name or b"", found.value or b""
        fields.append((name.decode("utf-8", "replace"), value.decode("utf-8", "replace")))

    def on_file(_found: File) -> None:
        pass

    try:
        parser = create_form_parser({"Content-Type": question.content_type.encode()}, on_field, on_file)
        stream = io.BytesIO(question.body)
        while chunk := stream.read(4096):
            parser.write(chunk)
        parser.finalize()
    except Exception as error:
        return View(error=str(error) or type(error).__name__)
    return View(fields=fields)
