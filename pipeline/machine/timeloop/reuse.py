"""How many words loops bring into a level: what stays from one iteration to the next is not fetched again.

The rules are those of Timeloop (Parashar et al., ISPASS 2019; nest analysis with uniform temporal extrapolation), and
the counts equal Timeloop's on integer factors. In between they are continuous: a loop of 1 + x iterations, x < 1,
moves a tile by the share x of itself. Kinks: factors of 1 and 2 (a tile starts to move, and is gone), windows that
just stop to overlap, and steps one word away from those that Timeloop takes as equal.
"""

import torch
from jaxtyping import Float, Shaped
from torch import Tensor

from pipeline.machine.timeloop.nest import LEVELS, Dims, Nest, of, product
from pipeline.workload import C, K, N, P, Q, R, S


def fetches(nest: Nest, has: tuple[int, ...], lacks: tuple[int, ...], low: int) -> Float[Tensor, "*b"]:
    """How often the loops of levels ``low`` to 3 bring in a tile of a tensor with dimensions ``has``.

    A loop over a dimension that the tensor ``lacks`` repeats the fetches only if a loop inside it moved the tile.
    """
    counts = []
    level = None
    for at in range(low, LEVELS):
        rank, stays = nest.rank[at], of(nest.stays[at], has)
        inside = torch.stack(of(rank, has)).unsqueeze(1) > torch.stack(of(rank, lacks))
        share = torch.stack(stays)
        kept = product(share.unsqueeze(1).where(inside, 1.0))
        kept = kept if level is None else kept * level
        repeating = torch.stack(of(nest.loops[at], lacks))
        counts += [*of(nest.loops[at], has), *(repeating - (repeating - 1) * kept)]
        whole = product(stays)
        level = whole if level is None else level * whole
    return product(counts)


def input_words(nest: Nest) -> Float[Tensor, "*b"]:
    """Input words that the loops of L3 bring into the scratchpad.

    A tile covers a window of the input. A loop over outputs (P, Q) or filter taps (R, S) moves the window by less
    than its extent, and only the new rows or columns are fetched, provided that the window moves as it moved before.
    """
    loops, rank = nest.loops[3], nest.rank[3]
    extent = nest.shape.windows(nest.tile[2])
    moves = product(loops)
    repeats = loops[K] - (loops[K] - 1) * product(torch.stack(nest.stays[3]).where(rank > rank[K], 1.0))
    tiles = moves / loops[K] * repeats - moves * _slides(nest, extent)
    return tiles * extent[0] * extent[1] * nest.tile[2][C] * nest.tile[2][N]


def _slides(nest: Nest, extent: Tensor) -> Float[Tensor, "*b"]:
    """Tiles that need not be fetched because a window slid, as a share of all iterations of L3.

    Axes below: role of the loop (0 filter taps, 1 outputs), axis of the input (0 width, 1 height). A window slides
    when the loop moves nothing else, that is when no other loop runs inside it. Timeloop runs two iterations of each
    loop, so a loop inside is taken to return by one step: the move may then happen to equal the one before.
    """
    loops, rank = _by_role(nest.loops[3]), _by_role(nest.rank[3].unbind(0))
    share, kept = nest.stays[3], _by_role(nest.stays[3])
    step = _by_role(nest.tile[2]) * torch.stack((nest.shape.dilation, nest.shape.stride))
    partner_rank, partner_step = rank.flip(0), step.flip(0)

    def absent(other_share: Tensor, other_rank: Tensor) -> Tensor:
        return other_share.where(other_rank > rank, 1.0)

    alone = absent(share[C], nest.rank[3, C]) * absent(share[N], nest.rank[3, N])
    alone = alone * absent(kept.flip(1), rank.flip(1)) * absent(kept.flip((0, 1)), rank.flip((0, 1)))
    no_k = absent(share[K], nest.rank[3, K])
    no_partner = absent(kept.flip(0), partner_rank)
    overlap = (1 - step / extent).clamp(min=0)
    again = no_k.flip(0) * _equal(step, 2 * partner_step) * overlap.flip(0)
    back = (1 - no_k.flip(0)) * _equal(step, partner_step)
    inner = loops.flip(0) * nest.loops[3][K].where(nest.rank[3, K] > rank, 1.0)
    slid = no_partner * no_k * overlap + (1 - no_partner) * (again + back) / inner
    return ((1 - 1 / loops) * alone * slid).sum((0, 1))


def _by_role(dims: Dims) -> Shaped[Tensor, "2 2 *b"]:
    return torch.stack((torch.stack((dims[R], dims[S])), torch.stack((dims[P], dims[Q]))))


def _equal(first: Tensor, second: Tensor) -> Tensor:
    """1 where two whole numbers are equal, 0 where they are not; linear in between."""
    return (1 - (first - second).abs()).clamp(min=0)
