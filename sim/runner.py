"""Runs many simulations: builds what they need, spreads them over processes, keeps a journal.

A task whose record is in the journal is not run again, so a run that was killed goes on where it was.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from sim.build import BuildError, Built, build
from sim.design import Design
from sim.journal import read_journal
from sim.launch import run_process
from sim.progress import Progress
from sim.task import Driver, Record, Task
from sim.worker import Work

CHUNKS_PER_JOB = 4
"""Most processes per job and design: more balance the load better, but each takes seconds to start."""

MIN_CHUNK_CYCLES = 2e7
"""Estimated cycles that are worth a process of their own."""


@dataclass(frozen=True, slots=True)
class Request:
    """A task and the design that it runs on."""

    design: Design
    task: Task


@dataclass(frozen=True, slots=True)
class _Job:
    """A task that is still to be run."""

    key: str
    built: Built
    task: Task

    @property
    def estimated_cycles(self) -> float:
        """A rough figure, only to balance the load."""
        mapping = self.task.mapping
        return 1e4 + mapping.layer.macs / math.prod(mapping.spatial)


def simulate(
    requests: Sequence[Request], driver: Driver, journal: Path, jobs: int, progress: Progress | None = None
) -> list[Record]:
    """The record of every request, in order; requests that are equal are simulated once.

    A design that does not build, a program that cannot be compiled and a simulation that fails give records with an
    ``error``. Those of a process that died are not kept in the journal.
    """
    builds = _build_all(requests, jobs)
    keyed = [_keyed(request, builds[request.design.id, request.task.datapath], driver) for request in requests]
    wanted = {job.key: job for job in keyed if isinstance(job, _Job)}
    folders = {journal / job.built.key for job in wanted.values()}
    finished = _read(folders)
    missing = [job for job in wanted.values() if job.key not in finished]
    with progress or Progress(None) as shown:
        shown.start(len(wanted) - len(missing), len(wanted), folders)
        with ThreadPoolExecutor(jobs) as pool:
            died = list(pool.map(lambda chunk: _run_chunk(chunk, driver, journal), _chunks(missing, jobs)))
    records = {record.key: record for records in died for record in records} | _read(folders)
    return [records[job.key] if isinstance(job, _Job) else job for job in keyed]


def _build_all(requests: Sequence[Request], jobs: int) -> dict[tuple[str, str], Built | BuildError]:
    unique = {(request.design.id, request.task.datapath): request for request in requests}

    def make(request: Request) -> Built | BuildError:
        try:
            return build(request.design, request.task.datapath)
        except BuildError as error:
            return error

    with ThreadPoolExecutor(jobs) as pool:
        return dict(zip(unique, pool.map(make, unique.values()), strict=True))


def _keyed(request: Request, built: Built | BuildError, driver: Driver) -> _Job | Record:
    if isinstance(built, BuildError):
        return Record("", error=str(built))
    return _Job(request.task.key(built, driver), built, request.task)


def _read(folders: Iterable[Path]) -> dict[str, Record]:
    return {key: record for folder in folders for key, record in read_journal(folder).items()}


def _chunks(missing: Sequence[_Job], jobs: int) -> list[list[_Job]]:
    """Jobs of one build each, of similar estimated length, the longest first."""
    by_build: dict[str, list[_Job]] = defaultdict(list)
    for job in sorted(missing, key=lambda job: job.estimated_cycles, reverse=True):
        by_build[job.built.key].append(job)
    chunks = []
    for group in by_build.values():
        total = sum(job.estimated_cycles for job in group)
        count = min(len(group), jobs * CHUNKS_PER_JOB, math.ceil(total / MIN_CHUNK_CYCLES))
        # Dealing out the sorted jobs in turn gives chunks of similar length.
        chunks += [group[start::count] for start in range(count)]
    return sorted(chunks, key=lambda chunk: sum(job.estimated_cycles for job in chunk), reverse=True)


def _run_chunk(chunk: list[_Job], driver: Driver, journal: Path) -> list[Record]:
    """Run a chunk to its end; returns records of the tasks at which a process died."""
    built = chunk[0].built
    folder = journal / built.key
    died = []
    while chunk:
        tasks = tuple((job.key, job.task) for job in chunk)
        reason = run_process(built, driver, Work(built.library, built.design.counters, folder, tasks))
        finished = read_journal(folder)
        chunk = [job for job in chunk if job.key not in finished]
        if chunk:
            # The process ended at the first task without a record; the others get a new process.
            died.append(Record(chunk[0].key, error=reason))
            chunk = chunk[1:]
    return died
