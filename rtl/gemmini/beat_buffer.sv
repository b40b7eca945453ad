// SPDX-License-Identifier: Apache-2.0
// Data of a queue of beats in a memory, which is a seventh of the area of flip-flops; who pushes and pops keeps count.
// The oldest beat is on data_o from the cycle after it became the oldest. A beat that arrives as the oldest goes past
// the memory.
`include "assertions.svh"
module beat_buffer #(
    parameter int unsigned Bytes = 16,
    parameter int unsigned Depth = 96
) (
    input logic clk_i,
    input logic rst_ni,
    input logic push_i,
    input logic [8*Bytes-1:0] data_i,
    input logic pop_i,
    output logic [8*Bytes-1:0] data_o
);
  localparam int unsigned IndexBits = Depth > 1 ? $clog2(Depth) : 1;

  logic [IndexBits-1:0] head_q, head, tail_q;
  logic read, pass, passed_q;
  logic [8*Bytes-1:0] stored, beat_q;

  // The place of the oldest beat in the next cycle; at the tail there is none yet.
  assign head = !pop_i ? head_q : head_q == IndexBits'(Depth - 1) ? '0 : head_q + 1'b1;
  assign pass = push_i && head == tail_q;
  assign read = pop_i && head != tail_q;
  assign data_o = passed_q ? beat_q : stored;

  sram_1r1w #(
      .Rows(Depth),
      .Bytes(Bytes)
  ) u_beats (
      .clk_i,
      .rst_ni,
      .read_i(read),
      .read_row_i(head),
      .rdata_o(stored),
      .write_i(push_i && !pass),
      .write_row_i(tail_q),
      .mask_i('1),
      .wdata_i(data_i)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      head_q <= '0;
      tail_q <= '0;
    end else begin
      head_q <= head;
      if (push_i) tail_q <= tail_q == IndexBits'(Depth - 1) ? '0 : tail_q + 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (pass) beat_q <= data_i;
    if (pass || read) passed_q <= pass;
  end

  if (Depth == 0) begin : gen_illegal
    $error("beat_buffer: Depth must be at least 1");
  end
endmodule
