"""Which operators hold products, and how each is read."""

from collections.abc import Callable

import onnx

from pipeline.onnx import attention
from pipeline.onnx.products import (
    Call,
    LeftOutError,
    Product,
    block_quantised,
    convolution_at,
    linear_model,
    matmul_at,
    transposed_convolution,
)
from pipeline.onnx.tensors import printable

Reader = Callable[[Call], list[Product]]


def _left_out(reason: str) -> Reader:
    def read(call: Call) -> list[Product]:
        raise LeftOutError(reason, None)

    return read


def _deformable(call: Call) -> list[Product]:
    macs = sum(product.macs for product in convolution_at(1)(call))
    raise LeftOutError("reads its input at places that are computed", macs)


STANDARD: dict[str, Reader] = {
    "Conv": convolution_at(1),
    "ConvInteger": convolution_at(1),
    "QLinearConv": convolution_at(3),
    "ConvTranspose": transposed_convolution,
    "DeformConv": _deformable,
    "Gemm": matmul_at(0, 1),
    "MatMul": matmul_at(0, 1),
    "MatMulInteger": matmul_at(0, 1),
    "QLinearMatMul": matmul_at(0, 3),
    "Einsum": attention.einsum,
    "Attention": attention.attention,
    "LSTM": attention.recurrent,
    "GRU": attention.recurrent,
    "RNN": attention.recurrent,
}

MICROSOFT: dict[str, Reader] = {
    "FusedConv": convolution_at(1),
    "QLinearConv": convolution_at(3),
    "FusedGemm": matmul_at(0, 1),
    "GemmFastGelu": matmul_at(0, 1),
    "GemmFloat8": matmul_at(0, 1),
    "FusedMatMul": matmul_at(0, 1),
    "FusedMatMulActivation": matmul_at(0, 1),
    "TransposeMatMul": matmul_at(0, 1),
    "MatMulIntegerToFloat": matmul_at(0, 1),
    "MatMulInteger16": matmul_at(0, 1),
    "DynamicQuantizeMatMul": matmul_at(0, 1),
    "QLinearMatMul": matmul_at(0, 3),
    "QGemm": matmul_at(0, 3),
    "MatMulNBits": block_quantised,
    "Attention": attention.fused_attention,
    "QAttention": attention.fused_attention,
    "MultiHeadAttention": attention.multi_head_attention,
    "GroupQueryAttention": attention.grouped_query_attention,
    "DynamicQuantizeLSTM": attention.recurrent,
    **{
        name: _left_out("its products are not imported")
        for name in (
            *("NhwcFusedConv", "ConvTransposeWithDynamicPads", "MatMulBnb4", "MatMulFpQ4", "SparseToDenseMatMul"),
            *("PackedAttention", "PackedMultiHeadAttention", "DecoderAttention", "DecoderMaskedMultiHeadAttention"),
            *("DecoderMaskedSelfAttention", "LongformerAttention", "QOrderedAttention", "QOrderedMatMul"),
            *("QOrderedLongformerAttention", "SparseAttention", "PagedAttention", "LinearAttention", "AttnLSTM"),
            *(
                "MoE",
                "QMoE",
                "GatedRelativePositionBias",
                "BeamSearch",
                "GreedySearch",
                "Sampling",
                "WhisperBeamSearch",
            ),
        )
    },
}

MACHINE_LEARNING: dict[str, Reader] = {
    "LinearRegressor": linear_model,
    "LinearClassifier": linear_model,
    "SVMClassifier": _left_out("its products are not imported"),
    "SVMRegressor": _left_out("its products are not imported"),
}

DOMAINS = {
    "": STANDARD,
    "ai.onnx": STANDARD,
    "com.microsoft": MICROSOFT,
    "ai.onnx.ml": MACHINE_LEARNING,
    "ai.onnx.preview": {},
    "ai.onnx.preview.training": {},
}
"""Readers of the operators with products by domain; other operators of these domains have none."""


def has_products(node: onnx.NodeProto) -> bool:
    """Whether operators of this kind multiply and accumulate."""
    return node.op_type in DOMAINS.get(node.domain, {})


def products_of(call: Call) -> list[Product]:
    """The products of an operator, none where it is of a kind that has none.

    Raises LeftOutError when it has products that are not imported, ValueError when it contradicts itself.
    """
    readers = DOMAINS.get(call.node.domain)
    if readers is None:
        raise LeftOutError(f"operators of {printable(call.node.domain)!r} are not known", None)
    reader = readers.get(call.node.op_type)
    return [] if reader is None else reader(call)
