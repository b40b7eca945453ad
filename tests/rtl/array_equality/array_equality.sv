// SPDX-License-Identifier: Apache-2.0
// The fast array and the mesh beside each other, fed with any rows that the array controller can feed: slots that load
// weights have at least DIM rows, and a slot may use the weights of the load before it or those before that one.
// differ_o: a row of results that could be read is not the same in both.
module array_equality #(
    parameter int unsigned Dim = 2,
    // Of an element; it is sign-extended to eight.
    parameter int unsigned Bits = 8,
    localparam int unsigned OutputDelay = 2 * Dim + 1
) (
    input logic clk_i,
    input logic rst_ni,
    // A row is fed; it begins a slot, which loads weights, or uses those that were loaded last.
    input logic valid_i,
    input logic begins_i,
    input logic loads_i,
    input logic flips_i,
    input logic [Dim-1:0][Bits-1:0] input_i,
    input logic [Dim-1:0][Bits-1:0] weight_i,
    output logic differ_o
);
  logic started_q, loads_q, propagate_q;
  logic [6:0] row_q;
  logic [OutputDelay:1] fed_q;
  logic begins, valid, propagate, loads;
  logic [6:0] row;
  logic [32*Dim-1:0] fast, plain;
  logic [Dim-1:0][7:0] inputs, weights;

  for (genvar i = 0; i < Dim; i++) begin : gen_elements
    assign inputs[i] = 8'(signed'(input_i[i]));
    assign weights[i] = 8'(signed'(weight_i[i]));
  end

  // A load is never cut short.
  assign begins = valid_i && begins_i && (!started_q || !loads_q || row_q >= 7'(Dim - 1));
  assign valid = valid_i && (begins || started_q);
  assign row = begins ? '0 : row_q + 7'd1;
  assign propagate = propagate_q ^ (begins && flips_i);
  assign loads = begins ? loads_i : loads_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      started_q <= 1'b0;
      loads_q <= 1'b0;
      propagate_q <= 1'b0;
      row_q <= '0;
      fed_q <= '0;
    end else begin
      fed_q <= {fed_q[OutputDelay-1:1], valid};
      propagate_q <= propagate;
      if (valid) begin
        started_q <= 1'b1;
        loads_q <= loads;
        row_q <= row;
      end
    end
  end

  systolic_array #(
      .Dim(Dim),
      .OutputDelay(OutputDelay)
  ) u_fast (
      .clk_i,
      .rst_ni,
      .valid_i(valid),
      .propagate_i(propagate),
      .load_i(loads && row < 7'(Dim)),
      .row_i(row),
      .input_i(inputs),
      .weight_i(weights),
      .read_i(fed_q[OutputDelay]),
      .result_o(fast)
  );

  mesh #(
      .Dim(Dim),
      .OutputDelay(OutputDelay)
  ) u_plain (
      .clk_i,
      .rst_ni,
      .valid_i(valid),
      .propagate_i(propagate),
      .load_i(loads && row < 7'(Dim)),
      .row_i(row),
      .input_i(inputs),
      .weight_i(weights),
      .read_i(fed_q[OutputDelay]),
      .result_o(plain)
  );

  assign differ_o = fast != plain;
endmodule
