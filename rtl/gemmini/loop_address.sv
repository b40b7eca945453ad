// SPDX-License-Identifier: Apache-2.0
// An address that follows nested loops, the last one innermost, without multiplying.
// Each loop keeps the address at its present position; the loop that steps (steps_i, one bit) adds its stride to it,
// and the loops inside start again from there.
module loop_address #(
    parameter int unsigned Loops = 4,
    parameter int unsigned Bits = 22
) (
    input logic clk_i,
    input logic start_i,
    input logic advance_i,
    input logic [Loops-1:0] steps_i,
    input logic [Bits-1:0] base_i,
    input logic [Bits-1:0] stride_i[Loops],
    output logic [Bits-1:0] address_o
);
  logic [Bits-1:0] base_q[Loops];

  assign address_o = base_q[Loops-1];

  always_ff @(posedge clk_i) begin
    // Element by element: an array that is written as a whole is copied in every simulated cycle.
    if (start_i || advance_i) begin
      automatic logic [Bits-1:0] next = base_i;
      automatic logic steps = start_i;
      for (int unsigned l = 0; l < Loops; l++) begin
        if (!start_i && steps_i[l]) next = base_q[l] + stride_i[l];
        steps = steps || steps_i[l];
        base_q[l] <= steps ? next : base_q[l];
      end
    end
  end
endmodule
