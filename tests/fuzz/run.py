"""Builds the fuzz targets with the stable compiler and runs them. It needs no package, and no cargo-fuzz.

`check` replays the committed corpus and then fuzzes for some seconds; `run` fuzzes for as long as it is told;
`merge` takes what a long run found into the committed corpus. Whoever has a nightly compiler and cargo-fuzz may as
well say `cargo fuzz run --fuzz-dir tests/fuzz operation`.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "fuzz"
CORPUS = HERE / "corpus"
TARGETS = ("operation", "body", "token", "configuration", "expression", "walk", "answer", "sealed_key")
STATE = ROOT / "target" / "fuzz"

# What cargo-fuzz hands to a nightly compiler, without the sanitizers, which only a nightly compiler has: this code
# has no `unsafe` for them to watch.
RUSTFLAGS = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "--cfg",
    "fuzzing",
]
# An input that takes longer is a fault, and so is one that takes this much memory.
TIMEOUT_SECONDS = 20
MEMORY_MB = 1024
# A long run is cut into runs of this length, and each is counted when it ends.
SLICE_SECONDS = 600
# What libFuzzer ends with when somebody stops it; what it has run until then counts.
INTERRUPTED = 72
# A corpus that is committed stays small.
MAX_INPUTS = 300
MAX_INPUT_BYTES = 4096


@dataclass
class Ran:
    """What one run of libFuzzer says of itself at its end."""

    executions: int
    seconds: float
    coverage: int
    features: int
    corpus: int
    status: int
    # The input that failed, if one did.
    artifact: Path | None

    @property
    def rate(self) -> int:
        return round(self.executions / self.seconds) if self.seconds else 0


def build(optimisation: int) -> Path:
    """Builds all targets; returns the directory of the programs."""
    if not any(shutil.which(compiler) for compiler in ("c++", "g++", "clang++")):
        print("fuzz: the fuzzer's runtime is C++, so it needs a compiler")
        subprocess.run([ROOT / "tests/setup/debian", "g++"], check=True)
    environment = dict(os.environ)
    toolchain = subprocess.run([ROOT / "tests/setup/toolchain"], check=True, capture_output=True, text=True)
    if toolchain.stdout.strip():
        environment["RUSTUP_TOOLCHAIN"] = toolchain.stdout.strip()
    version = subprocess.run(["rustc", "-vV"], check=True, capture_output=True, text=True, env=environment, cwd=ROOT)
    host = re.search(r"^host: (\S+)$", version.stdout, re.MULTILINE)[1]
    environment["CARGO_PROFILE_RELEASE_OPT_LEVEL"] = str(optimisation)
    environment["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join(RUSTFLAGS)
    # With a target named, build scripts and macros stay as they are.
    command = ["cargo", "build", "--release", "--locked", "--bins", "--manifest-path", HERE / "Cargo.toml"]
    command += ["--target", host, "--target-dir", ROOT / "target" / "fuzz" / "build"]
    start = time.monotonic()
    subprocess.run(command, check=True, env=environment, cwd=ROOT)
    print(f"fuzz: built in {time.monotonic() - start:.0f} s", flush=True)
    return ROOT / "target" / "fuzz" / "build" / host / "release"


def committed(target: str) -> Path:
    return CORPUS / target


def fuzz(program: Path, state: Path, corpora: list[Path], options: list[str]) -> Ran:
    """Runs one target, with its output in the state's log."""
    artifacts, log = state / "artifacts", state / "logs" / f"{program.name}.log"
    artifacts.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    command = ["nice", "-n", "19", program, *options]
    command += ["-print_final_stats=1", f"-timeout={TIMEOUT_SECONDS}", f"-rss_limit_mb={MEMORY_MB}"]
    command += [f"-artifact_prefix={artifacts}/{program.name}-"]
    dictionary = HERE / "dictionaries" / f"{program.name}.dict"
    if dictionary.exists():
        command.append(f"-dict={dictionary}")
    command += corpora
    start = time.monotonic()
    with log.open("a") as file:
        file.write(f"$ {shlex.join(map(str, command))}\n")
        file.flush()
        begin = file.tell()
        status = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file, stderr=file).returncode
    return read_log(log, begin, status, time.monotonic() - start)


def read_log(log: Path, begin: int, status: int, seconds: float) -> Ran:
    with log.open("rb") as file:
        file.seek(begin)
        text = file.read().decode(errors="replace")
    executions = re.findall(r"^stat::number_of_executed_units:\s+(\d+)$", text, re.MULTILINE)
    progress = re.findall(r"\bcov: (\d+) ft: (\d+) corp: (\d+)/", text)
    artifact = re.findall(r"Test unit written to (\S+)", text)
    coverage, features, corpus = map(int, progress[-1]) if progress else (0, 0, 0)
    return Ran(
        executions=int(executions[-1]) if executions else 0,
        seconds=seconds,
        coverage=coverage,
        features=features,
        corpus=corpus,
        status=status,
        artifact=Path(artifact[-1]) if artifact else None,
    )


def why_failed(target: str, ran: Ran, state: Path) -> str:
    if ran.artifact is None:
        return f"status {ran.status}; see {shown(state / 'logs' / f'{target}.log')}"
    return f"{shown(ran.artifact)}; reproduce with `make fuzz TARGET={target} INPUT={shown(ran.artifact)}`"


def shown(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def check(programs: Path, targets: list[str], seconds: int) -> int:
    """What `make test` runs; its lines have the form of Rust's test programs."""
    failed = 0
    for target in targets:
        inputs = sum(1 for _ in committed(target).iterdir())
        ran = fuzz(programs / target, STATE, [committed(target)], ["-runs=0"])
        failed += told(target, f"replays its {inputs} inputs", ran)
        fresh = STATE / "fresh" / target
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        ran = fuzz(programs / target, STATE, [fresh, committed(target)], [f"-max_total_time={seconds}"])
        failed += told(target, f"finds nothing in {seconds} s", ran)
    return 1 if failed else 0


def told(target: str, what: str, ran: Ran) -> bool:
    if ran.status != 0:
        print(f"test {target}: {what} ... FAILED, {why_failed(target, ran, STATE)}", flush=True)
        return True
    print(f"test {target}: {what} ... ok", flush=True)
    print(f"     {ran.executions} executions, {ran.rate}/s, {ran.coverage} edges covered", flush=True)
    return False


def run(programs: Path, targets: list[str], state: Path, arguments: argparse.Namespace) -> int:
    """Fuzzes each target in turn and counts what libFuzzer says it has run; a failure stops only its target."""
    failed = False
    for target in targets:
        goal = arguments.runs
        if arguments.total is not None:
            goal = max(0, arguments.total - sum(ran.executions for ran in counted(state, target)))
        failed |= not run_target(programs / target, state, goal, arguments.seconds)
    summarise(state, targets)
    return 1 if failed else 0


def run_target(program: Path, state: Path, goal: int | None, seconds: int) -> bool:
    corpus = state / "corpus" / program.name
    corpus.mkdir(parents=True, exist_ok=True)
    left = goal
    end = time.monotonic() + seconds
    while left is None or left > 0:
        pause = SLICE_SECONDS if left is not None else min(SLICE_SECONDS, round(end - time.monotonic()))
        if pause <= 0:
            break
        options = [f"-max_total_time={pause}"] + ([] if left is None else [f"-runs={left}"])
        ran = fuzz(program, state, [corpus, committed(program.name)], options)
        count(state, program.name, ran)
        print(f"{program.name}: {ran.executions} executions, {ran.rate}/s, {ran.coverage} edges covered", flush=True)
        if ran.status == INTERRUPTED:
            break
        if ran.status != 0:
            print(f"{program.name}: FAILED, {why_failed(program.name, ran, state)}", flush=True)
            return False
        if left is not None:
            left -= ran.executions
    return True


def count(state: Path, target: str, ran: Ran) -> None:
    fields = (target, ran.executions, round(ran.seconds), ran.coverage, ran.features, ran.corpus, ran.status)
    with (state / "totals.tsv").open("a") as file:
        file.write("\t".join(map(str, fields)) + "\n")


def counted(state: Path, target: str) -> Iterator[Ran]:
    totals = state / "totals.tsv"
    for line in totals.read_text().splitlines() if totals.exists() else []:
        name, *fields = line.split("\t")
        if name == target:
            executions, seconds, coverage, features, corpus, status = map(int, fields)
            yield Ran(executions, seconds, coverage, features, corpus, status, None)


def summarise(state: Path, targets: list[str]) -> None:
    print(f"\n{'target':15} {'executions':>12} {'hours':>6} {'per s':>8} {'edges':>7} {'features':>9} {'failed':>7}")
    everything = 0
    for target in targets:
        runs = list(counted(state, target))
        executions, seconds = sum(ran.executions for ran in runs), sum(ran.seconds for ran in runs)
        everything += executions
        coverage, features = (max((getattr(ran, name) for ran in runs), default=0) for name in ("coverage", "features"))
        rate = round(executions / seconds) if seconds else 0
        failed = sum(ran.status not in (0, INTERRUPTED) for ran in runs)
        print(
            f"{target:15} {executions:12,} {seconds / 3600:6.2f} {rate:8,} {coverage:7,} {features:9,} {failed:7}",
        )
    print(f"{'all':15} {everything:12,}", flush=True)


def merge(programs: Path, targets: list[str], state: Path) -> int:
    """Chooses the smallest inputs that together cover what the whole corpus covers."""
    for target in targets:
        chosen = state / "merged" / target
        shutil.rmtree(chosen, ignore_errors=True)
        chosen.mkdir(parents=True)
        found = state / "corpus" / target
        options = ["-set_cover_merge=1", "-use_counters=0", f"-max_len={MAX_INPUT_BYTES}"]
        sources = [directory for directory in (committed(target), found) if directory.is_dir()]
        ran = fuzz(programs / target, state, [chosen, *sources], options)
        # Where there are too many, the longer ones cover more.
        inputs = sorted(chosen.iterdir(), key=lambda path: path.stat().st_size, reverse=True)
        if ran.status != 0 or not inputs:
            print(f"{target}: not merged, status {ran.status}")
            return 1
        for path in inputs[MAX_INPUTS:]:
            path.unlink()
        shutil.rmtree(committed(target), ignore_errors=True)
        shutil.copytree(chosen, committed(target))
        kept = inputs[:MAX_INPUTS]
        size = sum(path.stat().st_size for path in kept)
        print(f"{target}: {len(kept)} of {len(inputs)} inputs kept, {size} bytes", flush=True)
    return 0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("command", choices=("build", "check", "run", "merge", "totals"))
    parser.add_argument("--target", choices=TARGETS, help="one target; without it, all")
    parser.add_argument("--runs", type=int, help="executions of each target")
    parser.add_argument("--total", type=int, help="executions of each target, those of earlier runs counted too")
    parser.add_argument("--seconds", type=int, help="how long each target is run; 60 without --runs")
    parser.add_argument("--input", type=Path, help="run one input, as a failed run has left it")
    parser.add_argument("--state", type=Path, default=STATE, help="where corpora, logs and totals of runs are")
    parser.add_argument("--programs", type=Path, help="where built targets are, which are then not built")
    return parser.parse_args()


def main() -> int:
    chosen = arguments()
    targets = [chosen.target] if chosen.target else list(TARGETS)
    state = chosen.state.resolve()
    if chosen.command == "totals":
        summarise(state, targets)
        return 0
    programs = chosen.programs.resolve() if chosen.programs else build(1 if chosen.command == "check" else 3)
    if chosen.input:
        return subprocess.run([programs / targets[0], chosen.input]).returncode
    match chosen.command:
        case "check":
            return check(programs, targets, chosen.seconds or 5)
        case "run":
            chosen.seconds = chosen.seconds or 60
            return run(programs, targets, state, chosen)
        case "merge":
            return merge(programs, targets, state)
        case _:
            return 0


if __name__ == "__main__":
    sys.exit(main())
