// A value that grows by one step a turn of each of several nested loops, by additions alone: base + sum of turns x steps.
// load_i sets the base, advance_i (one-hot, from loop_counters) is the loop that goes on. next_o is the value in the
// next cycle. load_i wins.
module strided_pointer #(
    parameter int unsigned Levels = 3,
    parameter int unsigned Width = 32
) (
    input logic clk_i,
    input logic load_i,
    input logic [Width-1:0] base_i,
    input logic [Levels-1:0] advance_i,
    input logic [Levels-1:0][Width-1:0] step_i,
    output logic [Width-1:0] value_o,
    output logic [Width-1:0] next_o
);
  // Value at the start of the present turn of each loop; that of the innermost is the pointer.
  logic [Levels-1:0][Width-1:0] start_q;

  assign value_o = start_q[0];

  always_comb begin
    next_o = start_q[0];
    for (int unsigned l = 0; l < Levels; l++) begin
      if (advance_i[l]) next_o = start_q[l] + step_i[l];
    end
    if (load_i) next_o = base_i;
  end

  always_ff @(posedge clk_i) begin
    for (int unsigned l = 0; l < Levels; l++) begin
      // The loop that goes on, and all inside it.
      if (load_i || (advance_i >> l) != '0) start_q[l] <= next_o;
    end
  end
endmodule
