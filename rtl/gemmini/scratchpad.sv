// SPDX-License-Identifier: Apache-2.0
// Scratchpad: single-ported banks of rows of DIM bytes.
// A bank takes one access a cycle: a write wins over reads, input rows over weight rows. free outputs are
// combinational; a reader that wants a row and is free has read it. Its data is on the output from the next cycle
// until it reads again.
`include "assertions.svh"
module scratchpad
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input logic write_i,
    input row_t write_row_i,
    input logic [Design.dim-1:0] write_mask_i,
    input logic [8*Design.dim-1:0] write_data_i,
    input logic input_want_i,
    input row_t input_row_i,
    output logic input_free_o,
    output logic [8*Design.dim-1:0] input_data_o,
    input logic weight_want_i,
    input row_t weight_row_i,
    output logic weight_free_o,
    output logic [8*Design.dim-1:0] weight_data_o
);
  localparam int unsigned Banks = Design.scratchpad_banks;
  localparam int unsigned BankRows = Design.scratchpad_rows / Banks;
  localparam int unsigned BankBits = index_bits(Banks);
  localparam int unsigned IndexBits = index_bits(BankRows);
  localparam int unsigned Ports = 3;  // write, input, weight

  logic [Ports-1:0][BankBits-1:0] bank;
  logic [Ports-1:0][IndexBits-1:0] index;
  row_t rows[Ports];

  assign rows[0] = write_row_i;
  assign rows[1] = input_row_i;
  assign rows[2] = weight_row_i;
  for (genvar p = 0; p < Ports; p++) begin : gen_decoders
    bank_decoder #(
        .Banks(Banks),
        .BankRows(BankRows)
    ) u_decoder (
        .row_i(rows[p]),
        .bank_o(bank[p]),
        .index_o(index[p])
    );
  end

  assign input_free_o = !(write_i && bank[0] == bank[1]);
  assign weight_free_o = !(write_i && bank[0] == bank[2]) &&
      !(input_want_i && input_free_o && bank[1] == bank[2]);

  if (Design.datapath) begin : gen_data
    localparam int unsigned WordBits = 8 * Design.dim;
    logic [Ports-1:0] access;
    logic [WordBits-1:0] read_data[Banks];

    assign access = {weight_want_i && weight_free_o, input_want_i && input_free_o, write_i};

    for (genvar b = 0; b < Banks; b++) begin : gen_banks
      logic [Ports-1:0] here;
      logic [IndexBits-1:0] row;
      for (genvar p = 0; p < Ports; p++) begin : gen_here
        assign here[p] = access[p] && bank[p] == BankBits'(b);
      end
      always_comb begin
        row = index[0];
        if (here[1]) row = index[1];
        if (here[2]) row = index[2];
      end
      sram_1rw #(
          .Rows(BankRows),
          .Bytes(Design.dim)
      ) u_bank (
          .clk_i,
          .rst_ni,
          .read_i(here[1] || here[2]),
          .write_i(here[0]),
          .row_i(row),
          .mask_i(write_mask_i),
          .wdata_i(write_data_i),
          .rdata_o(read_data[b])
      );
    end

    // The bank's output belongs to the reader in the cycle after its read; it keeps what it got.
    logic input_read_q, weight_read_q;
    logic [BankBits-1:0] input_bank_q, weight_bank_q;
    logic [WordBits-1:0] input_q, weight_q;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        input_read_q  <= 1'b0;
        weight_read_q <= 1'b0;
      end else begin
        input_read_q  <= access[1];
        weight_read_q <= access[2];
      end
    end
    always_ff @(posedge clk_i) begin
      if (access[1]) input_bank_q <= bank[1];
      if (access[2]) weight_bank_q <= bank[2];
      if (input_read_q) input_q <= read_data[input_bank_q];
      if (weight_read_q) weight_q <= read_data[weight_bank_q];
    end
    assign input_data_o = input_read_q ? read_data[input_bank_q] : input_q;
    assign weight_data_o = weight_read_q ? read_data[weight_bank_q] : weight_q;

    `ASSERT_IF(assert_write, write_i, write_row_i < row_t'(Design.scratchpad_rows),
        ("scratchpad: write to row %0d of %0d", write_row_i, Design.scratchpad_rows))
    `ASSERT_IF(assert_input, input_want_i, input_row_i < row_t'(Design.scratchpad_rows),
        ("scratchpad: input row %0d of %0d", input_row_i, Design.scratchpad_rows))
    `ASSERT_IF(assert_weight, weight_want_i, weight_row_i < row_t'(Design.scratchpad_rows),
        ("scratchpad: weight row %0d of %0d", weight_row_i, Design.scratchpad_rows))
  end else begin : gen_timing
    assign input_data_o  = '0;
    assign weight_data_o = '0;
  end
endmodule
