"""Stand-ins for the public images, for a machine that cannot pull: made of the programs that this machine has."""

import io
import re
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable
from importlib.metadata import distribution
from pathlib import Path

from harness.envoy import envoy_binary
from harness.rate_limit_service import PROGRAM

ENVOY_IMAGE = "claimgate-stand-in/envoy"
PYTHON_IMAGE = "claimgate-stand-in/python"
RATE_LIMIT_IMAGE = "claimgate-stand-in/ratelimit"
REDIS_IMAGE = "claimgate-stand-in/redis"
LIBRARY = re.compile(r"(/\S+) \(0x")
SEARCH_PATH = "/usr/local/bin:/usr/bin:/bin"
PACKAGE = "aiohttp"
STAND_IN_PACKAGES = "/usr/local/lib/stand-in"
UNWANTED = ("__pycache__", "site-packages", "test", "tests", "idlelib", "ensurepip", "tkinter", "lib2to3")


class Root:
    """The file system of an image, as a tar archive that is still open."""

    def __init__(self) -> None:
        self._content = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._content, mode="w")
        self._names: set[str] = set()
        for directory in ("tmp", "etc", "usr/local/bin"):
            self._directory(directory)

    def add(self, file: Path, name: str | None = None) -> None:
        """A file with the content behind a link, under its own path or another one."""
        name = (name or str(file)).lstrip("/")
        if name not in self._names:
            self._names.add(name)
            self._tar.add(file.resolve(), name, recursive=False)

    def add_program(self, file: Path, name: str) -> None:
        """A program and the libraries it is linked to."""
        self.add(file, name)
        self.add_libraries(file)

    def add_libraries(self, file: Path) -> None:
        """Everything that the dynamic linker would load."""
        listed = subprocess.run(["ldd", file], capture_output=True, text=True, check=False).stdout
        for library in LIBRARY.findall(listed):
            self.add(Path(library))

    def add_tree(self, directory: Path, name: str, unwanted: Iterable[str] = ()) -> None:
        """All files below a directory, with the libraries of those that are shared objects."""
        excluded = set(unwanted)
        for file in sorted(directory.rglob("*")):
            below = file.relative_to(directory)
            if file.is_file() and excluded.isdisjoint(below.parts):
                self.add(file, f"{name}/{below}")
                if ".so" in file.suffixes:
                    self.add_libraries(file)

    def load(self, image: str) -> None:
        """Gives the file system to the engine as an image."""
        self._tar.close()
        command = ["docker", "import", "--change", f"ENV PATH={SEARCH_PATH}", "-", f"{image}:latest"]
        subprocess.run(command, input=self._content.getvalue(), check=True, stdout=subprocess.DEVNULL)

    def _directory(self, name: str) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
        self._tar.addfile(entry)


def build_envoy() -> str:
    """Envoy and its libraries, nothing else. Returns the image's name."""
    root = Root()
    root.add_program(envoy_binary(), "/usr/local/bin/envoy")
    root.load(ENVOY_IMAGE)
    return ENVOY_IMAGE


def build_rate_limit() -> str:
    """The rate limit service, nothing else. Returns the image's name."""
    root = Root()
    root.add_program(PROGRAM, "/bin/ratelimit")
    root.load(RATE_LIMIT_IMAGE)
    return RATE_LIMIT_IMAGE


def build_redis() -> str:
    """Redis, its client and their libraries. Returns the image's name."""
    root = Root()
    for name in ("redis-server", "redis-cli"):
        root.add_program(Path("/usr/bin") / name, f"/usr/local/bin/{name}")
    root.load(REDIS_IMAGE)
    return REDIS_IMAGE


def build_python() -> str:
    """This Python with its standard library, a shell, and the simulator's package. Returns the image's name."""
    root = Root()
    interpreter = Path(sys.executable).resolve()
    # Python finds its library from where its program is.
    root.add_program(interpreter, str(interpreter))
    root.add_program(Path("/bin/sh"), "/bin/sh")
    library = Path(sysconfig.get_path("stdlib"))
    root.add_tree(library, str(library), UNWANTED)
    packages = Path(sysconfig.get_path("purelib"))
    for package in sorted(_with_requirements(PACKAGE)):
        for file in distribution(package).files or []:
            path = Path(str(distribution(package).locate_file(file))).resolve()
            if path.is_relative_to(packages) and path.is_file() and "__pycache__" not in path.parts:
                root.add(path, f"{STAND_IN_PACKAGES}/{path.relative_to(packages)}")
                if ".so" in path.suffixes:
                    root.add_libraries(path)
    return _load_python(root, interpreter)


def _load_python(root: Root, interpreter: Path) -> str:
    # A script, because a link would hide from Python where its library is.
    script = Path(sys.prefix) / "stand-in-python"
    script.write_text(f"#!/bin/sh\nPYTHONPATH=$PYTHONPATH:{STAND_IN_PACKAGES} exec {interpreter} \"$@\"\n")
    script.chmod(0o755)
    root.add(script, "/usr/local/bin/python")
    script.unlink()
    root.load(PYTHON_IMAGE)
    return PYTHON_IMAGE


def _with_requirements(package: str) -> set[str]:
    found, waiting = set[str](), [package]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        for requirement in distribution(name).requires or []:
            if "extra ==" not in requirement and _is_installed(bare := re.split(r"[^\w.-]", requirement)[0]):
                waiting.append(bare)
    return found


def _is_installed(name: str) -> bool:
    try:
        distribution(name)
    except ModuleNotFoundError:
        return False
    return True
