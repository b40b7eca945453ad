// SPDX-License-Identifier: Apache-2.0
// First-in first-out queue of registers.
// One cycle from push to pop; push_ready_o falls when full, whatever is popped in that cycle.
`include "assertions.svh"
module fifo #(
    parameter type data_t = logic,
    parameter int unsigned Depth = 2
) (
    input logic clk_i,
    input logic rst_ni,
    input logic push_valid_i,
    output logic push_ready_o,
    input data_t push_i,
    output logic pop_valid_o,
    input logic pop_ready_i,
    output data_t pop_o
);
  localparam int unsigned IndexBits = Depth > 1 ? $clog2(Depth) : 1;
  localparam int unsigned CountBits = $clog2(Depth + 1);

  data_t items_q[Depth];
  logic [IndexBits-1:0] head_q, tail_q;
  logic [CountBits-1:0] count_q;
  logic push, pop;

  assign push_ready_o = count_q != CountBits'(Depth);
  assign pop_valid_o = count_q != '0;
  assign push = push_valid_i && push_ready_o;
  assign pop = pop_valid_o && pop_ready_i;
  assign pop_o = items_q[head_q];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      head_q  <= '0;
      tail_q  <= '0;
      count_q <= '0;
    end else begin
      if (push) tail_q <= tail_q == IndexBits'(Depth - 1) ? '0 : tail_q + 1'b1;
      if (pop) head_q <= head_q == IndexBits'(Depth - 1) ? '0 : head_q + 1'b1;
      if (push != pop) count_q <= push ? count_q + 1'b1 : count_q - 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (push) items_q[tail_q] <= push_i;
  end

  if (Depth == 0) begin : gen_illegal
    $error("fifo: Depth must be at least 1");
  end

  `ASSERT(assert_count, count_q <= CountBits'(Depth), ("fifo: count above depth"))
endmodule
