// SPDX-License-Identifier: Apache-2.0
// DMA writer: gathers the blocks of a row and writes it as aligned bursts of 16, 32 or 64 bytes with byte masks.
// One block or one beat a cycle; the next row's first block is taken with the last beat of a row. At most
// Design.writes_in_flight writes wait for memory. idle_o: memory has acknowledged every write.
`include "assertions.svh"
module dma_writer
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input logic block_valid_i,
    output logic block_ready_o,
    input store_block_t block_i,
    input logic [32*Design.dim-1:0] block_data_i,
    // Memory.
    output logic req_valid_o,
    input logic req_ready_i,
    output write_request_t req_o,
    output logic [8*Design.bus_bytes-1:0] req_data_o,
    output logic [Design.bus_bytes-1:0] req_mask_o,
    input write_response_t rsp_i,
    // Bytes of a burst, when its first beat leaves.
    output logic burst_valid_o,
    output logic [6:0] burst_bytes_o,
    output logic idle_o,
    // Nothing changes unless memory answers.
    output logic quiet_o
);
  localparam int unsigned Dim = Design.dim;
  localparam int unsigned BusBytes = Design.bus_bytes;
  localparam int unsigned WriteTags = Design.writes_in_flight;
  typedef logic [index_bits(WriteTags)-1:0] tag_t;

  logic busy_q;                          // a complete row is being written
  logic [AddressBits-1:0] addr_q;        // first byte not yet written
  logic [8:0] left_q;
  logic [1:0] beat_q;
  logic [WriteTags-1:0] used_q;
  tag_t free, tag, tag_q;
  logic [6:0] size, shift, bytes;
  logic [2:0] size_log2;
  logic [AddressBits-1:0] burst_addr;
  logic [1:0] last_beat;
  logic first, send, burst_end, row_end, take, waiting_q;

  burst_splitter u_splitter (
      .enable_i(busy_q),
      .addr_i(addr_q),
      .left_i(left_q),
      .size_o(size),
      .size_log2_o(size_log2),
      .shift_o(shift),
      .bytes_o(bytes),
      .burst_addr_o(burst_addr)
  );

  always_comb begin
    free = '0;
    if (busy_q) begin
      for (int unsigned t = 0; t < WriteTags; t++) begin
        if (!used_q[WriteTags-1-t]) free = tag_t'(WriteTags - 1 - t);
      end
    end
  end

  assign first = beat_q == '0;
  assign tag = first && !waiting_q ? free : tag_q;  // of a burst, from when it is offered
  assign last_beat = size <= 7'(BusBytes) ? 2'd0 : 2'((size >> $clog2(BusBytes)) - 7'd1);
  assign req_valid_o = busy_q && (!first || !(&used_q));
  assign req_o = '{
      tag: TagBits'(tag),
      addr: burst_addr,
      size: size_log2,
      last: beat_q == last_beat
  };
  assign send = req_valid_o && req_ready_i;
  assign burst_end = send && req_o.last;
  assign row_end = burst_end && left_q == 9'(bytes);
  assign block_ready_o = !busy_q || row_end;
  assign take = block_valid_i && block_ready_o;
  assign burst_valid_o = send && first;
  assign burst_bytes_o = bytes;
  assign idle_o = !busy_q && used_q == '0;
  assign quiet_o = !send && !take && !rsp_i.valid;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      beat_q <= '0;
      used_q <= '0;
      waiting_q <= 1'b0;
    end else begin
      waiting_q <= req_valid_o && !send;
      if (take) busy_q <= block_i.last;
      else if (row_end) busy_q <= 1'b0;
      if (send) beat_q <= req_o.last ? '0 : beat_q + 2'd1;
      if (send && first) used_q[tag] <= 1'b1;
      if (rsp_i.valid) used_q[tag_t'(rsp_i.tag)] <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (req_valid_o) tag_q <= tag;
    if (take) begin
      addr_q <= block_i.dram;
      left_q <= 9'(block_i.offset) + block_i.bytes;
    end else if (burst_end) begin
      addr_q <= addr_q + AddressBits'(bytes);
      left_q <= left_q - 9'(bytes);
    end
  end

  // The mask is control: memory treats full and partial lines differently.
  logic [DmaBytes-1:0] mask;
  always_comb begin
    mask = '0;
    if (busy_q) mask = (~({DmaBytes{1'b1}} << bytes)) << shift[5:0];
  end
  assign req_mask_o = mask[beat_q*BusBytes+:BusBytes];

  if (Design.datapath) begin : gen_data
    localparam int unsigned BufferBytes = 4 * Dim > DmaBytes ? 4 * Dim : DmaBytes;
    logic [8*BufferBytes-1:0] buffer_q;   // bytes not yet written, the next in the low byte
    logic [8*DmaBytes-1:0] burst;         // the burst as memory sees it

    always_comb begin
      burst = '0;
      if (busy_q) burst = (8 * DmaBytes)'(buffer_q) << {shift[5:0], 3'b000};
    end
    assign req_data_o = burst[beat_q*8*BusBytes+:8*BusBytes];

    always_ff @(posedge clk_i) begin
      if (take && block_i.wide) buffer_q <= (8 * BufferBytes)'(block_data_i);
      else if (take) begin
        for (int unsigned b = 0; b < DmaBytes / Dim || b == 0; b++) begin
          if (block_i.offset == 6'(b * Dim)) buffer_q[b*8*Dim+:8*Dim] <= block_data_i[8*Dim-1:0];
        end
      end else if (burst_end) buffer_q <= buffer_q >> {bytes, 3'b000};
    end
  end else begin : gen_timing
    assign req_data_o = '0;
  end

  `ASSERT_IF(assert_response, rsp_i.valid, used_q[tag_t'(rsp_i.tag)],
      ("dma_writer: an acknowledgement without a write"))
  `ASSERT_PROPERTY(assert_stable, req_valid_o && !req_ready_i |=> req_valid_o && $stable(req_o),
      ("dma_writer: a waiting beat changes"))
endmodule
