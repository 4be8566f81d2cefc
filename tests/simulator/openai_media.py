"""OpenAI's image generation, transcription and speech."""

import base64

from .answer import Answer, json_answer
from .call import Call, MalformedBody
from .identifier import now
from .scenario import Scenario, complete

# A PNG of one pixel and an empty MPEG frame: enough for a reader to recognise the type.
PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)
SOUND = bytes.fromhex("fffb9000") + bytes(413)


def image_generation(call: Call, scenario: Scenario) -> Answer:
    """POST images/generations: one image in base64."""
    completion = complete(scenario, call.document)
    usage = {
        "input_tokens": completion.input_tokens,
        "input_tokens_details": {"text_tokens": completion.input_tokens, "image_tokens": 0},
        "output_tokens": completion.output_tokens,
        "total_tokens": completion.total_tokens,
    }
    image = {"b64_json": base64.b64encode(PIXEL).decode()}
    return json_answer({"created": now(), "data": [image], "size": "1024x1024", "usage": usage})


def transcription(call: Call, scenario: Scenario) -> Answer:
    """POST audio/transcriptions: takes a form with a `file`."""
    if "file" not in call.form:
        raise MalformedBody("form field `file` is missing")
    completion = complete(scenario, {"prompt": call.form.get("prompt", "")})
    usage = {
        "type": "tokens",
        "input_tokens": completion.input_tokens,
        "input_token_details": {"text_tokens": 0, "audio_tokens": completion.input_tokens},
        "output_tokens": completion.output_tokens,
        "total_tokens": completion.total_tokens,
    }
    return json_answer({"text": completion.text, "usage": usage})


def speech(call: Call, scenario: Scenario) -> Answer:
    """POST audio/speech: sound in chunks. This answer has no usage figures; the provider gives none."""
    if "input" not in call.document:
        raise MalformedBody("`input` is missing")
    return Answer(200, [("content-type", "audio/mpeg")], chunks=[SOUND] * 4, gap=scenario.gap)
