"""Writes one small SystemVerilog top per design point: it only sets the parameters of a design's sources."""

from collections.abc import Iterator
from pathlib import Path

from pipeline.files import digest, digest_files, write_json, write_text
from pipeline.hardware import Hardware
from rtl.design import BUS, FILE, Design, Ports, shown


def generate(hardware: Hardware, folder: Path, *, design: str = "gemmini", as_synthesised: bool = False) -> Path:
    """Write the top of ``design`` with the sizes of ``hardware`` into a folder below ``folder`` named by its id.

    ``as_synthesised`` sets the parameters that are for synthesis alone too, so that both have the same registers.
    Returns that folder: ``design_top.sv``, and ``design.json`` with the list of sources (packages first, the top
    last), the counters' names and a digest of all sources, parameters included.
    Raises ValueError that names the design or the parameter which is not possible; then nothing is written.
    """
    source = Design.read(design)
    values = source.values(hardware) | (source.file.synthesis if as_synthesised else {})
    name = f"{_label(source)}-{hardware.id}" + ("-as-synthesised" if as_synthesised else "")
    text = _top(source, hardware, values)
    target = folder / name
    top = target / "design_top.sv"
    if not top.is_file() or top.read_text(encoding="utf-8") != text:
        write_text(top, text)
    content = {
        "id": name,
        "design": source.name,
        "ports": source.file.ports,
        "compiler": shown(source.compiler),
        "dim": hardware.dim,
        "data_bits": source.data_bits(values),
        "scratchpad_kib": hardware.scratchpad_kib,
        "accumulator_kib": hardware.accumulator_kib,
        "parameters": values,
        "sources": [*(shown(path) for path in source.sources), top.name],
        "counters": list(source.file.counters),
        "digest": digest_files([*source.sources, top]),
    }
    write_json(target / "design.json", content)
    return target


def _label(design: Design) -> str:
    """Its name; other folders than the project's may share one, so theirs has more."""
    return design.name if design.is_shipped else f"{design.name}-{digest(str(design.folder))[:6]}"


DATA, STROBES = "data", "strobes"
"""Widths that depend on the design's data bus."""

Port = tuple[str, str, str]

# Name, direction and width of every port of a design.
_CLOCK = (("clk_i", "input", ""), ("rst_ni", "input", ""))
_NATIVE = (
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
    ("rd_rsp_data_i", "input", DATA),
    ("rd_rsp_last_i", "input", ""),
    ("wr_req_valid_o", "output", ""),
    ("wr_req_ready_i", "input", ""),
    ("wr_req_tag_o", "output", "[5:0]"),
    ("wr_req_addr_o", "output", "[39:0]"),
    ("wr_req_size_o", "output", "[2:0]"),
    ("wr_req_data_o", "output", DATA),
    ("wr_req_mask_o", "output", STROBES),
    ("wr_req_last_o", "output", ""),
    ("wr_rsp_valid_i", "input", ""),
    ("wr_rsp_tag_i", "input", "[5:0]"),
    ("quiescent_o", "output", ""),
    ("skip_i", "input", "[31:0]"),
)
_AXI4 = (
    ("s_axil_awvalid_i", "input", ""),
    ("s_axil_awready_o", "output", ""),
    ("s_axil_awaddr_i", "input", "[11:0]"),
    ("s_axil_wvalid_i", "input", ""),
    ("s_axil_wready_o", "output", ""),
    ("s_axil_wdata_i", "input", "[31:0]"),
    ("s_axil_wstrb_i", "input", "[3:0]"),
    ("s_axil_bvalid_o", "output", ""),
    ("s_axil_bready_i", "input", ""),
    ("s_axil_bresp_o", "output", "[1:0]"),
    ("s_axil_arvalid_i", "input", ""),
    ("s_axil_arready_o", "output", ""),
    ("s_axil_araddr_i", "input", "[11:0]"),
    ("s_axil_rvalid_o", "output", ""),
    ("s_axil_rready_i", "input", ""),
    ("s_axil_rdata_o", "output", "[31:0]"),
    ("s_axil_rresp_o", "output", "[1:0]"),
    ("irq_o", "output", ""),
    ("m_axi_arvalid_o", "output", ""),
    ("m_axi_arready_i", "input", ""),
    ("m_axi_arid_o", "output", "[5:0]"),
    ("m_axi_araddr_o", "output", "[39:0]"),
    ("m_axi_arlen_o", "output", "[7:0]"),
    ("m_axi_arsize_o", "output", "[2:0]"),
    ("m_axi_arburst_o", "output", "[1:0]"),
    ("m_axi_rvalid_i", "input", ""),
    ("m_axi_rready_o", "output", ""),
    ("m_axi_rid_i", "input", "[5:0]"),
    ("m_axi_rdata_i", "input", DATA),
    ("m_axi_rresp_i", "input", "[1:0]"),
    ("m_axi_rlast_i", "input", ""),
    ("m_axi_awvalid_o", "output", ""),
    ("m_axi_awready_i", "input", ""),
    ("m_axi_awid_o", "output", "[5:0]"),
    ("m_axi_awaddr_o", "output", "[39:0]"),
    ("m_axi_awlen_o", "output", "[7:0]"),
    ("m_axi_awsize_o", "output", "[2:0]"),
    ("m_axi_awburst_o", "output", "[1:0]"),
    ("m_axi_wvalid_o", "output", ""),
    ("m_axi_wready_i", "input", ""),
    ("m_axi_wdata_o", "output", DATA),
    ("m_axi_wstrb_o", "output", STROBES),
    ("m_axi_wlast_o", "output", ""),
    ("m_axi_bvalid_i", "input", ""),
    ("m_axi_bready_o", "output", ""),
    ("m_axi_bid_i", "input", "[5:0]"),
    ("m_axi_bresp_i", "input", "[1:0]"),
)
_BUSY = ("busy_o", "output", "")
_DATA_PORTS = [name for name, _, width in _NATIVE if width in (DATA, STROBES)]


def _top(design: Design, hardware: Hardware, values: dict[str, int]) -> str:
    """The test bench sees all ports; a design without counters or busy_o gets constants there."""
    file = design.file
    own = [*_CLOCK, *_ports(file.ports, design.data_bits(values))]
    own += [_BUSY] if file.busy else []
    own += [_counters(len(file.counters))] if file.counters else []
    seen = {name: (name, way, width) for name, way, width in [*own, _BUSY, _counters(max(1, len(file.counters)))]}
    constants = {"busy_o": "1'b1", "counters_o": "'0"}
    missing = [name for name in seen if name not in {port[0] for port in own}]
    ports = ",\n".join(f"    {way} logic {width + ' ' if width else ''}{name}" for name, way, width in seen.values())
    wires = ",\n".join(f"      .{name}({name})" for name, _, _ in own)
    assigns = "".join(f"  assign {name} = {constants[name]};\n" for name in missing)
    # Verilator looks at the widths of a port before it sets parameters: those that a parameter sets are not checked.
    fixed = [name for name, _, _ in own if BUS not in values or name not in _DATA_PORTS]
    checks = "".join(_width_check(file.top, name, len(file.counters)) for name in fixed)
    parameters = "\n".join(f"      .{name}({value})," for name, value in values.items())
    return f"""// Generated: {design.name}, DIM {hardware.dim}, scratchpad {hardware.scratchpad_kib:g} KiB, \
accumulator {hardware.accumulator_kib:g} KiB.
module design_top #(
    parameter bit Datapath = 1'b1
) (
{ports}
);
  {file.top} #(
{parameters}
      .Datapath(Datapath)
  ) u_{file.top} (
{wires}
  );
{assigns}{checks}endmodule
"""


def _ports(kind: Ports, data_bits: int) -> Iterator[Port]:
    """The memory and command ports at a width of the data bus."""
    widths = {DATA: f"[{data_bits - 1}:0]", STROBES: f"[{data_bits // 8 - 1}:0]"}
    yield from ((name, way, widths.get(width, width)) for name, way, width in (_AXI4 if kind == "axi4" else _NATIVE))


def _width_check(top: str, port: str, counters: int) -> str:
    """Connecting a port of another width is legal SystemVerilog, and would cut values or give counters wrong names."""
    bits = f"$bits(u_{top}.{port})"
    needed = f"{FILE} names {counters} counters of 64 bits" if port == "counters_o" else "it must have %0d"
    given = bits if port == "counters_o" else f"{bits}, $bits({port})"
    return f"""  if ({bits} != $bits({port})) begin : gen_{port}
    $error("{port} of {top} has %0d bits, {needed}", {given});
  end
"""


def _counters(count: int) -> Port:
    return ("counters_o", "output", f"[{count - 1}:0][63:0]")
