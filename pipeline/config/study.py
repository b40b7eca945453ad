"""The study: everything that one run of the workflow depends on, read from YAML and checked once.

Unknown fields are errors. The defaults are the default study; ``default.yaml`` repeats them (a test compares both).
"""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.choices import CERTIFIED, CoDesign, Memory, Objective
from pipeline.config.feasible import infeasible
from pipeline.config.own import MethodName, ModelName, wrong_classes
from pipeline.hardware import Hardware, Template
from pipeline.machine.machine import MachineChoice
from pipeline.plain import did_you_mean, problems
from pipeline.search.result import CLOCK_MHZ
from pipeline.workload import load_workload, read_yaml
from rtl.design import Design

STUDIES = Path(__file__).resolve().parent
SHIPPED = ("default", "smoke", "paper", "output_stationary")
RESERVED = ("rtl", "bench", "cache")
"""Folders of ``results/`` that are no studies."""

SHARED = "shared"
"""Name of the design for all networks, beside the names of the networks."""

MAX_BYTES = 1 << 20


DEFAULT_TEMPLATE = MachineChoice().find().template


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class HardwarePoint(_Section):
    """One design point whose cycles are measured for training."""

    dim: int = Field(ge=2, le=64, description="Rows and columns of the array of processing elements.")
    scratchpad_kib: float = Field(gt=0, le=16384, description="Physical scratchpad size in KiB.")
    accumulator_kib: float = Field(gt=0, le=16384, description="Physical accumulator size in KiB.")

    @model_validator(mode="after")
    def _is_hardware(self) -> Self:
        self.hardware()
        return self

    def hardware(self, template: Template = DEFAULT_TEMPLATE) -> Hardware:
        """The design point as hardware of a machine."""
        return template.hardware(*(getattr(self, size) for size in template.sizes))


def _point(dim: int, scratchpad_kib: float, accumulator_kib: float) -> HardwarePoint:
    return HardwarePoint(dim=dim, scratchpad_kib=scratchpad_kib, accumulator_kib=accumulator_kib)


class Sampling(_Section):
    """Mappings that are measured before the first search."""

    points: int = Field(360, ge=1, le=10_000_000, description="Mappings over all hardware points.")
    max_cycles: int = Field(
        3_000_000, ge=1000, le=10**9, description="Largest cycles that a training mapping is expected to take."
    )
    random: float = Field(0.3, ge=0, le=1, description="Share of mappings drawn at random.")
    constructive: float = Field(0.4, ge=0, le=1, description="Share of mappings built to fill the memories.")
    searched: float = Field(0.3, ge=0, le=1, description="Share of mappings found with the analytical model.")
    search_evaluations: int = Field(
        300, ge=1, le=10**6, description="Evaluations of the search that gives the searched mappings of one point."
    )

    @model_validator(mode="after")
    def _shares_add_up(self) -> Self:
        total = self.random + self.constructive + self.searched
        if abs(total - 1) > 1e-9:
            raise ValueError(f"random + constructive + searched = {total:g}, must be 1")
        return self


class Simulation(_Section):
    """How mappings are measured."""

    memory: Memory = Field(
        "soc", description="Memory below the accelerator: fixed latency, or bus with cache and DRAM."
    )
    driver: Literal["cocotb", "inprocess"] = Field("cocotb", description="What drives the simulator.")
    shards: int = Field(1, ge=1, le=1000, description="Jobs that share the sampled mappings of one hardware point.")


class Learning(_Section):
    """Latency models fitted to the measured cycles."""

    kind: ModelName = Field("default", description="Model that the search uses.")
    compare: tuple[ModelName, ...] = Field(
        ("dosa", "analytical", "dnn", "residual", "calibrated", "default"),
        description="Models whose accuracy the report compares.",
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of the fit.")


class Search(_Section):
    """One search per workload, round and seed."""

    method: MethodName = Field("gradient", description="Search method of the rounds.")
    evaluations: int = Field(3000, ge=1, le=10**8, description="Evaluations a search may use.")
    seeds: tuple[int, ...] = Field((0, 1), min_length=1, max_length=100, description="Seeds; each is one search.")
    fix_dim: int | None = Field(16, ge=2, le=64, description="Array size to keep, or null to search it too.")
    fix_hardware: HardwarePoint | None = Field(None, description="Hardware to keep, or null to search it.")
    objective: Objective = Field("edp", description="What searches minimise and what designs are chosen by.")
    max_area_mm2: float | None = Field(None, gt=0, description="Largest area, or null for any.")
    max_latency_ms: tuple[Annotated[float | None, Field(gt=0)], ...] = Field(
        (), description="Longest time of one inference of each workload at `clock_mhz`, null for any; left out: none."
    )
    clock_mhz: float = Field(
        CLOCK_MHZ, ge=1e-3, le=1e6, description="Clock for times and rates; no cycle depends on it."
    )


class Baselines(_Section):
    """What the result is compared with; the default hardware with the default tiler is always there."""

    methods: tuple[MethodName, ...] = Field(
        ("random", "genetic"), description="Search methods run with as many evaluations on the same model."
    )
    analytical: bool = Field(
        True, description="Repeat the rounds with the analytical model alone and as many simulations."
    )
    parts: bool = Field(
        True,
        description="Search mappings on the default hardware, and hardware of at most its area, to tell what each "
        "gives; not with `search.fix_hardware`.",
    )


class Validation(_Section):
    """Checks of the final designs on the build that computes real results."""

    exact_layers: int = Field(2, ge=0, le=1000, description="Layers a workload checked bit by bit on the full build.")
    exact_max_cycles: int = Field(
        400_000, ge=1000, le=10**9, description="Largest simulated cycles of a layer that is checked bit by bit."
    )
    what_if_layers: int = Field(
        1,
        ge=0,
        le=1000,
        description="Layers of each final design, those that take most cycles, that are simulated with bus, banks, "
        "queues, host and memory changed in every combination.",
    )


def _known(name: str) -> str:
    load_workload(name)
    return name


class Study(_Section):
    """One run of the workflow."""

    name: str = Field(
        "default",
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$",
        max_length=64,
        description="Name of the study; its files are in `results/<name>/`.",
    )
    design: str = Field(
        "gemmini",
        min_length=1,
        max_length=4096,
        description="Design that is generated and simulated: a name under `rtl/`, or the path of its folder.",
    )
    workloads: tuple[Annotated[str, AfterValidator(_known)], ...] = Field(
        ("unet_small", "resnet50", "bert", "retinanet"),
        min_length=1,
        max_length=100,
        description="Networks to optimise for: names (`dosa-hil workloads list`) or YAML files.",
    )
    co_design: CoDesign = Field(
        "both",
        description="Search hardware for each network alone, one that all share (lowest geometric mean of what is "
        "minimised), or both; of one network all are the same.",
    )
    weights: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        (), description="Weight of each workload in that mean; left out: all 1."
    )
    seed: int = Field(0, ge=0, le=2**31 - 1, description="Seed of the sampling.")
    hardware: tuple[HardwarePoint, ...] = Field(
        (
            _point(4, 32, 16),
            _point(4, 64, 16),
            _point(8, 64, 16),
            _point(8, 64, 32),
            _point(8, 128, 32),
            _point(16, 64, 32),
            _point(16, 128, 32),
            _point(16, 128, 64),
            _point(16, 256, 64),
            _point(16, 256, 128),
            _point(32, 256, 128),
            _point(32, 512, 128),
        ),
        min_length=1,
        max_length=10_000,
        description="Hardware points whose cycles train the first model.",
    )
    structure: dict[str, tuple[int, ...]] = Field(
        {},
        description="Parts of the design's structure that the gradient search moves, each with the numbers that it may "
        "have, ascending: `{reads_in_flight: [8, 16, 32]}`. Training hardware points get numbers at random. Other "
        "parts, and all parts in other searches, have the default.",
    )
    rounds: int = Field(3, ge=1, le=20, description="Times that search, simulation and refit are repeated.")
    uncertain: int = Field(
        16, ge=0, le=100_000, description="Most uncertain mappings a workload and round that are simulated too."
    )
    sampling: Sampling = Field(Sampling(), description="Mappings that are measured before the first search.")
    simulation: Simulation = Field(Simulation(), description="How mappings are measured.")
    learning: Learning = Field(Learning(), description="Latency models fitted to the measured cycles.")
    search: Search = Field(Search(), description="One search per workload, round and seed.")
    baselines: Baselines = Field(Baselines(), description="What the result is compared with.")
    validation: Validation = Field(Validation(), description="Checks on the build that computes real results.")
    synthesis: bool = Field(
        False,
        description="Synthesise the default hardware and each design found: area by module in the report. Without the "
        "tools the report says what to install.",
    )

    @property
    def machine(self) -> MachineChoice:
        """The machine that is searched and simulated. Raises ValueError when there is no such design."""
        return MachineChoice(Design.read(self.design).machine, self.simulation.memory)

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        wrong = []
        if self.name in RESERVED:
            wrong.append(f"name: {self.name!r} is reserved; choose another than {', '.join(RESERVED)}")
        for field, values in (
            ("workloads", [load_workload(name).name for name in self.workloads]),
            ("hardware", [point.hardware().id for point in self.hardware]),
            ("search.seeds", [str(seed) for seed in self.search.seeds]),
        ):
            twice = sorted({value for value in values if values.count(value) > 1})
            wrong += [f"{field}: {value} occurs twice" for value in twice]
        if SHARED in (load_workload(name).name for name in self.workloads):
            wrong.append(f"workloads: {SHARED!r} is the name of the design for all networks; rename the workload")
        for field, methods in (("search.method", (self.search.method,)), ("baselines.methods", self.baselines.methods)):
            wrong += [
                f"{field}: {name} certifies the machine's own latency alone; rounds search with others"
                for name in methods
                if name in CERTIFIED
            ]
        for field, each in (("weights", self.weights), ("search.max_latency_ms", self.search.max_latency_ms)):
            if each and len(each) != len(self.workloads):
                wrong.append(f"{field}: {len(each)} for {len(self.workloads)} workloads")
        unbuildable = self._unbuildable()
        wrong += unbuildable or wrong_classes(
            (("search.method", (self.search.method,)), ("baselines.methods", self.baselines.methods)),
            (("learning.kind", (self.learning.kind,)), ("learning.compare", self.learning.compare)),
            self.machine,
        )
        if self.sampling.points < len(self.hardware):
            wrong.append(f"sampling.points = {self.sampling.points}: fewer than {len(self.hardware)} hardware points")
        if wrong:
            raise ValueError("\n".join(wrong))
        return self

    def _unbuildable(self) -> list[str]:
        """Hardware that the design cannot have."""
        try:
            design = Design.read(self.design)
        except ValueError as error:
            return [f"design: {error}"]
        wrong, template = [], self.machine.find().template
        for number, point in enumerate(self.hardware):
            try:
                design.values(point.hardware(template))
            except ValueError as error:
                wrong.append(f"hardware.{number}: {error}")
        default = self.machine.find().default_hardware
        for axis, numbers in self.structure.items():
            if not numbers or list(numbers) != sorted(set(numbers)):
                wrong.append(f"structure.{axis} = {list(numbers)}: must be numbers in ascending order")
            try:
                for value in numbers:
                    design.values(default.restructured({axis: value}))
            except ValueError as error:
                wrong.append(f"structure.{axis}: {error}")
        if self.structure and self.search.fix_hardware is not None:
            wrong.append("structure: is searched, search.fix_hardware keeps it; give one of them")
        return wrong


def load_study(name_or_path: str, *, design: str | None = None) -> Study:
    """Load a study by the name of a shipped one or from a YAML file; ``design`` replaces the file's design.

    Raises ValueError that names the file, and of every problem the field and the value. What can only fail later is
    looked at too: whether tiles fit, whether the limits leave anything to build, whether there is enough to learn from.
    """
    path = Path(name_or_path)
    if path.suffix not in {".yaml", ".yml"}:
        if name_or_path not in SHIPPED:
            close = did_you_mean(name_or_path, SHIPPED)
            raise ValueError(f"unknown study {name_or_path!r}{close}; known: {', '.join(SHIPPED)}, or a .yaml file")
        path = STUDIES / f"{name_or_path}.yaml"
    try:
        content = read_yaml(path, MAX_BYTES)
        if not isinstance(content, dict):
            raise ValueError("is not a list of fields")
        study = Study.model_validate(content | ({"design": design} if design is not None else {}))
    except OSError as error:
        raise ValueError(f"study {name_or_path}: {error.strerror}") from error
    except ValidationError as error:
        raise ValueError(_all(name_or_path, problems(error, Study))) from error
    except ValueError as error:
        raise ValueError(f"study {name_or_path}: {error}") from error
    wrong = infeasible(study)
    if wrong:
        raise ValueError(_all(name_or_path, wrong))
    return study


def _all(name: str, wrong: list[str]) -> str:
    """One problem in one line; several as a list."""
    if len(wrong) == 1:
        return f"study {name}: {wrong[0]}"
    return "\n".join([f"study {name}: {len(wrong)} problems", *(f"  {line}" for line in wrong)])


def shipped_studies(design: str | None = None) -> dict[str, Study]:
    """The shipped studies by name, with ``design`` instead of theirs; those whose sizes it cannot have are left out."""
    studies = {}
    for name in SHIPPED:
        try:
            studies[name] = load_study(name, design=design)
        except ValueError:
            if design is None:
                raise
    return studies
