"""Vertex AI: Google's, Anthropic's and OpenAI's words below a project and a location, for a bearer alone."""

from .answer import Answer, json_answer
from .anthropic import messages
from .call import Call
from .gemini import EMBEDDING, Gemini
from .openai_chat import chat
from .scenario import DEFAULT_MODEL, Scenario, complete


class Vertex:
    """The dialect under `/v1/projects/{project}/locations/{location}` (and `/v1beta1`)."""

    name = "vertex"

    def __init__(self) -> None:
        self._google = Gemini()

    def denied(self, call: Call) -> Answer | None:
        if call.header("x-goog-api-key") or "key" in call.query:
            return self.refusal(401, "API keys are not supported by this API. Expected OAuth2 access token.")
        return None if call.bearer() else self.refusal(401)

    def model(self, call: Call) -> str:
        match _below(call):
            case ["publishers", _, "models", name] if not name.startswith("count-tokens:"):
                return name.rpartition(":")[0]
        return str(call.document.get("model", DEFAULT_MODEL))

    def answer(self, call: Call, scenario: Scenario) -> Answer:
        if call.method != "POST":
            return self.refusal(404)
        match _below(call):
            case ["publishers", "google", "models", name]:
                return self._google_answer(call, name.rpartition(":")[2], scenario)
            case ["publishers", "anthropic", "models", name]:
                return self._anthropic_answer(call, name, scenario)
            case ["endpoints", "openapi", "chat", "completions"]:
                if not scenario.model.startswith("google/"):
                    return self.refusal(400, f"Unsupported model `{scenario.model}`: it has no publisher.")
                return chat(call, scenario)
        return self.refusal(404)

    def refusal(self, status: int, message: str | None = None) -> Answer:
        return self._google.refusal(status, message)

    def headers(self, answer: Answer) -> list[tuple[str, str]]:
        return self._google.headers(answer)

    def _google_answer(self, call: Call, verb: str, scenario: Scenario) -> Answer:
        if verb != "predict":
            return self._google.operate(call, verb, scenario)
        counted = complete(scenario, call.document).input_tokens
        statistics = {"truncated": False, "token_count": counted}
        predictions = [{"embeddings": {**EMBEDDING, "statistics": statistics}} for _ in call.document["instances"]]
        return json_answer({"predictions": predictions, "metadata": {"billableCharacterCount": counted * 4}})

    def _anthropic_answer(self, call: Call, name: str, scenario: Scenario) -> Answer:
        if "anthropic_version" not in call.document:
            return self.refusal(400, "anthropic_version: Field required")
        if name == "count-tokens:rawPredict":
            return json_answer({"input_tokens": complete(scenario, call.document).input_tokens})
        if "model" in call.document:
            return self.refusal(400, "model: Extra inputs are not permitted")
        verb = name.rpartition(":")[2]
        return messages(call.document, scenario) if verb in ("rawPredict", "streamRawPredict") else self.refusal(404)


def _below(call: Call) -> list[str]:
    """The segments below project and location; none where the path names none."""
    match call.segments:
        case ["v1" | "v1beta1", "projects", _, "locations", _, *rest]:
            return rest
    return []
