"""Writes one small SystemVerilog top per design point: it only sets the parameters of the sources in rtl/<design>."""

from pathlib import Path

from pipeline.files import ROOT, digest_files, write_json, write_text
from pipeline.hardware import Hardware
from pipeline.measurement import COUNTERS
from rtl.design import Design


def generate(hardware: Hardware, folder: Path, *, design: str = "gemmini") -> Path:
    """Write the top of ``design`` with the sizes of ``hardware`` into a folder below ``folder`` named by its id.

    Returns that folder: ``design_top.sv``, and ``design.json`` with the list of sources (packages first, the top
    last), the counters' names and a digest of all sources, parameters included.
    Raises ValueError that names the design or the parameter which is not possible; then nothing is written.
    """
    source = Design.read(design)
    values = source.values(hardware)
    name = f"{design}-{hardware.id}"
    text = _top(source, hardware, values)
    target = folder / name
    top = target / "design_top.sv"
    if not top.is_file() or top.read_text(encoding="utf-8") != text:
        write_text(top, text)
    content = {
        "id": name,
        "design": design,
        "program": source.file.program,
        "dim": hardware.dim,
        "scratchpad_kib": hardware.scratchpad_kib,
        "accumulator_kib": hardware.accumulator_kib,
        "parameters": values,
        "sources": [*(str(path.relative_to(ROOT)) for path in source.sources), top.name],
        "counters": list(source.file.counters),
        "digest": digest_files([*source.sources, top]),
    }
    write_json(target / "design.json", content)
    return target


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


def _top(design: Design, hardware: Hardware, values: dict[str, int]) -> str:
    ports = ",\n".join(f"    {way} logic {width + ' ' if width else ''}{name}" for name, way, width in _PORTS)
    wires = ",\n".join(f"      .{name}({name})" for name, _, _ in _PORTS)
    parameters = "\n".join(f"      .{name}({value})," for name, value in values.items())
    return f"""// Generated: {design.name}, DIM {hardware.dim}, scratchpad {hardware.scratchpad_kib:g} KiB, \
accumulator {hardware.accumulator_kib:g} KiB.
module design_top #(
    parameter bit Datapath = 1'b1
) (
{ports}
);
  {design.file.top} #(
{parameters}
      .Datapath(Datapath)
  ) u_{design.file.top} (
{wires}
  );
endmodule
"""
