// Performance counters, cleared by reset only.
// Every busy cycle counts as one of: compute (the array is fed), load (it is not, and a load is under way), store (nor
// that, and results are), fill and drain (the rest). Words are bytes of inputs and weights, or int32 sums; channels
// that fill up a block of DIM are moved with it and count as loaded and stored, not as read or multiplied. Sums count
// when an element takes them up again, puts them down, or gives them to memory.
module event_counters
  import output_stationary_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic busy_i,
    input events_t events_i,
    output logic [11:0][63:0] counters_o
);
  localparam int unsigned Counters = 12;
  logic [Counters-1:0][63:0] counts_q, more;

  always_comb begin
    more = '0;
    if (busy_i) begin
      if (events_i.stepping) more[0] = 64'd1;
      else if (events_i.loading) more[1] = 64'd1;
      else if (events_i.storing) more[2] = 64'd1;
      else more[3] = 64'd1;
    end
    more[4] = 64'(events_i.loaded_bytes);
    more[5] = 64'(events_i.stored_bytes);
    more[6] = 64'(events_i.input_words) + 64'(events_i.weight_words);
    more[7] = 64'(events_i.loaded_bytes);
    more[8] = 64'(events_i.taken_sums) + 64'(events_i.drained_sums);
    more[9] = 64'(events_i.put_sums);
    more[10] = 64'(events_i.weight_words);
    more[11] = 64'(events_i.macs);
  end

  for (genvar i = 0; i < Counters; i++) begin : gen_counter
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) counts_q[i] <= '0;
      else counts_q[i] <= counts_q[i] + more[i];
    end
  end

  assign counters_o = counts_q;
endmodule
