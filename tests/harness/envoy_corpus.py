"""The corpus of `claimgate check --envoy`: one good configuration, and per door the changes that open it."""

import copy
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from .bootstrap import Document
from .host import Host, module_config

CORPUS = Path(__file__).resolve().parents[1] / "envoy"
MODULE = "claimgate.wasm"
"""What the corpus writes for the path of the filter's module."""
LIBRARY = "/etc/claimgate/libclaimgate.so"
"""What it writes for the library of the dynamic module."""
ANYBODYS_LIBRARY = "/anybody/libclaimgate.so"
"""The same, where anybody can write."""
ECDS_FILE = "claimgate.ecds.json"
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True)
class Case:
    """One change of the good configuration, with what the corpus says of it."""

    what: str
    document: Document


def doors() -> list[str]:
    """The codes of all doors."""
    return sorted(file.stem for file in (CORPUS / "doors").glob("*.yaml"))


def good(host: Host = Host.WASM) -> Document:
    """The configuration that no finding is made of."""
    return _changed([], host)


def cases(door: str) -> Iterator[Case]:
    """The door's configurations: those in which it is open, and those that only look like it."""
    entries = yaml.safe_load((CORPUS / "doors" / f"{door}.yaml").read_text())
    for entry in [*entries["open"], *entries.get("closed", [])]:
        yield Case(entry["what"], _changed(entry["change"], Host(entry.get("host", "wasm"))))


def placed(document: Document, places: dict[str, Path]) -> str:
    """The document as JSON, with the files that the corpus names where they really are."""
    text = json.dumps(document)
    for name, path in places.items():
        text = text.replace(json.dumps(name), json.dumps(str(path)))
    return text


def _changed(changes: list[Document], host: Host) -> Document:
    document = yaml.safe_load((CORPUS / "base.yaml").read_text())
    if host is Host.MODULE:
        document = _with_module(document)
    for change in changes:
        _apply(document, change)
    _hand_over(document)
    return document


def _apply(document: Document, change: Document) -> None:
    *parents, last = _steps(change["at"])
    node: Any = document
    for step in parents:
        node = node[step] if isinstance(step, int) else node.setdefault(step, {})
    if "insert" in change:
        node.insert(last, copy.deepcopy(change["insert"]))
    elif "set" not in change:
        del node[last]
    elif isinstance(node, list) and last == len(node):
        node.append(copy.deepcopy(change["set"]))
    else:
        node[last] = copy.deepcopy(change["set"])


def _steps(path: str) -> list[str | int]:
    places = yaml.safe_load((CORPUS / "places.yaml").read_text())
    whole = re.sub(r"^\$(\w+)", lambda match: places[match[1]], path)
    return [int(index) if index else name for index, name in re.findall(r"\[(\d+)\]|([^.\[]+)", whole)]


def _with_module(value: Any) -> Any:
    """The same with every wasm filter as a module."""
    if isinstance(value, list):
        return [_with_module(item) for item in value]
    if not isinstance(value, dict):
        return value
    if str(value.get("@type", "")).endswith(".wasm.v3.Wasm"):
        plugin = value["config"]
        module = module_config(Path(LIBRARY), "", name=plugin["root_id"])
        return {**module, "filter_config": plugin["configuration"]}
    return {name: _with_module(item) for name, item in value.items()}


def _hand_over(value: Any) -> None:
    """Writes what the gateway enforces as the text that Envoy hands to the filter."""
    if isinstance(value, list):
        for item in value:
            _hand_over(item)
    elif isinstance(value, dict):
        for item in value.values():
            _hand_over(item)
        if str(value.get("@type", "")).endswith(".StringValue") and isinstance(value["value"], dict):
            value["value"] = json.dumps(value["value"])
