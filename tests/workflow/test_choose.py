"""Choosing the best simulated design."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from pipeline.stages.choose import assemble, designs_table
from pipeline.stages.reporting import words
from pipeline.stages.totals import Goal
from tests.machines import GEMMINI

HARDWARE = {"arch.meshX": 16, "arch.mem1_depth": 512, "arch.mem2_depth": 8192}
LARGER = HARDWARE | {"arch.mem2_depth": 16384}


def row(variant, candidate, layer, cycles, energy, *, origin="found", hardware=HARDWARE, error="", count=1):
    return hardware | {
        "variant": variant,
        "candidate": candidate,
        "layer.name": layer,
        "layer.count": count,
        "sim.cycles": cycles,
        "sim.energy_uj": energy,
        "pred.cycles": cycles * 1.1,
        "pred.energy_uj": energy,
        "sample.origin": origin,
        "error": error,
    }


def rows():
    return pd.DataFrame(
        [
            row("reference", "default", "a", 100, 10, origin="tiled"),
            row("reference", "default", "b", 100, 10, origin="tiled", count=2),
            row("r1", "s0", "a", 60, 8),
            row("r1", "s0", "b", 90, 9, count=2),
            row("r1", "tiled", "b", 70, 9, origin="tiled", count=2),
            row("r2", "s1", "a", 50, 9, hardware=LARGER),
            row("r2", "s1", "b", 95, 9, hardware=LARGER, count=2),
        ]
    )


def test_a_found_design_has_the_totals_of_its_layers_times_their_counts():
    designs, _ = designs_table(rows(), GEMMINI.template)
    found = designs[(designs["variant"] == "r1") & (designs["kind"] == "found")].iloc[0]
    assert found["sim.cycles"] == 60 + 2 * 90
    assert found["sim.energy_uj"] == 8 + 2 * 9
    assert found["sim.edp"] == (60 + 2 * 90) * (8 + 2 * 9)


def test_the_best_design_takes_the_best_mapping_of_each_layer_on_one_hardware():
    designs, best = designs_table(rows(), GEMMINI.template)
    assert best.set_index("layer.name")["sim.cycles"].to_dict() == {"a": 60, "b": 70}
    assert len(set(best["arch.mem2_depth"])) == 1
    last = designs[(designs["variant"] == "r2") & (designs["kind"] == "assembled")].iloc[0]
    assert last["sim.edp"] == (60 + 2 * 70) * (8 + 2 * 9)


def test_mappings_on_another_structure_are_not_put_together_and_the_design_names_it():
    table = rows()
    table["arch.reads_in_flight"] = [math.nan, math.nan, math.nan, math.nan, 32, 32, 32]
    designs, best = designs_table(table, GEMMINI.template)
    # The default tiler's mapping of b is of 32 reads in flight, and so is the other hardware of the second round.
    assert best.set_index("layer.name")["sim.cycles"].to_dict() == {"a": 60, "b": 90}
    found = designs[designs["kind"] == "found"].set_index("variant")
    assert found["structure"]["r2"] == "reads_in_flight 32"
    assert words.hardware(found.loc["r2"]) == "16x16, 512 + 64 KiB, reads in flight 32"
    assert words.hardware(found.loc["r1"]) == "16x16, 256 + 64 KiB"


def test_a_design_says_how_many_simulated_mappings_it_was_chosen_from():
    designs, _ = designs_table(rows(), GEMMINI.template)
    assert designs.set_index(["variant", "kind"])["simulated"].to_dict() == {
        ("reference", "found"): 2,
        ("r1", "found"): 2,
        ("r2", "found"): 2,
        ("r1", "assembled"): 3,
        ("r2", "assembled"): 5,
    }


def test_networks_that_share_the_hardware_are_judged_by_the_weighted_geometric_mean():
    def layer(variant, candidate, name, cycles, energy, **more):
        network, weight = ("one", 3.0) if name.startswith("one") else ("two", 1.0)
        networks = {"network": network, "network.weight": weight}
        return row(variant, candidate, name, cycles, energy, **more) | networks

    table = pd.DataFrame(
        [
            layer("reference", "default", "one/a", 100, 10, origin="tiled"),
            layer("reference", "default", "two/a", 1000, 10, origin="tiled"),
            layer("r1", "s0", "one/a", 50, 10),
            layer("r1", "s0", "two/a", 1000, 10),
            layer("r1", "s1", "one/a", 100, 10, hardware=LARGER),
            layer("r1", "s1", "two/a", 200, 10, hardware=LARGER),
        ]
    )
    designs, best = designs_table(table, GEMMINI.template)
    found = designs[designs["kind"] == "found"].set_index(["variant", "candidate"])["sim.edp"]
    # (500^3 x 10,000)^(1/4) and (1,000^3 x 2,000)^(1/4): a sum of both networks' costs would prefer the second.
    assert found[("r1", "s0")] == pytest.approx((500.0**3 * 10_000) ** 0.25)
    assert found[("r1", "s1")] == pytest.approx((1_000.0**3 * 2_000) ** 0.25)
    assert best["sim.cycles"].tolist() == [50, 1000]


def test_later_rounds_are_never_worse():
    designs, _ = designs_table(rows(), GEMMINI.template)
    edp = designs[designs["kind"] == "assembled"].set_index("variant")["sim.edp"]
    assert edp["r2"] <= edp["r1"]


def test_the_assembled_design_is_the_best_of_all_combinations():
    table = pd.DataFrame(
        [row("r1", f"s{n}", name, c, e) for name in "abc" for n, (c, e) in enumerate([(10, 9), (12, 5), (20, 3)])]
    )
    table.loc[table["layer.name"] == "c", "sim.energy_uj"] *= 7
    chosen = assemble(table, {"a", "b", "c"}, GEMMINI.template)
    groups = [group for _, group in table.groupby("layer.name")]
    options = itertools.product(*(range(len(group)) for group in groups))
    edps = []
    for option in options:
        picks = [group.iloc[index] for group, index in zip(groups, option, strict=True)]
        edps.append(sum(p["sim.cycles"] for p in picks) * sum(p["sim.energy_uj"] for p in picks))
    assert chosen["sim.cycles"].sum() * chosen["sim.energy_uj"].sum() == pytest.approx(min(edps))


@pytest.mark.parametrize("limit", [31.0, 36.0, 45.0, 60.0])
@pytest.mark.parametrize("objective", ["edp", "latency", "energy", "ed2p"])
def test_the_chosen_design_is_the_best_within_its_limit_of_all_that_some_weighting_prefers(objective, limit):
    costs = {name: [(10, 9 * k), (12, 5 * k), (20, 3 * k)] for name, k in (("a", 1.0), ("b", 1.1), ("c", 1.3))}
    table = pd.DataFrame([row("r1", f"s{n}", name, *costs[name][n]) for name in costs for n in range(3)])
    goal = Goal(objective, {"": limit})
    _, best = designs_table(table, GEMMINI.template, goal)
    sums = [tuple(map(sum, zip(*picks, strict=True))) for picks in itertools.product(*costs.values())]
    preferred = {min(sums, key=lambda s: w * s[0] + s[1]) for w in np.geomspace(0.01, 10, 400)}
    chosen = best["sim.cycles"].sum(), best["sim.energy_uj"].sum()
    assert chosen[0] <= limit
    assert goal.value(*chosen) == pytest.approx(min(goal.value(*s) for s in preferred if s[0] <= limit))


def test_designs_over_their_limit_come_last_and_say_by_how_much():
    table = pd.DataFrame(
        [row("reference", "default", "a", 90, 30, origin="tiled"), row("r1", "s0", "a", 110, 2, hardware=LARGER)]
    )
    designs, best = designs_table(table, GEMMINI.template, Goal("edp", {"": 100.0}))
    assert best["sim.cycles"].tolist() == [90]
    assert designs.set_index("variant")["over_limit"].to_dict() == {"reference": 1.0, "r1": pytest.approx(1.1)}
    _, fastest = designs_table(table, GEMMINI.template, Goal("edp", {"": 50.0}))
    assert fastest["sim.cycles"].tolist() == [90]


def test_a_layer_that_failed_leaves_its_design_out():
    table = rows()
    table.loc[(table["variant"] == "r1") & (table["layer.name"] == "b"), "error"] = "out of cycles"
    designs, best = designs_table(table, GEMMINI.template)
    assert not (designs["variant"] == "r1").any()
    assert set(best["arch.mem2_depth"]) == {16384}


def test_no_complete_design_is_an_error_with_the_reason():
    table = rows()
    table.loc[table["variant"] != "reference", "error"] = "out of cycles"
    with pytest.raises(ValueError, match="out of cycles"):
        designs_table(table, GEMMINI.template)
