"""A synthesised design: its modules in a table, and its hierarchy with areas for a map."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.synthesis.liberty import Liberty
from pipeline.synthesis.memories import macro_mm2, macro_model
from pipeline.synthesis.netlist import Netlist
from pipeline.synthesis.timing import CriticalPath
from pipeline.synthesis.units import Macro, Units


@dataclass(frozen=True, slots=True)
class ModuleRow:
    """All instances of one module together, without the modules inside them."""

    module: str
    instances: int
    variants: int
    """Instances that differ in more than their place."""
    cells: int
    area_mm2: float
    registers: int
    critical_ns: float | None
    """Longest path in any of its variants, access time of a memory; None where it was not asked for."""
    leakage_nw: float
    memory: bool


@dataclass(frozen=True, slots=True)
class Synthesis:
    """A design as standard cells and memory macros."""

    units: Units
    netlists: Mapping[str, Netlist]
    """By unit."""
    paths: Mapping[str, CriticalPath]
    """By unit; empty without OpenSTA."""
    whole: CriticalPath | None
    """Of the design; None without OpenSTA."""
    liberty: Liberty
    nanometres: float

    @property
    def critical_ns(self) -> float | None:
        """The longest path in the design or in a module; None without OpenSTA."""
        return None if self.whole is None else max([self.whole.ns, *(path.ns for path in self.paths.values())])

    @property
    def leakage_nw(self) -> float:
        """Of all standard cells and memories."""
        return sum(row.leakage_nw for row in self.modules())

    def modules(self) -> list[ModuleRow]:
        """Standard cells by module, then memories, each by falling area."""
        instances = self.units.instances()
        names: dict[str, list[str]] = {}
        for unit in self.units.units.values():
            names.setdefault(unit.module, []).append(unit.name)
        cells = [self._row(module, variants, instances) for module, variants in names.items()]
        memories = [self._memory(macro, times) for macro, times in self.units.macros().items()]
        return [row for rows in (cells, memories) for row in sorted(rows, key=lambda row: -row.area_mm2)]

    def _memory(self, macro: Macro, times: int) -> ModuleRow:
        model = macro_model(macro, self.nanometres)
        return ModuleRow(
            macro.label,
            instances=times,
            variants=1,
            cells=0,
            area_mm2=times * macro_mm2(macro, self.nanometres),
            registers=0,
            critical_ns=model.access_ns if self.paths else None,
            leakage_nw=times * 1e3 * model.leakage_uw,
            memory=True,
        )

    def _row(self, module: str, variants: list[str], instances: Counter[str]) -> ModuleRow:
        lists = [(instances[name], self.netlists[name]) for name in variants]
        return ModuleRow(
            module,
            instances=sum(times for times, _ in lists),
            variants=len(variants),
            cells=sum(times * sum(netlist.cells.values()) for times, netlist in lists),
            area_mm2=sum(times * netlist.area(self.liberty) for times, netlist in lists) / 1e6,
            registers=sum(times * netlist.registers(self.liberty) for times, netlist in lists),
            critical_ns=max(self.paths[name].ns for name in variants) if self.paths else None,
            leakage_nw=sum(times * netlist.leakage_nw(self.liberty) for times, netlist in lists),
            memory=False,
        )

    def hierarchy(self) -> dict[str, object]:
        """The tree of instances: name, module, own area in mm2, children; equal children of one parent are one node."""
        return self._node("", self.units.top, 1)

    def _node(self, name: str, unit: str, times: int) -> dict[str, object]:
        here = self.units.units[unit]
        count = Counter(child for _, child in here.children)
        first = {child: instance for instance, child in reversed(here.children)}
        children = [self._node(first[child], child, times) for child, times in count.items()]
        count_macros = Counter(macro for _, macro in here.macros)
        children += [
            {
                "name": macro.kind, "module": macro.label, "instances": number,
                "own_mm2": macro_mm2(macro, self.nanometres), "children": [],
            }
            for macro, number in count_macros.items()
        ]  # fmt: skip
        own = self.netlists[unit].area(self.liberty) / 1e6
        return {"name": name, "module": here.module, "instances": times, "own_mm2": own, "children": children}
