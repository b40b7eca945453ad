"""What the workflow derives from a study."""

from pipeline.config.plan import Plan, sizes
from pipeline.config.study import Study, load_study
from pipeline.hardware import HardwareTensors
from pipeline.stages import command
from tests.machines import GEMMINI

PLAN = Plan(load_study("default"))


def test_hardware_is_synthesised_for_every_target_where_the_study_asks_for_it():
    study = {"workloads": ("bert", "resnet50")}
    assert Plan(Study(**study)).synthesised == ()
    assert Plan(Study(synthesis=True, **study)).synthesised == ("bert", "resnet50", "shared")


def test_shards_measure_all_points_and_differ_by_at_most_one():
    plan = Plan(Study(sampling={"points": 1001}, simulation={"shards": 3}))
    counts = [plan.points(name, shard) for name in plan.hardware for shard in range(3)]
    assert sum(counts) == 1001
    assert max(counts) - min(counts) <= 1


def test_the_default_study_covers_array_sizes_4_to_32_with_thirty_points_a_hardware():
    assert len(PLAN.hardware) >= 12
    assert {hardware.dim for hardware in PLAN.hardware.values()} == {4, 8, 16, 32}
    assert PLAN.study.sampling.points == 30 * len(PLAN.hardware)
    assert len(PLAN.rounds) == 3


def test_the_analytical_variant_simulates_as_much_as_all_rounds():
    rounds = [f"r{number}" for number in PLAN.rounds]
    assert len(PLAN.variants["analytical"]) == sum(len(PLAN.variants[name]) for name in rounds)
    assert PLAN.uncertain("analytical") == sum(PLAN.uncertain(name) for name in rounds)


def test_networks_are_searched_alone_and_together():
    alone = {"bert": ("bert=2.0",), "resnet50": ("resnet50=1.0",)}
    shared = {"shared": ("bert=2.0", "resnet50=1.0")}
    study = {"workloads": ("bert", "resnet50"), "weights": (2, 1)}
    for co_design, targets in (("each", alone), ("shared", shared), ("both", alone | shared)):
        assert Plan(Study(co_design=co_design, **study)).targets == targets
    assert Plan(Study(workloads=("bert",), co_design="shared")).targets == {"bert": ("bert=1.0",)}


def test_what_each_part_gives_is_searched_within_the_default_hardware_and_its_area():
    assert PLAN.constraints("r1") == ["--fix-dim=16"]
    assert PLAN.constraints("mappings") == ["--fix-hardware=16,256,64"]
    _, limit = PLAN.constraints("area")
    area = float(limit.removeprefix("--max-area="))
    assert area == float(GEMMINI.area_mm2(HardwareTensors.stack([GEMMINI.default_hardware])))
    tighter = Plan(Study(search={"max_area_mm2": area / 2}))
    assert tighter.constraints("area")[1] == f"--max-area={area / 2!r}"
    assert "area" not in Plan(Study(search={"fix_hardware": GEMMINI.default_hardware.sizes})).variants


def test_searches_and_choice_are_told_the_objective_and_the_limits_of_their_networks():
    search = {"objective": "ed2p", "max_latency_ms": (None, 7.5), "clock_mhz": 800.0}
    plan = Plan(Study(workloads=("bert", "resnet50"), search=search))
    common = ["--objective=ed2p", "--clock-mhz=800.0"]
    assert plan.goal("bert") == common
    assert plan.goal("resnet50") == plan.goal("shared") == [*common, "--max-latency=resnet50=7.5"]
    assert PLAN.goal("shared") == ["--objective=edp", "--clock-mhz=500.0"]


def test_training_hardware_has_numbers_of_the_structure_and_rounds_search_them():
    choices = {"reads_in_flight": (8, 16, 32), "bus_bytes": (16, 32)}
    plan = Plan(Study(structure=choices))
    drawn = [(int(h["reads_in_flight"]), int(h["bus_bytes"])) for h in plan.hardware.values()]
    assert len(drawn) == len(PLAN.hardware)
    assert len(set(drawn)) > 3
    assert all(reads in choices["reads_in_flight"] and bus in choices["bus_bytes"] for reads, bus in drawn)
    assert plan.hardware == Plan(Study(structure=choices)).hardware
    assert plan.constraints("r1") == [
        "--fix-dim=16",
        "--structure=reads_in_flight=8,16,32",
        "--structure=bus_bytes=16,32",
    ]
    for variant in ("random", "mappings", "area"):
        assert not any("structure" in option for option in plan.constraints(variant))
    for hardware in plan.hardware.values():
        assert command.hardware(sizes(hardware), GEMMINI.template) == hardware


def test_a_round_searches_with_the_model_trained_before_it():
    assert PLAN.model("r2").endswith("models/r2/default.model")
    assert PLAN.dataset(1).endswith("rounds/r1/dataset.parquet")
    assert PLAN.model("analytical") == "analytical"
    assert PLAN.model_files("analytical") == []


def test_no_two_searches_of_the_loop_have_the_same_seed():
    seeds = [seed for number in PLAN.rounds for seed in PLAN.variants[f"r{number}"]]
    assert len(set(seeds)) == len(seeds)


def test_no_training_batch_is_simulated_before_every_design_elaborates():
    notes = {f"results/default/rtl/{name}.json" for name in PLAN.hardware}
    assert all(set(PLAN.generated(batch)) == notes for batch in PLAN.training_batches())
    assert PLAN.generated("r1/bert") == []
