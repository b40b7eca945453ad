// SPDX-License-Identifier: Apache-2.0
// Weight-stationary systolic array, as a model that simulates fast: mesh says the same plainly. DIM x DIM processing
// elements (int8 x int8, int32 sums).
// Inputs move right and sums down, one element a cycle; row r gets its input r cycles late, column c its sum c cycles
// late, so that a row fed in one cycle meets each element (r, c) r + c cycles later. Weight row k of a load passes
// down the columns with array row k and is kept by element row DIM - 1 - k, in the register that is not in use;
// propagate_i picks the register in use. The result of a row is complete 2 DIM - 1 cycles after it was fed and is
// read OutputDelay cycles after it was fed.
// Skew and result registers are rings indexed by the cycle in which a row was fed. The elements are updated in
// place, last row and column first, so that each reads what its neighbours held before the clock edge.
module systolic_array #(
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
  localparam int unsigned Ring = 4 * Dim;
  localparam int unsigned RingBits = $clog2(Ring);
  typedef logic [RingBits-1:0] time_t;

  // One entry for each row in the array.
  logic ring_valid_q[Ring], ring_propagate_q[Ring], ring_load_q[Ring];
  logic [6:0] ring_row_q[Ring];
  logic signed [7:0] ring_input_q[Ring][Dim], ring_weight_q[Ring][Dim];
  logic signed [31:0] ring_result_q[Ring][Dim];

  // Processing elements.
  logic signed [7:0] input_q[Dim][Dim];
  logic signed [7:0] weight_q[2][Dim][Dim];
  logic signed [31:0] sum_q[Dim][Dim];

  time_t now_q;
  logic [RingBits:0] active_q;  // cycles until the last row fed has left

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      now_q <= '0;
      active_q <= '0;
    end else begin
      now_q <= now_q + 1'b1;
      if (valid_i) active_q <= (RingBits + 1)'(2 * Dim);
      else if (active_q != '0) active_q <= active_q - 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    ring_valid_q[now_q] = valid_i;
    if (valid_i) begin
      ring_propagate_q[now_q] = propagate_i;
      ring_load_q[now_q] = load_i;
      ring_row_q[now_q] = row_i;
      for (int i = 0; i < Dim; i++) begin
        ring_input_q[now_q][i] = input_i[8*i+:8];
        ring_weight_q[now_q][i] = weight_i[8*i+:8];
      end
    end
    if (valid_i || active_q != '0) begin
      // Weights on their way down.
      for (int age = 0; age < 2 * Dim - 1; age++) begin
        if (ring_valid_q[now_q-time_t'(age)] && ring_load_q[now_q-time_t'(age)]) begin
          automatic int r = Dim - 1 - int'(ring_row_q[now_q-time_t'(age)]);
          if (age >= r && age - r < Dim) begin
            weight_q[!ring_propagate_q[now_q-time_t'(age)]][r][age-r] =
                ring_weight_q[now_q-time_t'(age)][age-r];
          end
        end
      end
      for (int r = Dim - 1; r >= 0; r--) begin
        for (int c = Dim - 1; c >= 0; c--) begin
          if (ring_valid_q[now_q-time_t'(r+c)]) begin
            input_q[r][c] = c == 0 ? ring_input_q[now_q-time_t'(r)][r] : input_q[r][c-1];
            sum_q[r][c] = (r == 0 ? 32'sd0 : sum_q[r-1][c]) +
                32'(input_q[r][c]) * 32'(weight_q[ring_propagate_q[now_q-time_t'(r+c)]][r][c]);
          end
        end
      end
      for (int c = 0; c < Dim; c++) begin
        ring_result_q[now_q-time_t'(Dim-1+c)][c] = sum_q[Dim-1][c];
      end
    end
  end

  always_comb begin
    result_o = '0;
    if (read_i) begin
      for (int c = 0; c < Dim; c++) result_o[32*c+:32] = ring_result_q[now_q-time_t'(OutputDelay)][c];
    end
  end

  if (OutputDelay < 2 * Dim - 1 || OutputDelay >= Ring) begin : gen_illegal
    $error("systolic_array: OutputDelay %0d is not from %0d to %0d", OutputDelay, 2 * Dim - 1, Ring - 1);
  end
endmodule
