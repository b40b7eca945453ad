// SPDX-License-Identifier: Apache-2.0
// Hands data on Cycles cycles later; 0 cycles are a wire. Reset = 0 where what stands in it after a reset does not matter:
// a register without reset is smaller.
module delay_line #(
    parameter int unsigned Bits = 8,
    parameter int unsigned Cycles = 1,
    parameter bit Reset = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic [Bits-1:0] data_i,
    output logic [Bits-1:0] data_o
);
  if (Cycles == 0) begin : gen_wire
    assign data_o = data_i;
  end else begin : gen_registers
    logic [Cycles-1:0][Bits-1:0] data_q, data_d;
    always_comb begin
      data_d[0] = data_i;
      for (int unsigned c = 1; c < Cycles; c++) data_d[c] = data_q[c-1];
    end
    if (Reset) begin : gen_reset
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) data_q <= '0;
        else data_q <= data_d;
      end
    end else begin : gen_plain
      always_ff @(posedge clk_i) data_q <= data_d;
    end
    assign data_o = data_q[Cycles-1];
  end

  logic unused_reset;
  assign unused_reset = rst_ni;
endmodule
