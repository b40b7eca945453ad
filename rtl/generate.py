"""Writes one small SystemVerilog top per design point: it only sets the parameters of the sources in rtl/<design>."""

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from pipeline.files import ROOT, digest_files, write_json, write_text
from pipeline.hardware import Hardware
from pipeline.measurement import COUNTERS

RTL = ROOT / "rtl"

MIN_DIM, MAX_DIM = 2, 64
SCRATCHPAD_BANKS = 4
ACCUMULATOR_BANKS = 2
MAX_ROWS = 1 << 21
"""Local row addresses have 22 bits, ends of ranges included."""


class _DesignFile(BaseModel):
    """``rtl/<design>/design.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    top: str
    sources: tuple[str, ...]
    host: Literal["loops", "commands"] = "loops"


def design_names() -> list[str]:
    """Names of the designs that come with the package."""
    return sorted(path.parent.name for path in RTL.glob("*/design.yaml"))


def host_style(design: str) -> Literal["loops", "commands"]:
    """Whether the host of ``design`` sends tiles or single operations."""
    return _read(design).host


def generate(hardware: Hardware, folder: Path, *, design: str = "gemmini") -> Path:
    """Write the top of ``design`` with the sizes of ``hardware`` into a folder below ``folder`` named by its id.

    Returns that folder: ``design_top.sv``, and ``design.json`` with the list of sources (packages first, the top
    last), the counters' names and a digest of all sources, parameters included.
    Raises ValueError that names the design or the parameter which is not possible; then nothing is written.
    """
    description = _read(design)
    check_parameters(hardware)
    sources = tuple(RTL / design / name for name in description.sources)
    name = f"{design}-{hardware.id}"
    text = _top(description, hardware)
    target = folder / name
    top = target / "design_top.sv"
    if not top.is_file() or top.read_text(encoding="utf-8") != text:
        write_text(top, text)
    content = {
        "id": name,
        "design": design,
        "host": description.host,
        "dim": hardware.dim,
        "scratchpad_kib": hardware.scratchpad_kib,
        "accumulator_kib": hardware.accumulator_kib,
        "sources": [*(str(path.relative_to(ROOT)) for path in sources), top.name],
        "counters": list(COUNTERS),
        "digest": digest_files([*sources, top]),
    }
    write_json(target / "design.json", content)
    return target


def check_parameters(hardware: Hardware) -> None:
    """Raise ValueError that names the first size which the RTL cannot have."""
    dim = hardware.dim
    if not MIN_DIM <= dim <= MAX_DIM or dim & (dim - 1):
        raise ValueError(f"hardware dim = {dim}: the RTL needs a power of two from {MIN_DIM} to {MAX_DIM}")
    for name, rows, banks in (
        ("scratchpad_kib", hardware.scratchpad_rows, SCRATCHPAD_BANKS),
        ("accumulator_kib", hardware.accumulator_rows, ACCUMULATOR_BANKS),
    ):
        if rows % banks:
            raise ValueError(
                f"hardware {name} = {getattr(hardware, name):g}: {rows} rows are not a multiple of {banks} banks"
            )
        if rows > MAX_ROWS:
            raise ValueError(f"hardware {name} = {getattr(hardware, name):g}: more than {MAX_ROWS} rows")


def _read(design: str) -> _DesignFile:
    if design not in design_names():
        raise ValueError(f"unknown design {design!r}; known: {', '.join(design_names())}")
    path = RTL / design / "design.yaml"
    try:
        return _DesignFile.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        problem = error.errors()[0]
        where = ".".join(str(part) for part in problem["loc"])
        raise ValueError(f"{path.relative_to(ROOT)}: {where}: {problem['msg']}") from error


# Name, direction and width of every port of a design.
_PORTS = (
    ("clk_i", "input", ""),
    ("rst_ni", "input", ""),
    ("cmd_valid_i", "input", ""),
    ("cmd_ready_o", "output", ""),
    ("cmd_i", "input", "[511:0]"),
    ("rd_req_valid_o", "output", ""),
    ("rd_req_ready_i", "input", ""),
    ("rd_req_tag_o", "output", "[5:0]"),
    ("rd_req_addr_o", "output", "[39:0]"),
    ("rd_req_size_o", "output", "[2:0]"),
    ("rd_rsp_valid_i", "input", ""),
    ("rd_rsp_tag_i", "input", "[5:0]"),
    ("rd_rsp_data_i", "input", "[127:0]"),
    ("rd_rsp_last_i", "input", ""),
    ("wr_req_valid_o", "output", ""),
    ("wr_req_ready_i", "input", ""),
    ("wr_req_tag_o", "output", "[5:0]"),
    ("wr_req_addr_o", "output", "[39:0]"),
    ("wr_req_size_o", "output", "[2:0]"),
    ("wr_req_data_o", "output", "[127:0]"),
    ("wr_req_mask_o", "output", "[15:0]"),
    ("wr_req_last_o", "output", ""),
    ("wr_rsp_valid_i", "input", ""),
    ("wr_rsp_tag_i", "input", "[5:0]"),
    ("busy_o", "output", ""),
    ("counters_o", "output", f"[{len(COUNTERS) - 1}:0][63:0]"),
    ("quiescent_o", "output", ""),
    ("skip_i", "input", "[31:0]"),
)


def _top(description: _DesignFile, hardware: Hardware) -> str:
    ports = ",\n".join(f"    {way} logic {width + ' ' if width else ''}{name}" for name, way, width in _PORTS)
    wires = ",\n".join(f"      .{name}({name})" for name, _, _ in _PORTS)
    return f"""// Generated: {description.name}, DIM {hardware.dim}, scratchpad {hardware.scratchpad_kib:g} KiB, \
accumulator {hardware.accumulator_kib:g} KiB.
module design_top #(
    parameter bit Datapath = 1'b1
) (
{ports}
);
  {description.top} #(
      .Dim({hardware.dim}),
      .ScratchpadRows({hardware.scratchpad_rows}),
      .AccumulatorRows({hardware.accumulator_rows}),
      .Datapath(Datapath)
  ) u_{description.top} (
{wires}
  );
endmodule
"""
