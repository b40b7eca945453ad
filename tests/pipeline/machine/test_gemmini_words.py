"""The accelerator's words in closed form against a walk over all tile commands of the compiled program."""

import random
from dataclasses import fields

import torch

from pipeline.machine.gemmini.words import words_of
from pipeline.machine.words import Words
from sim.program import compile_program
from tests.pipeline.machine.gemmini_cases import case, tensors

COUNTERS = {
    "macs": ("macs",),
    "register": ("macs", "weight_write_words"),
    "accumulator": ("accumulator_read_words", "accumulator_write_words"),
    "scratchpad": ("scratchpad_read_words", "scratchpad_write_words"),
    "dram": ("dram_read_bytes", "dram_write_bytes"),
}


def modelled_and_counted(count: int, seed: int, exact: bool) -> tuple[Words, dict[str, torch.Tensor]]:
    draw = random.Random(seed)
    cases = [case(draw, exact) for _ in range(count)]
    programs = [compile_program(mapping.layer, mapping, hardware) for mapping, hardware in cases]
    traffic = [program.expected_traffic() for program in programs]
    counted = {
        level: torch.tensor([float(sum(row[name] for name in names)) for row in traffic], dtype=torch.float64)
        for level, names in COUNTERS.items()
    }
    return words_of(*tensors([m for m, _ in cases], [h for _, h in cases])), counted


def test_exact_mappings_move_exactly_the_words_of_their_program() -> None:
    words, counted = modelled_and_counted(300, seed=1, exact=True)
    assert {field.name for field in fields(words)} == set(COUNTERS)
    for level, expected in counted.items():
        torch.testing.assert_close(getattr(words, level), expected, rtol=1e-9, atol=1e-6)


def test_ragged_mappings_differ_in_image_padding_only() -> None:
    """A last tile that lies in the padding on both sides is counted approximately."""
    words, counted = modelled_and_counted(300, seed=2, exact=False)
    for level in ("macs", "register", "accumulator", "scratchpad"):
        torch.testing.assert_close(getattr(words, level), counted[level], rtol=1e-9, atol=1e-6)
    error = (words.dram / counted["dram"] - 1).abs()
    assert error.mean() < 0.01
    assert (error < 1e-9).double().mean() > 0.8
