"""How compose is called on this machine."""

import shutil
import subprocess

INSTALL = "apt-get install docker.io docker-compose"


def compose_command() -> list[str] | None:
    """`docker compose` or `docker-compose`, whichever is there."""
    for command in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(command[0]) is None:
            continue
        if subprocess.run([*command, "version"], capture_output=True, check=False).returncode == 0:
            return command
    return None
