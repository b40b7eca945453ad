"""``python -m tests.mutants [NAME ...]``: applies each patch to a copy of the project, runs its tests, prints a table.

A patch begins with a line of what it breaks and a line ``Tests: ...``, arguments of pytest. Exit status 1 when a bug
survives its tests, or a patch does not apply.
"""

import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.files import ROOT

FOLDER = Path(__file__).parent
TESTS = "Tests: "


@dataclass(frozen=True, slots=True)
class Mutant:
    """One planted bug."""

    patch: Path
    breaks: str
    tests: tuple[str, ...]
    """Arguments of pytest."""

    @classmethod
    def read(cls, patch: Path) -> "Mutant":
        """The mutant of a patch file. Raises ValueError when its first two lines are not as they should be."""
        breaks, tests, *_ = [*patch.read_text(encoding="utf-8").splitlines(), "", ""]
        if not breaks or not tests.startswith(TESTS):
            raise ValueError(f"{patch.name}: the first line says what it breaks, the second one begins with '{TESTS}'")
        return cls(patch, breaks, tuple(shlex.split(tests.removeprefix(TESTS))))


def mutants(names: list[str]) -> list[Mutant]:
    """The mutants of ``names``, or all of them."""
    patches = [FOLDER / f"{name}.patch" for name in names] or sorted(FOLDER.glob("*.patch"))
    return [Mutant.read(patch) for patch in patches]


def judge(mutant: Mutant, cache: Path) -> str:
    """``killed`` when a test of the mutant fails, else why not. ``cache`` keeps what builds of several share."""
    with _copied() as copy:
        applied = _run(["git", "apply", str(mutant.patch)], copy)
        if applied.returncode:
            return f"does not apply: {applied.stderr.splitlines()[0]}"
        tested = _test(mutant.tests, copy, cache)
        if tested.returncode == 0 and " passed" not in tested.stdout:
            return "not tested: its tests were skipped"
        # 1: tests failed. Anything else but 0 is no verdict: no such test, or the mutant does not build.
        return {0: "SURVIVES", 1: "killed"}.get(tested.returncode, f"pytest exit status {tested.returncode}")


def main(names: list[str]) -> int:
    """Print a line a mutant; returns the exit status."""
    found, verdicts = mutants(names), []
    with tempfile.TemporaryDirectory() as name:
        cache = Path(name)
        with _copied() as copy:
            if _test(tuple(dict.fromkeys(test for mutant in found for test in mutant.tests)), copy, cache).returncode:
                print("tests of the mutants fail without them, too", file=sys.stderr)
                return 1
        for mutant in found:
            start = time.monotonic()
            verdicts.append(judge(mutant, cache))
            seconds = time.monotonic() - start
            print(f"{mutant.patch.stem:32} {verdicts[-1]:10} {seconds:5.0f} s  {mutant.breaks}", flush=True)
    print(f"{verdicts.count('killed')} of {len(verdicts)} killed")
    return int(verdicts.count("killed") != len(verdicts))


def _test(tests: tuple[str, ...], folder: Path, cache: Path) -> subprocess.CompletedProcess[str]:
    """A run of pytest."""
    pytest = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider"]
    return _run([*pytest, *tests], folder, DOSA_HIL_CACHE=str(cache))


@contextmanager
def _copied() -> Iterator[Path]:
    """A folder with the files that the project's repository has or would take."""
    listed = _run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], ROOT)
    with tempfile.TemporaryDirectory() as name:
        target = Path(name) / "project"
        for path in filter(None, listed.stdout.split("\0")):
            if (ROOT / path).is_file():
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_bytes((ROOT / path).read_bytes())
        yield target


def _run(command: list[str], folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | variables
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
