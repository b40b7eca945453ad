// SPDX-License-Identifier: Apache-2.0
// Loop unit that stores the results of a tile, as int8 or as int32 partial sums. One store a grant.
// Convolution: b, orow, ocol, och, one block of DIM channels each. Matmul: och, ocol, up to 64 bytes a row (int32: one
// block). position_*_o tell what the next store needs (elements of a matmul; j is exclusive).
`include "assertions.svh"
module loop_store
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
    output logic [15:0] position_j_o,
    output logic [15:0] position_i_o,
    input logic grant_i,
    output uop_t uop_o
);
  localparam int unsigned BlockElements = Design.dim >= DmaBytes ? Design.dim : DmaBytes;
  localparam int unsigned DimLog2 = $clog2(Design.dim);

  logic busy_q, done, wide;
  row_t row;
  logic [AddressBits-1:0] dram, dram_base;
  logic [6:0] pixels, channels;
  logic [15:0] step, och, left;

  assign busy_o = busy_q;
  assign wide = tiles_i[slot_i].loop.store_wide;
  assign step = matmul_i && !wide ? 16'(BlockElements) : 16'(Design.dim);
  always_comb begin
    left = '0;
    position_j_o = '0;
    if (matmul_i) begin
      left = tiles_i[slot_i].loop.ochs - och;
      position_j_o = och + (left < step ? left : step);
    end
  end

  always_comb begin
    dram_base = '0;
    if (start_i) dram_base = tiles_i[slot_i].loop.out;
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
      .channel_step_i(step),
      .channel_blocks_log2_i('0),
      .dram_i(dram_base),
      .batch_stride_i(AddressBits'(wide ? config_i.bias_batch : config_i.output_batch)),
      .row_stride_i(AddressBits'(wide ? config_i.bias_row : config_i.output_row)),
      .pixel_stride_i(AddressBits'(wide ? config_i.bias_pixel : config_i.output_pixel)),
      .channel_stride_i(wide ? AddressBits'(step) << 2 : AddressBits'(step)),
      .row_o(row),
      .dram_o(dram),
      .pixels_o(pixels),
      .channels_o(channels),
      .ocol_o(position_i_o),
      .och_o(och),
      .done_o(done)
  );

  always_comb begin
    uop_o = '0;
    if (grant_i) begin
      uop_o.op = OpStore;
      uop_o.operand.acc = 1'b1;
      uop_o.operand.row = row;
      if (config_i.channel_scales) begin
        uop_o.result.row = row_t'(tiles_i[slot_i].loop.scale_row) + (row_t'(och) >> DimLog2);
      end
      uop_o.rows = pixels;
      uop_o.cols = channels;
      uop_o.wide = wide;
      uop_o.block_stride = row_t'(Design.dim);
      uop_o.stride = wide ? config_i.bias_pixel : config_i.output_pixel;
      uop_o.dram = dram;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (start_i) begin
      busy_q <= tiles_i[slot_i].loop.store;
    end else if (grant_i && done) begin
      busy_q <= 1'b0;
    end
  end

  `ASSERT_IF(assert_grant, grant_i, busy_q, ("loop_store: granted while idle"))
endmodule
