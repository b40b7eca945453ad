// SPDX-License-Identifier: Apache-2.0
// Store controller: queues store commands, reads their accumulator rows one block a cycle, scales them to int8 (or
// passes int32 partial sums) and hands the blocks to the DMA writer.
// A row takes four cycles from its read to the writer. Of a pooling each block is read once for each row of its window,
// and the maximum handed on with the last. A command is done when its last row was read: the accumulator rows may then
// change.
`include "assertions.svh"
module store_controller
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input config_t config_i,
    input pool_t pool_i,
    input logic valid_i,
    output logic ready_o,
    input operation_t operation_i,
    // Accumulator.
    output logic read_valid_o,
    input logic read_ready_i,
    output row_t read_row_o,
    input logic [32*Design.dim-1:0] read_data_i,
    // Scales.
    input scale_write_t scale_i,
    input logic [4*Design.dim-1:0] scale_mask_i,
    input logic [32*Design.dim-1:0] scale_data_i,
    // DMA writer.
    output logic block_valid_o,
    input logic block_ready_i,
    output store_block_t block_o,
    output logic [32*Design.dim-1:0] block_data_o,
    output completion_t done_o,
    // Words of the block that is read in this cycle.
    output logic [6:0] read_words_o,
    output logic busy_o,
    // No block is read or moves.
    output logic quiet_o
);
  localparam int unsigned Dim = Design.dim;
  localparam int unsigned DimLog2 = $clog2(Dim);
  localparam int unsigned Stages = 3;

  operation_t head;
  logic head_valid, pop;
  logic [6:0] row_q, column_q;  // position in the command: row, first column of the block
  logic [AddressBits-1:0] dram_q;
  logic [6:0] columns_left;
  logic last_block, last_row, read;
  row_t block_row_q, output_row_q, window_row;
  logic first, last;  // row of a window

  fifo #(
      .data_t(operation_t),
      .Depth(Design.store_queue)
  ) u_queue (
      .clk_i,
      .rst_ni,
      .push_valid_i(valid_i),
      .push_ready_o(ready_o),
      .push_i(operation_i),
      .pop_valid_o(head_valid),
      .pop_ready_i(pop),
      .pop_o(head)
  );

  // Elastic pipe from the accumulator to the writer.
  logic [Stages-1:0] valid_q, move;
  store_block_t block, block_q[Stages];

  always_comb begin
    move[Stages-1] = !valid_q[Stages-1] || block_ready_i || block_q[Stages-1].partial;
    for (int unsigned s = Stages - 1; s > 0; s--) move[s-1] = !valid_q[s-1] || move[s];
  end

  assign columns_left = head.uop.cols - column_q;
  assign last_block = columns_left <= 7'(Dim);
  assign last_row = row_q + 7'd1 == head.uop.rows;
  assign read_valid_o = head_valid && move[0];
  assign read_row_o = head.uop.operand.row + output_row_q + block_row_q + window_row;
  assign read = read_valid_o && read_ready_i;
  assign pop = read && last && last_block && last_row;
  assign done_o = '{valid: pop, entry: head.entry};
  assign read_words_o = last_block ? columns_left : 7'(Dim);
  assign busy_o = head_valid || valid_q != '0;
  assign quiet_o = !read && !(valid_q[Stages-1] && move[Stages-1]) && (valid_q[Stages-2:0] & move[Stages-1:1]) == '0;

  always_comb begin
    block = '0;
    if (read) begin
      block.dram = row_q == '0 ? head.uop.dram : dram_q;
      block.bytes = last_block ? 9'(columns_left) : 9'(Dim);
      if (head.uop.wide) block.bytes = {columns_left, 2'b00};
      block.offset = column_q[5:0];
      block.last = last_block;
      block.wide = head.uop.wide;
      block.first = first;
      block.partial = !last;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
      row_q <= '0;
      column_q <= '0;
      block_row_q <= '0;
      output_row_q <= '0;
    end else begin
      valid_q <= (valid_q & ~move) | ({valid_q[Stages-2:0], read} & move);
      if (read && last) begin
        column_q <= last_block ? '0 : column_q + 7'(Dim);
        block_row_q <= last_block ? '0 : block_row_q + head.uop.block_stride;
        if (last_block) begin
          row_q <= last_row ? '0 : row_q + 7'd1;
          output_row_q <= last_row ? '0 : output_row_q + row_t'(pool_i.step);
        end
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (read) block_q[0] <= block;
    if (read && last && last_block) dram_q <= (row_q == '0 ? head.uop.dram : dram_q) + AddressBits'(head.uop.stride);
    for (int unsigned s = 1; s < Stages; s++) begin
      if (move[s] && valid_q[s-1]) block_q[s] <= block_q[s-1];
    end
  end

  assign block_valid_o = valid_q[Stages-1] && !block_q[Stages-1].partial;
  assign block_o = block_q[Stages-1];

  pool_window u_window (
      .clk_i,
      .rst_ni,
      .pool_i,
      .advance_i(read),
      .row_o(window_row),
      .first_o(first),
      .last_o(last)
  );

  if (Design.datapath) begin : gen_data
    row_t scale_row;
    logic [32*Dim-1:0] scaled;

    assign scale_row = head.uop.result.row + (config_i.channel_scales ? row_t'(column_q) >> DimLog2 : '0);

    // Stage 0 is the accumulator's output register, the others are those of the scale.
    output_scale #(
        .Dim(Dim)
    ) u_scale (
        .clk_i,
        .rst_ni,
        .config_i,
        .write_i(scale_i),
        .write_mask_i(scale_mask_i),
        .write_data_i(scale_data_i),
        .read_i(read && config_i.scaled && !head.uop.wide),
        .read_row_i(scale_row),
        .wide_i(block_q[0].wide),
        .sums_i(read_data_i),
        .multiply_i(move[1] && valid_q[0]),
        .round_i(move[2] && valid_q[1]),
        .data_o(scaled)
    );

    pool_max #(
        .Dim(Dim)
    ) u_max (
        .clk_i,
        .keep_i(valid_q[Stages-1] && block_o.partial),
        .first_i(block_o.first),
        .data_i(scaled),
        .data_o(block_data_o)
    );
  end else begin : gen_timing
    assign block_data_o = '0;
  end

  `ASSERT_IF(assert_blocks, read, !head.uop.wide || head.uop.cols <= 7'(Dim),
      ("store_controller: partial sums of more than one block"))
  `ASSERT_IF(assert_windows, read, !head.uop.wide || (first && last),
      ("store_controller: the maximum of partial sums"))
  `ASSERT_IF(assert_span, read, output_row_q + window_row <= row_t'(row_q) + pool_i.span,
      ("store_controller: a window of rows that the store does not name"))
  `ASSERT_IF(assert_source, read, head.uop.operand.acc,
      ("store_controller: a store that does not read the accumulator"))
  `ASSERT_IF(assert_offset, read, column_q >> DimLog2 << DimLog2 == column_q,
      ("store_controller: a block that does not start at a multiple of DIM"))
endmodule
