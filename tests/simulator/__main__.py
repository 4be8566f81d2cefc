"""Starts the simulator: `python -m simulator --openai PORT … --control PORT`, 0 for a free port.

Prints one JSON line with the ports once all of them listen, and ends on SIGTERM or SIGINT.
"""

import argparse
import asyncio
import json
import signal
from pathlib import Path

from aiohttp import web

from .anthropic import Anthropic
from .azure import AzureOpenAI
from .bedrock import Bedrock
from .control import control_server
from .gemini import Gemini
from .jwks import Jwks
from .openai import OpenAI
from .received import Received
from .server import provider_server
from .vertex import Vertex

PROVIDERS = (OpenAI, AzureOpenAI, Anthropic, Gemini, Bedrock, Vertex)
BACKLOG = 512


def main() -> None:
    parser = argparse.ArgumentParser(prog="simulator", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--slow-seconds", type=float, default=3.0, help="how late the model `sim-slow` answers")
    parser.add_argument("--jwks", type=Path, metavar="FILE", help="the key set served at first")
    for name in (*(provider.name for provider in PROVIDERS), "control"):
        parser.add_argument(f"--{name}", type=int, default=0, metavar="PORT")
    asyncio.run(_run(parser.parse_args()))


async def _run(arguments: argparse.Namespace) -> None:
    received, ports, runners = Received(), {}, []
    servers = {
        provider.name: provider_server(provider(), received, arguments.slow_seconds) for provider in PROVIDERS
    }
    jwks = Jwks()
    if arguments.jwks is not None:
        jwks.replace(json.loads(arguments.jwks.read_text()))
    servers["control"] = control_server(received, jwks)
    for name, server in servers.items():
        runner = web.ServerRunner(server)
        await runner.setup()
        site = web.TCPSite(runner, arguments.host, getattr(arguments, name), backlog=BACKLOG, shutdown_timeout=0.5)
        await site.start()
        runners.append(runner)
        ports[name] = runner.addresses[0][1]
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    print(json.dumps(ports), flush=True)
    await stopped.wait()
    for runner in runners:
        await runner.cleanup()


main()
