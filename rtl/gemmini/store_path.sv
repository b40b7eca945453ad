// SPDX-License-Identifier: Apache-2.0
// Store path: store controller and DMA writer, from accumulator rows to memory.
module store_path
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
    // Memory writes.
    output logic req_valid_o,
    input logic req_ready_i,
    output write_request_t req_o,
    output logic [8*Design.bus_bytes-1:0] req_data_o,
    output logic [Design.bus_bytes-1:0] req_mask_o,
    input write_response_t rsp_i,
    output store_events_t events_o,
    output completion_t done_o,
    // No row is on its way and every write is acknowledged.
    output logic idle_o,
    output logic quiet_o
);
  logic block_valid, block_ready, pipe_busy, writer_idle, burst;
  store_block_t block;
  logic [32*Design.dim-1:0] block_data;
  logic [6:0] read_words, burst_bytes;
  logic [1:0] quiet;

  assign idle_o = writer_idle && !pipe_busy;
  assign quiet_o = &quiet;
  assign events_o = '{
      burst: burst,
      burst_bytes: burst_bytes,
      read: read_valid_o && read_ready_i,
      read_words: read_words
  };

  store_controller #(
      .Design(Design)
  ) u_store (
      .clk_i,
      .rst_ni,
      .config_i,
      .pool_i,
      .valid_i,
      .ready_o,
      .operation_i,
      .read_valid_o,
      .read_ready_i,
      .read_row_o,
      .read_data_i,
      .scale_i,
      .scale_mask_i,
      .scale_data_i,
      .block_valid_o(block_valid),
      .block_ready_i(block_ready),
      .block_o(block),
      .block_data_o(block_data),
      .done_o,
      .read_words_o(read_words),
      .busy_o(pipe_busy),
      .quiet_o(quiet[0])
  );

  dma_writer #(
      .Design(Design)
  ) u_writer (
      .clk_i,
      .rst_ni,
      .block_valid_i(block_valid),
      .block_ready_o(block_ready),
      .block_i(block),
      .block_data_i(block_data),
      .req_valid_o,
      .req_ready_i,
      .req_o,
      .req_data_o,
      .req_mask_o,
      .rsp_i,
      .burst_valid_o(burst),
      .burst_bytes_o(burst_bytes),
      .idle_o(writer_idle),
      .quiet_o(quiet[1])
  );
endmodule
