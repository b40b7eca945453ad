// SPDX-License-Identifier: Apache-2.0
// Memory with one read and one write port and byte enables. A macro can take its place.
// Data of a read is on rdata_o from the cycle after it until the next read. Reading the row that is written in the
// same cycle is not allowed.
`include "assertions.svh"
module sram_1r1w #(
    parameter int unsigned Rows = 1024,
    parameter int unsigned Bytes = 16,
    localparam int unsigned IndexBits = Rows > 1 ? $clog2(Rows) : 1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic read_i,
    input logic [IndexBits-1:0] read_row_i,
    output logic [8*Bytes-1:0] rdata_o,
    input logic write_i,
    input logic [IndexBits-1:0] write_row_i,
    input logic [Bytes-1:0] mask_i,
    input logic [8*Bytes-1:0] wdata_i
);
  logic [8*Bytes-1:0] rows_q[Rows], row;

  // The row as it will be: written as a whole, which simulates much faster than byte by byte.
  always_comb begin
    row = wdata_i;
    if (write_i && !(&mask_i)) begin
      row = rows_q[write_row_i];
      for (int unsigned b = 0; b < Bytes; b++) if (mask_i[b]) row[8*b+:8] = wdata_i[8*b+:8];
    end
  end

  always_ff @(posedge clk_i) begin
    if (write_i) rows_q[write_row_i] <= row;
    if (read_i) rdata_o <= rows_q[read_row_i];
  end

  `ASSERT(assert_conflict, !(read_i && write_i && read_row_i == write_row_i),
      ("sram_1r1w: row %0d is read while it is written", read_row_i))
  `ASSERT_IF(assert_read, read_i, (IndexBits + 1)'(read_row_i) < (IndexBits + 1)'(Rows),
      ("sram_1r1w: reads row %0d of %0d", read_row_i, Rows))
  `ASSERT_IF(assert_write, write_i, (IndexBits + 1)'(write_row_i) < (IndexBits + 1)'(Rows),
      ("sram_1r1w: writes row %0d of %0d", write_row_i, Rows))
endmodule
