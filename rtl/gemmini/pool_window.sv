// SPDX-License-Identifier: Apache-2.0
// Walks the rows of a window: row_o counts from its first one, the columns of a line fastest. It begins anew after the
// last row; a window of one row is first and last.
`include "assertions.svh"
module pool_window
  import gemmini_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input pool_t pool_i,
    input logic advance_i,
    output row_t row_o,
    output logic first_o,
    output logic last_o
);
  logic [7:0] x_q, y_q;
  row_t line_q;
  logic line_end;

  assign row_o = line_q + row_t'(x_q);
  assign first_o = x_q == '0 && y_q == '0;
  assign line_end = x_q + 8'd1 == pool_i.width;
  assign last_o = line_end && y_q + 8'd1 == pool_i.height;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      x_q <= '0;
      y_q <= '0;
      line_q <= '0;
    end else if (advance_i) begin
      x_q <= line_end ? '0 : x_q + 8'd1;
      if (line_end) begin
        y_q <= last_o ? '0 : y_q + 8'd1;
        line_q <= last_o ? '0 : line_q + pool_i.line;
      end
    end
  end

  `ASSERT_IF(assert_window, advance_i, pool_i.width != '0 && pool_i.height != '0,
      ("pool_window: a window of %0d x %0d rows", pool_i.height, pool_i.width))
endmodule
