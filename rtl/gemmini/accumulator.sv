// SPDX-License-Identifier: Apache-2.0
// Accumulator: banks of rows of DIM int32 words, one read and one write port a bank.
// A result that adds reads its row at once, adds in the next cycle and writes two cycles after it came; one that
// overwrites only writes then. A write of the DMA takes the same two cycles, so it meets no result at its bank's port
// but one that came in the same cycle: then it waits. One that adds reads its row like a result, and waits while an
// earlier write of that row is on its way. A store waits for the reads of others in its bank; its data is there from
// the cycle after its read until the next store's.
`include "assertions.svh"
module accumulator
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    // Array results, never stalled.
    input result_t result_i,
    input logic [32*Design.dim-1:0] result_data_i,
    // DMA.
    input logic write_valid_i,
    output logic write_ready_o,
    input row_t write_row_i,
    input logic [4*Design.dim-1:0] write_mask_i,
    input logic [32*Design.dim-1:0] write_data_i,
    input load_scale_t write_scale_i,
    // Stores.
    input logic read_valid_i,
    output logic read_ready_o,
    input row_t read_row_i,
    output logic [32*Design.dim-1:0] read_data_o
);
  localparam int unsigned Dim = Design.dim;
  localparam int unsigned Banks = Design.accumulator_banks;
  localparam int unsigned BankRows = Design.accumulator_rows / Banks;
  localparam int unsigned BankBits = index_bits(Banks);
  localparam int unsigned IndexBits = index_bits(BankRows);
  localparam int unsigned Ports = 3;  // result, write, store

  logic [Ports-1:0][BankBits-1:0] bank;
  logic [Ports-1:0][IndexBits-1:0] index;
  row_t rows[Ports];

  assign rows[0] = result_i.row;
  assign rows[1] = write_row_i;
  assign rows[2] = read_row_i;
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

  // Rows that the last two writes of the DMA are about to change.
  logic writes, write_adds, settles;
  logic [1:0] writing_q;
  row_t writing_row_q[2];

  always_comb begin
    settles = 1'b0;
    for (int unsigned s = 0; s < 2; s++) settles |= writing_q[s] && writing_row_q[s] == write_row_i;
  end
  assign write_ready_o = !(result_i.valid && bank[0] == bank[1]) && !(write_scale_i.accumulate && settles);
  assign writes = write_valid_i && write_ready_o;
  assign write_adds = writes && write_scale_i.accumulate;
  assign read_ready_o = !(result_i.valid && result_i.accumulate && bank[0] == bank[2]) &&
      !(write_adds && bank[1] == bank[2]);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) writing_q <= '0;
    else writing_q <= {writing_q[0], writes};
  end
  always_ff @(posedge clk_i) begin
    if (writes) writing_row_q[0] <= write_row_i;
    if (writing_q[0]) writing_row_q[1] <= writing_row_q[0];
  end

  if (Design.datapath) begin : gen_data
    localparam int unsigned WordBits = 32 * Dim;
    // Two steps from a result, or a write of the DMA, to its bank.
    typedef struct packed {
      logic result;
      logic write;
      logic accumulate;
      logic adds;
      logic [BankBits-1:0] result_bank;
      logic [IndexBits-1:0] result_index;
      logic [BankBits-1:0] write_bank;
      logic [IndexBits-1:0] write_index;
    } step_t;
    step_t step, step_q[2];
    logic [WordBits-1:0] result_q, sum_q, write_q[2], written;
    logic [4*Dim-1:0] mask_q[2], written_mask;
    load_scale_t scale_q;
    logic read_q;
    logic [BankBits-1:0] read_bank_q;
    logic [WordBits-1:0] read_data_q;
    logic [WordBits-1:0] read_data[Banks];

    assign step = '{
        result: result_i.valid,
        write: writes,
        accumulate: result_i.accumulate,
        adds: write_adds,
        result_bank: bank[0],
        result_index: index[0],
        write_bank: bank[1],
        write_index: index[1]
    };

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        step_q[0] <= '0;
        step_q[1] <= '0;
        read_q <= 1'b0;
      end else begin
        step_q[0] <= step;
        step_q[1] <= step_q[0];
        read_q <= read_valid_i && read_ready_o;
      end
    end

    always_ff @(posedge clk_i) begin
      if (step.result) result_q <= result_data_i;
      if (step_q[0].result) begin
        if (step_q[0].accumulate) begin
          for (int unsigned i = 0; i < Dim; i++) begin
            sum_q[32*i+:32] <= read_data[step_q[0].result_bank][32*i+:32] + result_q[32*i+:32];
          end
        end else begin
          sum_q <= result_q;
        end
      end
      if (step.write) begin
        write_q[0] <= write_data_i;
        mask_q[0]  <= write_mask_i;
        scale_q <= write_scale_i;
      end
      if (step_q[0].write) begin
        write_q[1] <= written;
        if (step_q[0].adds) begin
          for (int unsigned i = 0; i < Dim; i++) begin
            write_q[1][32*i+:32] <= read_data[step_q[0].write_bank][32*i+:32] + written[32*i+:32];
          end
        end
        mask_q[1] <= written_mask;
      end
      if (read_valid_i && read_ready_o) read_bank_q <= bank[2];
      if (read_q) read_data_q <= read_data[read_bank_q];
    end
    // A store keeps what it read while others read its bank.
    assign read_data_o = read_q ? read_data[read_bank_q] : read_data_q;

    operand_scale #(
        .Dim(Dim)
    ) u_scale (
        .scale_i(scale_q),
        .mask_i(mask_q[0]),
        .data_i(write_q[0]),
        .mask_o(written_mask),
        .data_o(written)
    );

    for (genvar b = 0; b < Banks; b++) begin : gen_banks
      logic adds, loads, stores, sums, fills;
      assign adds = result_i.valid && result_i.accumulate && bank[0] == BankBits'(b);
      assign loads = write_adds && bank[1] == BankBits'(b);
      assign stores = read_valid_i && read_ready_o && bank[2] == BankBits'(b);
      assign sums = step_q[1].result && step_q[1].result_bank == BankBits'(b);
      assign fills = step_q[1].write && step_q[1].write_bank == BankBits'(b);

      sram_1r1w #(
          .Rows(BankRows),
          .Bytes(4 * Dim)
      ) u_bank (
          .clk_i,
          .rst_ni,
          .read_i(adds || loads || stores),
          .read_row_i(adds ? index[0] : loads ? index[1] : index[2]),
          .rdata_o(read_data[b]),
          .write_i(sums || fills),
          .write_row_i(sums ? step_q[1].result_index : step_q[1].write_index),
          .mask_i(sums ? '1 : mask_q[1]),
          .wdata_i(sums ? sum_q : write_q[1])
      );

      `ASSERT(assert_write_port, !(sums && fills), ("accumulator: bank %0d is written twice in one cycle", b))
      `ASSERT(assert_read_port, $onehot0({adds, loads, stores}),
          ("accumulator: bank %0d is read twice in one cycle", b))
    end

    `ASSERT_IF(assert_result_range, result_i.valid, result_i.row < row_t'(Design.accumulator_rows),
        ("accumulator: result row %0d of %0d", result_i.row, Design.accumulator_rows))
    `ASSERT_IF(assert_write_range, write_valid_i, write_row_i < row_t'(Design.accumulator_rows),
        ("accumulator: write row %0d of %0d", write_row_i, Design.accumulator_rows))
    `ASSERT_IF(assert_read_range, read_valid_i, read_row_i < row_t'(Design.accumulator_rows),
        ("accumulator: read row %0d of %0d", read_row_i, Design.accumulator_rows))
    for (genvar s = 0; s < 2; s++) begin : gen_steps
      `ASSERT_IF(assert_distance, result_i.valid && result_i.accumulate && step_q[s].result,
          step_q[s].result_bank != bank[0] || step_q[s].result_index != index[0],
          ("accumulator: row %0d is read before its last result was written", result_i.row))
      `ASSERT_IF(assert_settled, read_valid_i && read_ready_o && step_q[s].result,
          step_q[s].result_bank != bank[2] || step_q[s].result_index != index[2],
          ("accumulator: a store reads row %0d before its last result was written", read_row_i))
      `ASSERT_IF(assert_loaded, read_valid_i && read_ready_o && step_q[s].write,
          step_q[s].write_bank != bank[2] || step_q[s].write_index != index[2],
          ("accumulator: a store reads row %0d before it was loaded", read_row_i))
      `ASSERT_IF(assert_filled, result_i.valid && result_i.accumulate && step_q[s].write,
          step_q[s].write_bank != bank[0] || step_q[s].write_index != index[0],
          ("accumulator: a result adds to row %0d before it was loaded", result_i.row))
    end
  end else begin : gen_timing
    assign read_data_o = '0;
  end
endmodule
