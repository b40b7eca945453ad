"""What the workflow derives from a study: names of its files, and who uses which model and seeds."""

import os
import random
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import psutil

from pipeline.choices import AREA, MAPPINGS, MOVES_STRUCTURE, PARTS
from pipeline.config.study import SHARED, Study
from pipeline.files import digest
from pipeline.hardware import Hardware, HardwareTensors
from pipeline.plugins import is_own, module_of, short_name
from pipeline.workload import load_workload


@dataclass(frozen=True)
class Plan:
    """One study as the rules see it.

    A *batch* is one table of mappings that one job simulates: ``points/<batch>.parquet`` becomes
    ``sim/<batch>.parquet``. A *variant* is one way to search: ``r1`` .. ``rN`` are the rounds of the loop. A *target*
    is what hardware is searched for: one network, or all of them.
    """

    study: Study

    @cached_property
    def hardware(self) -> dict[str, Hardware]:
        """Training hardware by id."""
        template = self.study.machine.find().template
        points = [point.hardware(template) for point in self.study.hardware]
        if self.study.structure:
            points = [point.restructured(self._drawn(number)) for number, point in enumerate(points)]
        return {point.id: point for point in points}

    def _drawn(self, number: int) -> dict[str, int]:
        """The structure of training hardware ``number``."""
        generator = random.Random(digest(self.study.seed, number))
        return {axis: generator.choice(numbers) for axis, numbers in self.study.structure.items()}

    @cached_property
    def workloads(self) -> dict[str, str]:
        """Name or file of each workload by its name."""
        return {load_workload(spec).name: spec for spec in self.study.workloads}

    @cached_property
    def targets(self) -> dict[str, tuple[str, ...]]:
        """The networks that each searched hardware is for, as ``--workload`` takes them."""
        weights = self.study.weights or (1.0,) * len(self.workloads)
        options = [f"{spec}={weight!r}" for spec, weight in zip(self.workloads.values(), weights, strict=True)]
        each: dict[str, tuple[str, ...]] = {
            name: (option,) for name, option in zip(self.workloads, options, strict=True)
        }
        if len(options) == 1 or self.study.co_design == "each":
            return each
        return ({} if self.study.co_design == "shared" else each) | {SHARED: tuple(options)}

    def limits_ms(self, target: str) -> dict[str, float]:
        """The longest time of each network of a target that has a limit, in milliseconds."""
        limits = dict(zip(self.workloads, self.study.search.max_latency_ms, strict=False))
        names = [target] if target in self.workloads else list(self.workloads)
        return {name: limit for name in names if (limit := limits.get(name)) is not None}

    def goal(self, target: str) -> list[str]:
        """Options that say what the designs of a target are judged by."""
        limits = [f"--max-latency={name}={limit!r}" for name, limit in self.limits_ms(target).items()]
        search = self.study.search
        return [f"--objective={search.objective}", f"--clock-mhz={search.clock_mhz!r}", *limits]

    @property
    def synthesised(self) -> tuple[str, ...]:
        """Targets whose hardware is synthesised for the report."""
        return tuple(self.targets) if self.study.synthesis else ()

    def target_digest(self, target: str) -> list[str]:
        """Digests of the layers of a target's networks."""
        return [self.workload_digests[target]] if target in self.workloads else [*self.workload_digests.values()]

    @cached_property
    def workload_digests(self) -> dict[str, str]:
        """Digest of the layers of each workload."""
        return {name: digest(repr(load_workload(spec))) for name, spec in self.workloads.items()}

    def points(self, hardware: str, shard: int) -> int:
        """Mappings that one shard of a hardware point measures; the shares differ by one at most."""
        jobs = [(name, k) for name in self.hardware for k in range(self.study.simulation.shards)]
        share, rest = divmod(self.study.sampling.points, len(jobs))
        return share + (jobs.index((hardware, shard)) < rest)

    def training_batches(self) -> list[str]:
        """Batches that the first model is trained on."""
        return [f"r0/{name}-{shard}" for name in self.hardware for shard in range(self.study.simulation.shards)]

    def generated(self, batch: str) -> list[str]:
        """Notes of the generate stage that a batch needs.

        All designs of the study elaborate before the first mapping is simulated; hardware found later is generated when
        it is simulated.
        """
        return [f"{self.folder}/rtl/{name}.json" for name in self.hardware] if batch.startswith("r0/") else []

    def round_batches(self, number: int) -> list[str]:
        """Batches that round ``number`` adds to the training data."""
        return self.training_batches() if number == 0 else [f"r{number}/{name}" for name in self.targets]

    @cached_property
    def rounds(self) -> list[int]:
        """Numbers of the search rounds."""
        return list(range(1, self.study.rounds + 1))

    @cached_property
    def variants(self) -> dict[str, tuple[int, ...]]:
        """Seeds of every search variant."""
        seeds = self.study.search.seeds
        variants = {f"r{number}": tuple(seed + 1000 * (number - 1) for seed in seeds) for number in self.rounds}
        variants |= {name: seeds for name, method in self._baselines.items() if method != self.study.search.method}
        if self.study.baselines.parts and self.study.search.fix_hardware is None:
            variants |= dict.fromkeys(PARTS, seeds)
        if self.study.baselines.analytical:
            variants["analytical"] = tuple(seed for number in self.rounds for seed in variants[f"r{number}"])
        return variants

    def is_baseline(self, variant: str) -> bool:
        """Whether a variant searches once, with the last model, and only the designs it finds are simulated."""
        return variant in self._baselines or variant in PARTS

    @property
    def _baselines(self) -> dict[str, str]:
        """Other search methods by the name of their variant."""
        return {short_name(method): method for method in self.study.baselines.methods}

    def method(self, variant: str) -> str:
        """Search method of a variant."""
        return self._baselines.get(variant, self.study.search.method)

    def model_round(self, variant: str) -> int | None:
        """Round whose models a variant searches with; None for the analytical model alone."""
        if variant == "analytical":
            return None
        return self.rounds[-1] if self.is_baseline(variant) else int(variant[1:])

    def model(self, variant: str) -> str:
        """What ``--model`` is given for a variant: a file, ``analytical``, or a class of one's own."""
        number, kind = self.model_round(variant), self.study.learning.kind
        return "analytical" if number is None else kind if is_own(kind) else self.model_file(number, kind)

    def uncertain(self, variant: str) -> int:
        """Mappings that a variant simulates besides its designs; the analytical one gets as many as all rounds."""
        if self.is_baseline(variant):
            return 0
        return self.study.uncertain * (len(self.rounds) if variant == "analytical" else 1)

    def model_files(self, variant: str) -> list[str]:
        """The model file of a variant as an input of a rule."""
        model = self.model(variant)
        return [] if model == "analytical" or is_own(model) else [model]

    def model_modules(self, variant: str) -> list[str]:
        """The module of a variant's model where that is a class of one's own."""
        model = self.model(variant)
        return [module_of(model)] if is_own(model) else []

    def model_file(self, number: int, kind: str) -> str:
        """File of the model of ``kind`` that round ``number`` uses."""
        return f"{self.folder}/models/r{number}/{kind}.model"

    @cached_property
    def kinds(self) -> tuple[str, ...]:
        """Models that are trained every round: the one that searches, then those compared with it."""
        return tuple(kind for kind in self._models if not is_own(kind))

    @cached_property
    def own_models(self) -> tuple[str, ...]:
        """Classes of one's own among the models, which are not trained."""
        return tuple(kind for kind in self._models if is_own(kind))

    @property
    def _models(self) -> list[str]:
        return list(dict.fromkeys([self.study.learning.kind, *self.study.learning.compare]))

    @property
    def folder(self) -> str:
        """Folder of the study's results."""
        return f"results/{self.study.name}"

    def search_folders(self, variant: str, target: str) -> list[str]:
        """Folders of the searches of a variant for a target."""
        return [f"{self.folder}/search/{variant}/{target}/s{seed}" for seed in self.variants[variant]]

    def result_batches(self, target: str) -> list[str]:
        """Batches with simulated designs of a target: the reference, then all variants."""
        return [f"{variant}/{target}" for variant in ("reference", *self.variants)]

    def dataset(self, number: int) -> str:
        """Cumulative dataset after round ``number``."""
        return f"{self.folder}/dataset.parquet" if number == 0 else f"{self.folder}/rounds/r{number}/dataset.parquet"

    @property
    def what_if_targets(self) -> tuple[str, ...]:
        """The targets whose final design is simulated with things changed."""
        return tuple(self.targets) if self.study.validation.what_if_layers else ()

    @property
    def other_driver(self) -> str:
        """The simulation driver that the study does not use; validation runs on it."""
        return "inprocess" if self.study.simulation.driver == "cocotb" else "cocotb"

    @property
    def machine(self) -> list[str]:
        """Options that name the machine of the study."""
        return [f"--design={self.study.design}", f"--memory={self.study.simulation.memory}"]

    def constraints(self, variant: str) -> list[str]:
        """Options of the search that keep a variant within the study's limits, and within its own."""
        search, machine = self.study.search, self.study.machine.find()
        default = machine.default_hardware
        if variant == MAPPINGS:
            return [f"--fix-hardware={sizes(default)}"]
        options, limits = [], [] if search.max_area_mm2 is None else [search.max_area_mm2]
        if variant == AREA:
            limits.append(float(machine.area_mm2(HardwareTensors.stack([default]))))
        if search.fix_hardware is not None:
            point = search.fix_hardware.hardware(machine.template)
            options.append(f"--fix-hardware={sizes(point)}")
        elif search.fix_dim is not None:
            options.append(f"--fix-dim={search.fix_dim}")
        if self.method(variant) in MOVES_STRUCTURE and variant != AREA:
            options += [f"--structure={axis}={','.join(map(str, n))}" for axis, n in self.study.structure.items()]
        if limits:
            options.append(f"--max-area={min(limits)!r}")
        return options


def sizes(hardware: Hardware) -> str:
    """Hardware as the options of the stages take it: ``DIM,KIB,...``, then ``AXIS=NUMBER`` where not the default."""
    changed = (f"{name}={number}" for name, number in hardware.changed.items())
    return ",".join([*(f"{value:g}" for value in hardware.values), *changed])


def cpus() -> int:
    """CPUs that this process may use, a container's limit included."""
    present = len(os.sched_getaffinity(0))
    limit = _read(Path("/sys/fs/cgroup/cpu.max")).split()
    if len(limit) == 2 and limit[0].isdigit():
        present = min(present, max(1, int(limit[0]) // int(limit[1])))
    return present


def memory_mb() -> int:
    """Memory in MB that this process may use, a container's limit included."""
    limit = _read(Path("/sys/fs/cgroup/memory.max")).strip()
    present = psutil.virtual_memory().total
    return min(present, int(limit) if limit.isdigit() else present) // 10**6


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
