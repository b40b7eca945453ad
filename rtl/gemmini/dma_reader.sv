// SPDX-License-Identifier: Apache-2.0
// DMA reader: splits rows into aligned reads of 16, 32 or 64 bytes and merges what comes back into local rows, one
// local row a cycle. A row with copies is read once and written to as many local rows more.
// Row requests queue four deep; one read request a cycle through an output register, at most Design.reads_in_flight
// waiting for memory. Read data is always accepted: beats queue in arrival order, with room for all that the tags can
// bring; a tag is free once its last beat is merged. The beats of one read come one after another, whatever others
// are in flight.
`include "assertions.svh"
module dma_reader
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input logic row_valid_i,
    output logic row_ready_o,
    input row_request_t row_i,
    // Memory.
    output logic req_valid_o,
    input logic req_ready_i,
    output read_request_t req_o,
    input read_response_t rsp_i,
    input logic [8*Design.bus_bytes-1:0] rsp_data_i,
    // Local rows, int8 data in the low DIM bytes.
    output logic write_valid_o,
    input logic write_ready_i,
    output local_write_t write_o,
    output logic [4*Design.dim-1:0] write_mask_o,
    output logic [32*Design.dim-1:0] write_data_o,
    // A read is merged.
    output logic merged_o,
    // The useful bytes of a read are written, for each of its copies: its command and how many.
    output logic written_valid_o,
    output logic [LoadSlotBits-1:0] written_slot_o,
    output logic [6:0] written_bytes_o,
    // Nothing changes unless memory answers.
    output logic quiet_o
);
  localparam int unsigned Dim = Design.dim;
  localparam int unsigned BusBytes = Design.bus_bytes;
  localparam int unsigned ReadTags = read_tags(Design);
  localparam int unsigned FlightBits = $clog2(Design.reads_in_flight + 1);
  localparam int unsigned DimLog2 = $clog2(Dim);
  localparam int unsigned RowBytes = 4 * Dim;
  localparam int unsigned Beats = ReadTags * DmaBytes / BusBytes;
  typedef logic [$clog2(ReadTags)-1:0] tag_t;

  // What a read in flight needs when it returns.
  typedef struct packed {
    row_t row;             // first local row
    row_t block_stride;
    logic [7:0] offset;    // byte in the first local row
    logic [5:0] shift;     // bytes of the burst before the useful ones
    logic [6:0] bytes;     // useful bytes
    logic [6:0] size;      // bytes of the burst
    logic acc;
    logic wide;
    logic [6:0] copies;
    logic [LoadSlotBits-1:0] slot;
  } read_t;

  // Splitting.
  row_request_t head;
  logic head_valid, head_pop;
  logic active_q;
  row_request_t request_q;
  logic [AddressBits-1:0] addr_q;
  logic [8:0] left_q, done_q;
  logic [ReadTags-1:0] used_q;
  tag_t tag;
  logic [FlightBits-1:0] in_flight_q;
  logic send, last_read;
  logic [6:0] size, shift, bytes;
  logic [2:0] size_log2;
  logic [AddressBits-1:0] burst_addr;
  logic [7:0] row_mask;
  read_t reads_q[ReadTags];

  // Output register.
  logic req_valid_q;
  read_request_t req_q;

  fifo #(
      .data_t(row_request_t),
      .Depth(4)
  ) u_rows (
      .clk_i,
      .rst_ni,
      .push_valid_i(row_valid_i),
      .push_ready_o(row_ready_o),
      .push_i(row_i),
      .pop_valid_o(head_valid),
      .pop_ready_i(head_pop),
      .pop_o(head)
  );

  burst_splitter u_splitter (
      .enable_i(active_q),
      .addr_i(addr_q),
      .left_i(left_q),
      .size_o(size),
      .size_log2_o(size_log2),
      .shift_o(shift),
      .bytes_o(bytes),
      .burst_addr_o(burst_addr)
  );

  always_comb begin
    tag = '0;
    if (active_q) begin
      for (int unsigned t = 0; t < ReadTags; t++) begin
        if (!used_q[ReadTags-1-t]) tag = tag_t'(ReadTags - 1 - t);
      end
    end
  end

  assign row_mask = request_q.wide ? 8'(RowBytes - 1) : 8'(Dim - 1);
  assign send = active_q && !(&used_q) &&
      in_flight_q != FlightBits'(Design.reads_in_flight) && (!req_valid_q || req_ready_i);
  assign last_read = left_q == 9'(bytes);
  assign head_pop = !active_q || (send && last_read);
  assign req_valid_o = req_valid_q;
  assign req_o = req_q;

  always_ff @(posedge clk_i) begin
    if (head_pop && head_valid) begin
      request_q <= head;
      addr_q <= head.dram;
      left_q <= head.bytes;
      done_q <= '0;
    end else if (send) begin
      addr_q <= addr_q + AddressBits'(bytes);
      left_q <= left_q - 9'(bytes);
      done_q <= done_q + 9'(bytes);
    end
    if (send) begin
      req_q <= '{tag: TagBits'(tag), addr: burst_addr, size: size_log2};
      reads_q[tag] <= '{
          row: request_q.row + request_q.block_stride *
              (request_q.wide ? (row_t'(done_q) >> (DimLog2 + 2)) : (row_t'(done_q) >> DimLog2)),
          block_stride: request_q.block_stride,
          offset: done_q[7:0] & row_mask,
          shift: 6'(shift),
          bytes: bytes,
          size: size,
          acc: request_q.acc,
          wide: request_q.wide,
          copies: request_q.copies,
          slot: request_q.slot
      };
    end
  end

  // Beats in arrival order.
  typedef struct packed {
    tag_t tag;
    logic last;
  } beat_t;
  beat_t beat_in, beat;
  logic beat_valid, beat_pop, beat_ready;

  // The read whose beats arrive, for the assertion that they are contiguous.
  tag_t arriving_q;
  logic arrives_first_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      arrives_first_q <= 1'b1;
      arriving_q <= '0;
    end else if (rsp_i.valid) begin
      arrives_first_q <= rsp_i.last;
      arriving_q <= beat_in.tag;
    end
  end

  assign beat_in.tag = tag_t'(rsp_i.tag);
  assign beat_in.last = rsp_i.last;

  fifo #(
      .data_t(beat_t),
      .Depth(Beats)
  ) u_beats (
      .clk_i,
      .rst_ni,
      .push_valid_i(rsp_i.valid),
      .push_ready_o(beat_ready),
      .push_i(beat_in),
      .pop_valid_o(beat_valid),
      .pop_ready_i(beat_pop),
      .pop_o(beat)
  );

  // Merging: the burst at hand, bytes of it that arrived, and useful bytes written.
  logic merging_q;
  read_t read_q;
  logic [6:0] arrived_q, sent_q;
  logic [6:0] useful, sent_next;
  logic [8:0] block_bytes, sent_limit;
  logic [7:0] first_offset;
  logic write_fire, written, finish;
  row_t copy_row_q;      // first local row of the copy at hand
  read_t next_read;
  logic [6:0] first_arrived;  // a read may be smaller than a beat

  assign next_read = reads_q[beat.tag];
  assign first_arrived = next_read.size < 7'(BusBytes) ? next_read.size : 7'(BusBytes);

  always_comb begin
    useful = '0;
    first_offset = '0;
    block_bytes = '0;
    sent_limit = '0;
    sent_next = '0;
    write_valid_o = 1'b0;
    written = 1'b0;
    finish = 1'b0;
    if (merging_q) begin
      if (arrived_q > 7'(read_q.shift)) useful = arrived_q - 7'(read_q.shift);
      if (useful > read_q.bytes) useful = read_q.bytes;
      if (sent_q == '0) first_offset = read_q.offset;
      block_bytes = read_q.wide ? 9'(RowBytes) : 9'(Dim);
      sent_limit = 9'(sent_q) + block_bytes - 9'(first_offset);
      sent_next = sent_limit < 9'(read_q.bytes) ? 7'(sent_limit) : read_q.bytes;
      write_valid_o = useful > sent_q && (9'(useful - sent_q) >= block_bytes || useful == read_q.bytes);
      written = write_valid_o && write_ready_i && sent_next == read_q.bytes;
      finish = arrived_q == read_q.size && (sent_q == read_q.bytes || (written && read_q.copies == '0));
    end
  end

  assign write_fire = write_valid_o && write_ready_i;
  assign write_o = '{acc: read_q.acc, row: read_q.row, bytes: 9'(sent_next - sent_q)};
  assign beat_pop = !merging_q || finish || arrived_q != read_q.size;
  assign merged_o = finish;
  assign written_valid_o = finish || (written && read_q.copies != '0);
  assign written_slot_o = read_q.slot;
  assign written_bytes_o = read_q.bytes;
  assign quiet_o = !send && !(head_pop && head_valid) && !(req_valid_q && req_ready_i) && !rsp_i.valid &&
      !beat_valid && !write_valid_o && !finish;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      req_valid_q <= 1'b0;
      used_q <= '0;
      in_flight_q <= '0;
      merging_q <= 1'b0;
    end else begin
      if (head_pop) active_q <= head_valid;
      if (send) begin
        req_valid_q <= 1'b1;
        used_q[tag] <= 1'b1;
      end else if (req_ready_i) begin
        req_valid_q <= 1'b0;
      end
      if (send != (rsp_i.valid && rsp_i.last)) begin
        in_flight_q <= send ? in_flight_q + 1'b1 : in_flight_q - 1'b1;
      end
      if (beat_valid && beat_pop && beat.last) used_q[beat.tag] <= 1'b0;
      if (beat_valid && beat_pop) merging_q <= 1'b1;
      else if (finish) merging_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (beat_valid && beat_pop && (!merging_q || finish)) begin
      read_q <= next_read;
      copy_row_q <= next_read.row;
      arrived_q <= first_arrived;
      sent_q <= '0;
    end else begin
      if (beat_valid && beat_pop) arrived_q <= arrived_q + 7'(BusBytes);
      if (written && read_q.copies != '0) begin
        sent_q <= '0;
        copy_row_q <= copy_row_q + 1'b1;
        read_q.row <= copy_row_q + 1'b1;
        read_q.copies <= read_q.copies - 1'b1;
      end else if (write_fire) begin
        sent_q <= sent_next;
        read_q.row <= read_q.row + read_q.block_stride;
      end
    end
  end

  if (Design.datapath) begin : gen_data
    logic [8*BusBytes-1:0] oldest;
    logic [8*DmaBytes-1:0] buffer_q;  // useful bytes, the first in the low byte
    logic [8*DmaBytes-1:0] beat_data;
    read_t current;
    logic [6:0] offset_now;

    beat_buffer #(
        .Bytes(BusBytes),
        .Depth(Beats)
    ) u_data (
        .clk_i,
        .rst_ni,
        .push_i(rsp_i.valid),
        .data_i(rsp_data_i),
        .pop_i(beat_valid && beat_pop),
        .data_o(oldest)
    );

    always_comb begin
      current = (!merging_q || finish) ? next_read : read_q;
      offset_now = (!merging_q || finish) ? '0 : arrived_q;
      beat_data = '0;
      if (beat_valid && beat_pop) begin
        beat_data = (8 * DmaBytes)'(oldest);
        if (offset_now >= 7'(current.shift)) beat_data = beat_data << {offset_now - 7'(current.shift), 3'b000};
        else beat_data = beat_data >> {7'(current.shift) - offset_now, 3'b000};
      end
    end

    always_ff @(posedge clk_i) begin
      if (beat_valid && beat_pop) begin
        buffer_q <= (!merging_q || finish) ? beat_data : buffer_q | beat_data;
      end
    end

    always_comb begin
      write_data_o = '0;
      write_mask_o = '0;
      if (write_valid_o) begin
        write_data_o = (32 * Dim)'((1024 + 32 * Dim)'(buffer_q >> {sent_q, 3'b000}) << {first_offset, 3'b000});
        write_mask_o = (~({(4 * Dim) {1'b1}} << write_o.bytes)) << first_offset;
      end
    end
  end else begin : gen_timing
    assign write_data_o = '0;
    assign write_mask_o = '0;
  end

  `ASSERT_IF(assert_beat, rsp_i.valid, beat_ready && used_q[beat_in.tag], ("dma_reader: a beat without a read"))
  `ASSERT_IF(assert_contiguous, rsp_i.valid && !arrives_first_q, beat_in.tag == arriving_q,
      ("dma_reader: a beat of read %0d between those of read %0d", beat_in.tag, arriving_q))
  `ASSERT_PROPERTY(assert_stable, req_valid_o && !req_ready_i |=> req_valid_o && $stable(req_o),
      ("dma_reader: a waiting request changes"))
endmodule
