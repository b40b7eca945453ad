// DMA writer: gathers the blocks of a row and writes it as aligned bursts of 16, 32 or 64 bytes with byte masks.
// One block or one beat a cycle; the next row's first block is taken with the last beat of a row. At most 16 writes
// in flight. idle_o: memory has acknowledged every write.
module dma_writer
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter bit Datapath = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic block_valid_i,
    output logic block_ready_o,
    input store_block_t block_i,
    input logic [32*Dim-1:0] block_data_i,
    // Memory.
    output logic req_valid_o,
    input logic req_ready_i,
    output logic [TagBits-1:0] req_tag_o,
    output logic [AddressBits-1:0] req_addr_o,
    output logic [2:0] req_size_o,
    output logic [BeatBits-1:0] req_data_o,
    output logic [BeatBytes-1:0] req_mask_o,
    output logic req_last_o,
    input logic rsp_valid_i,
    input logic [TagBits-1:0] rsp_tag_i,
    // Bytes of a burst, when its first beat leaves.
    output logic burst_valid_o,
    output logic [6:0] burst_bytes_o,
    output logic idle_o,
    // Nothing changes unless memory answers.
    output logic quiet_o
);
  logic busy_q;                          // a complete row is being written
  logic [AddressBits-1:0] addr_q;        // first byte not yet written
  logic [8:0] left_q;
  logic [1:0] beat_q;
  logic [WriteTags-1:0] used_q;
  logic [3:0] tag, tag_q;
  logic [6:0] size, shift, bytes;
  logic [2:0] size_log2;
  logic [1:0] last_beat;
  logic first, send, burst_end, row_end, take;

  always_comb begin
    size = '0;
    size_log2 = '0;
    shift = '0;
    bytes = '0;
    if (busy_q) begin
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
    for (int unsigned t = 0; t < WriteTags; t++) begin
      if (!used_q[WriteTags-1-t]) tag = 4'(WriteTags - 1 - t);
    end
  end

  assign first = beat_q == '0;
  assign last_beat = 2'((size >> 4) - 7'd1);
  assign req_valid_o = busy_q && (!first || !(&used_q));
  assign req_tag_o = TagBits'(first ? tag : tag_q);
  assign req_addr_o = {addr_q[AddressBits-1:6], addr_q[5:0] & ~6'(size - 7'd1)};
  assign req_size_o = size_log2;
  assign req_last_o = beat_q == last_beat;
  assign send = req_valid_o && req_ready_i;
  assign burst_end = send && req_last_o;
  assign row_end = burst_end && left_q == 9'(bytes);
  assign block_ready_o = !busy_q || row_end;
  assign take = block_valid_i && block_ready_o;
  assign burst_valid_o = send && first;
  assign burst_bytes_o = bytes;
  assign idle_o = !busy_q && used_q == '0;
  assign quiet_o = !send && !take && !rsp_valid_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      beat_q <= '0;
      used_q <= '0;
    end else begin
      if (take) busy_q <= block_i.last;
      else if (row_end) busy_q <= 1'b0;
      if (send) beat_q <= req_last_o ? '0 : beat_q + 2'd1;
      if (send && first) used_q[tag] <= 1'b1;
      if (rsp_valid_i) used_q[rsp_tag_i[3:0]] <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (send && first) tag_q <= tag;
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
  assign req_mask_o = mask[beat_q*BeatBytes+:BeatBytes];

  if (Datapath) begin : gen_data
    localparam int unsigned BufferBytes = 4 * Dim > DmaBytes ? 4 * Dim : DmaBytes;
    logic [8*BufferBytes-1:0] buffer_q;   // bytes not yet written, the next in the low byte
    logic [8*DmaBytes-1:0] burst;         // the burst as memory sees it

    always_comb begin
      burst = '0;
      if (busy_q) burst = (8 * DmaBytes)'(buffer_q) << {shift[5:0], 3'b000};
    end
    assign req_data_o = burst[beat_q*BeatBits+:BeatBits];

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

  assert_response :
  assert property (@(posedge clk_i) disable iff (!rst_ni) rsp_valid_i |-> used_q[rsp_tag_i[3:0]])
  else $error("dma_writer: an acknowledgement without a write");
  assert_stable :
  assert property (@(posedge clk_i) disable iff (!rst_ni)
      req_valid_o && !req_ready_i |=> req_valid_o && $stable(req_addr_o) && $stable(req_size_o))
  else $error("dma_writer: a waiting beat changes");
endmodule
