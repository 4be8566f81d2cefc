"""Stateful operations: what is kept under a provider account is for the tenant alone whose account it is."""

import json
from typing import Any

import pytest

from harness.attacks import BOTH, CHAT, Attack, Stage, posting

pytestmark = pytest.mark.both_hosts

RESPONSES = "/openai/v1/responses"
FORM = "multipart/form-data; boundary=b"
SECRET = "the plans of acme"
UPLOAD = (
    '--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n'
    f'--b\r\ncontent-disposition: form-data; name="file"; filename="plans.txt"\r\n\r\n{SECRET}\r\n--b--\r\n'
).encode()


def response(**fields: Any) -> dict[str, Any]:
    return {"model": "gpt-4o", "store": False, "input": "what did they say?", **fields}


# What makes a request stateful, in the spellings that a provider could take for it.
REFERENCES: dict[str, tuple[str, dict[str, Any]]] = {
    "an earlier response": (RESPONSES, response(previous_response_id="resp_1")),
    "a conversation": (RESPONSES, response(conversation="conv_1")),
    "a conversation as an object": (RESPONSES, response(conversation={"id": "conv_1"})),
    "a stored prompt": (RESPONSES, response(prompt={"id": "pmpt_1"})),
    "a file": (RESPONSES, response(input=[{"role": "user", "content": [{"type": "input_file", "file_id": "file-1"}]}])),
    "a file in camel case": (RESPONSES, response(input=[{"role": "user", "content": [{"fileId": "file-1"}]}])),
    "a stored item": (RESPONSES, response(input=[{"type": "item_reference", "id": "msg_1"}])),
    "an earlier response in camel case": (RESPONSES, response(previousResponseId="resp_1")),
    "reasoning by its id": (RESPONSES, response(input=[{"type": "reasoning", "id": "rs_1", "summary": []}])),
    "an image by its id": (RESPONSES, response(input=[{"type": "image_generation_call", "id": "ig_1", "action": "edit"}])),
    "a server's answer by its id": (RESPONSES, response(input=[{"type": "mcp_call", "id": "mc_1", "arguments": "{}"}])),
    "a stored picture": (
        RESPONSES,
        response(input=[{"type": "computer_call_output", "call_id": "c", "output": {"file_id": "file-1"}}]),
    ),
    "a tunnel": (RESPONSES, response(tools=[{"type": "mcp", "server_label": "s", "tunnel_id": "tunnel_1"}])),
    "a file by its address": (
        "/gemini/v1beta/models/gemini-2.5-flash:generateContent",
        {
            "contents": [
                {"parts": [{"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/1"}}]}
            ]
        },
    ),
    "a vector store": (RESPONSES, response(tools=[{"type": "file_search", "vector_store_ids": ["vs_1"]}])),
    "a container": (RESPONSES, response(tools=[{"type": "code_interpreter", "container": "cntr_1"}])),
    "a chat to keep": (CHAT, {"model": "gpt-4o", "messages": [], "store": True}),
    "a cached content": (
        "/gemini/v1beta/models/gemini-2.5-flash:generateContent",
        {"contents": [], "cached_content": "cachedContents/1"},
    ),
    "a file of the account": (
        "/gemini/v1beta/models/gemini-2.5-flash:generateContent",
        {"contents": [{"parts": [{"fileData": {"fileUri": "files/1"}}]}]},
    ),
    "a bucket of the account": (
        "/bedrock/model/amazon.nova-lite-v1:0/converse",
        {"messages": [{"content": [{"document": {"source": {"s3Location": {"uri": "s3://acme/plans"}}}}]}]},
    ),
}
def given(*items: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """An earlier turn as the provider answered it, between two of the caller's."""
    said = {"role": "user", "content": "hi"}
    return RESPONSES, response(input=[said, *items, said], include=["reasoning.encrypted_content"])


# What looks like a reference and brings all that it means.
WHOLE: dict[str, tuple[str, dict[str, Any]]] = {
    "a compacted conversation": given({"type": "compaction", "id": "cmp_1", "encrypted_content": "g"}),
    "sealed reasoning": given({"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "g"}),
    "a command and what it printed": given(
        {"type": "shell_call", "id": "sh_1", "call_id": "c", "action": {"commands": ["ls"], "env": {"container": "x"}}},
        {"type": "shell_call_output", "id": "so_1", "call_id": "c", "output": [{"stdout": "x"}]},
    ),
    "a patch and how it went": given(
        {"type": "apply_patch_call", "id": "ap_1", "call_id": "c", "operation": {"type": "delete_file", "path": "a"}},
        {"type": "apply_patch_call_output", "id": "ao_1", "call_id": "c", "status": "completed"},
    ),
    "a click and what it showed": given(
        {"type": "computer_call", "id": "cu_1", "call_id": "c", "action": {"type": "wait"}},
        {"type": "computer_call_output", "call_id": "c", "output": {"image_url": "data:image/png;base64,AA=="}},
    ),
    "a search": given({"type": "web_search_call", "id": "ws_1", "action": {"type": "search", "query": "q"}}),
    "an image": given({"type": "image_generation_call", "id": "ig_1", "result": "aGk="}),
    "a server's tools and its answer": given(
        {"type": "mcp_list_tools", "id": "ml_1", "server_label": "s", "tools": []},
        {"type": "mcp_call", "id": "mc_1", "server_label": "s", "name": "n", "arguments": "{}", "output": "o"},
    ),
    "a video on YouTube": (
        "/gemini/v1beta/models/gemini-2.5-flash:generateContent",
        {"contents": [{"parts": [{"fileData": {"fileUri": "https://www.youtube.com/watch?v=x"}}]}]},
    ),
    "examples of a tool": (
        "/anthropic/v1/messages",
        {
            "model": "claude-sonnet-4-5",
            "max_tokens": 9,
            "messages": [{"role": "user", "content": "hi"}],
            "tools": [{"name": "t", "input_schema": {}, "input_examples": [{"container": "c", "model": "x"}]}],
        },
    ),
}
# Models that somebody made under the account, out of what only they have.
MADE = {
    "a fine-tuned model": (CHAT, {"model": "ft:gpt-4o-mini:acme::abc", "messages": []}),
    "a custom model": ("/bedrock/model/arn:aws:bedrock:us-east-1:1:custom-model%2Facme/converse", {"messages": []}),
    "an imported model": (
        "/bedrock/model/arn:aws:bedrock:us-east-1:1:imported-model%2Facme/converse",
        {"messages": []},
    ),
    "a provisioned model": (
        "/bedrock/model/arn:aws:bedrock:us-east-1:1:provisioned-model%2Facme/converse",
        {"messages": []},
    ),
    "a tuned model": ("/gemini/v1beta/tunedModels/acme:generateContent", {"contents": []}),
}
DISGUISES = {
    "another case": response(Previous_Response_Id="resp_1"),
    "a long s": response(**{"previou\u017f_response_id": "resp_1"}),
}


@pytest.mark.parametrize("protocol", BOTH)
def test_another_tenants_file_is_not_read_through_a_shared_account(stage: Stage, protocol: str) -> None:
    upload = Attack("POST", "/openai/v1/files", (stage.bearer(), ("content-type", FORM)), UPLOAD)
    answer, _ = stage.open_door(upload, protocol)
    theft = Attack("GET", f"/openai/v1/files/{answer.json()['id']}/content", (stage.bearer("globex"),))
    answer, _ = stage.open_door(theft, protocol)
    assert SECRET in answer.body.decode()

    reason = "stateful_operation_shared_credential"
    record = stage.refuses(theft, protocol, 403, reason)
    assert record["claimgate.principal.tenant"] == "globex"
    stage.refuses(upload, protocol, 403, reason)
    # Where the account is the tenant's own it may keep files, and nobody else gets that far.
    stage.passes(upload.under("owned"), protocol)
    stage.refuses(theft.under("owned"), protocol, 403, reason)


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", REFERENCES)
def test_a_body_that_names_what_is_kept_is_refused(stage: Stage, protocol: str, name: str) -> None:
    path, body = REFERENCES[name]
    attack = posting(body, path, stage.bearer())
    _, seen = stage.open_door(attack, protocol)
    assert json.loads(seen["body"]) == body
    stage.refuses(attack, protocol, 403, "stateful_operation_shared_credential")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", WHOLE)
def test_what_brings_its_content_names_nothing_that_is_kept(stage: Stage, protocol: str, name: str) -> None:
    path, body = WHOLE[name]
    stage.passes(posting(body, path, stage.bearer()), protocol)


@pytest.mark.parametrize("protocol", BOTH)
def test_whoever_names_an_earlier_turn_is_told_the_way_out(stage: Stage, protocol: str) -> None:
    for fields in ({"input": [{"type": "item_reference", "id": "rs_1"}]}, {"previous_response_id": "resp_1"}):
        answer = posting(response(**fields), RESPONSES, stage.bearer()).play(stage.gateway.port, protocol)
        told = answer.json()["error"]["message"]
        assert "`store: false`" in told and '`include: ["reasoning.encrypted_content"]`' in told


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", DISGUISES)
def test_a_disguised_reference_is_refused(stage: Stage, protocol: str, name: str) -> None:
    attack = posting(DISGUISES[name], RESPONSES, stage.bearer())
    _, seen = stage.open_door(attack, protocol)
    assert json.loads(seen["body"]) == DISGUISES[name]
    stage.refuses(attack, protocol, 400, "body_ambiguous")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("claim", ["x-tenant-id", "openai-organization", "x-claimgate-tenant"])
def test_a_header_does_not_make_the_account_ones_own(stage: Stage, protocol: str, claim: str) -> None:
    attack = Attack("GET", "/owned/v1/files", (stage.bearer("globex"), (claim, "acme")))
    _, seen = stage.open_door(attack, protocol)
    assert [claim, "acme"] in seen["headers"]
    stage.refuses(attack, protocol, 403, "stateful_operation_shared_credential")
    path = "/owned/v1/chat/completions"
    chat = posting({"model": "gpt-4o", "messages": []}, path, stage.bearer("globex"), (claim, "acme"))
    stage.refuses(chat, protocol, 403, "tenant_mismatch")


@pytest.mark.parametrize("protocol", BOTH)
@pytest.mark.parametrize("name", MADE)
def test_a_model_that_another_tenant_made_does_not_answer(stage: Stage, protocol: str, name: str) -> None:
    path, body = MADE[name]
    attack = posting(body, path, stage.bearer("globex"))
    _, seen = stage.open_door(attack, protocol)
    assert seen["method"] == "POST"
    stage.refuses(attack, protocol, 403, "stateful_operation_shared_credential")


@pytest.mark.parametrize("protocol", BOTH)
def test_an_index_of_the_account_is_not_searched(stage: Stage, protocol: str) -> None:
    body = {"messages": [], "dataSources": [{"type": "AzureCognitiveSearch", "parameters": {"indexName": "acme"}}]}
    attack = posting(body, "/azure/openai/deployments/gpt-4o/chat/completions?api-version=1", stage.bearer("globex"))
    stage.refuses(attack, protocol, 403, "stateful_operation_shared_credential")
