// Load path: load controller, DMA reader and zero writer, and the one local write a cycle that they share.
// Read data goes first. A write to the scratchpad is never refused, one to the accumulator waits for acc_ready_i.
module load_path
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter bit Datapath = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    output logic ready_o,
    input uop_t uop_i,
    input entry_t entry_i,
    // Every partial sum that was stored is in memory.
    input logic stores_idle_i,
    // Memory reads.
    output logic rd_req_valid_o,
    input logic rd_req_ready_i,
    output logic [TagBits-1:0] rd_req_tag_o,
    output logic [AddressBits-1:0] rd_req_addr_o,
    output logic [2:0] rd_req_size_o,
    input logic rd_rsp_valid_i,
    input logic [TagBits-1:0] rd_rsp_tag_i,
    input logic [BeatBits-1:0] rd_rsp_data_i,
    input logic rd_rsp_last_i,
    // Local memories. fire_o: the write is taken.
    output logic write_valid_o,
    input logic acc_ready_i,
    output local_write_t write_o,
    output logic [4*Dim-1:0] write_mask_o,
    output logic [32*Dim-1:0] write_data_o,
    output logic fire_o,
    // A read is merged, and its useful bytes.
    output logic read_done_o,
    output logic [6:0] read_bytes_o,
    output logic done_valid_o,
    input logic done_ready_i,
    output entry_t done_entry_o,
    output logic quiet_o
);
  logic row_valid, row_ready, zero_valid, zero_ready;
  row_request_t row;
  logic written_valid;
  logic [LoadSlotBits-1:0] written_slot, read_slot, zero_slot;
  logic [8:0] written_bytes, zero_bytes;
  logic read_valid, read_ready, zero_write, zero_write_ready, zero_last;
  local_write_t read, zeros;
  logic [4*Dim-1:0] read_mask;
  logic [32*Dim-1:0] read_data;
  logic [2:0] quiet;

  load_controller #(
      .Dim(Dim)
  ) u_load (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .valid_i(valid_i),
      .ready_o(ready_o),
      .uop_i(uop_i),
      .entry_i(entry_i),
      .stores_idle_i(stores_idle_i),
      .row_valid_o(row_valid),
      .row_ready_i(row_ready),
      .row_o(row),
      .zero_valid_o(zero_valid),
      .zero_ready_i(zero_ready),
      .written_valid_i(written_valid),
      .written_slot_i(written_slot),
      .written_bytes_i(written_bytes),
      .done_valid_o(done_valid_o),
      .done_ready_i(done_ready_i),
      .done_entry_o(done_entry_o),
      .quiet_o(quiet[0])
  );

  dma_reader #(
      .Dim(Dim),
      .Datapath(Datapath)
  ) u_reader (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .row_valid_i(row_valid),
      .row_ready_o(row_ready),
      .row_i(row),
      .req_valid_o(rd_req_valid_o),
      .req_ready_i(rd_req_ready_i),
      .req_tag_o(rd_req_tag_o),
      .req_addr_o(rd_req_addr_o),
      .req_size_o(rd_req_size_o),
      .rsp_valid_i(rd_rsp_valid_i),
      .rsp_tag_i(rd_rsp_tag_i),
      .rsp_data_i(rd_rsp_data_i),
      .rsp_last_i(rd_rsp_last_i),
      .write_valid_o(read_valid),
      .write_ready_i(read_ready),
      .write_acc_o(read.acc),
      .write_row_o(read.row),
      .write_bytes_o(read.bytes),
      .write_mask_o(read_mask),
      .write_data_o(read_data),
      .written_valid_o(read_done_o),
      .written_slot_o(read_slot),
      .written_bytes_o(read_bytes_o),
      .quiet_o(quiet[1])
  );

  zero_writer #(
      .Dim(Dim)
  ) u_zeros (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .valid_i(zero_valid),
      .ready_o(zero_ready),
      .row_i(row),
      .write_valid_o(zero_write),
      .write_ready_i(zero_write_ready),
      .write_acc_o(zeros.acc),
      .write_row_o(zeros.row),
      .write_bytes_o(zeros.bytes),
      .last_o(zero_last),
      .slot_o(zero_slot),
      .bytes_o(zero_bytes),
      .quiet_o(quiet[2])
  );

  assign write_valid_o = read_valid || zero_write;
  assign write_o = read_valid ? read : zeros;
  assign read_ready = !read.acc || acc_ready_i;
  assign zero_write_ready = zero_write && !read_valid && !read_done_o && (!zeros.acc || acc_ready_i);
  assign fire_o = (read_valid && read_ready) || zero_write_ready;
  assign written_valid = read_done_o || (zero_write_ready && zero_last);
  assign written_slot = read_done_o ? read_slot : zero_slot;
  assign written_bytes = read_done_o ? 9'(read_bytes_o) : zero_bytes;
  assign write_data_o = read_valid ? read_data : '0;
  assign quiet_o = &quiet;
  always_comb begin
    write_mask_o = read_mask;
    if (!read_valid) write_mask_o = ~({(4 * Dim) {1'b1}} << zeros.bytes);
  end
endmodule
