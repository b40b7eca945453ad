// SPDX-License-Identifier: Apache-2.0
// One completion a cycle for the reservation station: array results, computes and stores in the order of their
// entries, then loads. The first three are noted when they occur, so their sources never wait; loads wait with
// load_ready_o.
`include "assertions.svh"
module completion_arbiter
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input completion_t result_i,
    input completion_t compute_i,
    input completion_t store_i,
    input completion_t load_i,
    output logic load_ready_o,
    output completion_t done_o
);
  localparam int unsigned Entries = entries(Design);

  typedef logic [index_bits(Entries)-1:0] index_t;

  logic [Entries-1:0] pending_q;
  index_t first;

  always_comb begin
    first = '0;
    if (pending_q != '0) begin
      for (int unsigned e = 0; e < Entries; e++) begin
        if (pending_q[Entries-1-e]) first = index_t'(Entries - 1 - e);
      end
    end
  end

  assign load_ready_o = pending_q == '0;
  always_comb begin
    done_o = load_i;
    if (pending_q != '0) done_o = '{valid: 1'b1, entry: entry_t'(first)};
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      pending_q <= '0;
    end else begin
      if (pending_q != '0) pending_q[first] <= 1'b0;
      if (result_i.valid) pending_q[index_t'(result_i.entry)] <= 1'b1;
      if (compute_i.valid) pending_q[index_t'(compute_i.entry)] <= 1'b1;
      if (store_i.valid) pending_q[index_t'(store_i.entry)] <= 1'b1;
    end
  end

  `ASSERT_IF(assert_pending, result_i.valid, !pending_q[index_t'(result_i.entry)],
      ("completion_arbiter: entry %0d completes twice", result_i.entry))
endmodule
