// Output-stationary systolic array of DIM x DIM elements: element (r, c) keeps the sums of pixel r and output channel c.
// Inputs move right, weights and steps down, one element a cycle. The row of the scratchpad that holds the channels of
// pixel r is loaded r cycles after that of pixel 0 and passed on channel by channel: the skew of the array transposes.
// Weights and steps of column c wait c cycles. A step reaches element (r, c) r + c + 1 cycles after it was given.
module output_array
  import output_stationary_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter int unsigned Sums = 4
) (
    input logic clk_i,
    input logic rst_ni,
    // One pixel's channels, for row `pixel_i`.
    input logic input_valid_i,
    input span_t pixel_i,
    input logic [8*Dim-1:0] input_i,
    // One channel's weights, and what to do with them.
    input step_t step_i,
    input logic [8*Dim-1:0] weight_i,
    // Sums of one pixel, combinational.
    input sum_index_t read_index_i,
    input span_t read_pixel_i,
    output logic [32*Dim-1:0] read_sums_o
);
  typedef struct packed {
    step_t step;
    logic [7:0] weight;
  } column_t;

  // Between the elements: [r][c] is what element (r, c) gets.
  logic [Dim-1:0][Dim:0][7:0] inputs;
  logic [Dim:0][Dim-1:0][7:0] weights;
  step_t [Dim:0][Dim-1:0] steps;
  logic [Dim-1:0][Dim-1:0][31:0] sums;

  for (genvar r = 0; r < Dim; r++) begin : gen_input
    logic [8*Dim-1:0] channels_q;
    assign inputs[r][0] = channels_q[7:0];
    always_ff @(posedge clk_i) begin
      if (input_valid_i && pixel_i == span_t'(r)) channels_q <= input_i;
      else channels_q <= channels_q >> 8;
    end
  end

  for (genvar c = 0; c < Dim; c++) begin : gen_column
    column_t column, late;
    assign column.step = step_i;
    assign column.weight = weight_i[8*c+:8];
    delay_line #(
        .data_t(column_t),
        .Depth(c + 1)
    ) u_skew (
        .clk_i,
        .rst_ni,
        .data_i(column),
        .data_o(late)
    );
    assign weights[0][c] = late.weight;
    assign steps[0][c] = late.step;
  end

  for (genvar r = 0; r < Dim; r++) begin : gen_row
    for (genvar c = 0; c < Dim; c++) begin : gen_element
      processing_element #(
          .Sums(Sums)
      ) u_element (
          .clk_i,
          .rst_ni,
          .input_i(inputs[r][c]),
          .weight_i(weights[r][c]),
          .step_i(steps[r][c]),
          .input_o(inputs[r][c+1]),
          .weight_o(weights[r+1][c]),
          .step_o(steps[r+1][c]),
          .read_index_i,
          .read_sum_o(sums[r][c])
      );
    end
  end

  // The last elements pass on to nobody.
  logic unused_ends;
  always_comb begin
    unused_ends = ^weights[Dim] ^ (^steps[Dim]);
    for (int unsigned r = 0; r < Dim; r++) unused_ends = unused_ends ^ (^inputs[r][Dim]);
  end

  assign read_sums_o = sums[read_pixel_i[$clog2(Dim)-1:0]];
endmodule
