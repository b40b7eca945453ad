"""A mapping on its hardware as Timeloop's problem, architecture and mapping files (format 0.3), and back."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from pipeline.files import write_text
from pipeline.hardware import ACCUMULATOR, Hardware
from pipeline.machine.coefficients import coefficients
from pipeline.machine.timeloop.template import TEMPLATE
from pipeline.mapping import FOUR_LEVELS, Loops, Mapping
from pipeline.workload import DIMS, Layer

T = TypeVar("T")
FILES = ("problem.yaml", "architecture.yaml", "mapping.yaml")
LEVEL_NAMES = ("Registers", "Accumulator", "Scratchpad", "DRAM")
KEEPS = (("Weights",), ("Outputs",), ("Weights", "Inputs"), ("Weights", "Inputs", "Outputs"))
_SPATIAL = dict(FOUR_LEVELS.spatial)
TENSORS = ("Weights", "Inputs", "Outputs")
STEPS = {"Wstride": "stride_w", "Hstride": "stride_h", "Wdilation": "dilation_w", "Hdilation": "dilation_h"}


def write_timeloop(mapping: Mapping, hardware: Hardware, folder: Path) -> None:
    """Write the three files of ``FILES`` into ``folder``."""
    contents = problem(mapping.layer), architecture(hardware), mapping_directives(mapping)
    for name, content in zip(FILES, contents, strict=True):
        write_text(folder / name, yaml.safe_dump(content, sort_keys=False, default_flow_style=None, width=120))


def read_timeloop(folder: Path) -> tuple[Mapping, Hardware]:
    """The mapping and the hardware that ``write_timeloop`` wrote. Raises ValueError that names the file."""
    layer = _read(folder / FILES[0], read_problem)
    hardware = _read(folder / FILES[1], read_architecture)
    return _read(folder / FILES[2], lambda content: read_mapping(content, layer)), hardware


def _read(path: Path, parse: Callable[[dict[str, Any]], T]) -> T:
    try:
        return parse(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}") from error
    except (LookupError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: not as this program writes it ({str(error).splitlines()[0]})") from error


def problem(layer: Layer) -> dict[str, Any]:
    """The problem file: a convolution as Timeloop's einsum, and this layer's sizes."""
    inputs = [
        [["N"]],
        [["C"]],
        [["R", "Wdilation"], ["P", "Wstride"]],
        [["S", "Hdilation"], ["Q", "Hstride"]],
    ]
    shape = {
        "name": "convolution",
        "dimensions": list(DIMS),
        "coefficients": [{"name": name, "default": 1} for name in STEPS],
        "data-spaces": [
            {"name": "Weights", "projection": [[[d]] for d in "CKRS"]},
            {"name": "Inputs", "projection": inputs},
            {"name": "Outputs", "projection": [[[d]] for d in "NKQP"], "read-write": True},
        ],
    }
    sizes = dict(zip(DIMS, layer.sizes, strict=True))
    return {"problem": {"shape": shape, "instance": sizes | {key: getattr(layer, name) for key, name in STEPS.items()}}}


def read_problem(content: dict[str, Any]) -> Layer:
    """The layer of a problem file."""
    instance = content["problem"]["instance"]
    return Layer(**{d: instance[d] for d in DIMS}, **{name: instance[key] for key, name in STEPS.items()})


def architecture(hardware: Hardware) -> dict[str, Any]:
    """The architecture file: DRAM, scratchpad, one accumulator bank a column, one register a processing element."""
    bandwidth, dim = coefficients().bandwidth_words_per_cycle, hardware.dim
    word, block = 8, coefficients().dram_block_words
    dram = {"type": "LPDDR4", "word-bits": word, "block-size": block, "width": word * block}
    scratchpad = {
        "depth": hardware.scratchpad_rows,
        "word-bits": word,
        "block-size": dim,
        "width": word * dim,
        "shared_bandwidth": bandwidth.scratchpad_per_dim * dim,
    }
    accumulator = {
        "depth": hardware.accumulator_rows,
        "word-bits": word * ACCUMULATOR.word_bytes,
        "block-size": 1,
        "width": word * ACCUMULATOR.word_bytes,
        "shared_bandwidth": bandwidth.accumulator_per_column,
        "meshX": dim,
    }
    element = {"meshX": dim}
    levels = [
        {"name": "DRAM", "class": "DRAM", "attributes": dram | {"shared_bandwidth": bandwidth.dram}},
        {"name": "Scratchpad", "class": "smartbuffer_SRAM", "attributes": scratchpad},
        {"name": f"Accumulator[0..{dim - 1}]", "class": "smartbuffer_SRAM", "attributes": accumulator},
        {
            "name": f"Registers[0..{dim * dim - 1}]",
            "class": "reg_storage",
            "attributes": element | {"depth": 1, "word-bits": word, "block-size": 1},
        },
        {"name": f"MAC[0..{dim * dim - 1}]", "class": "intmac", "attributes": element | {"datawidth": word}},
    ]
    system = {"name": hardware.template.name, "attributes": {"technology": "40nm"}, "local": levels}
    return {"architecture": {"version": 0.3, "subtree": [system]}}


def read_architecture(content: dict[str, Any]) -> Hardware:
    """The hardware of an architecture file."""
    system = content["architecture"]["subtree"][0]
    level = {part["name"].split("[")[0]: part["attributes"] for part in system["local"]}
    dim = level["Accumulator"]["meshX"]
    scratchpad_kib = level["Scratchpad"]["depth"] * dim / 1024
    accumulator_kib = level["Accumulator"]["depth"] * dim * ACCUMULATOR.word_bytes / 1024
    return TEMPLATE.hardware(dim, scratchpad_kib, accumulator_kib)


def mapping_directives(mapping: Mapping) -> dict[str, Any]:
    """The mapping file: per level what it keeps, its temporal loops, and the spatial ones below it.

    Permutations are written innermost first. A loop that is cut short in the last tile is written with the
    iterations it has there (``P=4,2``). Raises ValueError for a mapping with a boundary of its own for a tensor:
    Timeloop's levels have one tile for all.
    """
    if any(mapping.held):
        raise ValueError(f"mapping {mapping}: a level of Timeloop has one tile for all tensors (search --one-tile)")
    directives: list[dict[str, Any]] = []
    for level in reversed(range(FOUR_LEVELS.levels)):
        name = LEVEL_NAMES[level]
        bypass = [tensor for tensor in TENSORS if tensor not in KEEPS[level]]
        directives.append({"target": name, "type": "datatype", "keep": list(KEEPS[level]), "bypass": bypass})
        directives.append(_loops(mapping, level, name, spatial=False))
        if level in _SPATIAL:
            directives.append(_loops(mapping, level, name, spatial=True))
    return {"mapping": directives}


def read_mapping(content: dict[str, Any], layer: Layer) -> Mapping:
    """The mapping of ``layer`` in a mapping file. Raises ValueError that names the offending factor."""
    loops: list[Loops] = [()] * FOUR_LEVELS.levels
    spatial = {"C": 1, "K": 1}
    for directive in content["mapping"]:
        if directive["type"] == "datatype":
            continue
        level = LEVEL_NAMES.index(directive["target"])
        factors = dict(_factor(text) for text in directive["factors"].split())
        if directive["type"] == "spatial":
            spatial[_SPATIAL[level]] = factors[_SPATIAL[level]]
        else:
            outermost_first = reversed(directive["permutation"])
            loops[level] = tuple((dim, factors[dim]) for dim in outermost_first if factors[dim] > 1)
    return Mapping(layer, tuple(loops), (spatial["C"], spatial["K"]))


def _loops(mapping: Mapping, level: int, name: str, spatial: bool) -> dict[str, Any]:
    factors = " ".join(f"{dim}={_with_residual(mapping, dim, level, spatial)}" for dim in DIMS)
    present = [dim for dim, _ in mapping.loops[level]] if not spatial else []
    permutation = "".join([*reversed(present), *(dim for dim in DIMS if dim not in present)])
    kind = "spatial" if spatial else "temporal"
    return {"target": name, "type": kind, "factors": factors, "permutation": permutation}


def _with_residual(mapping: Mapping, dim: str, level: int, spatial: bool) -> str:
    """A factor, and after a comma the iterations of its last run where they are fewer."""
    if spatial and _SPATIAL[level] != dim:
        return "1"
    remaining = mapping.layer.sizes[DIMS.index(dim)]
    for at, factor, is_spatial in mapping.chain(dim):
        groups = math.ceil(remaining / factor)
        if (at, is_spatial) == (level, spatial):
            last = remaining - (groups - 1) * factor
            return str(factor) if last == factor else f"{factor},{last}"
        remaining = groups
    return "1"


def _factor(text: str) -> tuple[str, int]:
    dim, _, value = text.partition("=")
    return dim, int(value.split(",")[0])
