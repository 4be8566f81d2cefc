"""What a scenario is driven with, by wrk: one request over and over, or one header with another value each time."""

import json
import re
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

PATH = "/openai/v1/chat/completions"
CONNECTIONS = 16
# wrk's own words for percentiles.
UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6, "m": 60e6}


def chat(size: int) -> str:
    """A chat request of about `size` bytes."""
    sentence = "The quick brown fox jumps over the lazy dog. "
    messages: list[dict[str, str]] = []
    body = {"model": "gpt-4o", "max_tokens": 64, "messages": messages}
    while (missing := size - len(json.dumps(body))) > 0:
        text = (sentence * 50)[: min(max(missing - 40, 10), 2000)]
        messages.append({"role": "user" if len(messages) % 2 == 0 else "assistant", "content": text})
    return json.dumps(body)


@dataclass
class Load:
    """A POST of one body. Where `values` gives some, each request takes the next one for the header `varied`."""

    headers: dict[str, str]
    body: str = field(default_factory=lambda: chat(300))
    varied: str = ""
    values: Callable[[], Sequence[str]] = tuple

    @cached_property
    def own_values(self) -> Sequence[str]:
        return self.values()

    def script(self, file: Path) -> Path:
        """Writes it for wrk. The first argument says with which value to begin."""
        headers = {"content-type": "application/json", **self.headers}
        lines = ['wrk.method = "POST"', f"wrk.body = {json.dumps(self.body)}"]
        lines += [f'wrk.headers["{name}"] = "{value}"' for name, value in headers.items()]
        if self.varied:
            values = file.with_suffix(".txt")
            values.write_text("\n".join(self.own_values))
            lines += [
                "local values, requests, next = {}, {}, 0",
                "function init(arguments)",
                f'  for value in io.lines("{values}") do values[#values + 1] = value end',
                "  next = tonumber(arguments[1])",
                "end",
                "function request()",
                "  next = next % #values + 1",
                "  if not requests[next] then",
                f'    wrk.headers["{self.varied}"] = values[next]',
                "    requests[next] = wrk.format()",
                "  end",
                "  return requests[next]",
                "end",
            ]
        file.write_text("\n".join(lines))
        return file


@dataclass(frozen=True)
class Driven:
    """What one run of wrk saw."""

    requests: int
    requests_per_second: float
    p50_us: float
    p99_us: float


def interrupted(wrk: "subprocess.Popen[str]") -> str:
    """What it says once it is interrupted; again and again, because one that is just starting does not notice."""
    for _ in range(30):
        wrk.send_signal(signal.SIGINT)
        try:
            return wrk.communicate(timeout=1)[0]
        except subprocess.TimeoutExpired:
            continue
    wrk.kill()
    raise RuntimeError("wrk does not end")


def drive(url: str, script: Path, seconds: float, first: int = 0) -> Driven:
    """Drives for some seconds. Raises RuntimeError where an answer is not a success."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", "-d60s", "--latency", "-s", str(script), f"{url}{PATH}"]
    command += ["--", str(first)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as wrk:
        time.sleep(seconds)
        # It only takes whole seconds, but ends at once, with its report, when it is interrupted.
        output = interrupted(wrk)
    if "Non-2xx" in output or "Socket errors" in output:
        raise RuntimeError(f"the scenario refuses its own load:\n{output}")
    found = {
        "requests": re.search(r"(\d+) requests in", output),
        "rate": re.search(r"Requests/sec:\s+([\d.]+)", output),
        "p50": re.search(r"50%\s+([\d.]+)(\w+)", output),
        "p99": re.search(r"99%\s+([\d.]+)(\w+)", output),
    }
    if not all(found.values()):
        raise RuntimeError(f"wrk said something else:\n{output}")
    matches = {name: match.groups() for name, match in found.items() if match}
    p50, p99 = (float(matches[name][0]) * UNITS[matches[name][1]] for name in ("p50", "p99"))
    return Driven(int(matches["requests"][0]), float(matches["rate"][0]), p50, p99)
