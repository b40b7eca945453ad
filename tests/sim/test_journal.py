"""The journal: whatever was cut off, whole records are kept and counted once."""

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.journal import JournalWriter, read_journal
from sim.progress import progress_text
from sim.task import Record


def record(key: str) -> Record:
    return Record(key, cycles=7, counters={"macs": 3}, seconds=0.5)


def test_records_of_several_writers_are_read_back(tmp_path: Path) -> None:
    with JournalWriter(tmp_path) as first, JournalWriter(tmp_path) as second:
        first.append(record("a"))
        second.append(record("b"))
        second.append(record("a"))
    assert read_journal(tmp_path) == {"a": record("a"), "b": record("b")}


@given(st.integers(0, 800))
@settings(deadline=None, max_examples=25)
def test_a_journal_cut_anywhere_keeps_exactly_its_whole_lines(tmp_path_factory: object, cut: int) -> None:
    folder = tmp_path_factory.mktemp("journal")  # type: ignore[attr-defined]
    with JournalWriter(folder) as writer:
        for i in range(8):
            writer.append(record(str(i)))
    (path,) = folder.glob("*.jsonl")
    content = path.read_bytes()[:cut]
    path.write_bytes(content)
    assert len(read_journal(folder)) == content.count(b"\n")


def test_a_journal_that_does_not_exist_is_empty(tmp_path: Path) -> None:
    assert read_journal(tmp_path / "none") == {}


def test_progress_says_how_many_how_fast_and_how_long() -> None:
    text = progress_text(before=10, new=5, total=20, cycles=30_000_000, seconds=10)
    assert text.strip() == "simulated 15 of 20, 3.00 M cycles/s, 0:10 left"
    assert progress_text(before=0, new=0, total=3, cycles=0, seconds=1).strip() == "simulated 0 of 3, 0.00 M cycles/s"
