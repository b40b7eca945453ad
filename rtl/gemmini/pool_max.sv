// SPDX-License-Identifier: Apache-2.0
// Maximum of the int8 rows of a window: data_o is that of data_i and of the rows that were kept since the first one,
// in the low DIM bytes. A first row passes as it is, whatever it holds. keep_i: further rows of the window follow.
module pool_max #(
    parameter int unsigned Dim = 16
) (
    input logic clk_i,
    input logic keep_i,
    input logic first_i,
    input logic [32*Dim-1:0] data_i,
    output logic [32*Dim-1:0] data_o
);
  logic [8*Dim-1:0] most_q;

  always_comb begin
    data_o = data_i;
    for (int unsigned i = 0; i < Dim; i++) begin
      if (!first_i && signed'(most_q[8*i+:8]) > signed'(data_i[8*i+:8])) data_o[8*i+:8] = most_q[8*i+:8];
    end
  end

  always_ff @(posedge clk_i) begin
    if (keep_i) most_q <= data_o[8*Dim-1:0];
  end
endmodule
