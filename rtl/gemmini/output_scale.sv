// SPDX-License-Identifier: Apache-2.0
// Rounds DIM int32 sums to int8: arithmetic shift right with round half to even, optional ReLU, saturation.
// wide_i passes the sums as they are. Combinational; int8 results fill the low DIM bytes.
module output_scale #(
    parameter int unsigned Dim = 16
) (
    input logic [4:0] shift_i,
    input logic relu_i,
    input logic wide_i,
    input logic [32*Dim-1:0] sums_i,
    output logic [32*Dim-1:0] data_o
);
  function automatic logic [7:0] scale(logic signed [31:0] sum, logic [4:0] shift, logic relu);
    automatic logic signed [32:0] rounded;
    automatic logic half, sticky, odd;
    rounded = 33'(sum >>> shift);
    half = shift != '0 && sum[shift-5'd1];
    sticky = shift > 5'd1 && (sum & ((32'sd1 << (shift - 5'd1)) - 32'sd1)) != '0;
    odd = rounded[0];
    if (half && (sticky || odd)) rounded = rounded + 33'sd1;
    if (relu && rounded < 33'sd0) rounded = '0;
    if (rounded > 33'sd127) return 8'h7f;
    if (rounded < -33'sd128) return 8'h80;
    return rounded[7:0];
  endfunction

  always_comb begin
    data_o = '0;
    if (wide_i) data_o = sums_i;
    else begin
      for (int unsigned i = 0; i < Dim; i++) data_o[8*i+:8] = scale(sums_i[32*i+:32], shift_i, relu_i);
    end
  end
endmodule
