"""``design.yaml``: what it must say, and which designs a change of it or of a source touches."""

import json
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.files import ROOT
from pipeline.hardware import Hardware
from rtl.design import RTL, Design, design_names
from rtl.generate import generate
from sim.commands import CONFIG_FIELDS, LOOP_FIELDS, OPERATION_FIELDS
from tests.machines import GEMMINI


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A copy of all designs that a test may change."""
    return shutil.copytree(RTL, tmp_path / "rtl", ignore=shutil.ignore_patterns("__pycache__"))


def change(root: Path, edit: Callable[[dict[str, Any]], object], design: str = "gemmini_commands") -> None:
    path = root / design / "design.yaml"
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    edit(content)
    path.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def digests(root: Path) -> dict[str, str]:
    return {name: Design.read(name, root).digest for name in design_names(root)}


def test_the_shipped_designs_are_complete() -> None:
    assert {"gemmini", "gemmini_commands", "output_stationary"} <= set(design_names())
    assert Design.read("gemmini").file.ports == "native"
    assert Design.read("output_stationary").file.ports == "axi4"


def test_the_commands_design_has_no_loop_unroller_and_shares_all_its_other_sources() -> None:
    base, single = (set(Design.read(name).sources) for name in ("gemmini", "gemmini_commands"))
    assert not any(path.name.startswith("loop_") for path in single)
    assert {path.name for path in single - base} == {"host_issue.sv", "gemmini_commands.sv"}
    assert all(path.name.startswith("loop_") for path in base - single)


def test_changing_a_source_changes_exactly_the_designs_that_list_it(root: Path) -> None:
    before = digests(root)
    for path in sorted(root.glob("*/*.sv")):
        text = path.read_text(encoding="utf-8")
        path.write_text(text + "// changed\n", encoding="utf-8")
        changed = {name for name, value in digests(root).items() if value != before[name]}
        assert changed == {name for name in before if path in Design.read(name, root).sources}, path.name
        path.write_text(text, encoding="utf-8")
    assert digests(root) == before


def test_changing_a_parameter_changes_its_design_only(root: Path) -> None:
    before = digests(root)
    change(root, lambda content: content["parameters"]["HostCyclesPerCommand"].update(value=9))
    changed = {name for name, value in digests(root).items() if value != before[name]}
    assert changed == {"gemmini_commands"}


def test_touching_files_and_writing_comments_changes_no_digest(root: Path) -> None:
    before = digests(root)
    for path in root.glob("*/*"):
        os.utime(path, (1, 1))
    path = root / "gemmini" / "design.yaml"
    path.write_text("# A remark.\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    assert digests(root) == before


def test_a_generated_design_passes_on_parameters_compiler_and_sources(tmp_path: Path) -> None:
    folder = generate(GEMMINI.template.hardware(4, 4, 4), tmp_path, design="gemmini_commands")
    content = yaml.safe_load((folder / "design.json").read_text(encoding="utf-8"))
    assert (ROOT / content["compiler"]).read_text(encoding="utf-8") == Design.read(
        "gemmini_commands"
    ).compiler.read_text(encoding="utf-8")
    assert content["parameters"]["HostCyclesPerCommand"] == 8
    assert all((ROOT / name).is_file() for name in content["sources"][:-1])
    top = (folder / "design_top.sv").read_text(encoding="utf-8")
    for name, value in {"Dim": 4, "ScratchpadRows": 1024, "AccumulatorRows": 256, "HostCyclesPerCommand": 8}.items():
        assert f".{name}({value})," in top


def test_the_form_that_is_synthesised_has_a_folder_and_parameters_of_its_own(tmp_path: Path) -> None:
    hardware = GEMMINI.template.hardware(4, 4, 4)
    plain, synthesised = (generate(hardware, tmp_path, as_synthesised=form) for form in (False, True))
    assert plain != synthesised
    tops = [(folder / "design_top.sv").read_text(encoding="utf-8") for folder in (plain, synthesised)]
    assert [".PlainArray(1)," in top for top in tops] == [False, True]


@pytest.mark.parametrize(
    ("hardware", "message"),
    [
        (
            GEMMINI.template.hardware(128, 512, 256),
            "hardware dim = 128: design gemmini needs a power of two from 2 to 64",
        ),
        (GEMMINI.template.hardware(12, 12, 12), "hardware dim = 12: design gemmini needs a power of two from 2 to 64"),
        (
            GEMMINI.template.hardware(64, 0.375, 4),
            "hardware scratchpad_kib = 0.375 is 6 rows: design gemmini needs a multiple of 4 from 4 to 2097152",
        ),
        (
            GEMMINI.template.hardware(2, 4, 32768),
            "hardware accumulator_kib = 32768 is 4194304 rows: design gemmini needs a multiple of 2 from 2 to 2097152",
        ),
        (
            GEMMINI.default_hardware.restructured({"bus_bytes": 48}),
            "hardware bus_bytes = 48: design gemmini needs a power of two from 16 to 64",
        ),
        (
            GEMMINI.default_hardware.restructured({"reads_in_flight": 43}),
            "hardware reads_in_flight = 43: design gemmini needs a number from 1 to 42",
        ),
    ],
)
def test_a_size_outside_the_legal_range_is_named_and_nothing_is_written(
    tmp_path: Path, hardware: Hardware, message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        generate(hardware, tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c.update(ports="wires"), "ports: 'wires' is not one of native, axi4"),
        (lambda c: c.update(speed=1), "speed: there is no such field"),
        (lambda c: c.pop("top"), "top: is missing"),
        (lambda c: c.update(top="a b"), "'a b' is not a SystemVerilog identifier"),
        (lambda c: c["sources"].append("nowhere.sv"), "sources: nowhere.sv does not exist"),
        (lambda c: c["sources"].append("../../../secret.sv"), "sources: ../../../secret.sv is not below rtl/"),
        (lambda c: c["sources"].append("host_issue.sv"), "sources: host_issue.sv is listed twice"),
        (lambda c: c["counters"].append("mac"), "counters: mac is unknown or listed twice, known: compute_cycles,"),
        (lambda c: c["counters"].append("macs"), "counters: macs is unknown or listed twice"),
        (lambda c: c.update(busy=False), "busy: native designs have the port busy_o"),
        (lambda c: c["sources"].append("/etc/passwd"), "sources: /etc/passwd is not below rtl/"),
        (lambda c: c["parameters"].pop("Dim"), "parameters: 0 of them take dim, exactly one must"),
        (lambda c: c["parameters"]["Dim"].update(value=3), "needs either hardware or value"),
        (
            lambda c: c["parameters"]["HostCyclesPerCommand"].update(value=0),
            "parameters.HostCyclesPerCommand: value = 0: must be a number from 1 to 1024",
        ),
        (lambda c: c["parameters"].update(Datapath={"value": 1, "max": 1}), "Datapath is set by the build"),
        (
            lambda c: c["parameters"].update({name: {"hardware": "banks", "max": 4} for name in ("A", "B")}),
            "parameters: 2 of them take banks",
        ),
    ],
)
def test_a_wrong_design_file_is_one_line_that_names_file_and_offender(
    root: Path, edit: Callable[[dict[str, Any]], object], message: str
) -> None:
    change(root, edit)
    with pytest.raises(ValueError, match=r"^rtl/gemmini_commands/design.yaml: ") as caught:
        Design.read("gemmini_commands", root)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_yaml_is_one_line(root: Path) -> None:
    (root / "gemmini" / "design.yaml").write_text("top: [", encoding="utf-8")
    with pytest.raises(ValueError, match=r"^rtl/gemmini/design.yaml: while parsing .*") as caught:
        Design.read("gemmini", root)
    assert "\n" not in str(caught.value)


def test_a_change_of_the_compiler_changes_its_design_only(root: Path) -> None:
    before = digests(root)
    with (root / "output_stationary" / "compiler.py").open("a", encoding="utf-8") as stream:
        stream.write("# changed\n")
    assert {name for name, value in digests(root).items() if value != before[name]} == {"output_stationary"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A design of one's own outside of the project: that of ``output_stationary`` with all its sources."""
    design = Design.read("output_stationary")
    copy = tmp_path / "mine"
    shutil.copytree(design.folder, copy, ignore=shutil.ignore_patterns("__pycache__"))
    content = yaml.safe_load((copy / "design.yaml").read_text(encoding="utf-8"))
    for path in design.sources:
        shutil.copy2(path, copy / path.name)
    content["sources"] = [path.name for path in design.sources]
    (copy / "design.yaml").write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return copy


def test_a_design_may_be_a_folder_anywhere(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    design = Design.read(str(folder))
    assert design.name == "mine"
    content = json.loads(
        (generate(GEMMINI.template.hardware(4, 4, 1), tmp_path, design=str(folder)) / "design.json").read_text()
    )
    assert content["compiler"] == str(folder / "compiler.py")
    assert content["sources"][0] == str(folder / "output_stationary_pkg.sv")
    monkeypatch.chdir(folder.parent)
    assert Design.read("mine").digest == Design.read("./mine").digest == design.digest


def test_two_folders_of_one_name_are_two_designs(folder: Path, tmp_path: Path) -> None:
    other = shutil.copytree(folder, tmp_path / "other" / "mine")
    first, second = (
        generate(GEMMINI.template.hardware(4, 4, 1), tmp_path / "top", design=str(path)) for path in (folder, other)
    )
    assert first != second


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda f: (f / "queue.sv").unlink(), "sources: queue.sv does not exist"),
        (lambda f: change(f.parent, lambda c: c["sources"].append("/etc/passwd"), "mine"), "is not below mine/"),
        (lambda f: change(f.parent, lambda c: c["sources"].append("../x.sv"), "mine"), "../x.sv is not below mine/"),
        (lambda f: link_out(f / "queue.sv"), "sources: queue.sv is a link out of mine/"),
        *(
            (lambda f, name=name: link_out(f / name), f"{name} is a link out of mine/")
            for name in ("design.yaml", "compiler.py", "machine.yaml", "machine.py", "waivers.vlt")
        ),
        (lambda f: (f / "machine.py").symlink_to("../nowhere.py"), "machine.py is a link out of mine/"),
        (lambda f: (f / "compiler.py").unlink(), "compiler.py is missing beside it"),
        (lambda f: (f / "design.yaml").unlink(), "the folder has no design.yaml"),
    ],
)
def test_a_hostile_folder_is_one_line_that_names_the_offender(
    folder: Path, harm: Callable[[Path], object], message: str
) -> None:
    harm(folder)
    with pytest.raises(ValueError, match=r"mine") as caught:
        Design.read(str(folder))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def link_out(path: Path) -> None:
    target = path.parent.parent / f"elsewhere-{path.name}"
    path.touch()
    path.rename(target)
    path.symlink_to(target)


def test_an_unknown_design_is_named_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"^unknown design 'tpu'; known: .*gemmini, gemmini_commands"):
        Design.read("tpu")


def struct_widths(name: str) -> list[int]:
    """Widths of the fields of a packed struct in the package, lowest first; nested structs are flattened."""
    package = (RTL / "gemmini" / "gemmini_pkg.sv").read_text(encoding="utf-8")
    body = re.search(r"typedef struct packed \{([^}]*)\} " + name + ";", package)
    assert body is not None
    constants = {key: int(value) for key, value in re.findall(r"localparam int unsigned (\w+) = (\d+);", package)}
    simple = {"row_t": constants["RowBits"], "op_e": 2, "logic": 1}
    widths: list[int] = []
    for line in body.group(1).splitlines():
        declaration = line.split("//")[0].strip()
        if not declaration:
            continue
        kind, *_ = declaration.split()
        if kind == "local_t":
            widths += reversed(struct_widths("local_t"))
        elif width := re.search(r"\[(\w+)-1:0\]|\[(\d+):0\]", declaration):
            widths.append(constants[width.group(1)] if width.group(1) else int(width.group(2)) + 1)
        else:
            widths.append(simple[kind])
    return widths[::-1]


def test_the_encoding_of_commands_is_that_of_the_structs_in_the_package() -> None:
    opcode = [4]
    assert list(OPERATION_FIELDS.values()) == opcode + struct_widths("uop_t")
    assert list(LOOP_FIELDS.values()) == struct_widths("loop_t")[: len(LOOP_FIELDS)]
    assert list(CONFIG_FIELDS.values()) == struct_widths("config_t")
