// SPDX-License-Identifier: Apache-2.0
// Loop unit that loads the input of a tile; rows outside the image are zero loads. One load a grant of up to 64 bytes
// a row. Convolution: b, irow, icol, ich. Matmul: ich, icol.
// position_k_o and position_i_o tell a matmul's execute unit what has been issued (elements).
`include "assertions.svh"
module loop_input
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
    output logic [15:0] position_k_o,
    output logic [15:0] position_i_o,
    input logic grant_i,
    output uop_t uop_o
);
  localparam int unsigned DimLog2 = $clog2(Design.dim);
  localparam int unsigned BlockElements = Design.dim >= DmaBytes ? Design.dim : DmaBytes;
  localparam logic [15:0] Channels = 16'(BlockElements);
  localparam int unsigned Loops = 4;

  logic [15:0] limit[Loops], step[Loops], position[Loops], left[Loops];
  logic [Loops-1:0] last, steps;
  row_t row_stride[Loops], row, base;
  logic [AddressBits-1:0] dram_stride[Loops], dram, dram_base;
  logic [15:0] icol, segment;
  logic busy_q, done, outside;

  assign busy_o = busy_q;
  assign icol = matmul_i ? position[3] : position[2];
  assign position_k_o = position[2];
  assign position_i_o = icol;

  // Columns split where the padding starts and ends, and every DIM. Memory addresses stand still where there is
  // padding before the image, and mean nothing after it.
  always_comb begin
    limit = '{default: '0};
    step = '{default: '0};
    row_stride = '{default: '0};
    dram_stride = '{default: '0};
    segment = '0;
    outside = 1'b0;
    base = '0;
    dram_base = '0;
    if (start_i) begin
      base = tiles_i[slot_i].input_base;
      dram_base = tiles_i[slot_i].loop.in;
    end
    if (grant_i) begin
      automatic logic [AddressBits-1:0] column_stride = AddressBits'(config_i.input_pixel) << DimLog2;
      if (matmul_i) begin
        segment = tiles_i[slot_i].loop.ocols - icol;
        if (segment > 16'(Design.dim)) segment = 16'(Design.dim);
        limit = '{16'd1, 16'd1, tiles_i[slot_i].loop.kchs, tiles_i[slot_i].loop.ocols};
        step = '{16'd1, 16'd1, Channels, segment};
        row_stride = '{'0, '0, row_t'(BlockElements), tiles_i[slot_i].geometry.kch_blocks << DimLog2};
        dram_stride = '{'0, '0, AddressBits'(BlockElements), column_stride};
      end else begin
        automatic logic above = position[1] < tiles_i[slot_i].loop.upad;
        automatic logic below = position[1] >= tiles_i[slot_i].loop.upad + tiles_i[slot_i].loop.irows_real;
        automatic logic left_of = icol < tiles_i[slot_i].loop.lpad;
        automatic logic right_of = icol >= tiles_i[slot_i].loop.lpad + tiles_i[slot_i].loop.icols_real;
        automatic logic [15:0] segment_end = tiles_i[slot_i].loop.icols;
        if (left_of && tiles_i[slot_i].loop.lpad < tiles_i[slot_i].loop.icols) segment_end = tiles_i[slot_i].loop.lpad;
        if (!left_of && !right_of) segment_end = tiles_i[slot_i].loop.lpad + tiles_i[slot_i].loop.icols_real;
        segment = segment_end - icol;
        if (segment > 16'(Design.dim)) segment = 16'(Design.dim);
        outside = above || below || left_of || right_of;
        limit = '{
            tiles_i[slot_i].loop.batches,
            tiles_i[slot_i].loop.irows,
            tiles_i[slot_i].loop.icols,
            tiles_i[slot_i].loop.kchs
        };
        step = '{16'd1, 16'd1, segment, Channels};
        row_stride = '{
            tiles_i[slot_i].geometry.input_image,
            tiles_i[slot_i].geometry.input_line,
            row_t'(segment),
            tiles_i[slot_i].geometry.input_plane << $clog2(BlockElements / Design.dim)
        };
        dram_stride = '{
            AddressBits'(config_i.input_batch),
            above ? '0 : AddressBits'(config_i.input_row),
            left_of ? '0 : column_stride,
            AddressBits'(BlockElements)
        };
      end
    end
  end

  loop_counters #(
      .Loops(Loops)
  ) u_counters (
      .clk_i,
      .start_i,
      .enable_i(grant_i),
      .advance_i(grant_i),
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
  ) u_row (
      .clk_i,
      .start_i,
      .advance_i(grant_i),
      .steps_i(steps),
      .base_i(base),
      .stride_i(row_stride),
      .address_o(row)
  );

  loop_address #(
      .Loops(Loops),
      .Bits(AddressBits)
  ) u_dram (
      .clk_i,
      .start_i,
      .advance_i(grant_i),
      .steps_i(steps),
      .base_i(dram_base),
      .stride_i(dram_stride),
      .address_o(dram)
  );

  always_comb begin
    uop_o = '0;
    if (grant_i) begin
      uop_o.op = OpLoad;
      uop_o.operand.row = row;
      uop_o.rows = 7'(segment);
      if (matmul_i) uop_o.cols = last[2] ? 7'(left[2]) : 7'(Channels);
      else uop_o.cols = last[3] ? 7'(left[3]) : 7'(Channels);
      uop_o.stride = config_i.input_pixel;
      uop_o.zeros = outside;
      uop_o.block_stride = matmul_i ? row_t'(Design.dim) : tiles_i[slot_i].geometry.input_plane;
      uop_o.dram = dram;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (start_i) begin
      busy_q <= 1'b1;
    end else if (grant_i && done) begin
      busy_q <= 1'b0;
    end
  end

  `ASSERT_IF(assert_grant, grant_i, busy_q, ("loop_input: granted while idle"))
endmodule
