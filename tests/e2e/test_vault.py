"""A feed of providers' keys from a vault: the template in docs/upstream-credentials.md, rendered as the vault's agent does it.
`make vault` runs it. The vault is a simulator of KV version 2's answers."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from harness.authorization_server import install
from harness.gateway import COMMAND, ROOT
from harness.ports import LOOPBACK
from harness.sealed_keys import FeedPair

pytestmark = pytest.mark.skipif(not os.environ.get("VAULT"), reason="`make vault` runs this")
SETUP = ROOT / "tests" / "setup" / "vault_template"
RENDERER = ROOT / "target" / "vault_template" / "consul-template"
PAGE = ROOT / "docs" / "upstream-credentials.md"
PAIR = FeedPair("feed-vault")
TOKEN = "token-of-the-agent-at-the-vault-4711"


class Vault:
    """Answers for one secret, as KV version 2 does."""

    def __init__(self, content: Any) -> None:
        self.tokens: list[str | None] = []
        owner = self
        mount = {"data": {"path": "secret/", "type": "kv", "options": {"version": "2"}}}
        secret = {"data": {"data": content, "metadata": {"version": 1, "deletion_time": "", "destroyed": False}}}
        answers = {"/v1/sys/internal/ui/mounts/secret/data/claimgate": mount, "/v1/secret/data/claimgate": secret}

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                owner.tokens.append(self.headers.get("x-vault-token"))
                answer = answers.get(self.path.partition("?")[0])
                self.send_response(200 if answer else 404)
                self.end_headers()
                self.wfile.write(json.dumps(answer or {"errors": []}).encode())

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.url = f"http://{LOOPBACK}:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def seal(directory: Path, entry: str, tenant: str, feed: Path) -> None:
    """As docs/upstream-credentials.md has it."""
    public = directory / "feed-public.jwk"
    public.write_text(PAIR.public)
    command = [COMMAND, "key", "seal", "--to", public, "--id", entry, "--tenant", tenant, "--upstream", "openai", "--feed", feed]
    key = f"sk-kept-in-a-vault-for-{tenant}-4711"
    subprocess.run(command, input=key, text=True, check=True, capture_output=True, timeout=30)


@pytest.fixture
def document(tmp_path: Path) -> Iterator[Path]:
    feed = tmp_path / "credentials.json"
    feed.write_text('{"credentials": []}')
    seal(tmp_path, "acme-2026", "acme", feed)
    yield feed


def test_the_agents_template_renders_the_document(document: Path, tmp_path: Path) -> None:
    install(SETUP)
    [template] = re.findall(r"```text\n(template \{.*?^\}$)", PAGE.read_text(), re.DOTALL | re.MULTILINE)
    rendered = tmp_path / "rendered.json"
    [place] = re.findall(r'destination = "([^"]+)"', template)
    vault = Vault(json.loads(document.read_text()))
    try:
        agent = tmp_path / "agent.hcl"
        own = f'vault {{\n  address = "{vault.url}"\n  token = "{TOKEN}"\n  renew_token = false\n}}\n'
        agent.write_text(own + template.replace(place, str(rendered)))
        subprocess.run([RENDERER, "-once", "-config", agent], check=True, capture_output=True, timeout=60)
    finally:
        vault.stop()
    assert set(vault.tokens) == {TOKEN}
    assert json.loads(rendered.read_text()) == json.loads(document.read_text())
    # The command that keeps such a document takes it.
    seal(tmp_path, "globex-2026", "globex", rendered)
    assert [entry["id"] for entry in json.loads(rendered.read_text())["credentials"]] == ["acme-2026", "globex-2026"]
