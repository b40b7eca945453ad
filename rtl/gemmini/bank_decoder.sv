// SPDX-License-Identifier: Apache-2.0
// Which bank a row of a local memory lies in, and where: rows are linear over the banks. Combinational.
module bank_decoder
  import gemmini_pkg::*;
#(
    parameter int unsigned Banks = 4,
    parameter int unsigned BankRows = 256,
    localparam int unsigned BankBits = index_bits(Banks),
    localparam int unsigned IndexBits = index_bits(BankRows)
) (
    input row_t row_i,
    output logic [BankBits-1:0] bank_o,
    output logic [IndexBits-1:0] index_o
);
  // The last bank that begins at or before the row.
  logic [BankBits-1:0] bank[Banks];
  row_t first[Banks];

  assign bank[0] = '0;
  assign first[0] = '0;
  for (genvar b = 1; b < Banks; b++) begin : gen_banks
    localparam row_t First = row_t'(b * BankRows);
    assign bank[b] = row_i >= First ? BankBits'(b) : bank[b-1];
    assign first[b] = row_i >= First ? First : first[b-1];
  end
  assign bank_o = bank[Banks-1];
  assign index_o = IndexBits'(row_i - first[Banks-1]);
endmodule
