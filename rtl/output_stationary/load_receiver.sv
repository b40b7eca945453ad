// Writes read data to the scratchpad, in the order of the bursts.
// One scratchpad word of min(DIM, 16) bytes a cycle: a beat is taken when its last useful word is written. Halves
// alternate from tile to tile; tile_o tells that all of a tile is there.
module load_receiver
  import output_stationary_pkg::*;
#(
    parameter int unsigned Dim = 16,
    // Bytes of a word, and words of a row.
    parameter int unsigned WordBytes = 16,
    parameter int unsigned RowWords = 1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic load_valid_i,
    output logic load_ready_o,
    input load_t load_i,
    // From memory.
    input logic r_valid_i,
    output logic r_ready_o,
    input logic [BeatBits-1:0] r_data_i,
    input logic r_last_i,
    // To the scratchpad.
    output logic write_o,
    output logic write_half_o,
    output row_t write_row_o,
    output logic [RowWords-1:0] write_word_o,
    output logic [8*Dim-1:0] write_data_o,
    output logic tile_o
);
  logic half_q;
  row_t row_q;
  logic [6:0] done_q, position;  // bytes of the burst
  logic [RowWords-1:0] word_q;  // one-hot
  logic burst_ends, beat_ends;
  logic [8*WordBytes-1:0] word;

  assign position = 7'(load_i.offset) + done_q;
  assign burst_ends = done_q + 7'(WordBytes) == load_i.bytes;
  assign beat_ends = burst_ends || ((position + 7'(WordBytes)) & 7'(BeatBytes - 1)) == '0;
  assign write_o = load_valid_i && r_valid_i;
  assign r_ready_o = load_valid_i && beat_ends;
  assign load_ready_o = r_valid_i && burst_ends;
  assign tile_o = write_o && burst_ends && load_i.last;

  assign word = (8 * WordBytes)'(r_data_i >> (8 * (position & 7'(BeatBytes - 1))));
  assign write_half_o = half_q;
  assign write_row_o = row_q;
  assign write_word_o = word_q;
  assign write_data_o = {RowWords{word}};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      half_q <= 1'b0;
      row_q <= '0;
      word_q <= RowWords'(1);
      done_q <= '0;
    end else if (write_o) begin
      done_q <= burst_ends ? '0 : done_q + 7'(WordBytes);
      word_q <= word_q[RowWords-1] ? RowWords'(1) : word_q << 1;
      if (tile_o) begin
        half_q <= !half_q;
        row_q <= '0;
      end else if (word_q[RowWords-1]) begin
        row_q <= row_q + row_t'(1);
      end
    end
  end

  assert_last :
  assert property (@(posedge clk_i) disable iff (!rst_ni) r_valid_i && r_ready_o |-> r_last_i == burst_ends)
  else $error("load_receiver: the last beat of a burst is not where it should be");
  assert_expected :
  assert property (@(posedge clk_i) disable iff (!rst_ni) r_valid_i |-> load_valid_i)
  else $error("load_receiver: read data that was not asked for");
  assert_rows :
  assert property (@(posedge clk_i) disable iff (!rst_ni) tile_o |-> word_q[RowWords-1])
  else $error("load_receiver: a tile ends within a row");
endmodule
