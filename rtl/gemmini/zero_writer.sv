// SPDX-License-Identifier: Apache-2.0
// Writes zero rows: one DIM-column block a cycle while write_ready_i. Accepts the next row with the last block.
module zero_writer
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    output logic ready_o,
    input row_request_t row_i,
    output logic write_valid_o,
    input logic write_ready_i,
    output local_write_t write_o,
    // With the last block: the row's command and bytes.
    output logic last_o,
    output logic [LoadSlotBits-1:0] slot_o,
    output logic [8:0] bytes_o,
    output logic quiet_o
);
  logic busy_q;
  row_request_t row_q;
  logic [8:0] left_q;
  logic [8:0] block_bytes;

  assign block_bytes = row_q.wide ? 9'(4 * Design.dim) : 9'(Design.dim);
  assign write_valid_o = busy_q;
  assign quiet_o = !busy_q;
  assign last_o = left_q <= block_bytes;
  assign write_o = '{acc: row_q.acc, row: row_q.row, bytes: last_o ? left_q : block_bytes};
  assign slot_o = row_q.slot;
  assign bytes_o = row_q.bytes;
  assign ready_o = !busy_q || (write_ready_i && last_o);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (valid_i && ready_o) begin
      busy_q <= 1'b1;
    end else if (write_ready_i && last_o) begin
      busy_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (valid_i && ready_o) begin
      row_q <= row_i;
      left_q <= row_i.bytes;
    end else if (busy_q && write_ready_i) begin
      row_q.row <= row_q.row + row_q.block_stride;
      left_q <= left_q - block_bytes;
    end
  end
endmodule
