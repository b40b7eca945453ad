// SPDX-License-Identifier: Apache-2.0
// Loop unit that loads the weights of a tile, in the rows from its weight_base on. One load a grant of up to 64 bytes a
// row.
// Convolution: och, krow, kcol, kch. Matmul: kch, och.
// position_k_o and position_j_o tell a matmul's execute unit what has been issued (elements).
`include "assertions.svh"
module loop_weights
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
    output logic [15:0] position_j_o,
    input logic grant_i,
    output uop_t uop_o
);
  localparam int unsigned DimLog2 = $clog2(Design.dim);
  localparam int unsigned BlockElements = Design.dim >= DmaBytes ? Design.dim : DmaBytes;
  localparam logic [15:0] Rows = 16'(Design.dim);
  localparam logic [15:0] Columns = 16'(BlockElements);
  localparam int unsigned Loops = 4;

  logic [15:0] limit[Loops], step[Loops], position[Loops], left[Loops];
  logic [Loops-1:0] last, steps;
  row_t row_stride[Loops], row;
  logic [AddressBits-1:0] dram_stride[Loops], dram, dram_base;
  logic busy_q, done;

  assign busy_o = busy_q;
  assign position_k_o = matmul_i ? position[0] : position[3];
  assign position_j_o = matmul_i ? position[3] : position[0];

  always_comb begin
    limit = '{default: '0};
    step = '{default: '0};
    row_stride = '{default: '0};
    dram_stride = '{default: '0};
    dram_base = '0;
    if (start_i) dram_base = tiles_i[slot_i].loop.weights;
    if (grant_i) begin
      automatic logic [AddressBits-1:0] kch_stride = AddressBits'(config_i.weight_kch) << DimLog2;
      if (matmul_i) begin
        limit = '{tiles_i[slot_i].loop.kchs, 16'd1, 16'd1, tiles_i[slot_i].loop.ochs};
        step = '{Rows, 16'd1, 16'd1, Columns};
        row_stride = '{tiles_i[slot_i].geometry.och_blocks << DimLog2, '0, '0, row_t'(BlockElements)};
        dram_stride = '{kch_stride, '0, '0, AddressBits'(BlockElements)};
      end else begin
        limit = '{
            tiles_i[slot_i].loop.ochs,
            tiles_i[slot_i].loop.krows,
            tiles_i[slot_i].loop.kcols,
            tiles_i[slot_i].loop.kchs
        };
        step = '{Columns, 16'd1, 16'd1, Rows};
        row_stride = '{
            tiles_i[slot_i].geometry.weight_block << $clog2(BlockElements / Design.dim),
            tiles_i[slot_i].geometry.tap_line,
            row_t'(tiles_i[slot_i].loop.kchs),
            row_t'(Design.dim)
        };
        dram_stride = '{
            AddressBits'(BlockElements),
            AddressBits'(config_i.weight_krow),
            AddressBits'(config_i.weight_kcol),
            kch_stride
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

  // The base is known a cycle after the start.
  loop_address #(
      .Loops(Loops),
      .Bits(RowBits)
  ) u_row (
      .clk_i,
      .start_i,
      .advance_i(grant_i),
      .steps_i(steps),
      .base_i('0),
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
      uop_o.operand.row = tiles_i[slot_i].weight_base + row;
      if (matmul_i) begin
        uop_o.rows = last[0] ? 7'(left[0]) : 7'(Rows);
        uop_o.cols = last[3] ? 7'(left[3]) : 7'(Columns);
        uop_o.block_stride = row_t'(Design.dim);
      end else begin
        uop_o.rows = last[3] ? 7'(left[3]) : 7'(Rows);
        uop_o.cols = last[0] ? 7'(left[0]) : 7'(Columns);
        uop_o.block_stride = tiles_i[slot_i].geometry.weight_block;
      end
      uop_o.stride = config_i.weight_kch;
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

  `ASSERT_IF(assert_grant, grant_i, busy_q, ("loop_weights: granted while idle"))
endmodule
