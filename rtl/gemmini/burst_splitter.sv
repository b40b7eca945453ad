// SPDX-License-Identifier: Apache-2.0
// The aligned burst of 16, 32 or 64 bytes that moves most of what is left from an address on; the smallest of equals.
// Combinational; all outputs are zero while not enabled.
module burst_splitter
  import gemmini_pkg::*;
(
    input logic enable_i,
    input logic [AddressBits-1:0] addr_i,
    input logic [8:0] left_i,
    output logic [6:0] size_o,       // bytes of the burst
    output logic [2:0] size_log2_o,
    output logic [6:0] shift_o,      // bytes of the burst before the useful ones
    output logic [6:0] bytes_o,      // useful bytes
    output logic [AddressBits-1:0] burst_addr_o
);
  always_comb begin
    size_o = '0;
    size_log2_o = '0;
    shift_o = '0;
    bytes_o = '0;
    if (enable_i) begin
      for (int unsigned s = 4; s <= 6; s++) begin
        automatic logic [6:0] offset = 7'(addr_i[5:0]) & 7'((1 << s) - 1);
        automatic logic [6:0] room = 7'(1 << s) - offset;
        automatic logic [6:0] useful = left_i < 9'(room) ? 7'(left_i) : room;
        if (useful > bytes_o) begin
          bytes_o = useful;
          shift_o = offset;
          size_o = 7'(1 << s);
          size_log2_o = 3'(s);
        end
      end
    end
  end
  assign burst_addr_o = {addr_i[AddressBits-1:6], addr_i[5:0] & ~6'(size_o - 7'd1)};
endmodule
