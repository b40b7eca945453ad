"""Reads the convolutions and matrix products of an ONNX model as a workload.

Sizes follow from those of the inputs alone (see ``walk``); how operators become layers is said in ``products``.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx
import onnx.inliner
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]

from pipeline.onnx.evaluate import Evaluator
from pipeline.onnx.products import LeftOutError
from pipeline.onnx.sizes import OpenSizes
from pipeline.onnx.tensors import printable
from pipeline.onnx.walk import Walk
from pipeline.onnx.work import Lost, Work, merged
from pipeline.workload import MAX_BYTES as MAX_WORKLOAD_BYTES
from pipeline.workload import MAX_SIZE, Layer, Workload, WorkloadLayer, dump_workload

MAX_BYTES = 2**31 - 1
"""Largest file that is read (the limit of the format itself; weights may lie in other files, which are not read)."""
MAX_LAYERS = 10_000
MAX_NAME = 60


@dataclass(frozen=True, slots=True)
class Imported:
    """A workload and how much of the model it is.

    ``left_out`` has the operators whose products are missing, ``without_products`` how many of each kind had none,
    ``assumed`` the names of open sizes that count as 1.
    """

    workload: Workload | None
    left_out: tuple[Lost, ...]
    without_products: dict[str, int]
    assumed: tuple[str, ...]

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the workload."""
        return self.workload.macs if self.workload else 0

    @property
    def all_macs(self) -> int:
        """Multiply-accumulates of the model, as far as they are known."""
        return self.macs + sum(item.macs or 0 for item in self.left_out)

    @property
    def complete(self) -> bool:
        """Whether all multiply-accumulates of the model are known."""
        return all(item.macs is not None for item in self.left_out)

    @property
    def share(self) -> float:
        """Imported multiply-accumulates of all that are known."""
        return self.macs / self.all_macs if self.all_macs else 1.0


def import_onnx(path: Path, name: str, batch: int | None = None, dims: Mapping[str, int] | None = None) -> Imported:
    """The unique layers of the model at ``path`` as the workload ``name``, None where nothing could be imported.

    ``batch`` is the size of the inputs' first axes where the model leaves it open, ``dims`` are other open sizes by
    name. Raises ValueError that names the file when the model cannot be read or a size is not one of its own.
    """
    model = _load(path)
    sizes = OpenSizes(batch, dims or {})
    scope = sizes.inputs(model.graph)
    work = Walk(Evaluator(model.opset_import, model.ir_version), sizes).graph(model.graph, scope)
    try:
        sizes.check_all_used()
    except ValueError as error:
        raise ValueError(f"model {path}: {error}") from error
    entries, lost = _entries(work)
    workload = None
    if entries:
        workload = Workload(_name(name), f"ONNX model {printable(path.name)}{_said(sizes)}", entries)
        if len(entries) > MAX_LAYERS or len(dump_workload(workload).encode()) > MAX_WORKLOAD_BYTES:
            raise ValueError(f"model {path}: {len(entries)} unique layers are more than a workload holds")
    return Imported(workload, merged(lost), dict(work.without.most_common()), tuple(sizes.assumed))


def _load(path: Path) -> onnx.ModelProto:
    """The model without its outside weights, local functions inlined."""
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ValueError(f"model {path}: {size} bytes, at most {MAX_BYTES} are read")
        model = onnx.load_model(path, load_external_data=False)
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
    except OSError as error:
        raise ValueError(f"model {path}: {error.strerror}") from error
    except DecodeError as error:
        raise ValueError(f"model {path}: is not an ONNX file") from error
    except (onnx.checker.ValidationError, RuntimeError) as error:
        raise ValueError(f"model {path}: local functions cannot be read ({_line(error)})") from error
    if not model.graph.node:
        raise ValueError(f"model {path}: is not an ONNX file, or holds no operators")
    return model


def _entries(work: Work) -> tuple[tuple[WorkloadLayer, ...], list[Lost]]:
    """Unique layers with their counts, and what is left out, products that no layer can hold included."""
    counts: Counter[Layer] = Counter()
    names: dict[Layer, str] = {}
    lost = list(work.lost)
    for found in work.products:
        try:
            layer, count = found.product.layers()
            if counts.get(layer, 0) + count > MAX_SIZE * MAX_LAYERS:
                raise LeftOutError(f"occurs {count:,} times", found.product.macs)
        except LeftOutError as reason:
            lost.append(Lost(found.operator, str(reason), reason.macs))
            continue
        counts[layer] += count
        names.setdefault(layer, found.name)
    parts = [(names[layer], layer, part) for layer, count in counts.items() for part in _parts(count)]
    unique = _unique(name for name, _, _ in parts)
    entries = (WorkloadLayer(name, layer, part) for name, (_, layer, part) in zip(unique, parts, strict=True))
    return tuple(entries), lost


def _parts(count: int) -> list[int]:
    """``count`` in numbers that a workload file can hold."""
    whole, rest = divmod(count, MAX_SIZE)
    return [MAX_SIZE] * whole + [rest] * bool(rest)


def _said(sizes: OpenSizes) -> str:
    """The sizes that the user gave, for the workload's source."""
    given = [f"batch {sizes.batch}"] if sizes.batch is not None else []
    given += [f"{printable(name)} {size}" for name, size in sizes.given.items()]
    return f", {', '.join(given)}" if given else ""


def _name(text: str) -> str:
    """``text`` as the name of a workload: letters, digits, ``_``, ``.`` and ``-``."""
    return re.sub(r"[^A-Za-z0-9_.-]", "-", text).lstrip("_.-")[:64] or "imported"


def _unique(names: Iterable[str]) -> list[str]:
    """``names`` with a number added where one occurs again."""
    taken: set[str] = set()
    result = []
    for name in names:
        unique, number = name, 1
        while unique in taken:
            number += 1
            unique = f"{name}_{number}"
        taken.add(unique)
        result.append(unique)
    return result


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
