"""Bodies that readers might read differently: real ones, and what a seeded generator makes of them."""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass

# The keys that the gate reads, in any dialect.
NAMES = (
    "model stream max_tokens max_completion_tokens max_output_tokens max_tokens_to_sample maxTokens max_gen_len"
    " generationConfig generation_config inferenceConfig textGenerationConfig additionalModelRequestFields cachedContent cached_content"
    " previous_response_id conversation container store background prompt models fallbacks tools input include"
).split()
OTHERS = "messages user temperature seed metadata stop n contents system k".split()
# Node takes none below 27 letters.
BOUNDARIES = (
    "----WebKitFormBoundary7MA4YWxkTrZu0gW",
    "0123456789abcdef0123456789abcdef",
    "d1e2f3'(y)+_,-./:=?0123456789abcdef",
    "b",
)
FORM = "multipart/form-data; boundary="
JSON_PATHS = (
    ("openai", "/v1/chat/completions"),
    ("openai", "/v1/responses"),
    ("azure", "/openai/deployments/m/chat/completions"),
    ("anthropic", "/v1/messages"),
    ("gemini", "/v1beta/models/m:generateContent"),
    ("gemini", "/v1beta/openai/chat/completions"),
    ("bedrock", "/model/m/invoke"),
)
FORM_PATHS = (("openai", "/v1/audio/transcriptions"), ("openai", "/v1/images/edits"))
# Letters that some reader folds, trims or cuts at.
ODD_LETTERS = (
    "\u017f\u212a\u0130\u0131\u00e9\u00a0\u2003\u200b\u2028\ufeff\u0085\u0000\u001f\u007f\ufffd\ufffe\U0001f600"
)
ODD_BYTES = (b"", b"\xff", b"\xed\xa0\x80", b"\xc0\x80", b"\xc2\xa0", b"\0", b'"', b"\\", b",", b"\r", b"\n", b":", b"-")
ESCAPES = ("\\ud800", "\\udc00", "\\ud83d\\ude00", "\\/", "\\x41", "\\v", "\t")
NUMBERS = (
    "0 1 5 -1 -0 0.0 1.0 1e2 1E+2 1e400 -1e400 1e-400 01 +1 .5 1. 0x10 1_000 9007199254740991 9007199254740992"
    " 9007199254740993 18446744073709551615 18446744073709551616 123456789012345678901234567890 NaN Infinity -Infinity"
).split()
TEXTS = ("m", "gpt-4o", "a/b:c", "", " m", "m ", "m\u00a0", "m\u0000x", "\U0001f600", "\u00e9", "models/m", "true", "5")


@dataclass(frozen=True)
class Question:
    dialect: str
    path: str
    content_type: str
    body: bytes

    @property
    def is_json(self) -> bool:
        return not self.content_type.startswith("multipart/")


class Generator:
    """Makes questions; the same seed makes the same ones."""

    def __init__(self, seed: int) -> None:
        self._dice = random.Random(seed)

    def questions(self, count: int) -> Iterator[Question]:
        for _ in range(count):
            yield self._json() if self._dice.random() < 0.6 else self._form()

    def _json(self) -> Question:
        dialect, path = self._dice.choice(JSON_PATHS)
        types = ("application/json; charset=utf-8", "Application/JSON")
        content_type = self._dice.choice(("application/json",) * 8 + types)
        return Question(dialect, path, content_type, self._damaged(self._object(3).encode("utf-8", "surrogatepass")))

    def _object(self, depth: int) -> str:
        pairs = [self._pair(depth) for _ in range(self._dice.choice((0, 1, 2, 3, 4, 6)))]
        if depth == 3 and self._dice.random() < 0.7:
            pairs.append((self._name("model"), self._text("m")))
        if len(pairs) > 1 and self._dice.random() < 0.05:
            pairs.append(self._dice.choice(pairs))
        self._dice.shuffle(pairs)
        spelt = (f"{self._blank()}{name}{self._blank()}:{self._blank()}{value}" for name, value in pairs)
        return "{" + ",".join(spelt) + "}"

    def _pair(self, depth: int) -> tuple[str, str]:
        name = self._dice.choice(NAMES if self._dice.random() < 0.6 else OTHERS)
        if self._dice.random() < 0.7:
            return self._name(name), self._fitting(name, depth)
        return self._name(name), self._value(depth)

    def _fitting(self, name: str, depth: int) -> str:
        """A value that the gate would take at this key."""
        if name == "model":
            return self._text(self._dice.choice(("m", "m", "models/m", "gpt-4o")))
        if name == "stream":
            return self._dice.choice(("true", "false", "null"))
        if name.lower().endswith(("config", "fields")) and depth > 0:
            inner = self._dice.choice(("maxOutputTokens", "max_output_tokens", "maxTokens", "max_tokens", "maxTokenCount"))
            number = str(self._dice.randrange(99))
            if self._dice.random() < 0.3:
                # Protobuf's integers have these spellings too.
                number = self._dice.choice((f'"{number}"', f"{number}.0", f"{number}e1", f'"{number}E0"', '"x"', "7.5"))
            return "{" + f"{self._name(inner)}:{number}" + "}"
        if name.startswith("max"):
            return self._dice.choice(("0", "7", "16", "9007199254740991", "null"))
        return self._value(depth)

    def _value(self, depth: int) -> str:
        kind = self._dice.randrange(8)
        if kind == 0 and depth > 0:
            return self._object(depth - 1)
        if kind == 1 and depth > 0:
            return "[" + ",".join(self._value(depth - 1) for _ in range(self._dice.randrange(4))) + "]"
        if kind == 2:
            return self._dice.choice(("true", "false", "null"))
        if kind == 3:
            return self._dice.choice(NUMBERS)
        if kind == 4 and self._dice.random() < 0.1:
            levels = self._dice.choice((10, 59, 61, 62, 63, 64, 200, 3000))
            return "[" * levels + "]" * levels
        return self._text(self._dice.choice(TEXTS))

    def _name(self, name: str) -> str:
        chance = self._dice.random()
        position = self._dice.randrange(len(name))
        if chance < 0.02:
            name = self._dice.choice((name.upper(), name.title(), name.swapcase()))
        elif chance < 0.04:
            name = name[:position] + self._dice.choice(ODD_LETTERS) + name[position + 1 :]
        elif chance < 0.06:
            name = name[:position] + self._dice.choice(ODD_LETTERS + " ._") + name[position:]
        return self._text(name)

    def _text(self, text: str) -> str:
        """The text as JSON, in one of its spellings."""
        if self._dice.random() < 0.03:
            text += self._dice.choice(ODD_LETTERS)
        spelt = json.dumps(text, ensure_ascii=self._dice.random() < 0.5)
        if text and self._dice.random() < 0.1:
            units = text.encode("utf-16-be", "surrogatepass")
            pairs = zip(units[::2], units[1::2], strict=True)
            spelt = '"' + "".join(f"\\u{high:02x}{low:02X}" for high, low in pairs) + '"'
        if self._dice.random() < 0.01:
            spelt = spelt[:-1] + self._dice.choice(ESCAPES) + '"'
        return spelt

    def _blank(self) -> str:
        return self._dice.choice(("",) * 30 + (" ", "\n", "\r\n", "\t", "\u00a0", "\f", "/**/"))

    def _form(self) -> Question:
        dialect, path = self._dice.choice(FORM_PATHS)
        boundary = self._dice.choice(BOUNDARIES)
        quoted = f'"{boundary}"' if self._dice.random() < 0.5 or not boundary.strip("-").isalnum() else boundary
        fields = [self._field("file", "RIFF\r\n--c\r\n\x00")] if self._dice.random() < 0.7 else []
        if self._dice.random() < 0.9:
            models = ("m", "whisper-1") if self._dice.random() < 0.9 else TEXTS
            fields.append(self._field("model", self._dice.choice(models)))
        if self._dice.random() < 0.4:
            fields.append(self._field("stream", self._dice.choice(("true", "false") * 5 + ("1", "True", ""))))
        if self._dice.random() < 0.3:
            fields.append(self._field(self._dice.choice(("prompt", "timestamp_granularities[]", "n", "\u00e9")), "x"))
        if self._dice.random() < 0.03:
            fields.append(self._dice.choice(fields or [""]))
        self._dice.shuffle(fields)
        body = "".join(f"--{boundary}\r\n{field}\r\n" for field in fields)
        body += f"--{boundary}--" + self._dice.choice(("\r\n",) * 12 + ("", "", "\n", "\r\nx"))
        return Question(dialect, path, FORM + quoted, self._damaged(body.encode()))

    def _field(self, name: str, value: str) -> str:
        chance = self._dice.random()
        if chance < 0.04:
            position = self._dice.randrange(len(name) + 1)
            name = name[:position] + self._dice.choice(ODD_LETTERS + " %*'\"<>;=[]\\") + name[position:]
        elif chance < 0.06:
            name = self._dice.choice((name.upper(), name + "[]", name + " ", " " + name, name.replace("o", "%6f")))
        quote = '"' if self._dice.random() < 0.9 else self._dice.choice(("", "'"))
        lines = [self._spelt(f"Content-Disposition: form-data; name={quote}{name}{quote}")]
        if name == "file" and self._dice.random() < 0.9:
            lines[0] += f'; filename="{self._dice.choice(("a.wav", "a;b.wav", "a%22.wav", "model", "é.wav"))}"'
            lines[0] += self._dice.choice(self.EXTENDED_NAMES) if self._dice.random() < 0.3 else ""
            lines.append("Content-Type: audio/wav")
        elif self._dice.random() < 0.1:
            lines.append(self._spelt("Content-Type: " + self._dice.choice(self.TYPES)))
        if self._dice.random() < 0.05:
            lines.append(self._spelt(self._dice.choice(self.HEADERS)))
        self._dice.shuffle(lines)
        return "\r\n".join(lines) + "\r\n\r\n" + value

    EXTENDED_NAMES = (
        "; filename*=utf-8''a.wav",
        "; filename*=UTF-8'en'%C3%A9%20b.wav",
        "; filename*=\"utf-8''a.wav\"",
        "; filename*0=a; filename*1=b",
        "; filename*0*=utf-8''a%20; filename*1=b",
        "; filename*=it's",
        "; filename*=utf-8''model; name*=utf-8''model",
        "; name*0=mo; name*1=del",
    )
    TYPES = ("text/plain", "text/plain; charset=utf-8", "text/plain; charset=utf-16", "application/json", "text/html")
    HEADERS = (
        "Content-Transfer-Encoding: 8bit",
        "Content-Transfer-Encoding: base64",
        "Content-Transfer-Encoding: quoted-printable",
        "Content-Length: 1",
        "X-Other: name=model",
        'Content-Disposition: form-data; name="model"',
        ' name="model"',
        "X",
        ": x",
        "X\u00a0: y",
    )

    ENDINGS = (
        "; name=x",
        '; filename=""',
        "; name*=utf-8''model",
        ";",
        ' ;x="y"',
        '; x="a\\"b"',
        "\u00a0",
        " ",
        "\t",
    )

    def _spelt(self, header: str) -> str:
        """A header in another case, or with something put into it."""
        chance = self._dice.random()
        if chance < 0.05:
            return header.swapcase() if "model" not in header and "stream" not in header else header
        if chance < 0.08:
            return header + self._dice.choice(self.ENDINGS)
        if chance < 0.1:
            position = self._dice.randrange(len(header))
            return header[:position] + self._dice.choice(ODD_LETTERS + " \t;:=\"'\\\r\n") + header[position:]
        return header

    def _damaged(self, body: bytes) -> bytes:
        """Most bodies as they are, the others with a few bytes changed."""
        chance = self._dice.random()
        if chance < 0.02:
            return self._dice.choice((b"\xef\xbb\xbf", b"\x00", b" ", b"\r\n", b"\x1e", b"\xff\xfe")) + body
        if chance < 0.04:
            return body + self._dice.choice((b"\x00", b" ", b"\n\n", b"{}", b"x", b"\x1a", b"\xff"))
        if chance < 0.12 and body:
            changed = bytearray(body)
            for _ in range(self._dice.choice((1, 1, 2, 3))):
                position = self._dice.randrange(len(changed))
                changed[position : position + self._dice.randrange(2)] = self._dice.choice(ODD_BYTES)
            return bytes(changed)
        return body
