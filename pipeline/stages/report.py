"""Write the report of a study: one HTML page that needs nothing else, and the joined validation table."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.files import write_text
from pipeline.stages.entry import run
from pipeline.stages.reporting.page import MissingError, Section, render
from pipeline.stages.reporting.results import StudyResults, load_results
from pipeline.stages.reporting.sections import SECTIONS, lead
from pipeline.table import write_table


def write_report(folder: Path) -> Path:
    """Write ``report/report.html`` and ``validation.parquet`` of the study in ``folder``; returns the page's path."""
    results = load_results(folder)
    sections, missing = collect(results)
    page = render(f"Study {results.study['name']}", lead(results), sections, missing)
    write_table(results.finals, folder / "validation.parquet")
    path = folder / "report" / "report.html"
    write_text(path, page)
    return path


def collect(results: StudyResults) -> tuple[list[Section], list[str]]:
    """The sections of the report, and for those without data what is missing."""
    sections: list[Section] = []
    missing = []
    for write in SECTIONS:
        try:
            written = write(results)
        except MissingError as error:
            missing.append(str(error))
            continue
        sections += written if isinstance(written, list) else [written]
    return sections, missing


def main(study: Annotated[Path, typer.Argument(metavar="STUDY_DIR", help="Folder results/<study>.")]) -> None:
    """Write the report of a study from its results."""
    typer.echo(str(write_report(study)))


if __name__ == "__main__":
    run(main)
