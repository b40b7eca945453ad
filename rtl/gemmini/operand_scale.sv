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
  always_comb begin
    mask_o = mask_i;
    data_o = data_i;
    if (scale_i.narrow) begin
      for (int unsigned i = 0; i < Dim; i++) begin
        automatic logic signed [8:0] centred = 9'(signed'(data_i[8*i+:8])) - 9'(signed'(scale_i.zero));
        mask_o[4*i+:4]   = {4{mask_i[i]}};
        data_o[32*i+:32] = 32'(32'(centred) * 32'(signed'({1'b0, scale_i.multiplier})));
      end
    end
  end
endmodule
