// SPDX-License-Identifier: Apache-2.0
// Weight-stationary systolic array of DIM x DIM processing elements (int8 x int8, int32 sums), element by element.
// Inputs move right, sums and weights down, one element a cycle. Row r gets its input r cycles late, column c its
// weight c cycles late, so that a row fed in one cycle meets each element (r, c) r + c cycles later. The DIM rows of a
// load shift their weights down: the first one ends in the last row of elements. Results are complete 2 DIM - 1 cycles
// after their row was fed; read_i shows those of the row that was fed OutputDelay cycles before.
// Same ports and behaviour as systolic_array, which simulates faster from DIM 32 on.
module mesh #(
    parameter int unsigned Dim = 16,
    parameter int unsigned OutputDelay = 33
) (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    input logic propagate_i,
    input logic load_i,
    input logic [6:0] row_i,
    input logic [8*Dim-1:0] input_i,
    input logic [8*Dim-1:0] weight_i,
    input logic read_i,
    output logic [32*Dim-1:0] result_o
);
  typedef struct packed {
    logic valid;
    logic propagate;
    logic load;
    logic [7:0] weight;
  } column_t;

  // Between elements: [row][column], the first row and column come from outside.
  column_t down[Dim+1][Dim];
  logic signed [31:0] sum[Dim+1][Dim];
  logic signed [7:0] right[Dim][Dim+1];
  logic [32*Dim-1:0] result;

  // Weights shift, so their number does not matter.
  logic unused_row;
  assign unused_row = ^row_i;

  for (genvar r = 0; r < Dim; r++) begin : gen_rows
    delay_line #(
        .Bits(8),
        .Cycles(r),
        .Reset(1'b0)
    ) u_skew (
        .clk_i,
        .rst_ni,
        .data_i(input_i[8*r+:8]),
        .data_o(right[r][0])
    );

    for (genvar c = 0; c < Dim; c++) begin : gen_elements
      processing_element u_element (
          .clk_i,
          .rst_ni,
          .valid_i(down[r][c].valid),
          .propagate_i(down[r][c].propagate),
          .load_i(down[r][c].load),
          .input_i(right[r][c]),
          .weight_i(down[r][c].weight),
          .sum_i(sum[r][c]),
          .valid_o(down[r+1][c].valid),
          .propagate_o(down[r+1][c].propagate),
          .load_o(down[r+1][c].load),
          .input_o(right[r][c+1]),
          .weight_o(down[r+1][c].weight),
          .sum_o(sum[r+1][c])
      );
    end
  end

  for (genvar c = 0; c < Dim; c++) begin : gen_columns
    column_t first;
    assign first = '{valid: valid_i, propagate: propagate_i, load: load_i, weight: weight_i[8*c+:8]};
    assign sum[0][c] = '0;

    delay_line #(
        .Bits($bits(column_t)),
        .Cycles(c)
    ) u_skew (
        .clk_i,
        .rst_ni,
        .data_i(first),
        .data_o(down[0][c])
    );

    delay_line #(
        .Bits(32),
        .Cycles(OutputDelay - Dim - c),
        .Reset(1'b0)
    ) u_align (
        .clk_i,
        .rst_ni,
        .data_i(sum[Dim][c]),
        .data_o(result[32*c+:32])
    );
  end

  assign result_o = read_i ? result : '0;

  if (OutputDelay < 2 * Dim - 1) begin : gen_illegal
    $error("mesh: OutputDelay %0d is below %0d", OutputDelay, 2 * Dim - 1);
  end
endmodule
