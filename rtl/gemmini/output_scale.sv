// SPDX-License-Identifier: Apache-2.0
// Scales DIM int32 sums to int8: product with a multiplier, arithmetic shift right with round half to even, zero
// point, clipping to two bounds. Multiplier and shift are 1 and the layer's shift or, of a layer that is scaled, those
// of a row of a table: 24 bits and 6 bits of a 32-bit word for each lane. wide_i passes the sums as they are.
// A row of the table is read together with its sums; both are there from the cycle after, until the next read. The
// products follow with multiply_i, the results (int8 in the low DIM bytes) with round_i.
`include "assertions.svh"
module output_scale
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16
) (
    input logic clk_i,
    input logic rst_ni,
    input config_t config_i,
    // The table.
    input scale_write_t write_i,
    input logic [4*Dim-1:0] write_mask_i,
    input logic [32*Dim-1:0] write_data_i,
    input logic read_i,
    input row_t read_row_i,
    // Sums.
    input logic wide_i,
    input logic [32*Dim-1:0] sums_i,
    input logic multiply_i,
    input logic round_i,
    output logic [32*Dim-1:0] data_o
);
  localparam int unsigned Rows = ScaleChannels / Dim;
  localparam int unsigned IndexBits = index_bits(Rows);

  logic [32*Dim-1:0] scales, words;
  logic scaled, wide_q, wide_data_q;

  sram_1r1w #(
      .Rows(Rows),
      .Bytes(4 * Dim)
  ) u_table (
      .clk_i,
      .rst_ni,
      .read_i,
      .read_row_i(IndexBits'(read_row_i)),
      .rdata_o(scales),
      .write_i(write_i.valid),
      .write_row_i(IndexBits'(write_i.row)),
      .mask_i(write_mask_i),
      .wdata_i(write_data_i)
  );

  assign scaled = config_i.scaled && !wide_i;
  for (genvar i = 0; i < Dim; i++) begin : gen_lanes
    scale_lane u_lane (
        .clk_i,
        .multiply_i,
        .sum_i(sums_i[32*i+:32]),
        .multiplier_i(scaled ? scales[32*i+:24] : 24'd1),
        .shift_i(scaled ? scales[32*i+24+:6] : {1'b0, config_i.shift}),
        .round_i,
        .wide_i(wide_q),
        .zero_i(config_i.zero),
        .low_i(config_i.low),
        .high_i(config_i.high),
        .data_o(words[32*i+:32])
    );
  end

  always_comb begin
    data_o = words;
    if (!wide_data_q) for (int unsigned i = 0; i < Dim; i++) data_o[8*i+:8] = words[32*i+:8];
  end

  always_ff @(posedge clk_i) begin
    if (multiply_i) wide_q <= wide_i;
    if (round_i) wide_data_q <= wide_q;
  end

  `ASSERT_IF(assert_read, read_i, read_row_i < row_t'(Rows),
      ("output_scale: reads scales %0d of %0d", read_row_i, Rows))
  `ASSERT_IF(assert_write, write_i.valid, write_i.row < row_t'(Rows),
      ("output_scale: writes scales %0d of %0d", write_i.row, Rows))
endmodule
