"""The products inside attention and recurrent operators.

Attention multiplies queries with keys (depth: the width of a head) and the weights it gets from them with values
(depth: the number of keys). Heads that share keys and values form one product of more rows.
"""

from math import prod

from pipeline.onnx.products import Call, LeftOutError, Product, Shape, matmul
from pipeline.onnx.tensors import integer, integers


def heads(
    batch: int, queries: int, keys: int, width: int, value_width: int, count: int, shared: int = 1
) -> list[Product]:
    """Products of ``count`` heads of keys, each met by ``shared`` heads of queries.

    ``queries`` and ``keys`` are numbers of rows, ``width`` and ``value_width`` the widths of a head.
    """
    return [
        matmul(queries * shared, width, keys, batch * count),
        matmul(queries * shared, keys, value_width, batch * count),
    ]


def attention(call: Call) -> list[Product]:
    """Attention of ai.onnx: Q, K and V as [batch, heads, rows, width] or [batch, rows, heads * width]."""
    query_heads = integer(call.node, "q_num_heads", 0)
    key_heads = integer(call.node, "kv_num_heads", 0)
    query = _split(call.shape(0), query_heads)
    key = _split(call.shape(1), key_heads)
    value = _split(call.shape(2), key_heads)
    past = call.shape(4)[2] if call.given(4) else 0
    if query[1] % key[1]:
        raise ValueError(f"has {query[1]} heads of queries for {key[1]} of keys")
    return heads(query[0], query[2], past + key[2], query[3], value[3], key[1], query[1] // key[1])


def fused_attention(call: Call) -> list[Product]:
    """Attention and QAttention of com.microsoft: the projection to queries, keys and values, then the heads."""
    batch, rows, depth = _axes(call.shape(0), 3)
    columns = _axes(call.shape(1), 2)[1]
    count = integer(call.node, "num_heads", 0)
    past_at = 8 if call.node.op_type == "QAttention" else 4
    past = _axes(call.shape(past_at), 5)[3] if call.given(past_at) else 0
    sizes = integers(call.node, "qkv_hidden_sizes", 3, default=max(columns // 3, 1))
    _divides(count, sizes)
    return [
        matmul(batch * rows, depth, columns),
        *heads(batch, rows, past + rows, sizes[0] // count, sizes[2] // count, count),
    ]


def multi_head_attention(call: Call) -> list[Product]:
    """MultiHeadAttention of com.microsoft: projections are done before."""
    query = call.shape(0)
    count = integer(call.node, "num_heads", 0)
    past = _axes(call.shape(6), 4)[2] if call.given(6) else 0
    if len(query) == 5:
        batch, rows, packed, _, width = query
        return heads(batch, rows, past + rows, width, width, packed)
    _divides(count, query)
    key = call.shape(1) if call.given(1) else query
    if len(key) == 5:
        return heads(query[0], query[1], past + key[1], key[4], key[4], count)
    value = _split(call.shape(2), count) if call.given(2) else _split(query, count)
    return heads(query[0], query[1], past + _split(key, count)[2], query[2] // count, value[3], count)


def grouped_query_attention(call: Call) -> list[Product]:
    """GroupQueryAttention of com.microsoft: several heads of queries share the keys and values of one."""
    batch, rows, width = _axes(call.shape(0), 3)
    count, key_count = integer(call.node, "num_heads", 0), integer(call.node, "kv_num_heads", 0)
    _divides(key_count, (count,))
    _divides(count, (count,))
    packed = not call.given(1)
    head = width // (count + 2 * key_count if packed else count)
    past = _axes(call.shape(3), 4)[2] if call.given(3) else 0
    return heads(batch, rows, past + rows, head, head, key_count, count // key_count)


def recurrent(call: Call) -> list[Product]:
    """LSTM, GRU and RNN: the inputs of all steps form one product, the states one for every step.

    Layouts: X [steps, batch, width] (with ``layout`` 1: [batch, steps, width]), W [directions, gates * hidden, width],
    R [directions, gates * hidden, hidden]; the dynamically quantised LSTM has the last two axes of W and R swapped.
    """
    source, weights, states = _axes(call.shape(0), 3), _axes(call.shape(1), 3), _axes(call.shape(2), 3)
    if call.node.op_type == "DynamicQuantizeLSTM":
        weights, states = (weights[0], weights[2], weights[1]), (states[0], states[2], states[1])
    steps, batch = (source[1], source[0]) if integer(call.node, "layout", 0) else source[:2]
    directions, gates, hidden = states
    if weights != (directions, gates, source[2]):
        raise ValueError(f"has inputs of shape {source}, weights of {weights} and {states}")
    return [matmul(steps * batch, source[2], gates, directions), matmul(batch, hidden, gates, steps * directions)]


def einsum(call: Call) -> list[Product]:
    """Einsum of two operands that is a product of stacks of matrices.

    Letters of both operands and the result are stacks, those of both operands alone the reduction, those of
    one operand and the result rows and columns. Letters of one operand alone are summed before. Raises LeftOutError for
    other forms.
    """
    shapes = [call.shape(index) for index in range(len(call.inputs))]
    terms, result, sizes = _letters(call, shapes)
    macs = prod(sizes.values()) * max(len(terms) - 1, 0)
    if len(terms) == 1:
        return []
    if len(terms) != 2 or any(len(set(term)) != len(term) for term in terms):
        raise LeftOutError("a form of Einsum that is no product of two matrices", macs)
    left, right, out = set(terms[0]), set(terms[1]), set(result)

    def size(letters: set[str]) -> int:
        return prod(sizes[letter] for letter in letters)

    reduced = (left & right) - out
    rows, columns = (left - right) & out, (right - left) & out
    if not reduced and not (rows and columns):
        return []  # element by element
    return [matmul(size(rows), size(reduced), size(columns), size(left & right & out))]


def _letters(call: Call, shapes: list[Shape]) -> tuple[list[str], str, dict[str, int]]:
    """Terms and result of an equation without its ellipses, and the size of each letter."""
    text = next((item.s.decode(errors="replace") for item in call.node.attribute if item.name == "equation"), "")
    terms = (text.replace(" ", "").split("->")[0]).split(",")
    if len(terms) != len(shapes):
        raise ValueError(f"has the equation {text[:80]!r} for {len(shapes)} operands")
    ranks = [len(shape) - len(term.replace("...", "")) for term, shape in zip(terms, shapes, strict=True)]
    spare = "".join(chr(0x100 + index) for index in range(max((0, *ranks))))
    full = [
        term.replace("...", spare[len(spare) - rank :] if rank > 0 else "")
        for term, rank in zip(terms, ranks, strict=True)
    ]
    sizes: dict[str, int] = {}
    for term, shape in zip(full, shapes, strict=True):
        if len(term) != len(shape):
            raise ValueError(f"has the equation {text[:80]!r} for operands of shapes {shapes}")
        for letter, size in zip(term, shape, strict=True):
            sizes[letter] = size if sizes.get(letter, 1) == 1 else sizes[letter]
    if "->" in text:
        return full, text.replace(" ", "").split("->")[1].replace("...", spare), sizes
    every = "".join(full)
    return full, "".join(letter for letter in sorted(sizes) if every.count(letter) == 1 or letter in spare), sizes


def _split(shape: Shape, count: int) -> Shape:
    """[batch, heads, rows, width] of a tensor that has that form or [batch, rows, heads * width]."""
    if len(shape) == 4:
        return shape
    batch, rows, width = _axes(shape, 3)
    _divides(count, (width,))
    return batch, count, rows, width // count


def _divides(count: int, sizes: Shape) -> None:
    if count < 1 or any(size % count for size in sizes[-1:]):
        raise ValueError(f"has {count} heads for {sizes}")


def _axes(shape: Shape, length: int) -> Shape:
    if len(shape) != length:
        raise ValueError(f"has an operand of shape {shape}, not of {length} axes")
    return shape
