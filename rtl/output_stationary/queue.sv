// First-in first-out queue of registers, one cycle from push to pop.
// push_ready_o falls when it is full, whatever is popped in that cycle.
module queue #(
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
  localparam int unsigned IndexBits = $clog2(Depth);
  typedef logic [IndexBits-1:0] index_t;

  data_t items_q[Depth];
  logic [IndexBits:0] pushed_q, popped_q;  // modulo twice the depth

  assign pop_valid_o = pushed_q != popped_q;
  assign push_ready_o = pushed_q != {!popped_q[IndexBits], popped_q[IndexBits-1:0]};
  assign pop_o = items_q[index_t'(popped_q)];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      pushed_q <= '0;
      popped_q <= '0;
    end else begin
      if (push_valid_i && push_ready_o) pushed_q <= pushed_q + 1'b1;
      if (pop_ready_i && pop_valid_o) popped_q <= popped_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (push_valid_i && push_ready_o) items_q[index_t'(pushed_q)] <= push_i;
  end

  if (Depth < 2 || (Depth & (Depth - 1)) != 0) begin : gen_illegal
    $error("queue: Depth = %0d is not a power of two of at least 2", Depth);
  end

  assert_pop :
  assert property (@(posedge clk_i) disable iff (!rst_ni) pop_ready_i |-> pop_valid_o)
  else $error("queue: taken from while empty");
endmodule
