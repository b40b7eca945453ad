// Indices of nested loops, the innermost lowest.
// step_i ends one turn of the innermost loop; advance_o names the loop that goes on to its next turn (none after the
// very last, which is done_o), all inside it start again. Combinational from step_i; every count is at least 1.
module loop_counters
  import output_stationary_pkg::*;
#(
    parameter int unsigned Levels = 3
) (
    input logic clk_i,
    input logic rst_ni,
    input logic step_i,
    input logic [Levels-1:0][15:0] count_i,
    output logic [Levels-1:0] advance_o,
    output logic [Levels-1:0] first_o,
    output logic [Levels-1:0] last_o,
    output logic done_o
);
  count_t [Levels-1:0] index_q;
  logic [Levels:0] carry;

  assign carry[0] = step_i;
  assign done_o = carry[Levels];

  for (genvar l = 0; l < Levels; l++) begin : gen_loop
    assign first_o[l] = index_q[l] == '0;
    assign last_o[l] = index_q[l] == count_i[l] - 16'd1;
    assign advance_o[l] = carry[l] && !last_o[l];
    assign carry[l+1] = carry[l] && last_o[l];

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) index_q[l] <= '0;
      else if (advance_o[l]) index_q[l] <= index_q[l] + 16'd1;
      else if (carry[l]) index_q[l] <= '0;
    end
  end
endmodule
