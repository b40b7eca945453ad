// SPDX-License-Identifier: Apache-2.0
// One lane of operand_scale: a word as it is or, narrow_i, a byte less the zero point and times the multiplier.
// Combinational.
module operand_lane
  import gemmini_pkg::*;
(
    input load_scale_t scale_i,
    input logic signed [7:0] byte_i,
    input logic [31:0] word_i,
    output logic [31:0] word_o
);
  logic signed [8:0] centred;

  always_comb begin
    centred = 9'(byte_i) - 9'(signed'(scale_i.zero));
    word_o = scale_i.narrow ? 32'(32'(centred) * 32'(signed'({1'b0, scale_i.multiplier}))) : word_i;
  end
endmodule
