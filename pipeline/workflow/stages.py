"""What is known of a run while it goes on: stages, their jobs, how far they are and the time left."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.progress import duration

TITLES = {
    "study": "write the study",
    "generate": "generate SystemVerilog",
    "sample": "draw mappings to measure",
    "reference": "map with the default tiler",
    "simulate": "simulate",
    "collect_samples": "collect measurements",
    "collect_round": "collect measurements of a round",
    "train": "train latency models",
    "search": "search designs",
    "select": "choose what to simulate",
    "choose": "choose the best design",
    "timeline": "record tiles of the result",
    "synthesize": "synthesise the result",
    "validate": "simulate the result again",
    "what_if": "change the result's surroundings",
    "bench": "run benches",
    "report": "write the report",
}
"""Rules in words, in the order in which a study first needs them; rules that only name targets are left out."""

TARGETS = {"all", "smoke", "paper", "dataset"}
SHARE = re.compile(r"([\d,]+) of ([\d,]+)")


@dataclass(slots=True)
class Job:
    """One job that runs."""

    log: Path | None
    wildcards: str
    began: float

    def share_done(self) -> float:
        """How much of it is done, from the last line of its log; 0 where that does not say."""
        match = SHARE.search(last_line(self.log))
        if match is None:
            return 0.0
        done, total = (int(group.replace(",", "")) for group in match.groups())
        return min(1.0, done / total) if total else 0.0


@dataclass(slots=True)
class Stage:
    """All jobs of one rule."""

    rule: str
    total: int
    done: int = 0
    failed: int = 0
    began: float | None = None
    ended: float | None = None
    seconds: list[float] = field(default_factory=list)
    running: dict[int, Job] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The stage in words."""
        return TITLES.get(self.rule, self.rule.replace("_", " "))

    @property
    def is_over(self) -> bool:
        """Whether none of its jobs is left."""
        return self.done + self.failed >= self.total

    def seconds_left(self, now: float) -> float | None:
        """Seconds that the stage still takes at the pace of its jobs so far; None where nothing says."""
        shares = {key: job.share_done() for key, job in self.running.items()}
        spent = [now - job.began for job in self.running.values()]
        finished = len(self.seconds) + sum(shares.values())
        if finished < 0.02 or not self.running:
            return None
        each = (sum(self.seconds) + sum(s for s, share in zip(spent, shares.values(), strict=True) if share)) / finished
        left = self.total - self.done - self.failed - sum(shares.values())
        return left * each / len(self.running)

    def text(self, now: float) -> str:
        """What the stage's line says after its title."""
        jobs = f"{self.done} of {self.total}" if self.total > 1 or not self.is_over else "done"
        parts = [jobs]
        if self.failed:
            parts.append(f"{self.failed} failed")
        if self.is_over:
            parts.append("" if self.began is None or self.ended is None else duration(self.ended - self.began))
        elif self.running:
            left = self.seconds_left(now)
            parts.append("running" if left is None else f"{duration(left)} left")
        return ", ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Failure:
    """A job that failed."""

    stage: Stage
    what: str
    log: Path | None

    def text(self) -> str:
        """The stage, what it was about, why (the job's last error), and where to read more."""
        reason = error_line(self.log)
        head = f"failed: {self.stage.title}" + (f" ({self.what})" if self.what else "")
        return "\n".join([head, f"  {reason}", f"  log: {self.log}"] if self.log else [head, f"  {reason}"])


class Run:
    """Follows the events of one run."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.stages: dict[str, Stage] = {}
        self.failures: list[Failure] = []
        self.logs: list[Path] = []
        self._rules: dict[int, str] = {}

    @property
    def jobs(self) -> tuple[int, int]:
        """Jobs done and jobs in all."""
        return sum(stage.done for stage in self.stages.values()), sum(stage.total for stage in self.stages.values())

    def take(self, event: dict[str, Any]) -> Stage | None:
        """Take note of an event; returns the stage that it ended, if it did."""
        kind = event["event"]
        if kind == "run_info":
            order = {rule: at for at, rule in enumerate(TITLES)}
            counts = {rule: n for rule, n in event["stats"].items() if rule not in TARGETS and rule != "total"}
            for rule in sorted(counts, key=lambda name: order.get(name, len(order))):
                self.stages.setdefault(rule, Stage(rule, 0)).total = counts[rule]
        elif kind == "job_info" and event["rule_name"] not in TARGETS:
            self._start(event)
        elif kind == "job_finished":
            return self._end(event["job_id"], failed=False)
        elif kind == "job_error" and event["rule_name"] not in TARGETS:
            return self._end(event["jobid"], failed=True)
        return None

    def _start(self, event: dict[str, Any]) -> None:
        rule = event["rule_name"]
        stage = self.stages.setdefault(rule, Stage(rule, 1))
        log = Path(event["log"][0]) if event.get("log") else None
        what = ", ".join(str(value) for name, value in (event.get("wildcards") or {}).items() if name != "study")
        now = self._clock()
        stage.began = stage.began if stage.began is not None else now
        stage.running[event["jobid"]] = Job(log, what, now)
        self._rules[event["jobid"]] = rule

    def _end(self, number: int, *, failed: bool) -> Stage | None:
        rule = self._rules.get(number)
        job = self.stages[rule].running.pop(number, None) if rule else None
        if rule is None or job is None:
            return None
        stage = self.stages[rule]
        stage.ended = self._clock()
        if job.log is not None:
            self.logs.append(job.log)
        if failed:
            stage.failed += 1
            self.failures.append(Failure(stage, job.wildcards, job.log))
        else:
            stage.done += 1
            stage.seconds.append(stage.ended - job.began)
        return stage if stage.is_over else None


def last_line(path: Path | None) -> str:
    """The last line of a log, or an empty text; of a long log only the end is read."""
    lines = _tail(path)
    return lines[-1] if lines else ""


def error_line(path: Path | None) -> str:
    """Why a job failed: the last line that says so, else the last line."""
    lines = _tail(path)
    said = [line for line in lines if "error" in line.lower()]
    return (said or lines or ["it left no message"])[-1].strip()


def warnings_of(logs: list[Path]) -> list[str]:
    """What jobs warned of, each once."""
    found = [line for log in logs for line in _tail(log) if line.lower().startswith(("warning:", "note:"))]
    return list(dict.fromkeys(found))


def _tail(path: Path | None) -> list[str]:
    if path is None or not path.is_file():
        return []
    with path.open("rb") as stream:
        stream.seek(max(0, path.stat().st_size - 8192))
        text = stream.read().decode(errors="replace").replace("\r", "\n")
    return [line for line in text.splitlines() if line.strip()]
