// Store path: store controller and DMA writer, from accumulator rows to memory.
module store_path
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter bit Datapath = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic [4:0] shift_i,
    input logic relu_i,
    input logic valid_i,
    output logic ready_o,
    input uop_t uop_i,
    input entry_t entry_i,
    // Accumulator; words of a row that is read.
    output logic read_valid_o,
    input logic read_ready_i,
    output row_t read_row_o,
    input logic [32*Dim-1:0] read_data_i,
    output logic [6:0] read_words_o,
    // Memory writes.
    output logic wr_req_valid_o,
    input logic wr_req_ready_i,
    output logic [TagBits-1:0] wr_req_tag_o,
    output logic [AddressBits-1:0] wr_req_addr_o,
    output logic [2:0] wr_req_size_o,
    output logic [BeatBits-1:0] wr_req_data_o,
    output logic [BeatBytes-1:0] wr_req_mask_o,
    output logic wr_req_last_o,
    input logic wr_rsp_valid_i,
    input logic [TagBits-1:0] wr_rsp_tag_i,
    // A burst is sent, and its bytes.
    output logic burst_o,
    output logic [6:0] burst_bytes_o,
    output logic done_valid_o,
    output entry_t done_entry_o,
    // No row is on its way and every write is acknowledged.
    output logic idle_o,
    output logic quiet_o
);
  logic block_valid, block_ready, pipe_busy, writer_idle;
  store_block_t block;
  logic [32*Dim-1:0] block_data;
  logic [1:0] quiet;

  assign idle_o = writer_idle && !pipe_busy;
  assign quiet_o = &quiet;

  store_controller #(
      .Dim(Dim),
      .Datapath(Datapath)
  ) u_store (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .shift_i(shift_i),
      .relu_i(relu_i),
      .valid_i(valid_i),
      .ready_o(ready_o),
      .uop_i(uop_i),
      .entry_i(entry_i),
      .read_valid_o(read_valid_o),
      .read_ready_i(read_ready_i),
      .read_row_o(read_row_o),
      .read_data_i(read_data_i),
      .block_valid_o(block_valid),
      .block_ready_i(block_ready),
      .block_o(block),
      .block_data_o(block_data),
      .done_valid_o(done_valid_o),
      .done_entry_o(done_entry_o),
      .read_words_o(read_words_o),
      .busy_o(pipe_busy),
      .quiet_o(quiet[0])
  );

  dma_writer #(
      .Dim(Dim),
      .Datapath(Datapath)
  ) u_writer (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .block_valid_i(block_valid),
      .block_ready_o(block_ready),
      .block_i(block),
      .block_data_i(block_data),
      .req_valid_o(wr_req_valid_o),
      .req_ready_i(wr_req_ready_i),
      .req_tag_o(wr_req_tag_o),
      .req_addr_o(wr_req_addr_o),
      .req_size_o(wr_req_size_o),
      .req_data_o(wr_req_data_o),
      .req_mask_o(wr_req_mask_o),
      .req_last_o(wr_req_last_o),
      .rsp_valid_i(wr_rsp_valid_i),
      .rsp_tag_i(wr_rsp_tag_i),
      .burst_valid_o(burst_o),
      .burst_bytes_o(burst_bytes_o),
      .idle_o(writer_idle),
      .quiet_o(quiet[1])
  );
endmodule
