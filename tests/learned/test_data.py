"""Training rows are merged, filtered, grouped and named."""

import pandas as pd
import pytest
import torch

from learned.data import default_target, efficiency, group_folds, read_samples
from tests.learned.cases import rows, table
from tests.machines import GEMMINI


def test_repeats_of_a_mapping_are_merged_to_their_median() -> None:
    once = table(rows(6, 4))
    repeated = pd.concat([once, once.head(1).assign(**{"sim.cycles": 1e9}), once.head(1)], ignore_index=True)
    samples, source = read_samples(repeated, "sim.cycles", GEMMINI.template)
    unique = once.drop_duplicates(["mapping.mapping", "prob.C", "prob.K", "prob.P", "prob.R"])
    assert source.rows == len(samples) == len(unique)
    assert samples.cycles[0] == once["sim.cycles"][0]


@pytest.mark.parametrize("bad", [float("nan"), 0.0, -5.0, float("inf"), "many"])
def test_rows_without_positive_cycles_are_left_out(bad: object) -> None:
    measured = table(rows(6, 4))
    expected, _ = read_samples(measured.drop(index=3), "sim.cycles", GEMMINI.template)
    measured["sim.cycles"] = measured["sim.cycles"].astype(object)
    measured.loc[3, "sim.cycles"] = bad
    samples, _ = read_samples(measured, "sim.cycles", GEMMINI.template)
    assert torch.equal(samples.cycles, expected.cycles)


def test_rows_with_an_error_are_left_out() -> None:
    measured = table(rows(6, 4))
    expected, _ = read_samples(measured.drop(index=[1, 2]), "sim.cycles", GEMMINI.template)
    measured["error"] = ""
    measured.loc[[1, 2], "error"] = "outlived its budget"
    samples, _ = read_samples(measured, "sim.cycles", GEMMINI.template)
    assert torch.equal(samples.cycles, expected.cycles)


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match=r"'fpga\.cycles'"):
        read_samples(table(rows(6, 4)), "fpga.cycles", GEMMINI.template)
    with pytest.raises(ValueError, match=r"sim\.cycles or target\.cycle"):
        default_target(pd.DataFrame({"x": [1]}))


def test_too_few_usable_rows_are_refused_with_the_first_reason() -> None:
    measured = table(rows(6, 4))
    measured["mapping.mapping"] = "nonsense"
    with pytest.raises(ValueError, match=r"0 usable rows.*nonsense"):
        read_samples(measured, "sim.cycles", GEMMINI.template)


def test_the_digest_names_the_rows_whatever_their_order() -> None:
    measured = table(rows(6, 4))
    _, one = read_samples(measured, "sim.cycles", GEMMINI.template)
    _, shuffled = read_samples(measured.sample(frac=1, random_state=1), "sim.cycles", GEMMINI.template)
    changed = measured.copy()
    changed.loc[0, "sim.cycles"] += 1
    _, other = read_samples(changed, "sim.cycles", GEMMINI.template)
    assert one.data_digest == shuffled.data_digest != other.data_digest


def test_the_digest_of_the_design_is_kept() -> None:
    measured = table(rows(6, 4)).assign(**{"sim.rtl_digest": "abc"})
    assert read_samples(measured, "sim.cycles", GEMMINI.template)[1].rtl_digest == "abc"


def test_folds_hold_whole_groups_and_are_even() -> None:
    groups = torch.arange(13).repeat_interleave(torch.arange(1, 14))
    fold = group_folds(groups, 5, seed=0)
    for group in range(13):
        assert len(fold[groups == group].unique()) == 1
    sizes = torch.bincount(fold, minlength=5)
    assert sizes.min() > 0
    assert sizes.max() - sizes.min() <= 13


def test_a_mapping_that_keeps_the_array_busy_has_efficiency_one() -> None:
    samples, _ = read_samples(table(rows(6, 4)), "sim.cycles", GEMMINI.template)
    least = samples.layers.size.prod(-1) / 16**2
    busy = type(samples)(
        samples.layers, samples.mappings, samples.hardware, least, samples.shape_group, samples.hardware_group
    )
    assert (efficiency(busy) >= 1.0 - 1e-12).all()


def test_a_single_layer_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="one layer shape only"):
        read_samples(table(rows(1, 30)), "sim.cycles", GEMMINI.template)
