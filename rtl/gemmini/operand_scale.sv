// SPDX-License-Identifier: Apache-2.0
// Elements of a load on their way into an accumulator row: int32 as they are, or int8 in the low DIM bytes, each less
// a zero point and times a multiplier. Combinational.
module operand_scale
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16
) (
    input load_scale_t scale_i,
    input logic [4*Dim-1:0] mask_i,
    input logic [32*Dim-1:0] data_i,
    output logic [4*Dim-1:0] mask_o,
    output logic [32*Dim-1:0] data_o
);
  for (genvar i = 0; i < Dim; i++) begin : gen_lanes
    assign mask_o[4*i+:4] = scale_i.narrow ? {4{mask_i[i]}} : mask_i[4*i+:4];
    operand_lane u_lane (
        .scale_i,
        .byte_i(data_i[8*i+:8]),
        .word_i(data_i[32*i+:32]),
        .word_o(data_o[32*i+:32])
    );
  end
endmodule
