"""Write the study as it was run, with all defaults filled in."""

import argparse
from pathlib import Path

from pydantic import ValidationError

from pipeline.config.study import Study
from pipeline.files import write_json
from pipeline.stages import command
from pipeline.workload import first_error


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description="Check a study given as JSON and write it in full.")
    parser.add_argument("text", metavar="JSON")
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    try:
        study = Study.model_validate_json(args.text)
    except ValidationError as error:
        raise ValueError(f"study: {first_error(error)}") from error
    write_json(args.out, study.model_dump(mode="json"))


if __name__ == "__main__":
    command.run(main)
