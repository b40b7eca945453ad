"""Designs with other parameters than those of their ``design.yaml``."""

import re
from dataclasses import replace

from pipeline.files import ROOT, digest, digest_files, write_text
from pipeline.hardware import Hardware
from rtl.generate import generate
from sim.design import Design

GENERATED = ROOT / "results" / "rtl"


def variant(hardware: Hardware, **parameters: int) -> Design:
    """The design ``gemmini`` with other values of parameters of its top module."""
    design = Design.load(generate(hardware, GENERATED))
    text = design.sources[-1].read_text(encoding="utf-8")
    for name, value in parameters.items():
        text = re.sub(rf"      \.{name}\(\d+\),\n", "", text)
        text = text.replace("      .Datapath(Datapath)", f"      .{name}({value}),\n      .Datapath(Datapath)")
    top = GENERATED / f"{design.id}-{digest(text)}" / "design_top.sv"
    write_text(top, text)
    sources = (*design.sources[:-1], top)
    return replace(design, sources=sources, rtl_digest=digest_files(sources))
