// SPDX-License-Identifier: Apache-2.0
// Loop unit that issues the preload / compute pairs of a tile. One operation a grant, preload first.
// Convolution: och, krow, kcol, kch, b, orow, ocol. Matmul: kch, och, b, orow, ocol.
// The weights are named by the first pair of a block only; the others keep what the array holds.
`include "assertions.svh"
module loop_execute
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
    // Position in elements, for units that follow or lead.
    output logic [15:0] position_k_o,
    output logic [15:0] position_j_o,
    output logic [15:0] position_i_o,
    input logic grant_i,
    output uop_t uop_o
);
  localparam int unsigned DimLog2 = $clog2(Design.dim);
  localparam logic [15:0] Block = 16'(Design.dim);
  localparam row_t BlockRows = row_t'(Design.dim);
  localparam int unsigned Loops = 7;
  localparam int unsigned Pixels = 4;  // the first of the loops over pixels

  logic [15:0] limit[Loops], step[Loops], position[Loops], left[Loops];
  logic [Loops-1:0] last, steps;
  // Weights do not move with the pixels; results move with the channels, as one loop inside the outermost, and pixels.
  localparam int unsigned ResultLoops = 5;
  row_t input_stride[Loops], weight_stride[Pixels], result_stride[ResultLoops];
  logic [ResultLoops-1:0] result_steps;
  row_t input_row, weight_row, result_row, input_base, weight_base, result_base;
  logic busy_q, compute_q, fresh_q, done, advance, last_pixel;
  logic [6:0] pixels, channels, reduction;

  assign busy_o = busy_q;
  assign advance = grant_i && compute_q;
  assign result_steps = {steps[6:4], |steps[3:1], steps[0]};
  assign last_pixel = &last[Loops-1:Pixels];
  assign position_k_o = matmul_i ? position[0] : position[3];
  assign position_j_o = matmul_i ? position[1] : position[0];
  assign position_i_o = position[6];

  always_comb begin
    limit = '{default: '0};
    step = '{default: '0};
    if (grant_i) begin
      limit = '{
          tiles_i[slot_i].loop.ochs,
          tiles_i[slot_i].loop.krows,
          tiles_i[slot_i].loop.kcols,
          tiles_i[slot_i].loop.kchs,
          tiles_i[slot_i].loop.batches,
          tiles_i[slot_i].loop.orows,
          tiles_i[slot_i].loop.ocols
      };
      step = '{Block, 16'd1, 16'd1, Block, 16'd1, 16'd1, Block};
      if (matmul_i) begin
        limit[0:3] = '{tiles_i[slot_i].loop.kchs, tiles_i[slot_i].loop.ochs, 16'd1, 16'd1};
        step[0:3] = '{Block, Block, 16'd1, 16'd1};
      end
    end
  end

  always_comb begin
    input_stride = '{default: '0};
    weight_stride = '{default: '0};
    result_stride = '{default: '0};
    input_base = '0;
    weight_base = '0;
    result_base = '0;
    if (start_i) begin
      input_base = tiles_i[slot_i].input_base;
      weight_base = tiles_i[slot_i].weight_base;
      result_base = tiles_i[slot_i].result_base;
    end
    if (advance) begin
      if (matmul_i) begin
        input_stride[0] = BlockRows;
        input_stride[6] = tiles_i[slot_i].geometry.kch_blocks << DimLog2;
        weight_stride[0] = tiles_i[slot_i].geometry.och_blocks << DimLog2;
        weight_stride[1] = BlockRows;
        result_stride[1] = BlockRows;
        result_stride[4] = tiles_i[slot_i].geometry.och_blocks << DimLog2;
      end else begin
        input_stride[1] = tiles_i[slot_i].geometry.dilation_line;
        input_stride[2] = row_t'(config_i.dilation_w);
        input_stride[3] = tiles_i[slot_i].geometry.input_plane;
        input_stride[4] = tiles_i[slot_i].geometry.input_image;
        input_stride[5] = tiles_i[slot_i].geometry.stride_line;
        input_stride[6] = row_t'(config_i.stride_w) << DimLog2;
        weight_stride[0] = tiles_i[slot_i].geometry.weight_block;
        weight_stride[1] = tiles_i[slot_i].geometry.tap_line;
        weight_stride[2] = row_t'(tiles_i[slot_i].loop.kchs);
        weight_stride[3] = BlockRows;
        result_stride[0] = tiles_i[slot_i].geometry.result_plane;
        result_stride[2] = tiles_i[slot_i].geometry.result_image;
        result_stride[3] = tiles_i[slot_i].geometry.result_line;
        result_stride[4] = BlockRows;
      end
    end
  end

  always_comb begin
    pixels = '0;
    channels = '0;
    reduction = '0;
    if (grant_i) begin
      automatic logic [2:0] och = matmul_i ? 3'd1 : 3'd0;
      automatic logic [2:0] kch = matmul_i ? 3'd0 : 3'd3;
      pixels = last[6] ? 7'(left[6]) : 7'(Block);
      channels = last[och] ? 7'(left[och]) : 7'(Block);
      reduction = last[kch] ? 7'(left[kch]) : 7'(Block);
    end
  end

  loop_counters #(
      .Loops(Loops)
  ) u_counters (
      .clk_i,
      .start_i,
      .enable_i(grant_i),
      .advance_i(advance),
      .limit_i(limit),
      .step_i(step),
      .position_o(position),
      .left_o(left),
      .last_o(last),
      .steps_o(steps),
      .done_o(done)
  );

  loop_address #(
      .Loops(Loops),
      .Bits(RowBits)
  ) u_input (
      .clk_i,
      .start_i,
      .advance_i(advance),
      .steps_i(steps),
      .base_i(input_base),
      .stride_i(input_stride),
      .address_o(input_row)
  );

  loop_address #(
      .Loops(Pixels),
      .Bits(RowBits)
  ) u_weight (
      .clk_i,
      .start_i,
      .advance_i(advance),
      .steps_i(steps[Pixels-1:0]),
      .base_i(weight_base),
      .stride_i(weight_stride),
      .address_o(weight_row)
  );

  loop_address #(
      .Loops(ResultLoops),
      .Bits(RowBits)
  ) u_result (
      .clk_i,
      .start_i,
      .advance_i(advance),
      .steps_i(result_steps),
      .base_i(result_base),
      .stride_i(result_stride),
      .address_o(result_row)
  );

  always_comb begin
    uop_o = '0;
    if (grant_i && compute_q) begin
      uop_o.op = OpCompute;
      uop_o.operand.row = input_row;
      uop_o.rows = pixels;
      uop_o.cols = reduction;
      uop_o.stride = 32'(config_i.stride_w);
      uop_o.flip = fresh_q;
    end else if (grant_i) begin
      uop_o.op = OpPreload;
      uop_o.operand.garbage = !fresh_q;
      uop_o.operand.row = weight_row;
      uop_o.rows = reduction;
      uop_o.cols = channels;
      uop_o.result.acc = 1'b1;
      uop_o.result.accumulate = !matmul_i || position_k_o != '0 || tiles_i[slot_i].loop.accumulate ||
          tiles_i[slot_i].loop.refill;
      uop_o.result.row = result_row;
      uop_o.result_rows = pixels;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (start_i) begin
      busy_q <= 1'b1;
    end else if (advance && done) begin
      busy_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      compute_q <= 1'b0;
      fresh_q   <= 1'b1;
    end else if (grant_i) begin
      compute_q <= !compute_q;
      if (compute_q) fresh_q <= last_pixel;
    end
  end

  `ASSERT_IF(assert_grant, grant_i, busy_q, ("loop_execute: granted while idle"))
endmodule
