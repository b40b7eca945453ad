// SPDX-License-Identifier: Apache-2.0
// Walks the results of a tile in blocks of DIM pixels and channel_step_i channels: accumulator row and memory address
// of each. Convolution: b, orow, ocol, och. Matmul: och, ocol. Memory strides are those of the elements that move.
module loop_results
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic start_i,
    input logic advance_i,
    input tile_t tiles_i[2],
    input logic slot_i,
    input logic matmul_i,
    input logic [15:0] channel_step_i,
    // Logarithm of the DIM-channel blocks of a step.
    input logic [2:0] channel_blocks_log2_i,
    input logic [AddressBits-1:0] dram_i,  // with start_i
    input logic [AddressBits-1:0] batch_stride_i,
    input logic [AddressBits-1:0] row_stride_i,
    input logic [AddressBits-1:0] pixel_stride_i,
    input logic [AddressBits-1:0] channel_stride_i,
    output row_t row_o,
    output logic [AddressBits-1:0] dram_o,
    output logic [6:0] pixels_o,
    output logic [6:0] channels_o,
    output logic [15:0] ocol_o,
    output logic [15:0] och_o,
    output logic done_o
);
  localparam int unsigned DimLog2 = $clog2(Design.dim);
  localparam logic [15:0] Pixels = 16'(Design.dim);
  localparam int unsigned Loops = 4;

  logic [15:0] limit[Loops], step[Loops], position[Loops], left[Loops];
  logic [Loops-1:0] last, steps;
  row_t row_stride[Loops], base;
  logic [AddressBits-1:0] dram_stride[Loops];

  assign ocol_o = matmul_i ? position[3] : position[2];
  assign och_o = matmul_i ? position[2] : position[3];

  always_comb begin
    limit = '{default: '0};
    step = '{default: '0};
    row_stride = '{default: '0};
    dram_stride = '{default: '0};
    base = '0;
    if (start_i) base = tiles_i[slot_i].result_base;
    if (advance_i) begin
      automatic logic [AddressBits-1:0] block_stride = pixel_stride_i << DimLog2;
      if (matmul_i) begin
        limit = '{16'd1, 16'd1, tiles_i[slot_i].loop.ochs, tiles_i[slot_i].loop.ocols};
        step = '{16'd1, 16'd1, channel_step_i, Pixels};
        row_stride = '{'0, '0, row_t'(channel_step_i), tiles_i[slot_i].geometry.och_blocks << DimLog2};
        dram_stride = '{'0, '0, channel_stride_i, block_stride};
      end else begin
        limit = '{
            tiles_i[slot_i].loop.batches,
            tiles_i[slot_i].loop.orows,
            tiles_i[slot_i].loop.ocols,
            tiles_i[slot_i].loop.ochs
        };
        step = '{16'd1, 16'd1, Pixels, channel_step_i};
        row_stride = '{
            tiles_i[slot_i].geometry.result_image,
            tiles_i[slot_i].geometry.result_line,
            row_t'(Design.dim),
            tiles_i[slot_i].geometry.result_plane << channel_blocks_log2_i
        };
        dram_stride = '{batch_stride_i, row_stride_i, block_stride, channel_stride_i};
      end
    end
  end

  always_comb begin
    pixels_o = '0;
    channels_o = '0;
    if (advance_i) begin
      automatic logic [1:0] pixels = matmul_i ? 2'd3 : 2'd2;
      automatic logic [1:0] channels = matmul_i ? 2'd2 : 2'd3;
      pixels_o = last[pixels] ? 7'(left[pixels]) : 7'(Pixels);
      channels_o = last[channels] ? 7'(left[channels]) : 7'(channel_step_i);
    end
  end

  loop_counters #(
      .Loops(Loops)
  ) u_counters (
      .clk_i,
      .start_i,
      .enable_i(advance_i),
      .advance_i,
      .limit_i(limit),
      .step_i(step),
      .position_o(position),
      .left_o(left),
      .last_o(last),
      .steps_o(steps),
      .done_o
  );

  loop_address #(
      .Loops(Loops),
      .Bits(RowBits)
  ) u_row (
      .clk_i,
      .start_i,
      .advance_i,
      .steps_i(steps),
      .base_i(base),
      .stride_i(row_stride),
      .address_o(row_o)
  );

  loop_address #(
      .Loops(Loops),
      .Bits(AddressBits)
  ) u_dram (
      .clk_i,
      .start_i,
      .advance_i,
      .steps_i(steps),
      .base_i(dram_i),
      .stride_i(dram_stride),
      .address_o(dram_o)
  );
endmodule
