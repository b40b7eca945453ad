"""Compilers of designs: what they raise, how long they take and what they return is one clear error."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import foreign
from pipeline.mapping import Mapping
from pipeline.workload import Layer
from sim.compiler import GEMMINI, ProgramError, compile_with, memory_image, read_output
from tests import machines

LAYER = Layer(R=1, S=1, P=4, Q=1, C=4, K=4)
MAPPING = Mapping.parse("L3[WIO] N1 - L2[WI] K4X - L1[O] C4X - L0[W] P4", LAYER)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("raise ValueError('tile of 3 is odd')", "^tile of 3 is odd$"),
        ("return 1 // 0", r"^mine/compiler\.py: ZeroDivisionError: integer division or modulo by zero$"),
        ("return None", r"^mine/compiler\.py: AttributeError: .*commands"),
        ("return Made([[0] * 15], 0)", r"^mine/compiler\.py: commands are uint32 \(1, 15\), not uint32 \[n, 16\]$"),
        ("return Made([[0] * 16], -1)", r"^mine/compiler\.py: memory_bytes = -1 is not a size$"),
        (
            "return Made(np.zeros((0, 16)), 64)",
            r"^mine/compiler\.py: commands are uint32 \(0, 16\), not uint32",
        ),
        ("return Made([[0] * 16], 64, 32)", r"^mine/compiler\.py: shift = 32 is not a number from 0 to 31$"),
        ("return Made([[0] * 16], 64, None)", r"^mine/compiler\.py: shift = None is not a number from 0 to 31$"),
        ("while True: pass", r"^mine/compiler\.py: no result after 0\.5 s of CPU time$"),
        (
            "while True:\n        try:\n            1 // 0\n        except Exception:\n            pass",
            r"^mine/compiler\.py: no result after 0\.5 s of CPU time$",
        ),
        ("raise SystemExit('gone')", r"^mine/compiler\.py: SystemExit: gone$"),
    ],
)
def test_what_a_compiler_does_wrong_is_said_with_its_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, message: str
) -> None:
    monkeypatch.setattr(foreign, "LIMIT_SECONDS", 0.5)
    path = tmp_path / "mine" / "compiler.py"
    path.parent.mkdir()
    path.write_text(
        f"""import numpy as np
class Made:
    def __init__(self, commands, size, shift=0):
        self.commands, self.memory_bytes, self.shift = np.array(commands, dtype=np.uint32), size, shift
def compile_program(layer, mapping, hardware, *, partial_sums="spill"):
    {body}
""",
        encoding="utf-8",
    )
    with pytest.raises(ProgramError, match=message):
        compile_with(str(path), LAYER, MAPPING, machines.GEMMINI.template.hardware(4, 4, 4))


class Made:
    """A program with anything for the memory before and after a run."""

    commands, memory_bytes, shift = np.zeros((1, 16), dtype=np.uint32), 64, 0

    def __init__(self, image: Any, output: Any) -> None:
        self.image, self.output = image, output

    def memory_image(self, *_: object) -> Any:
        return self.image

    def read_output(self, _: object) -> Any:
        return self.output


@pytest.mark.parametrize("image", [None, [0] * 64, np.zeros(63, dtype=np.uint8), np.zeros(64, dtype=np.int8)])
def test_memory_that_is_no_image_is_said_with_the_compilers_file(image: object) -> None:
    operands = np.zeros((1, 1, 4, 4), dtype=np.int8)
    with pytest.raises(ProgramError, match=r"^gemmini/compiler\.py: memory_image is .*, not uint8 \[64\]$"):
        memory_image(GEMMINI, Made(image, None), operands, operands)


@pytest.mark.parametrize("output", [None, [[0]], np.zeros((1, 4), dtype=np.int8), np.zeros((1, 1, 4, 4))])
def test_an_output_of_another_kind_is_said_with_the_compilers_file(output: object) -> None:
    memory = np.zeros(64, dtype=np.uint8)
    with pytest.raises(ProgramError, match=r"^gemmini/compiler\.py: the output is .*, not int8 \(1, 1, 4, 4\)$"):
        read_output(GEMMINI, Made(None, output), memory, (1, 1, 4, 4))


def test_a_memory_image_that_cannot_be_written_to_is_copied() -> None:
    frozen = np.frombuffer(bytes(64), dtype=np.uint8)
    operands = np.zeros((1, 1, 4, 4), dtype=np.int8)
    assert memory_image(GEMMINI, Made(frozen, None), operands, operands).flags.writeable


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import nothing_of_that_name", "ModuleNotFoundError: No module named 'nothing_of_that_name'"),
        ("def compile_program(:", "SyntaxError"),
        ("x = 1", "has no function compile_program"),
    ],
)
def test_a_file_that_is_no_compiler_is_said(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "compiler.py"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ProgramError, match=message):
        compile_with(str(path), LAYER, MAPPING, machines.GEMMINI.template.hardware(4, 4, 4))
    with pytest.raises(ProgramError, match="no such file"):
        compile_with(str(tmp_path / "absent.py"), LAYER, MAPPING, machines.GEMMINI.template.hardware(4, 4, 4))


def test_the_shipped_compiler_makes_a_program() -> None:
    program = compile_with(GEMMINI, LAYER, MAPPING, machines.GEMMINI.template.hardware(4, 4, 4))
    assert program.commands.shape == (2, 16)
