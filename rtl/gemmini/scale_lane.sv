// SPDX-License-Identifier: Apache-2.0
// One lane of output_scale: the product of a sum and a multiplier with multiply_i; with round_i its result, the low 32
// bits of the product (wide_i) or, in the low byte, the product shifted right with round half to even, with the zero
// point added, within two bounds. Both stay until the next.
module scale_lane (
    input logic clk_i,
    input logic multiply_i,
    input logic signed [31:0] sum_i,
    input logic [23:0] multiplier_i,
    input logic [5:0] shift_i,
    input logic round_i,
    input logic wide_i,
    input logic signed [7:0] zero_i,
    input logic signed [7:0] low_i,
    input logic signed [7:0] high_i,
    output logic [31:0] data_o
);
  localparam int unsigned ProductBits = 56;
  localparam int unsigned NearBits = 11;  // beyond them both bounds are passed, whatever the zero point

  logic signed [ProductBits-1:0] product_q;
  logic [5:0] shift_q;

  function automatic logic [7:0] rounded(logic signed [ProductBits-1:0] product, logic [5:0] shift,
                                         logic signed [7:0] zero, logic signed [7:0] low, logic signed [7:0] high);
    automatic logic signed [ProductBits:0] rest = {product, 1'b0};  // bit 0: the half
    automatic logic sticky = 1'b0;
    automatic logic signed [NearBits-1:0] near;
    automatic logic signed [NearBits:0] result;
    for (int unsigned k = 0; k < 6; k++) begin
      if (shift[k]) begin
        sticky |= (rest & ((ProductBits + 1)'(1) << (1 << k)) - (ProductBits + 1)'(1)) != '0;
        rest = rest >>> (1 << k);
      end
    end
    near = rest[NearBits:1];
    if (rest[ProductBits:NearBits] != {(ProductBits + 1 - NearBits) {rest[ProductBits]}}) begin
      near = {rest[ProductBits], {(NearBits - 1) {!rest[ProductBits]}}};
    end
    result = (NearBits + 1)'(near) + (NearBits + 1)'(zero);
    if (rest[0] && (sticky || rest[1])) result = result + (NearBits + 1)'(1);
    if (result < (NearBits + 1)'(low)) return low;
    if (result > (NearBits + 1)'(high)) return high;
    return result[7:0];
  endfunction

  always_ff @(posedge clk_i) begin
    if (multiply_i) begin
      product_q <= ProductBits'(sum_i) * ProductBits'(signed'({1'b0, multiplier_i}));
      shift_q   <= shift_i;
    end
    if (round_i) data_o <= wide_i ? product_q[31:0] : 32'(rounded(product_q, shift_q, zero_i, low_i, high_i));
  end
endmodule
