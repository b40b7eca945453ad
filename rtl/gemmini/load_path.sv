// SPDX-License-Identifier: Apache-2.0
// Load path: load controller, DMA reader and zero writer, and the one local write a cycle that they share.
// Read data goes first. A write to the scratchpad is never refused, one to the accumulator waits for acc_ready_i.
// Its data are int8 elements in the low DIM bytes where write_scale_o says so.
module load_path
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    output logic ready_o,
    input operation_t operation_i,
    input config_t config_i,
    // Every partial sum that was stored is in memory.
    input logic stores_idle_i,
    // Memory reads.
    output logic req_valid_o,
    input logic req_ready_i,
    output read_request_t req_o,
    input read_response_t rsp_i,
    input logic [8*Design.bus_bytes-1:0] rsp_data_i,
    // Local memories.
    output logic write_valid_o,
    input logic acc_ready_i,
    output logic [4*Design.dim-1:0] write_mask_o,
    output logic [32*Design.dim-1:0] write_data_o,
    output load_scale_t write_scale_o,
    // The write that is taken, and the read that is merged.
    output load_events_t events_o,
    output completion_t done_o,
    input logic done_ready_i,
    output logic quiet_o
);
  logic row_valid, row_ready, zero_valid, zero_ready;
  row_request_t row;
  logic written_valid, read_merged, read_done;
  logic [LoadSlotBits-1:0] written_slot, read_slot, zero_slot, write_slot;
  logic [8:0] written_bytes, zero_bytes;
  logic [6:0] read_bytes;
  logic read_valid, read_ready, zero_write, zero_write_ready, zero_last;
  local_write_t write, written, read, zeros;
  logic [4*Design.dim-1:0] read_mask;
  logic [32*Design.dim-1:0] read_data, padding;
  logic [2:0] quiet;

  load_controller #(
      .Design(Design)
  ) u_load (
      .clk_i,
      .rst_ni,
      .valid_i,
      .ready_o,
      .operation_i,
      .stores_idle_i,
      .row_valid_o(row_valid),
      .row_ready_i(row_ready),
      .row_o(row),
      .zero_valid_o(zero_valid),
      .zero_ready_i(zero_ready),
      .written_valid_i(written_valid),
      .written_slot_i(written_slot),
      .written_bytes_i(written_bytes),
      .write_slot_i(write_slot),
      .write_scale_o,
      .done_o,
      .done_ready_i,
      .quiet_o(quiet[0])
  );

  dma_reader #(
      .Design(Design)
  ) u_reader (
      .clk_i,
      .rst_ni,
      .row_valid_i(row_valid),
      .row_ready_o(row_ready),
      .row_i(row),
      .req_valid_o,
      .req_ready_i,
      .req_o,
      .rsp_i,
      .rsp_data_i,
      .write_valid_o(read_valid),
      .write_ready_i(read_ready),
      .write_o(read),
      .write_mask_o(read_mask),
      .write_data_o(read_data),
      .merged_o(read_merged),
      .written_valid_o(read_done),
      .written_slot_o(read_slot),
      .written_bytes_o(read_bytes),
      .quiet_o(quiet[1])
  );

  zero_writer #(
      .Design(Design)
  ) u_zeros (
      .clk_i,
      .rst_ni,
      .valid_i(zero_valid),
      .ready_o(zero_ready),
      .row_i(row),
      .write_valid_o(zero_write),
      .write_ready_i(zero_write_ready),
      .write_o(zeros),
      .last_o(zero_last),
      .slot_o(zero_slot),
      .bytes_o(zero_bytes),
      .quiet_o(quiet[2])
  );

  assign write_valid_o = read_valid || (zero_write && !read_done);
  assign write = read_valid ? read : zeros;
  assign write_slot = read_valid ? read_slot : zero_slot;
  assign read_ready = !read.acc || acc_ready_i;
  assign zero_write_ready = zero_write && !read_valid && !read_done && (!zeros.acc || acc_ready_i);
  assign written_valid = read_done || (zero_write_ready && zero_last);
  assign written_slot = read_done ? read_slot : zero_slot;
  assign written_bytes = read_done ? 9'(read_bytes) : zero_bytes;
  // Zeros of int8 elements are input outside the image.
  assign padding = Design.datapath && (!zeros.acc || write_scale_o.narrow) ? {(4 * Design.dim) {config_i.padding}} : '0;
  assign write_data_o = read_valid ? read_data : padding;
  assign events_o = '{
      burst: read_merged,
      burst_bytes: read_bytes,
      write: (read_valid && read_ready) || zero_write_ready,
      written: written,
      adds: write.acc && write_scale_o.accumulate
  };
  assign quiet_o = &quiet;
  always_comb begin
    written = write;
    if (write.acc && write_scale_o.narrow) written.bytes = 9'(write.bytes << 2);
  end
  always_comb begin
    write_mask_o = read_mask;
    if (!read_valid) write_mask_o = ~({(4 * Design.dim) {1'b1}} << zeros.bytes);
  end
endmodule
