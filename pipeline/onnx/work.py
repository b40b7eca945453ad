"""What a graph was found to compute: products, what was left out, and operators that have none."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from pipeline.onnx.products import Product


@dataclass(frozen=True, slots=True)
class Found:
    """A product, with the name and type of its operator."""

    name: str
    operator: str
    product: Product


@dataclass(frozen=True, slots=True)
class Lost:
    """Operators of one kind that were left out for one reason, and their multiply-accumulates (None: not known)."""

    operator: str
    reason: str
    macs: int | None
    count: int = 1

    def __str__(self) -> str:
        macs = "how many MACs is not known" if self.macs is None else f"{self.macs:,} MACs"
        return f"{self.count} x {self.operator}: {self.reason} ({macs})"


@dataclass(slots=True)
class Work:
    """Products, operators left out, and how many of each type had no products."""

    products: list[Found] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    without: Counter[str] = field(default_factory=Counter)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the products and of what was left out, as far as they are known."""
        return sum(found.product.macs for found in self.products) + sum(item.macs or 0 for item in self.lost)

    @property
    def multiplies(self) -> bool:
        """Whether there is any product, imported or left out."""
        return bool(self.products or self.lost)

    def add(self, other: "Work", times: int = 1) -> None:
        """Add what ``other`` computes, done ``times`` times."""
        self.products += [
            replace(found, product=replace(found.product, count=found.product.count * times))
            for found in other.products
        ]
        self.lost += [replace(item, macs=item.macs and item.macs * times) for item in other.lost]
        self.without += other.without

    def same_products(self, other: "Work") -> bool:
        """Whether both compute the same products, whatever their order."""
        ours = Counter(found.product for found in self.products)
        return ours == Counter(found.product for found in other.products) and not self.lost and not other.lost


def merged(lost: Iterable[Lost]) -> tuple[Lost, ...]:
    """``lost`` with one entry for each operator and reason."""
    entries: dict[tuple[str, str], Lost] = {}
    for item in lost:
        seen = entries.get((item.operator, item.reason), Lost(item.operator, item.reason, 0, 0))
        macs = None if seen.macs is None or item.macs is None else seen.macs + item.macs
        entries[item.operator, item.reason] = replace(item, macs=macs, count=seen.count + item.count)
    return tuple(sorted(entries.values(), key=str))
