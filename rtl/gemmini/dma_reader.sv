// DMA reader: splits rows into aligned reads of 16, 32 or 64 bytes, at most 16 in flight, and merges what comes
// back into local rows, one local row a cycle.
// Row requests queue four deep; one read request a cycle through an output register. Read data is always accepted:
// beats queue in arrival order, with room for all that 24 tags can bring; a tag is free once its last beat is merged.
module dma_reader
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter bit Datapath = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic row_valid_i,
    output logic row_ready_o,
    input row_request_t row_i,
    // Memory.
    output logic req_valid_o,
    input logic req_ready_i,
    output logic [TagBits-1:0] req_tag_o,
    output logic [AddressBits-1:0] req_addr_o,
    output logic [2:0] req_size_o,
    input logic rsp_valid_i,
    input logic [TagBits-1:0] rsp_tag_i,
    input logic [BeatBits-1:0] rsp_data_i,
    input logic rsp_last_i,
    // Local rows, int8 data in the low DIM bytes.
    output logic write_valid_o,
    input logic write_ready_i,
    output logic write_acc_o,
    output row_t write_row_o,
    output logic [8:0] write_bytes_o,
    output logic [4*Dim-1:0] write_mask_o,
    output logic [32*Dim-1:0] write_data_o,
    // A read is merged: its command and useful bytes.
    output logic written_valid_o,
    output logic [LoadSlotBits-1:0] written_slot_o,
    output logic [6:0] written_bytes_o,
    // Nothing changes unless memory answers.
    output logic quiet_o
);
  localparam int unsigned DimLog2 = $clog2(Dim);
  localparam int unsigned RowBytes = 4 * Dim;
  localparam int unsigned Beats = ReadTags * DmaBytes / BeatBytes;
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
  logic [4:0] in_flight_q;
  logic send, last_read;
  logic [6:0] size, shift, bytes;
  logic [2:0] size_log2;
  logic [7:0] row_mask;
  read_t reads_q[ReadTags];

  // Output register.
  logic req_valid_q;
  tag_t req_tag_q;
  logic [AddressBits-1:0] req_addr_q;
  logic [2:0] req_size_q;

  fifo #(
      .data_t(row_request_t),
      .Depth(4)
  ) u_rows (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .push_valid_i(row_valid_i),
      .push_ready_o(row_ready_o),
      .push_i(row_i),
      .pop_valid_o(head_valid),
      .pop_ready_i(head_pop),
      .pop_o(head)
  );

  // The aligned burst that reads most of what is left; the smallest of equals.
  always_comb begin
    size = '0;
    size_log2 = '0;
    shift = '0;
    bytes = '0;
    if (active_q) begin
      for (int unsigned s = 4; s <= 6; s++) begin
        automatic logic [6:0] offset = 7'(addr_q[5:0]) & 7'((1 << s) - 1);
        automatic logic [6:0] room = 7'(1 << s) - offset;
        automatic logic [6:0] useful = left_q < 9'(room) ? 7'(left_q) : room;
        if (useful > bytes) begin
          bytes = useful;
          shift = offset;
          size = 7'(1 << s);
          size_log2 = 3'(s);
        end
      end
    end
  end

  always_comb begin
    tag = '0;
    for (int unsigned t = 0; t < ReadTags; t++) begin
      if (!used_q[ReadTags-1-t]) tag = tag_t'(ReadTags - 1 - t);
    end
  end

  assign row_mask = request_q.wide ? 8'(RowBytes - 1) : 8'(Dim - 1);
  assign send = active_q && !(&used_q) && in_flight_q != 5'(ReadsInFlight) && (!req_valid_q || req_ready_i);
  assign last_read = left_q == 9'(bytes);
  assign head_pop = !active_q || (send && last_read);
  assign req_valid_o = req_valid_q;
  assign req_tag_o = TagBits'(req_tag_q);
  assign req_addr_o = req_addr_q;
  assign req_size_o = req_size_q;

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
      req_tag_q <= tag;
      req_addr_q <= {addr_q[AddressBits-1:6], addr_q[5:0] & ~6'(size - 7'd1)};
      req_size_q <= size_log2;
      reads_q[tag].row <= request_q.row + request_q.block_stride *
          (request_q.wide ? (row_t'(done_q) >> (DimLog2 + 2)) : (row_t'(done_q) >> DimLog2));
      reads_q[tag].block_stride <= request_q.block_stride;
      reads_q[tag].offset <= done_q[7:0] & row_mask;
      reads_q[tag].shift <= 6'(shift);
      reads_q[tag].bytes <= bytes;
      reads_q[tag].size <= size;
      reads_q[tag].acc <= request_q.acc;
      reads_q[tag].wide <= request_q.wide;
      reads_q[tag].slot <= request_q.slot;
    end
  end

  // Beats in arrival order.
  typedef struct packed {
    tag_t tag;
    logic last;
  } beat_t;
  beat_t beat_in, beat;
  logic beat_valid, beat_pop, beat_ready;

  assign beat_in.tag = tag_t'(rsp_tag_i);
  assign beat_in.last = rsp_last_i;

  fifo #(
      .data_t(beat_t),
      .Depth(Beats)
  ) u_beats (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .push_valid_i(rsp_valid_i),
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
  logic write_fire, finish;

  always_comb begin
    useful = '0;
    first_offset = '0;
    block_bytes = '0;
    sent_limit = '0;
    sent_next = '0;
    write_valid_o = 1'b0;
    finish = 1'b0;
    if (merging_q) begin
      if (arrived_q > 7'(read_q.shift)) useful = arrived_q - 7'(read_q.shift);
      if (useful > read_q.bytes) useful = read_q.bytes;
      if (sent_q == '0) first_offset = read_q.offset;
      block_bytes = read_q.wide ? 9'(RowBytes) : 9'(Dim);
      sent_limit = 9'(sent_q) + block_bytes - 9'(first_offset);
      sent_next = sent_limit < 9'(read_q.bytes) ? 7'(sent_limit) : read_q.bytes;
      write_valid_o = useful > sent_q && (9'(useful - sent_q) >= block_bytes || useful == read_q.bytes);
      finish = arrived_q == read_q.size &&
          (sent_q == read_q.bytes || (write_valid_o && write_ready_i && sent_next == read_q.bytes));
    end
  end

  assign write_fire = write_valid_o && write_ready_i;
  assign write_acc_o = read_q.acc;
  assign write_row_o = read_q.row;
  assign write_bytes_o = 9'(sent_next - sent_q);
  assign beat_pop = !merging_q || finish || arrived_q != read_q.size;
  assign written_valid_o = finish;
  assign written_slot_o = read_q.slot;
  assign written_bytes_o = read_q.bytes;
  assign quiet_o = !send && !(head_pop && head_valid) && !(req_valid_q && req_ready_i) && !rsp_valid_i &&
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
      if (send != (rsp_valid_i && rsp_last_i)) in_flight_q <= send ? in_flight_q + 5'd1 : in_flight_q - 5'd1;
      if (beat_valid && beat_pop && beat.last) used_q[beat.tag] <= 1'b0;
      if (beat_valid && beat_pop) merging_q <= 1'b1;
      else if (finish) merging_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (beat_valid && beat_pop && (!merging_q || finish)) begin
      read_q <= reads_q[beat.tag];
      arrived_q <= 7'(BeatBytes);
      sent_q <= '0;
    end else begin
      if (beat_valid && beat_pop) arrived_q <= arrived_q + 7'(BeatBytes);
      if (write_fire) begin
        sent_q <= sent_next;
        read_q.row <= read_q.row + read_q.block_stride;
      end
    end
  end

  if (Datapath) begin : gen_data
    logic [BeatBits-1:0] beats_q[Beats];
    localparam int unsigned BeatIndexBits = $clog2(Beats);
    logic [BeatIndexBits-1:0] head_q, tail_q;
    logic [8*DmaBytes-1:0] buffer_q;  // useful bytes, the first in the low byte
    logic [8*DmaBytes-1:0] beat_data;
    read_t current;
    logic [6:0] offset_now;

    always_comb begin
      current = (!merging_q || finish) ? reads_q[beat.tag] : read_q;
      offset_now = (!merging_q || finish) ? '0 : arrived_q;
      beat_data = (8 * DmaBytes)'(beats_q[head_q]);
      if (offset_now >= 7'(current.shift)) beat_data = beat_data << {offset_now - 7'(current.shift), 3'b000};
      else beat_data = beat_data >> {7'(current.shift) - offset_now, 3'b000};
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        head_q <= '0;
        tail_q <= '0;
      end else begin
        if (rsp_valid_i) tail_q <= tail_q == BeatIndexBits'(Beats - 1) ? '0 : tail_q + 1'b1;
        if (beat_valid && beat_pop) head_q <= head_q == BeatIndexBits'(Beats - 1) ? '0 : head_q + 1'b1;
      end
    end

    always_ff @(posedge clk_i) begin
      if (rsp_valid_i) beats_q[tail_q] <= rsp_data_i;
      if (beat_valid && beat_pop) begin
        buffer_q <= (!merging_q || finish) ? beat_data : buffer_q | beat_data;
      end
    end

    assign write_data_o = (32 * Dim)'((1024 + 32 * Dim)'(buffer_q >> {sent_q, 3'b000}) << {first_offset, 3'b000});
    always_comb begin
      write_mask_o = '0;
      if (write_valid_o) begin
        write_mask_o = (~({(4 * Dim) {1'b1}} << write_bytes_o)) << first_offset;
      end
    end
  end else begin : gen_timing
    assign write_data_o = '0;
    assign write_mask_o = '0;
  end

  assert_beat :
  assert property (@(posedge clk_i) disable iff (!rst_ni) rsp_valid_i |-> beat_ready && used_q[beat_in.tag])
  else $error("dma_reader: a beat without a read");
  assert_stable :
  assert property (@(posedge clk_i) disable iff (!rst_ni)
      req_valid_o && !req_ready_i |=> req_valid_o && $stable(req_addr_o) && $stable(req_tag_o))
  else $error("dma_reader: a waiting request changes");
endmodule
