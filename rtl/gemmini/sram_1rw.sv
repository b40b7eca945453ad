// SPDX-License-Identifier: Apache-2.0
// Single-ported memory with byte enables: one read or one write a cycle. A macro can take its place.
// Data of a read is on rdata_o in the cycle after it, and only then.
`include "assertions.svh"
module sram_1rw #(
    parameter int unsigned Rows = 1024,
    parameter int unsigned Bytes = 16,
    localparam int unsigned IndexBits = Rows > 1 ? $clog2(Rows) : 1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic read_i,
    input logic write_i,
    input logic [IndexBits-1:0] row_i,
    input logic [Bytes-1:0] mask_i,
    input logic [8*Bytes-1:0] wdata_i,
    output logic [8*Bytes-1:0] rdata_o
);
  logic [8*Bytes-1:0] rows_q[Rows], row;

  // The row as it will be: written as a whole, which simulates much faster than byte by byte.
  always_comb begin
    row = wdata_i;
    if (write_i && !(&mask_i)) begin
      row = rows_q[row_i];
      for (int unsigned b = 0; b < Bytes; b++) if (mask_i[b]) row[8*b+:8] = wdata_i[8*b+:8];
    end
  end

  always_ff @(posedge clk_i) begin
    if (write_i) rows_q[row_i] <= row;
    else if (read_i) rdata_o <= rows_q[row_i];
  end

  `ASSERT(assert_port, !(read_i && write_i), ("sram_1rw: read and written in one cycle"))
  `ASSERT_IF(assert_row, read_i || write_i, (IndexBits + 1)'(row_i) < (IndexBits + 1)'(Rows),
      ("sram_1rw: row %0d of %0d", row_i, Rows))
endmodule
