// Scratchpad: four single-ported banks of rows of DIM bytes.
// One write and two reads a cycle; a read of the bank that is written, or of one bank by both readers, must wait:
// a write wins over reads, input rows over weight rows. grant outputs are combinational. Data of a read arrives the
// cycle after read_i.
module scratchpad
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter int unsigned Rows = 16384,
    parameter bit Datapath = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic write_valid_i,
    input row_t write_row_i,
    input logic [Dim-1:0] write_mask_i,
    input logic [8*Dim-1:0] write_data_i,
    // Port requests of this cycle, and whether the bank is free for them.
    input logic input_want_i,
    input row_t input_row_i,
    output logic input_free_o,
    input logic weight_want_i,
    input row_t weight_row_i,
    output logic weight_free_o,
    // Both rows are handed over when the pair is complete.
    input logic read_i,
    output logic [8*Dim-1:0] input_data_o,
    output logic [8*Dim-1:0] weight_data_o
);
  localparam int unsigned BankRows = Rows / ScratchpadBanks;

  function automatic logic [1:0] bank(row_t row);
    return {row >= row_t'(2 * BankRows), row >= row_t'(3 * BankRows) || (row >= row_t'(BankRows) &&
        row < row_t'(2 * BankRows))};
  endfunction

  logic [1:0] write_bank, input_bank, weight_bank;
  assign write_bank = bank(write_row_i);
  assign input_bank = bank(input_row_i);
  assign weight_bank = bank(weight_row_i);
  assign input_free_o = !(write_valid_i && write_bank == input_bank);
  assign weight_free_o = !(write_valid_i && write_bank == weight_bank) &&
      !(input_want_i && input_free_o && input_bank == weight_bank);

  if (Datapath) begin : gen_data
    localparam int unsigned IndexBits = $clog2(Rows);
    logic [8*Dim-1:0] rows_q[Rows];
    logic [8*Dim-1:0] write_bits;

    always_comb begin
      write_bits = '0;
      if (write_valid_i) begin
        for (int unsigned i = 0; i < Dim; i++) write_bits[8*i+:8] = {8{write_mask_i[i]}};
      end
    end

    always_ff @(posedge clk_i) begin
      if (write_valid_i) begin
        rows_q[IndexBits'(write_row_i)] <= (rows_q[IndexBits'(write_row_i)] & ~write_bits) |
            (write_data_i & write_bits);
      end
      if (read_i) begin
        input_data_o <= rows_q[IndexBits'(input_row_i)];
        weight_data_o <= rows_q[IndexBits'(weight_row_i)];
      end
    end

    assert_write :
    assert property (@(posedge clk_i) disable iff (!rst_ni) write_valid_i |-> write_row_i < row_t'(Rows))
    else $error("scratchpad: write to row %0d of %0d", write_row_i, Rows);
    assert_input :
    assert property (@(posedge clk_i) disable iff (!rst_ni) input_want_i |-> input_row_i < row_t'(Rows))
    else $error("scratchpad: input row %0d of %0d", input_row_i, Rows);
    assert_weight :
    assert property (@(posedge clk_i) disable iff (!rst_ni) weight_want_i |-> weight_row_i < row_t'(Rows))
    else $error("scratchpad: weight row %0d of %0d", weight_row_i, Rows);
  end else begin : gen_timing
    assign input_data_o = '0;
    assign weight_data_o = '0;
  end

  if (Rows % ScratchpadBanks != 0 || Rows == 0) begin : gen_illegal
    $error("scratchpad: Rows must be a multiple of %0d", ScratchpadBanks);
  end
endmodule
