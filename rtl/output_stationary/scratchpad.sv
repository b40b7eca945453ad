// Scratchpad: two halves of rows of DIM bytes, one filled while the other is read.
// Each half is a dual-port memory: a write, or an input row and a weight row. Data of a read arrives the cycle after.
module scratchpad
  import output_stationary_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter int unsigned Rows = 16384,
    parameter int unsigned RowWords = 1,
    parameter bit Datapath = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic write_i,
    input logic write_half_i,
    input row_t write_row_i,
    input logic [RowWords-1:0] write_word_i,
    input logic [8*Dim-1:0] write_data_i,
    input logic read_half_i,
    input logic input_read_i,
    input row_t input_row_i,
    output logic [8*Dim-1:0] input_o,
    input logic weight_read_i,
    input row_t weight_row_i,
    output logic [8*Dim-1:0] weight_o
);
  localparam int unsigned HalfRows = Rows / 2;

  if (Datapath) begin : gen_data
    localparam int unsigned IndexBits = $clog2(HalfRows);
    localparam int unsigned WordBits = 8 * Dim / RowWords;
    typedef logic [IndexBits-1:0] index_t;
    logic [RowWords-1:0][WordBits-1:0] halves_q[2][HalfRows];

    always_ff @(posedge clk_i) begin
      for (int unsigned w = 0; w < RowWords; w++) begin
        if (write_i && write_word_i[w]) begin
          halves_q[write_half_i][index_t'(write_row_i)][w] <= write_data_i[WordBits*w+:WordBits];
        end
      end
      if (input_read_i) input_o <= halves_q[read_half_i][index_t'(input_row_i)];
      if (weight_read_i) weight_o <= halves_q[read_half_i][index_t'(weight_row_i)];
    end
  end else begin : gen_timing
    assign input_o = '0;
    assign weight_o = '0;
  end

  assert_ports :
  assert property (@(posedge clk_i) disable iff (!rst_ni)
      write_i && (input_read_i || weight_read_i) |-> write_half_i != read_half_i)
  else $error("scratchpad: a half is read and written");
  assert_write :
  assert property (@(posedge clk_i) disable iff (!rst_ni) write_i |-> write_row_i < row_t'(HalfRows))
  else $error("scratchpad: write to row %0d of %0d", write_row_i, HalfRows);
  assert_input :
  assert property (@(posedge clk_i) disable iff (!rst_ni) input_read_i |-> input_row_i < row_t'(HalfRows))
  else $error("scratchpad: input row %0d of %0d", input_row_i, HalfRows);
  assert_weight :
  assert property (@(posedge clk_i) disable iff (!rst_ni) weight_read_i |-> weight_row_i < row_t'(HalfRows))
  else $error("scratchpad: weight row %0d of %0d", weight_row_i, HalfRows);

  if (Rows % 2 != 0 || Rows < 4) begin : gen_illegal
    $error("scratchpad: Rows = %0d is not an even number of at least 4", Rows);
  end
endmodule
