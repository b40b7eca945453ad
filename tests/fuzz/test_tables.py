"""Damaged tables and mapping texts: a row that cannot be handled says so, a table that cannot be read is named."""

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import strategies as st

from pipeline.mapping import Mapping
from pipeline.table import Row, columns_of, read_table, write_table
from pipeline.workload import Layer
from tests.fuzz.command import LONGEST_BUILD_S, examples, explore, folder, run
from tests.fuzz.mutations import bits, damaged_bytes, damaged_table, damaged_text
from tests.machines import GEMMINI

LAYERS = (Layer(3, 3, 14, 14, 32, 48, stride_w=2, stride_h=2), Layer(1, 1, 64, 1, 64, 64))
TEXTS = (
    "L3[WIO] C2 Q2 - L2[WI] K3 K16X - L1[O] S3 R3 Q7 C16X - L0[W] P14",
    "L3[WIO] N1 - L2[WI] K4 K16X - L1[O] C4 C16X - L0[W] P64",
)
COMMANDS = {
    "estimate": ("--platform", "rtl"),
    "tile": (),
    "timeloop": (0,),
    "train": ("--kind", "analytical"),
}


def valid_table() -> pd.DataFrame:
    """Twelve rows with measured cycles."""
    hardware = [GEMMINI.template.hardware(16, 64.0 * 2**at, 64) for at in range(6)]
    pairs = zip(LAYERS, TEXTS, strict=True)
    table = columns_of([Row(Mapping.parse(text, layer), point) for layer, text in pairs for point in hardware])
    table["sim.cycles"] = range(20_000, 20_000 + len(table))
    return table


TABLE = valid_table()


def handle(command: str, inside: Path, table: Path) -> None:
    """Run a command on ``table`` and check its output, where it has one."""
    out = inside / {"train": "out.model", "timeloop": "timeloop"}.get(command, "out.csv")
    options = COMMANDS[command]
    arguments = (table, *options, out) if command == "timeloop" else (table, out, *options)
    outcome = run(inside, command, *arguments)
    if outcome.status == 0 and out.suffix == ".csv":
        given, result = read_table(table), read_table(out)
        assert len(result) == len(given)
        if len(given):
            results = result["pred.cycles" if command == "estimate" else "tile"]
            assert (results.notna() == (result["error"] == "")).all(), outcome.err


@examples(sample=10, many=3000)
@pytest.mark.parametrize("text", TEXTS)
def test_a_damaged_mapping_is_read_or_refused_with_its_offender(text, count):
    layer = LAYERS[TEXTS.index(text)]

    def check(damaged: str) -> None:
        try:
            mapping = Mapping.parse(damaged, layer)
        except ValueError as refused:
            message = str(refused)
            assert 0 < len(message) < 400, message
            return
        assert Mapping.parse(str(mapping), layer) == mapping
        assert all(mapping.tile(dim, 3) == size for dim, size in zip("RSPQCKN", layer.sizes, strict=True))

    explore(check, count, damaged=damaged_text(text))


@examples(sample=4, many=400)
@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
@pytest.mark.parametrize("command", COMMANDS)
def test_a_table_with_damaged_cells_is_handled_row_by_row(command, ending, count):
    def check(table: pd.DataFrame) -> None:
        with folder() as inside:
            path = inside / f"in{ending}"
            write_table(table, path)
            handle(command, inside, path)

    explore(check, count, table=damaged_table(TABLE))


@examples(sample=4, many=400)
@pytest.mark.parametrize("ending", [".csv", ".csv.gz", ".parquet"])
def test_a_damaged_file_is_named(ending, count, tmp_path):
    path = tmp_path / f"valid{ending}"
    write_table(TABLE, path)
    content = path.read_bytes()

    def check(damaged: bytes, command: str) -> None:
        with folder() as inside:
            (inside / f"in{ending}").write_bytes(damaged)
            handle(command, inside, inside / f"in{ending}")

    flipped = st.builds(bits, st.just(content), st.integers(0, 10**6), st.integers(1, 20))
    explore(check, count, damaged=damaged_bytes(content) | flipped, command=st.sampled_from(list(COMMANDS)))


@examples(sample=2, many=60)
def test_simulate_handles_damaged_mappings_and_sizes(count, tmp_path):
    """All simulations share a journal and few designs: the tables differ in layers and mappings only."""

    def check(text: str, damaged: pd.DataFrame) -> None:
        table = TABLE.iloc[[0, 6]].reset_index(drop=True).drop(columns="sim.cycles")
        table["mapping.mapping"] = [text, table["mapping.mapping"][1]]
        for column in damaged.columns.intersection([name for name in table if name.startswith("arch.")]):
            table[column] = damaged[column].astype(object).astype(str)
        path = tmp_path / "in.csv"
        write_table(table, path)
        options = ("--driver", "inprocess", "--work-dir", tmp_path / "work")
        out = tmp_path / "out.csv"
        out.unlink(missing_ok=True)
        outcome = run(tmp_path / "none", "simulate", path, out, *options, longest_s=LONGEST_BUILD_S)
        assert out.is_file(), outcome.err
        result = read_table(out)
        assert outcome.status == int((result["error"] != "").all()), outcome.err
        assert (result["sim.cycles"].notna() == (result["error"] == "")).all()

    arch = TABLE.iloc[[0, 6]].filter(like="arch.").reset_index(drop=True)
    explore(check, count, text=damaged_text(TEXTS[0]), damaged=damaged_table(arch))


@examples(sample=4, many=300)
def test_a_damaged_model_is_named(count, tmp_path):
    table, model = tmp_path / "in.csv", tmp_path / "valid.model"
    write_table(TABLE, table)
    assert run(tmp_path, "train", table, model, "--kind", "analytical").status == 0
    content = model.read_bytes()

    def check(damaged: bytes) -> None:
        with folder() as inside:
            (inside / "damaged.model").write_bytes(damaged)
            run(inside, "estimate", table, inside / "out.csv", "--model", inside / "damaged.model")

    flipped = st.builds(bits, st.just(content), st.integers(0, 10**6), st.integers(1, 20))
    explore(check, count, damaged=damaged_bytes(content) | flipped)
