// One completion a cycle for the reservation station: array results first, then computes, stores, loads.
// Results, computes and stores are noted when they occur, so their sources never wait; loads wait with load_ready_o.
module completion_arbiter
  import gemmini_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic result_valid_i,
    input entry_t result_entry_i,
    input logic compute_valid_i,
    input entry_t compute_entry_i,
    input logic store_valid_i,
    input entry_t store_entry_i,
    input logic load_valid_i,
    output logic load_ready_o,
    input entry_t load_entry_i,
    output logic done_valid_o,
    output entry_t done_entry_o
);
  logic [Entries-1:0] pending_q;
  entry_t first;

  always_comb begin
    first = '0;
    if (pending_q != '0) begin
      for (int unsigned e = 0; e < Entries; e++) begin
        if (pending_q[Entries-1-e]) first = entry_t'(Entries - 1 - e);
      end
    end
  end

  assign load_ready_o = pending_q == '0;
  assign done_valid_o = pending_q != '0 || load_valid_i;
  assign done_entry_o = pending_q != '0 ? first : load_entry_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      pending_q <= '0;
    end else begin
      if (pending_q != '0) pending_q[first] <= 1'b0;
      if (result_valid_i) pending_q[result_entry_i] <= 1'b1;
      if (compute_valid_i) pending_q[compute_entry_i] <= 1'b1;
      if (store_valid_i) pending_q[store_entry_i] <= 1'b1;
    end
  end

  assert_pending :
  assert property (@(posedge clk_i) disable iff (!rst_ni) result_valid_i |-> !pending_q[result_entry_i])
  else $error("completion_arbiter: a result completes twice");
endmodule
