// One element of the array: multiplies an input and a weight, both passed on a cycle later, and keeps Sums sums, one
// of which grows. read_sum_o is the sum that read_index_i names.
module processing_element
  import output_stationary_pkg::*;
#(
    parameter int unsigned Sums = 4
) (
    input logic clk_i,
    input logic rst_ni,
    input logic signed [7:0] input_i,
    input logic signed [7:0] weight_i,
    input step_t step_i,
    output logic signed [7:0] input_o,
    output logic signed [7:0] weight_o,
    output step_t step_o,
    input sum_index_t read_index_i,
    output logic [31:0] read_sum_o
);
  localparam int unsigned IndexBits = $clog2(Sums);
  typedef logic [IndexBits-1:0] index_t;

  logic signed [31:0] sums_q[Sums];  // put down
  logic signed [31:0] sum_q, held, sum;  // the one that grows

  always_comb begin
    held = sum_q;
    if (step_i.start) held = step_i.clear ? '0 : sums_q[index_t'(step_i.index)];
    sum = held + 32'(input_i) * 32'(weight_i);
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) step_o <= '0;
    else step_o <= step_i;
  end

  always_ff @(posedge clk_i) begin
    input_o <= input_i;
    weight_o <= weight_i;
    if (step_i.valid) begin
      sum_q <= sum;
      if (step_i.stop) sums_q[index_t'(step_i.index)] <= sum;
    end
  end

  assign read_sum_o = sums_q[index_t'(read_index_i)];
endmodule
