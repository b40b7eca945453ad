"""Writes a waveform of one program, every signal at both edges of the clock, for GTKWave or Surfer.

The program runs on a build of its own. No idle cycles are skipped, so a cycle is two time units throughout. FST files
are far smaller than VCD, and need the headers of zlib and lz4. A SAIF file holds how often each bit changes and how
long it is 1 instead of when, which is what power analysis reads.
"""

import ctypes
import shutil
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, get_args

from pipeline.files import digest, digest_files
from sim import build
from sim.build import BuildError, Datapath, MissingToolError
from sim.design import Design
from sim.inprocess import Simulation
from sim.task import Outcome, Record, Task, conclude, prepare

Format = Literal["fst", "vcd", "saif"]

DUMP = Path(__file__).with_name("dump.cpp")
_LIBRARIES: dict[Format, tuple[str, ...]] = {"fst": ("-lz", "-llz4"), "vcd": (), "saif": ()}
_READABLE = ("--trace-structs",)
_COMPLETE = ("--trace-max-width", "65536", "--trace-max-array", "1024")
"""Synthesis knows structs as vectors, and needs wide ones too. Memories are larger."""
_HEADERS = "#include <zlib.h>\n#include <lz4.h>\n"


@dataclass(frozen=True, slots=True)
class Waveform:
    """What was written."""

    path: Path
    cycles: int
    """From the start of the program."""
    counters: dict[str, int]
    """What the design counted in them."""
    record: Record | None
    """The result, as of any simulation; None when the program went on beyond the last cycle that was written."""


def format_of(path: Path) -> Format:
    """The format that a file's ending names. Raises ValueError for another ending."""
    for known in get_args(Format):
        if path.suffix == f".{known}":
            found: Format = known
            return found
    raise ValueError(f"{path}: a waveform is a .fst, a .vcd or a .saif file")


def check_headers(form: Format) -> None:
    """Raise MissingToolError that names the packages when a waveform of this format cannot be built here."""
    if form != "fst":
        return
    with tempfile.TemporaryDirectory() as name:
        probe = Path(name) / "probe.cpp"
        probe.write_text(_HEADERS + "int main() { return LZ4_versionNumber() == 0 || zlibVersion() == nullptr; }\n")
        try:
            build.run([build.compiler(), "-o", "probe", probe.name, *_LIBRARIES[form]], Path(name))
        except BuildError as error:
            raise MissingToolError(
                "FST needs the headers of zlib and lz4; install 'zlib1g-dev' and 'liblz4-dev' (Debian, Ubuntu), "
                f"'zlib-devel' and 'lz4-devel' (Fedora), or write a .vcd file ({error})"
            ) from None


def record_wave(design: Design, task: Task, path: Path, *, cycles: int) -> Waveform:
    """Run ``task`` and write its first ``cycles`` clock periods to ``path``.

    Raises ProgramError when the mapping has no program, BuildError or MissingToolError when nothing can be built.
    """
    form = format_of(path)
    check_headers(form)
    prepared = prepare(task)
    settings = replace(task.memory, skip_idle=0)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=".wave-") as folder:
        part = Path(folder) / path.name
        recorder = _Recorder(_build(design, task.datapath, form))
        try:
            recorder.open(part)
            program = prepared.program
            recorder.load(program.commands, prepared.contents, program.memory_bytes, settings)
            written = recorder.run(cycles)
            io = recorder.io
            outcome = Outcome(recorder.error, io.cycles_o, io.host_cycles_o, io.counters_o, {}, 0.0)
            counters = outcome.named(design.counters)
            is_done = bool(io.done_o)
        finally:
            recorder.close()
        part.replace(path)
    record = conclude("", prepared, design.counters, outcome) if is_done else None
    return Waveform(path, written, counters, record)


class _Recorder(Simulation):
    """A simulation of a waveform build."""

    def __init__(self, library: Path) -> None:
        super().__init__(library)
        self._library.dosa_wave_open.argtypes = [ctypes.c_char_p]
        self._library.dosa_wave_open.restype = ctypes.c_bool
        self._library.dosa_wave_run.argtypes = [ctypes.c_uint64]
        self._library.dosa_wave_run.restype = ctypes.c_uint64

    def open(self, path: Path) -> None:
        """Begin the file, before the design is evaluated for the first time."""
        if not self._library.dosa_wave_open(str(path).encode()):
            raise ValueError(f"{path}: cannot be written")

    def run(self, cycles: int) -> int:
        """Run to the end or for ``cycles``; returns the cycles in the file, which is then complete."""
        self.io.go_i = 1
        return int(self._library.dosa_wave_run(cycles))


def _build(design: Design, datapath: Datapath, form: Format) -> Path:
    """The shared library of a waveform build, built unless it already is."""
    files = digest_files([build.TEST_BENCHES[design.ports], DUMP])
    options = build.verilate_options(design, datapath)
    key = digest(design.rtl_digest, design.counters, datapath, options, files, build.runtime_key())
    return (
        build.cached(f"wave-{form}-{design.id}-{datapath}-{key}", lambda work: _make(design, datapath, form, work))
        / "tb.so"
    )


def _make(design: Design, datapath: Datapath, form: Format, folder: Path) -> None:
    runtime = build.runtime_folder()
    shown = _COMPLETE if form == "saif" else _READABLE
    build.verilate(design, datapath, folder, f"--trace-{form}", *shown)
    generated = sorted(folder.glob("Vtb*.cpp"))
    include = build.verilator_root() / "include"
    # Compiling fast matters more than running fast: a waveform is of thousands of cycles.
    defines = ("-UVM_TRACE", "-DVM_TRACE=1", "-O1", f"-DDOSA_{form.upper()}")
    build.compile_together("design", [*generated, DUMP], folder, *defines)
    build.compile_together("trace", [include / f"verilated_{form}_c.cpp"], folder, *defines)
    everything = ["design.o", "trace.o", "-Wl,--whole-archive", str(runtime / "runtime.a"), "-Wl,--no-whole-archive"]
    local = ["-shared", "-Wl,-Bsymbolic", "-o", "tb.so", str(runtime / "inprocess.o")]
    build.run([build.compiler(), *local, *everything, "-lpthread", *_LIBRARIES[form]], folder)
    for path in folder.iterdir():
        if path.name != "tb.so":
            shutil.rmtree(path) if path.is_dir() else path.unlink()
