"""A synthesised design: its modules in a table, and its hierarchy with areas for a map."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.synthesis.liberty import Liberty
from pipeline.synthesis.memories import macro_mm2
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
    """Longest path in any of its variants; None where it was not asked for, or of a memory."""
    leakage_nw: float | None
    """None of a memory: the tables do not say."""
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
    def macros(self) -> Counter[Macro]:
        """How many of each memory macro."""
        count: Counter[Macro] = Counter()
        for name, times in self.units.instances().items():
            for _, macro in self.units.units[name].macros:
                count[macro] += times
        return count

    def modules(self) -> list[ModuleRow]:
        """Standard cells by module, then memories, each by falling area."""
        instances = self.units.instances()
        names: dict[str, list[str]] = {}
        for unit in self.units.units.values():
            names.setdefault(unit.module, []).append(unit.name)
        cells = [self._row(module, variants, instances) for module, variants in names.items()]
        memories = [
            ModuleRow(
                f"{macro.kind} {macro.rows} x {macro.bytes} B", times, 1, 0,
                times * macro_mm2(macro, self.nanometres), 0, None, None, memory=True,
            )
            for macro, times in self.macros.items()
        ]  # fmt: skip
        return [row for rows in (cells, memories) for row in sorted(rows, key=lambda row: -row.area_mm2)]

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
                "name": macro.kind, "module": f"{macro.kind} {macro.rows} x {macro.bytes} B", "instances": number,
                "own_mm2": macro_mm2(macro, self.nanometres), "children": [],
            }
            for macro, number in count_macros.items()
        ]  # fmt: skip
        own = self.netlists[unit].area(self.liberty) / 1e6
        return {"name": name, "module": here.module, "instances": times, "own_mm2": own, "children": children}
