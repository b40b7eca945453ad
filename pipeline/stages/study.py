"""Write the study as it was run, with all defaults filled in."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from pipeline.config.study import Study
from pipeline.files import write_json
from pipeline.plain import problems
from pipeline.stages.entry import run


def main(
    text: Annotated[str, typer.Argument(metavar="JSON", help="The study.")],
    out: Annotated[Path, typer.Argument(metavar="OUT", help="JSON file to write.")],
) -> None:
    """Check a study given as JSON and write it in full."""
    try:
        study = Study.model_validate_json(text)
    except ValidationError as error:
        raise ValueError(f"study: {'; '.join(problems(error, Study))}") from error
    write_json(out, study.model_dump(mode="json"))


if __name__ == "__main__":
    run(main)
