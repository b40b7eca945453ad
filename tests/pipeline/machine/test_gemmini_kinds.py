"""Tiles that differ in a loop outside the innermost one count by kind."""

from dataclasses import fields

import pytest
import torch

from pipeline.machine.gemmini.alike import LEAST_ROWS
from pipeline.machine.gemmini.machine import Gemmini
from pipeline.machine.gemmini.tiles import tiles_of
from tests.learned.cases import samples
from tests.pipeline.machine.gemmini_cases import sample

SOC = Gemmini("soc")


def test_kinds_are_the_full_and_the_last_tiles_of_one_loop_and_have_the_mean_of_all() -> None:
    tiles = tiles_of(*sample(400, 3, exact=False))
    (full, end), last = tiles.kinds()
    assert bool((last > 0).any())
    assert torch.allclose((1 - last) * full.mean + last * end.mean, tiles.mean)
    changed = (full.mean != tiles.mean).sum(0)
    assert int(changed.max()) == 1
    assert torch.equal(changed > 0, last > 0)
    inner = torch.where(tiles.loops > 1, tiles.rank, -1).argmax(0)
    assert not bool((full.mean != tiles.mean).gather(0, inner[None]).any())
    for kind in (full, end):
        difference = (kind.extent[:, 0] - kind.extent[:, 1])[full.mean != tiles.mean]
        assert bool((difference == 0).all())


def test_what_other_mappings_of_the_batch_do_changes_nothing() -> None:
    layers, mappings, hardware = sample(200, 4, exact=False)
    together = SOC.latency(layers, mappings, hardware)
    for row in range(0, 200, 7):
        index = torch.tensor([row])
        alone = SOC.latency(layers[index], mappings[index], hardware[index])
        assert torch.allclose(alone, together[index], rtol=1e-12)


@pytest.mark.parametrize("exact", [True, False])
def test_a_large_batch_in_parts_is_the_batch(exact: bool) -> None:
    small = sample(300, 6, exact=exact)
    many = torch.arange(LEAST_ROWS) % 300
    layers, mappings, hardware = (part[many] for part in small)
    with torch.no_grad():
        whole, cost = SOC.view(layers, mappings, hardware), SOC.cost(layers, mappings, hardware)
    expected, cheap = SOC.view(*small), SOC.cost(*small)
    for field in fields(whole):
        assert torch.allclose(getattr(whole, field.name), getattr(expected, field.name)[many], rtol=1e-12)
    assert torch.allclose(cost.cycles, cheap.cycles[many], rtol=1e-12)
    assert torch.equal(cost.energy_uj, cheap.energy_uj[many])


def test_simulated_mappings_with_two_kinds_are_near_their_cycles() -> None:
    rows = samples("gemmini")
    shares = SOC.facts(rows.layers, rows.mappings, rows.hardware).shares
    assert shares is not None
    ragged = shares[1] > 0
    error = (SOC.latency(rows.layers, rows.mappings, rows.hardware) / rows.cycles - 1).abs()[ragged]
    assert len(error) > 30
    assert error.quantile(0.9) < 0.095
    assert error.mean() < 0.042
