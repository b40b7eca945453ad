// SPDX-License-Identifier: Apache-2.0
// Tiles in flight: where they lie, and the row distances that their loop units add up. All products of sizes are found
// here, once a tile. Tiles alternate between the halves of the scratchpad; input grows from the start of a half,
// weights end at its end. A tile is on tiles_o from the cycle after accept_i; the base of its weights and products of
// three sizes follow a cycle later, in time for the first operation of any unit.
module loop_geometry
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input config_t config_i,
    input logic accept_i,
    input logic slot_i,
    input loop_t loop_i,
    input logic matmul_i,
    input logic acc_half_i,
    output tile_t tiles_o[2]
);
  localparam int unsigned DimLog2 = $clog2(Design.dim);
  localparam row_t ScratchpadHalf = row_t'(Design.scratchpad_rows / 2);
  localparam row_t AccumulatorHalf = row_t'(Design.accumulator_rows / 2);

  tile_t tiles_q[2];
  logic accepted_q, slot_q;
  row_t filter_blocks_q;  // rows of weights / rows of a filter row's weights
  tile_t tile;
  row_t filter_blocks;

  function automatic row_t blocks(logic [15:0] size);
    return (row_t'(size) + row_t'(Design.dim - 1)) >> DimLog2;
  endfunction

  always_comb begin
    tile = '0;
    filter_blocks = '0;
    if (accept_i) begin
      tile.loop = loop_i;
      tile.input_base = slot_i ? ScratchpadHalf : '0;
      tile.result_base = acc_half_i ? AccumulatorHalf : '0;
      tile.geometry.kch_blocks = blocks(loop_i.kchs);
      tile.geometry.och_blocks = blocks(loop_i.ochs);
      tile.geometry.input_line = row_t'(loop_i.icols);
      tile.geometry.input_image = row_t'(loop_i.irows) * row_t'(loop_i.icols);
      tile.geometry.stride_line = row_t'(config_i.stride_h) * row_t'(loop_i.icols);
      tile.geometry.dilation_line = row_t'(config_i.dilation_h) * row_t'(loop_i.icols);
      tile.geometry.result_line = row_t'(loop_i.ocols);
      tile.geometry.result_image = row_t'(loop_i.orows) * row_t'(loop_i.ocols);
      tile.geometry.tap_line = row_t'(loop_i.kcols) * row_t'(loop_i.kchs);
      filter_blocks = row_t'(loop_i.krows) * blocks(loop_i.ochs);
      if (matmul_i) begin
        tile.geometry.tap_line = blocks(loop_i.kchs) << DimLog2;
        filter_blocks = blocks(loop_i.ochs);
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      accepted_q <= 1'b0;
      slot_q <= 1'b0;
    end else begin
      accepted_q <= accept_i;
      if (accept_i) slot_q <= slot_i;
    end
  end

  always_ff @(posedge clk_i) begin
    if (accept_i) begin
      tiles_q[slot_i] <= tile;
      filter_blocks_q <= filter_blocks;
    end
    if (accepted_q) begin
      tiles_q[slot_q].geometry.input_plane <= row_t'(tiles_q[slot_q].loop.batches) *
          tiles_q[slot_q].geometry.input_image;
      tiles_q[slot_q].geometry.result_plane <= row_t'(tiles_q[slot_q].loop.batches) *
          tiles_q[slot_q].geometry.result_image;
      tiles_q[slot_q].geometry.weight_block <= row_t'(tiles_q[slot_q].loop.krows) *
          tiles_q[slot_q].geometry.tap_line;
      tiles_q[slot_q].weight_base <= (slot_q ? ScratchpadHalf + ScratchpadHalf : ScratchpadHalf) -
          filter_blocks_q * tiles_q[slot_q].geometry.tap_line;
    end
  end

  assign tiles_o = tiles_q;
endmodule
