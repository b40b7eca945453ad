"""JSON schemas of the files that people write and read: for editors that complete and check them, and for programs."""

import json
from pathlib import Path
from typing import Annotated, Any, Literal

import typer
from pydantic import BaseModel

from pipeline.config.study import Study
from pipeline.files import ROOT, check_out, write_text
from pipeline.search.design_file import DesignFile
from pipeline.stages.entry import run
from pipeline.stages.export import table_schema
from pipeline.workload import WorkloadFile

FOLDER = ROOT / "docs" / "schemas"
"""Where the schemas are kept; ``write_all`` renews them."""

File = Literal["study", "workload", "design", "mappings"]


def schema_of(file: File) -> dict[str, Any]:
    """The schema of a study or workload (YAML), a design.json, or a row of a table of mappings."""
    if file == "mappings":
        return table_schema()
    models: dict[str, type[BaseModel]] = {"study": Study, "workload": WorkloadFile, "design": DesignFile}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | models[file].model_json_schema()


def _text(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2) + "\n"


def write_all() -> None:
    """Write every schema to ``FOLDER``."""
    for file in ("study", "workload", "design", "mappings"):
        write_text(FOLDER / f"{file}.schema.json", _text(schema_of(file)))


def main(
    file: Annotated[File, typer.Argument(metavar="study|workload|design|mappings", help="Of which file.")],
    out: Annotated[Path | None, typer.Argument(metavar="OUT", help="File to write; default: print.")] = None,
) -> None:
    """Print the JSON schema of a file.

    Of a study, a workload, a design.json, or a row of a table of mappings.
    """
    text = _text(schema_of(file))
    if out is None:
        typer.echo(text, nl=False)
    else:
        check_out(out)
        write_text(out, text)


if __name__ == "__main__":
    run(main)
