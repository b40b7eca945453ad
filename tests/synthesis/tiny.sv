// A design for tests: two equal stages, one that is wider, and a memory.
module sram_1rw #(
    parameter int unsigned Rows = 1024,
    parameter int unsigned Bytes = 16,
    localparam int unsigned IndexBits = $clog2(Rows)
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
  logic [8*Bytes-1:0] rows_q[Rows];
  always_ff @(posedge clk_i) if (read_i) rdata_o <= rows_q[row_i];
endmodule

module stage #(
    parameter int unsigned Bits = 4
) (
    input logic clk_i,
    input logic rst_ni,
    input logic [Bits-1:0] a_i,
    input logic [Bits-1:0] b_i,
    output logic [Bits-1:0] sum_o
);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) sum_o <= '0;
    else sum_o <= sum_o ^ (a_i + b_i);
  end
endmodule

module tiny #(
    parameter int unsigned Rows = 256
) (
    input logic clk_i,
    input logic rst_ni,
    input logic [3:0] a_i,
    input logic [3:0] b_i,
    output logic [3:0] sum_o,
    output logic [5:0] wide_o,
    output logic [15:0] data_o
);
  logic [3:0] first, held_q;
  stage u_first (.clk_i, .rst_ni, .a_i, .b_i, .sum_o(first));
  stage u_second (.clk_i, .rst_ni, .a_i(first), .b_i(held_q), .sum_o);
  stage #(.Bits(6)) u_wide (.clk_i, .rst_ni, .a_i({2'b01, a_i}), .b_i({b_i, 2'b10}), .sum_o(wide_o));
  always_ff @(posedge clk_i) held_q <= ~first;
  sram_1rw #(.Rows(Rows), .Bytes(2)) u_memory (
      .clk_i, .rst_ni, .read_i(a_i[0]), .write_i(b_i[0]), .row_i({a_i, b_i}), .mask_i(2'b11),
      .wdata_i({first, a_i, b_i, held_q}), .rdata_o(data_o)
  );
endmodule
