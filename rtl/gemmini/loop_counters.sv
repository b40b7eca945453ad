// SPDX-License-Identifier: Apache-2.0
// Counters of nested loops, the last one innermost.
// start_i sets every position to zero. advance_i moves to the next one: the innermost loop that has not ended steps,
// those inside it return to zero. steps_o names that loop (one bit); done_o: no position follows this one. Limits and
// steps may change with the position. Outputs but the position are zero while not enabled; to advance takes enable_i.
module loop_counters #(
    parameter int unsigned Loops = 4
) (
    input logic clk_i,
    input logic start_i,
    input logic enable_i,
    input logic advance_i,
    input logic [15:0] limit_i[Loops],
    input logic [15:0] step_i[Loops],
    output logic [15:0] position_o[Loops],
    // What remains of each loop from its position on, and whether its step covers it.
    output logic [15:0] left_o[Loops],
    output logic [Loops-1:0] last_o,
    output logic [Loops-1:0] steps_o,
    output logic done_o
);
  logic [15:0] position_q[Loops];

  assign position_o = position_q;

  always_comb begin
    left_o = '{default: '0};
    last_o = '0;
    steps_o = '0;
    done_o = 1'b0;
    if (enable_i) begin
      done_o = 1'b1;
      for (int l = Loops - 1; l >= 0; l--) begin
        left_o[l] = limit_i[l] - position_q[l];
        last_o[l] = left_o[l] <= step_i[l];
        // All loops inside have ended; the outermost one steps past its end.
        steps_o[l] = done_o && (!last_o[l] || l == 0);
        done_o = done_o && last_o[l];
      end
    end
  end

  always_ff @(posedge clk_i) begin
    // Element by element: an array that is written as a whole is copied in every simulated cycle.
    if (start_i || advance_i) begin
      automatic logic returns = start_i;  // the loop that steps is outside this one
      for (int unsigned l = 0; l < Loops; l++) begin
        position_q[l] <= returns ? '0 : steps_o[l] ? position_q[l] + step_i[l] : position_q[l];
        returns = returns || steps_o[l];
      end
    end
  end
endmodule
