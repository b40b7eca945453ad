// SPDX-License-Identifier: Apache-2.0
// One element of the array: multiplies the input from the left with the weight in use, adds the sum from above, and
// hands everything on a cycle later. Of its two weights propagate_i picks the one in use; the other one takes the
// weight from above while rows load, and hands on what it held.
module processing_element (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    input logic propagate_i,
    input logic load_i,
    input logic signed [7:0] input_i,
    input logic signed [7:0] weight_i,
    input logic signed [31:0] sum_i,
    output logic valid_o,
    output logic propagate_o,
    output logic load_o,
    output logic signed [7:0] input_o,
    output logic signed [7:0] weight_o,
    output logic signed [31:0] sum_o
);
  logic signed [7:0] weights_q[2];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_o <= 1'b0;
    else valid_o <= valid_i;
  end

  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      propagate_o <= propagate_i;
      load_o <= load_i;
      input_o <= input_i;
      weight_o <= weights_q[!propagate_i];
      sum_o <= sum_i + 32'(input_i) * 32'(weights_q[propagate_i]);
      if (load_i) weights_q[!propagate_i] <= weight_i;
    end
  end
endmodule
