// SPDX-License-Identifier: Apache-2.0
// Operations of one class in the reservation station: they issue in order and complete in any order.
// An operation can issue the cycle after it entered and all that it waits for is complete. Its entry is free from the
// cycle after it completed. alloc_i is only allowed while full_o is low.
`include "assertions.svh"
module issue_queue
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign,
    parameter int unsigned Class = 0,
    localparam int unsigned AllEntries = entries(Design),
    localparam int unsigned Entries = class_entries(Design, Class),
    localparam int unsigned First = first_entry(Design, Class)
) (
    input logic clk_i,
    input logic rst_ni,
    input logic alloc_i,
    input uop_t uop_i,
    // What the operation waits for that entered in the cycle before.
    input logic [AllEntries-1:0] waits_i,
    // Of the operation that enters.
    output entry_t entry_o,
    output logic full_o,
    input completion_t done_i,
    output logic valid_o,
    input logic ready_i,
    output operation_t operation_o,
    output logic [Entries-1:0] held_o
);
  localparam int unsigned IndexBits = index_bits(Entries);
  localparam int unsigned CountBits = $clog2(Entries + 1);
  typedef logic [IndexBits-1:0] index_t;

  logic [Entries-1:0] held_q;
  logic [AllEntries-1:0] waits_q[Entries];
  uop_t uops_q[Entries];
  index_t order_q[Entries];  // entries of what is not issued, in order
  index_t head_q, tail_q, free, head, done, new_q;
  logic new_valid_q;
  logic [AllEntries-1:0] head_waits, done_mask;
  logic [CountBits-1:0] left_q;
  logic issue, done_here;
  entry_t done_offset;

  function automatic index_t after(index_t index);
    return index == index_t'(Entries - 1) ? '0 : index + 1'b1;
  endfunction

  always_comb begin
    free = '0;
    if (alloc_i) begin
      for (int unsigned e = 0; e < Entries; e++) begin
        if (!held_q[Entries-1-e]) free = index_t'(Entries - 1 - e);
      end
    end
  end

  assign head = order_q[head_q];
  assign done_offset = done_i.entry - entry_t'(First);
  assign done_here = done_i.valid && done_offset < entry_t'(Entries);
  assign done = index_t'(done_offset);
  assign entry_o = entry_t'(First) + entry_t'(free);
  assign full_o = &held_q;
  assign held_o = held_q;
  assign head_waits = new_valid_q && new_q == head ? waits_i : waits_q[head];
  assign valid_o = left_q != '0 && head_waits == '0;
  assign operation_o = '{entry: entry_t'(First) + entry_t'(head), uop: uops_q[head]};
  assign issue = valid_o && ready_i;
  assign done_mask = done_i.valid ? AllEntries'(1) << done_i.entry : '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      held_q <= '0;
      head_q <= '0;
      tail_q <= '0;
      left_q <= '0;
      new_valid_q <= 1'b0;
    end else begin
      new_valid_q <= alloc_i;
      if (alloc_i) begin
        held_q[free] <= 1'b1;
        tail_q <= after(tail_q);
      end
      if (done_here) held_q[done] <= 1'b0;
      if (issue) head_q <= after(head_q);
      if (alloc_i != issue) left_q <= alloc_i ? left_q + 1'b1 : left_q - 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (done_i.valid) begin
      for (int unsigned e = 0; e < Entries; e++) waits_q[e] <= waits_q[e] & ~done_mask;
    end
    if (new_valid_q) waits_q[new_q] <= waits_i & ~done_mask;
    if (alloc_i) begin
      new_q <= free;
      uops_q[free] <= uop_i;
      order_q[tail_q] <= free;
    end
  end

`ifndef SYNTHESIS
  function automatic logic is_unissued(index_t entry);
    automatic index_t position = head_q;
    automatic logic found = 1'b0;
    for (int unsigned p = 0; p < 32'(left_q); p++) begin
      if (order_q[position] == entry) found = 1'b1;
      position = after(position);
    end
    return found;
  endfunction

  // What each operation here waits for, with a separator before each.
  function automatic string report();
    // No constants: loops that run once at most are not worth unrolling.
    automatic int unsigned count = held_q == '0 ? 0 : Entries;
    automatic int unsigned others = held_q == '0 ? 0 : AllEntries;
    automatic string text = "";
    for (int unsigned e = 0; e < count; e++) begin
      automatic logic unissued = is_unissued(index_t'(e));
      if (!held_q[e]) continue;
      text = {text, "; ", entry_name(Design, First + e)};
      if (!unissued) text = {text, " is issued"};
      else if (waits_q[e] == '0) text = {text, " may issue"};
      for (int unsigned o = 0; o < others; o++) begin
        if (unissued && waits_q[e][o]) text = {text, " waits for ", entry_name(Design, o)};
      end
    end
    return text;
  endfunction
`endif

  `ASSERT_IF(assert_room, alloc_i, !full_o, ("issue_queue: entry %0d is overwritten", entry_o))
  `ASSERT_IF(assert_done, done_here, held_q[done], ("issue_queue: entry %0d completes and is free", done_i.entry))
  `ASSERT_IF(assert_issued, done_here, !is_unissued(done),
      ("issue_queue: entry %0d completes before it was issued", done_i.entry))
endmodule
