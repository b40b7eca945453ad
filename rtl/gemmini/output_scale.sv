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
  localparam int unsigned ProductBits = 57;

  logic [32*Dim-1:0] scales;
  logic signed [ProductBits-1:0] products_q[Dim];
  logic [5:0] shifts_q[Dim];
  logic wide_q;

  function automatic logic [7:0] rounded(logic signed [ProductBits-1:0] product, logic [5:0] shift, config_t layer);
    automatic logic signed [63:0] exact = 64'(product);
    automatic logic signed [63:0] result = exact >>> shift;
    automatic logic half, sticky;
    half = shift != '0 && exact[shift-6'd1];
    sticky = shift > 6'd1 && (exact & ((64'sd1 << (shift - 6'd1)) - 64'sd1)) != '0;
    if (half && (sticky || result[0])) result = result + 64'sd1;
    result = result + 64'(signed'(layer.zero));
    if (result < 64'(signed'(layer.low))) return layer.low;
    if (result > 64'(signed'(layer.high))) return layer.high;
    return result[7:0];
  endfunction

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

  always_ff @(posedge clk_i) begin
    if (multiply_i) begin
      wide_q <= wide_i;
      for (int unsigned i = 0; i < Dim; i++) begin
        automatic logic scaled = config_i.scaled && !wide_i;
        automatic logic [24:0] multiplier = scaled ? {1'b0, scales[32*i+:24]} : 25'd1;
        products_q[i] <= ProductBits'(signed'(sums_i[32*i+:32])) * ProductBits'(signed'(multiplier));
        shifts_q[i]   <= scaled ? scales[32*i+24+:6] : {1'b0, config_i.shift};
      end
    end
    if (round_i) begin
      for (int unsigned i = 0; i < Dim; i++) begin
        if (wide_q) data_o[32*i+:32] <= products_q[i][31:0];
        else data_o[8*i+:8] <= rounded(products_q[i], shifts_q[i], config_i);
      end
    end
  end

  `ASSERT_IF(assert_read, read_i, read_row_i < row_t'(Rows),
      ("output_scale: reads scales %0d of %0d", read_row_i, Rows))
  `ASSERT_IF(assert_write, write_i.valid, write_i.row < row_t'(Rows),
      ("output_scale: writes scales %0d of %0d", write_i.row, Rows))
endmodule
