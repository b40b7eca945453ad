// SPDX-License-Identifier: Apache-2.0
// Loop unit that fills the accumulator rows of a tile: zeros, or int32 values from memory, which are partial sums or a
// bias (one row for all pixels). One load a grant. Convolution: b, orow, ocol, och. Matmul (no zeros): och, ocol.
// A tile that keeps its accumulator, or a matmul that starts from nothing, is done at once.
`include "assertions.svh"
module loop_bias
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input config_t config_i,
    input logic start_i,
    input tile_t tiles_i[2],
    input logic slot_i,
    input logic matmul_i,
    output logic busy_o,
    input logic grant_i,
    output uop_t uop_o
);
  localparam int unsigned BlockElements = Design.dim >= DmaBytes / 4 ? Design.dim : DmaBytes / 4;

  logic busy_q, done, broadcast;
  row_t row;
  logic [AddressBits-1:0] dram, dram_base;
  logic [6:0] pixels, channels;
  logic [15:0] ocol, och;

  assign busy_o = busy_q;
  assign broadcast = tiles_i[slot_i].loop.broadcast;

  always_comb begin
    dram_base = '0;
    if (start_i) dram_base = tiles_i[slot_i].loop.bias;
  end

  loop_results #(
      .Design(Design)
  ) u_results (
      .clk_i,
      .start_i,
      .advance_i(grant_i),
      .tiles_i,
      .slot_i,
      .matmul_i,
      .channel_step_i(16'(BlockElements)),
      .channel_blocks_log2_i(3'($clog2(BlockElements / Design.dim))),
      .dram_i(dram_base),
      .batch_stride_i(broadcast ? '0 : AddressBits'(config_i.bias_batch)),
      .row_stride_i(broadcast ? '0 : AddressBits'(config_i.bias_row)),
      .pixel_stride_i(broadcast ? '0 : AddressBits'(config_i.bias_pixel)),
      .channel_stride_i(AddressBits'(4 * BlockElements)),
      .row_o(row),
      .dram_o(dram),
      .pixels_o(pixels),
      .channels_o(channels),
      .ocol_o(ocol),
      .och_o(och),
      .done_o(done)
  );

  always_comb begin
    uop_o = '0;
    if (grant_i) begin
      uop_o.op = OpLoad;
      uop_o.operand.acc = 1'b1;
      uop_o.operand.row = row;
      uop_o.rows = pixels;
      uop_o.cols = channels;
      uop_o.wide = 1'b1;
      uop_o.zeros = !tiles_i[slot_i].loop.refill;
      uop_o.refill = tiles_i[slot_i].loop.refill && !broadcast;
      uop_o.stride = broadcast ? '0 : config_i.bias_pixel;
      uop_o.block_stride = matmul_i ? row_t'(Design.dim) : tiles_i[slot_i].geometry.result_plane;
      uop_o.dram = dram;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (start_i) begin
      busy_q <= !tiles_i[slot_i].loop.accumulate && (!matmul_i || tiles_i[slot_i].loop.refill);
    end else if (grant_i && done) begin
      busy_q <= 1'b0;
    end
  end

  `ASSERT_IF(assert_grant, grant_i, busy_q, ("loop_bias: granted while idle"))
endmodule
