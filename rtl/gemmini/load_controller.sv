// SPDX-License-Identifier: Apache-2.0
// Load controller: queues load commands and sends their rows, one a cycle, to the DMA reader or the zero writer.
// At most floor(reads in flight / DIM) + 1 commands are in flight; a command is done when all its bytes were written.
// int32 rows without a stride in memory (a bias) are one row, read once and written to all local rows.
// A refill waits until memory holds every partial sum stored before it (stores_idle_i).
`include "assertions.svh"
module load_controller
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    output logic ready_o,
    input operation_t operation_i,
    input logic stores_idle_i,
    output logic row_valid_o,
    input logic row_ready_i,
    output row_request_t row_o,
    output logic zero_valid_o,
    input logic zero_ready_i,
    // Bytes written, by command.
    input logic written_valid_i,
    input logic [LoadSlotBits-1:0] written_slot_i,
    input logic [8:0] written_bytes_i,
    // The command of the write that is offered, and what it does to the accumulator.
    input logic [LoadSlotBits-1:0] write_slot_i,
    output load_scale_t write_scale_o,
    output completion_t done_o,
    input logic done_ready_i,
    // No row is sent and no command begins or ends.
    output logic quiet_o
);
  localparam int unsigned Slots = Design.reads_in_flight / Design.dim + 1;
  localparam int unsigned IndexBits = index_bits(Slots);
  typedef logic [IndexBits-1:0] index_t;

  operation_t head;
  logic head_valid, pop;
  logic active_q;
  logic [6:0] row_q;
  logic [AddressBits-1:0] dram_q;
  index_t slot_q;
  logic [Slots-1:0] used_q;
  logic [15:0] left_q[Slots];
  entry_t entry_q[Slots];
  load_scale_t scale_q[Slots];
  logic begins, row_fire, last_row, same;
  index_t free_slot, done_slot, written_slot;
  logic [8:0] row_bytes;

  fifo #(
      .data_t(operation_t),
      .Depth(Design.load_queue)
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

  assign written_slot = index_t'(written_slot_i);
  assign write_scale_o = scale_q[index_t'(write_slot_i)];

  always_comb begin
    free_slot = '0;
    for (int unsigned s = 0; s < Slots; s++) begin
      if (!used_q[s]) free_slot = index_t'(s);
    end
  end

  // The first row of a command leaves in the cycle in which the command gets its slot.
  assign begins = !active_q && head_valid && !(&used_q) && (!head.uop.refill || stores_idle_i);
  assign row_bytes = head.uop.wide ? {head.uop.cols, 2'b00} : {2'b00, head.uop.cols};
  assign row_valid_o = (begins || active_q) && !head.uop.zeros;
  assign zero_valid_o = (begins || active_q) && head.uop.zeros;
  assign row_fire = (row_valid_o && row_ready_i) || (zero_valid_o && zero_ready_i);
  assign same = head.uop.wide && !head.uop.zeros && head.uop.stride == '0;
  assign last_row = same || (active_q ? row_q : 7'd0) + 7'd1 == head.uop.rows;
  assign pop = row_fire && last_row;
  assign quiet_o = !begins && !row_fire && !done_o.valid && !written_valid_i;

  always_comb begin
    row_o = '0;
    if (begins || active_q) begin
      row_o.dram = active_q ? dram_q : head.uop.dram;
      row_o.row = head.uop.operand.row + (active_q ? row_t'(row_q) : '0);
      row_o.block_stride = head.uop.block_stride;
      row_o.bytes = row_bytes;
      row_o.acc = head.uop.operand.acc;
      row_o.wide = head.uop.wide;
      if (same) row_o.copies = head.uop.rows - 7'd1;
      row_o.slot = LoadSlotBits'(active_q ? slot_q : free_slot);
    end
  end

  // Completion: any command with nothing left.
  always_comb begin
    done_o.valid = 1'b0;
    done_slot = '0;
    for (int unsigned s = 0; s < Slots; s++) begin
      if (used_q[s] && left_q[s] == '0) begin
        done_o.valid = 1'b1;
        done_slot = index_t'(s);
      end
    end
    done_o.entry = entry_q[done_slot];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      used_q <= '0;
    end else begin
      if (begins) used_q[free_slot] <= 1'b1;
      if (done_o.valid && done_ready_i) used_q[done_slot] <= 1'b0;
      if (begins || row_fire) active_q <= !pop;
    end
  end

  always_ff @(posedge clk_i) begin
    if (row_fire) begin
      row_q <= active_q ? row_q + 7'd1 : 7'd1;
      dram_q <= (active_q ? dram_q : head.uop.dram) + AddressBits'(head.uop.stride);
    end else if (begins) begin
      row_q <= '0;
      dram_q <= head.uop.dram;
    end
    if (written_valid_i) left_q[written_slot] <= left_q[written_slot] - 16'(written_bytes_i);
    if (begins) begin
      slot_q <= free_slot;
      left_q[free_slot] <= 16'(head.uop.rows) * 16'(row_bytes);
      entry_q[free_slot] <= head.entry;
      scale_q[free_slot] <= load_scale(head.uop);
    end
  end

  `ASSERT_IF(assert_written, written_valid_i, used_q[written_slot] && left_q[written_slot] >= 16'(written_bytes_i),
      ("load_controller: more bytes written than the command has"))
endmodule
