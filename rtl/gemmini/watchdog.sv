// SPDX-License-Identifier: Apache-2.0
// Counts busy cycles in which nothing retires; stuck_o pulses when there were Limit of them in a row.
module watchdog #(
    parameter int unsigned Limit = 100_000
) (
    input logic clk_i,
    input logic rst_ni,
    input logic busy_i,
    input logic retires_i,
    // Further cycles that pass in this one.
    input logic [31:0] skip_i,
    output logic stuck_o
);
  logic [31:0] cycles_q;

  assign stuck_o = cycles_q >= Limit;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) cycles_q <= '0;
    else if (!busy_i || retires_i || stuck_o) cycles_q <= '0;
    else cycles_q <= cycles_q + 32'd1 + skip_i;
  end
endmodule
