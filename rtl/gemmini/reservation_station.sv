// SPDX-License-Identifier: Apache-2.0
// Reservation station: in-order issue in each class, out of order between classes.
// A micro-operation waits for every older one of another class whose local rows overlap in a way that matters. A load
// that adds also waits for older loads of its rows, with Design.ordered_stores a store for every older store. The set
// is found once, in the cycle after an operation entered (so what makes operations and what compares them are no one
// path), and shrinks as operations complete.
// One entry a cycle in, one issue a cycle and class, one completion a cycle. An operation can issue the cycle after it
// entered. alloc_valid_i is only allowed while its class is not full. Entries: loads, executes, stores.
`include "assertions.svh"
module reservation_station
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input logic alloc_valid_i,
    input uop_t alloc_i,
    input pool_t pool_i,
    // By class: load, execute, store.
    output logic [2:0] full_o,
    output logic [2:0] busy_o,
    output logic [2:0] valid_o,
    input logic [2:0] ready_i,
    output operation_t operations_o[3],
    input completion_t done_i,
    // No operation enters, issues or completes.
    output logic quiet_o,
    // Nothing has retired for too long: say what waits for what.
    input logic stuck_i
);
  localparam int unsigned Entries = entries(Design);
  localparam int unsigned DimLog2 = $clog2(Design.dim);
  localparam int unsigned FirstExecute = first_entry(Design, 1);
  localparam int unsigned FirstStore = first_entry(Design, 2);

  typedef logic [index_bits(Entries)-1:0] index_t;

  // A local address range; the accumulator lies above all scratchpad rows. Empty: low = high = 0.
  localparam int unsigned RangeBits = RowBits + 2;
  typedef logic [RangeBits-1:0] bound_t;
  typedef struct packed {
    bound_t low;
    bound_t high;
  } range_t;

  logic [Entries-1:0] held;
  range_t source_q[Entries], result_q[Entries];
  entry_t free[3];

  function automatic logic overlap(range_t a, range_t b);
    return a.low < b.high && b.low < a.high;
  endfunction

  function automatic range_t range_of(local_t address, row_t span);
    automatic range_t range;
    range.low  = {1'b0, address.acc, address.row};
    range.high = range.low + bound_t'(span);
    return address.garbage ? '0 : range;
  endfunction

  // Rows from the first to the last of adjacent DIM-column blocks.
  function automatic row_t block_span(uop_t uop);
    return ((row_t'(uop.cols) - row_t'(1)) >> DimLog2) * uop.block_stride + row_t'(uop.rows);
  endfunction

  // The operation that enters; in the cycle after, its entry, its ranges, what was held before and what it waits for.
  logic is_load, is_store, new_valid_q;
  uop_t new_q;
  index_t new_index_q, done_index;
  range_t source, result;
  logic [Entries-1:0] waits, still_held_q;

  assign done_index = index_t'(done_i.entry);
  assign is_load  = alloc_i.op == OpLoad;
  assign is_store = alloc_i.op == OpStore;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) new_valid_q <= 1'b0;
    else new_valid_q <= alloc_valid_i;
  end

  always_ff @(posedge clk_i) begin
    if (alloc_valid_i) begin
      new_q <= alloc_i;
      new_index_q <= index_t'(is_load ? free[0] : is_store ? free[2] : free[1]);
      still_held_q <= held;
      if (done_i.valid) still_held_q[done_index] <= 1'b0;
    end
  end

  always_comb begin
    source = '0;
    result = '0;
    waits = '0;
    if (new_valid_q) begin
      unique case (new_q.op)
        OpLoad: begin
          result = range_of(new_q.operand, block_span(new_q));
          for (int unsigned e = 0; e < FirstExecute; e++) begin
            waits[e] = new_q.operand.accumulate && overlap(result, result_q[e]);
          end
          for (int unsigned e = FirstExecute; e < FirstStore; e++) begin
            waits[e] = overlap(result, source_q[e]) || overlap(result, result_q[e]);
          end
          for (int unsigned e = FirstStore; e < Entries; e++) begin
            waits[e] = new_q.refill || overlap(result, source_q[e]);
          end
        end
        OpPreload: begin
          source = range_of(new_q.operand, row_t'(new_q.rows));
          result = range_of(new_q.result, row_t'(new_q.result_rows));
          for (int unsigned e = 0; e < FirstExecute; e++) begin
            waits[e] = overlap(source, result_q[e]) || overlap(result, result_q[e]);
          end
          for (int unsigned e = FirstStore; e < Entries; e++) waits[e] = overlap(result, source_q[e]);
        end
        OpCompute: begin
          source = range_of(new_q.operand, row_t'(new_q.rows) * row_t'(new_q.stride[7:0]));
          for (int unsigned e = 0; e < FirstExecute; e++) waits[e] = overlap(source, result_q[e]);
        end
        OpStore: begin
          source = range_of(new_q.operand, block_span(new_q) + pool_i.span);
          for (int unsigned e = 0; e < FirstStore; e++) waits[e] = overlap(source, result_q[e]);
          for (int unsigned e = FirstStore; e < Entries; e++) waits[e] = Design.ordered_stores;
        end
      endcase
      waits = waits & still_held_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (new_valid_q) begin
      source_q[new_index_q] <= source;
      result_q[new_index_q] <= result;
    end
  end

  assign quiet_o = !alloc_valid_i && !done_i.valid && (valid_o & ready_i) == '0;

  for (genvar c = 0; c < 3; c++) begin : gen_classes
    localparam int unsigned First = first_entry(Design, c);
    localparam int unsigned Count = class_entries(Design, c);
    logic mine;
    assign mine = c == 0 ? is_load : c == 1 ? !is_load && !is_store : is_store;
    assign busy_o[c] = held[First+:Count] != '0;

    issue_queue #(
        .Design(Design),
        .Class(c)
    ) u_queue (
        .clk_i,
        .rst_ni,
        .alloc_i(alloc_valid_i && mine),
        .uop_i(alloc_i),
        .waits_i(waits),
        .entry_o(free[c]),
        .full_o(full_o[c]),
        .done_i,
        .valid_o(valid_o[c]),
        .ready_i(ready_i[c]),
        .operation_o(operations_o[c]),
        .held_o(held[First+:Count])
    );
  end

`ifndef SYNTHESIS
  function automatic string report();
    automatic string text = {
      gen_classes[0].u_queue.report(), gen_classes[1].u_queue.report(), gen_classes[2].u_queue.report()
    };
    return text == "" ? "no operation is there" : text.substr(2, text.len() - 1);
  endfunction
`endif
  `ERROR_IF(stuck_i, ("nothing has retired for 100,000 cycles: %s", report()))
endmodule
