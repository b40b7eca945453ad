// Accumulator: two banks of rows of DIM int32 words, one read and one write port a bank.
// Array results add in three steps (read, add, write) and use both ports of their bank: a store that reads it waits.
// Writes of the DMA wait while an array result enters the same bank. Store data arrives the cycle after its read.
module accumulator
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter int unsigned Rows = 1024,
    parameter bit Datapath = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    // Array results, never stalled.
    input logic result_valid_i,
    input row_t result_row_i,
    input logic result_accumulate_i,
    input logic [32*Dim-1:0] result_data_i,
    // DMA.
    input logic write_valid_i,
    output logic write_ready_o,
    input row_t write_row_i,
    input logic [4*Dim-1:0] write_mask_i,
    input logic [32*Dim-1:0] write_data_i,
    // Stores.
    input logic read_valid_i,
    output logic read_ready_o,
    input row_t read_row_i,
    output logic [32*Dim-1:0] read_data_o
);
  localparam int unsigned BankRows = Rows / AccumulatorBanks;

  logic result_bank;
  assign result_bank = result_row_i >= row_t'(BankRows);
  assign write_ready_o = !(result_valid_i && result_bank == (write_row_i >= row_t'(BankRows)));
  assign read_ready_o = !(result_valid_i && result_accumulate_i &&
      result_bank == (read_row_i >= row_t'(BankRows)));

  if (Datapath) begin : gen_data
    localparam int unsigned IndexBits = $clog2(Rows);
    logic [32*Dim-1:0] rows_q[Rows];
    logic [1:0] valid_q, accumulate_q;
    row_t row_q[2];
    logic [32*Dim-1:0] data_q, old_q, sum_q;
    logic write_valid_q;
    row_t write_row_q;
    logic [32*Dim-1:0] write_bits, write_bits_q, write_data_q;

    always_comb begin
      write_bits = '0;
      if (write_valid_i) begin
        for (int unsigned i = 0; i < 4 * Dim; i++) write_bits[8*i+:8] = {8{write_mask_i[i]}};
      end
    end

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        valid_q <= '0;
        write_valid_q <= 1'b0;
      end else begin
        valid_q <= {valid_q[0], result_valid_i};
        write_valid_q <= write_valid_i && write_ready_o;
      end
    end

    always_ff @(posedge clk_i) begin
      if (result_valid_i) begin
        row_q[0] <= result_row_i;
        accumulate_q[0] <= result_accumulate_i;
        data_q <= result_data_i;
        old_q <= rows_q[IndexBits'(result_row_i)];
      end
      if (valid_q[0]) begin
        row_q[1] <= row_q[0];
        if (accumulate_q[0]) begin
          for (int unsigned i = 0; i < Dim; i++) sum_q[32*i+:32] <= old_q[32*i+:32] + data_q[32*i+:32];
        end else begin
          sum_q <= data_q;
        end
      end
      if (valid_q[1]) rows_q[IndexBits'(row_q[1])] <= sum_q;
      if (write_valid_i) begin
        write_row_q <= write_row_i;
        write_data_q <= write_data_i;
        write_bits_q <= write_bits;
      end
      if (write_valid_q) begin
        rows_q[IndexBits'(write_row_q)] <= (rows_q[IndexBits'(write_row_q)] & ~write_bits_q) |
            (write_data_q & write_bits_q);
      end
      if (read_valid_i && read_ready_o) read_data_o <= rows_q[IndexBits'(read_row_i)];
    end

    assert_result_range :
    assert property (@(posedge clk_i) disable iff (!rst_ni) result_valid_i |-> result_row_i < row_t'(Rows))
    else $error("accumulator: result row %0d of %0d", result_row_i, Rows);
    assert_write_range :
    assert property (@(posedge clk_i) disable iff (!rst_ni) write_valid_i |-> write_row_i < row_t'(Rows))
    else $error("accumulator: write row %0d of %0d", write_row_i, Rows);
    assert_read_range :
    assert property (@(posedge clk_i) disable iff (!rst_ni) read_valid_i |-> read_row_i < row_t'(Rows))
    else $error("accumulator: read row %0d of %0d", read_row_i, Rows);
    assert_distance :
    assert property (@(posedge clk_i) disable iff (!rst_ni)
        result_valid_i && result_accumulate_i |->
        !(valid_q[0] && row_q[0] == result_row_i) && !(valid_q[1] && row_q[1] == result_row_i))
    else $error("accumulator: a row is read before its last result was written");
    assert_settled :
    assert property (@(posedge clk_i) disable iff (!rst_ni)
        read_valid_i && read_ready_o |->
        !(valid_q[0] && row_q[0] == read_row_i) && !(valid_q[1] && row_q[1] == read_row_i))
    else $error("accumulator: a store reads a row before its last result was written");
  end else begin : gen_timing
    assign read_data_o = '0;
  end

  if (Rows % AccumulatorBanks != 0 || Rows == 0) begin : gen_illegal
    $error("accumulator: Rows must be a multiple of %0d", AccumulatorBanks);
  end
endmodule
