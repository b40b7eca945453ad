"""Records of finished simulations, safe against being killed at any moment.

A journal is a folder of files, one a writing process: each record is one line, on disk (fsync) before the next
simulation starts. A line that was cut off is dropped when the journal is read; a record that is there twice counts
once.
"""

import json
import os
import uuid
from pathlib import Path
from types import TracebackType

from sim.task import Record


class JournalWriter:
    """Appends records to a new file of the journal ``folder``."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._path = folder / f"{uuid.uuid4().hex}.jsonl"
        self._stream = self._path.open("ab", buffering=0)

    def append(self, record: Record) -> None:
        """Write a record and wait until it is on disk."""
        self._stream.write(record.to_line().encode() + b"\n")
        os.fsync(self._stream.fileno())

    def __enter__(self) -> "JournalWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stream.close()


def read_journal(folder: Path) -> dict[str, Record]:
    """All whole records by key."""
    records: dict[str, Record] = {}
    for path in sorted(folder.glob("*.jsonl")):
        for line in path.read_bytes().split(b"\n")[:-1]:
            record = _parse(line)
            if record is not None:
                records[record.key] = record
    return records


def _parse(line: bytes) -> Record | None:
    try:
        return Record(**json.loads(line))
    except (ValueError, TypeError):
        return None
