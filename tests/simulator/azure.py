"""Azure OpenAI: OpenAI's operations under a deployment or under `/openai/v1`, with Azure's errors and headers."""

import uuid

from .answer import Answer, data_event, json_answer
from .call import Call
from .openai import OpenAI, openai_model
from .scenario import Scenario

REFUSALS = {
    400: ("BadRequest", "The request body is not valid."),
    401: ("401", "Access denied due to invalid subscription key or wrong API endpoint."),
    404: ("404", "Resource not found"),
    429: ("429", "Requests have exceeded the token rate limit of your pricing tier. Please retry after 1 second."),
    500: ("InternalServerError", "The server had an error while processing your request."),
}
HARMLESS = {
    category: {"filtered": False, "severity": "safe"} for category in ("hate", "self_harm", "sexual", "violence")
}


class AzureOpenAI:
    """The dialect under `/openai/deployments/{deployment}/…?api-version=` and `/openai/v1/…`."""

    name = "azure"

    def __init__(self) -> None:
        self._operations = OpenAI()

    def denied(self, call: Call) -> Answer | None:
        return None if call.header("api-key") or call.bearer() else self.refusal(401)

    def model(self, call: Call) -> str:
        if call.segments[:2] == ["openai", "deployments"] and len(call.segments) > 2:
            return call.segments[2]
        return openai_model(call)

    def answer(self, call: Call, scenario: Scenario) -> Answer:
        match call.segments:
            case ["openai", "deployments", _, *operation] if "api-version" in call.query:
                answer = self._operations.operate(call, operation, scenario)
            case ["openai", "v1", *operation]:
                answer = self._operations.operate(call, operation, scenario)
            case _:
                return self.refusal(404)
        if answer.status == 404:
            return self.refusal(404)
        if call.segments[-2:] == ["chat", "completions"] and answer.chunks:
            filtered = [{"prompt_index": 0, "content_filter_results": HARMLESS}]
            # Azure's first chunk has no choices, an empty model and the verdict on the prompt.
            head = {"id": "", "object": "", "created": 0, "model": "", "choices": []}
            answer.chunks.insert(0, data_event({**head, "prompt_filter_results": filtered}))
        return answer

    def refusal(self, status: int, message: str | None = None) -> Answer:
        code, text = REFUSALS.get(status, (str(status), f"Simulated status {status}."))
        retry = [("retry-after", "1"), ("retry-after-ms", "1000")] if status == 429 else []
        return json_answer({"error": {"code": code, "message": message or text}}, status=status, headers=retry)

    def headers(self, answer: Answer) -> list[tuple[str, str]]:
        return [
            ("apim-request-id", str(uuid.uuid4())),
            ("x-request-id", str(uuid.uuid4())),
            ("x-ms-region", "Sweden Central"),
            ("x-ms-deployment-name", "simulator"),
            ("x-ratelimit-limit-requests", "1000"),
            ("x-ratelimit-limit-tokens", "100000"),
            ("x-ratelimit-remaining-requests", "999"),
            ("x-ratelimit-remaining-tokens", "99987"),
            ("azureml-model-session", "d000-simulator"),
        ]
