// Reservation station: in-order issue in each class, out of order between classes.
// A micro-operation waits for every older one of another class whose local rows overlap in a way that matters;
// the set is found once, when it enters, and shrinks as operations complete.
// One entry a cycle in, one issue a cycle and class, one completion a cycle. An operation can issue the cycle
// after it entered. alloc_valid_i is only allowed while its class is not full.
module reservation_station
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16
) (
    input logic clk_i,
    input logic rst_ni,
    input logic alloc_valid_i,
    input uop_t alloc_i,
    output logic load_full_o,
    output logic execute_full_o,
    output logic store_full_o,
    // Issue ports; the entry names the operation when it completes.
    output logic load_valid_o,
    input logic load_ready_i,
    output uop_t load_o,
    output entry_t load_entry_o,
    output logic execute_valid_o,
    input logic execute_ready_i,
    output uop_t execute_o,
    output entry_t execute_entry_o,
    output logic store_valid_o,
    input logic store_ready_i,
    output uop_t store_o,
    output entry_t store_entry_o,
    // Completion.
    input logic done_valid_i,
    input entry_t done_entry_i,
    output logic loads_busy_o,
    output logic executes_busy_o,
    output logic stores_busy_o,
    // No operation enters, issues or completes.
    output logic quiet_o
);
  localparam int unsigned DimLog2 = $clog2(Dim);
  localparam int unsigned FirstExecute = LoadEntries;
  localparam int unsigned FirstStore = LoadEntries + ExecuteEntries;
  localparam logic [Entries-1:0] LoadMask = Entries'((1 << LoadEntries) - 1);
  localparam logic [Entries-1:0] StoreMask = Entries'(((1 << StoreEntries) - 1) << FirstStore);
  localparam logic [Entries-1:0] ExecuteMask = ~(LoadMask | StoreMask);

  // A local address range; the accumulator lies above all scratchpad rows. Empty: low = high = 0.
  localparam int unsigned RangeBits = RowBits + 2;
  typedef logic [RangeBits-1:0] bound_t;

  logic [Entries-1:0] valid_q, unissued_q;
  logic [Entries-1:0] waits_q[Entries];
  bound_t source_low_q[Entries], source_high_q[Entries];
  bound_t result_low_q[Entries], result_high_q[Entries];
  uop_t load_q[LoadEntries], execute_q[ExecuteEntries], store_q[StoreEntries];
  logic [2:0] load_order_q[LoadEntries];
  logic [3:0] execute_order_q[ExecuteEntries];
  logic [1:0] store_order_q[StoreEntries];
  logic [2:0] load_head_q, load_tail_q;
  logic [3:0] execute_head_q, execute_tail_q;
  logic [1:0] store_head_q, store_tail_q;

  logic [2:0] load_index;
  logic [3:0] execute_index;
  logic [1:0] store_index;
  entry_t load_entry, execute_entry, store_entry;

  function automatic logic overlap(bound_t low_a, bound_t high_a, bound_t low_b, bound_t high_b);
    return low_a < high_b && low_b < high_a;
  endfunction

  function automatic bound_t low_bound(local_t address);
    return address.garbage ? '0 : {1'b0, address.acc, address.row};
  endfunction

  function automatic bound_t high_bound(local_t address, row_t span);
    return address.garbage ? '0 : {1'b0, address.acc, address.row} + bound_t'(span);
  endfunction

  // Rows from the first to the last of adjacent DIM-column blocks.
  function automatic row_t block_span(uop_t uop);
    return ((row_t'(uop.cols) - row_t'(1)) >> DimLog2) * uop.block_stride + row_t'(uop.rows);
  endfunction

  function automatic entry_t first_free(logic [Entries-1:0] valid, int unsigned first, int unsigned count);
    for (int unsigned i = 0; i < count; i++) begin
      if (!valid[first+i]) return entry_t'(first + i);
    end
    return '0;
  endfunction

  assign load_full_o = (valid_q & LoadMask) == LoadMask;
  assign execute_full_o = (valid_q & ExecuteMask) == ExecuteMask;
  assign store_full_o = (valid_q & StoreMask) == StoreMask;
  assign loads_busy_o = (valid_q & LoadMask) != '0;
  assign executes_busy_o = (valid_q & ExecuteMask) != '0;
  assign stores_busy_o = (valid_q & StoreMask) != '0;

  // Issue: the oldest unissued operation of each class.
  assign load_index = load_order_q[load_head_q];
  assign execute_index = execute_order_q[execute_head_q];
  assign store_index = store_order_q[store_head_q];
  assign load_entry = entry_t'(load_index);
  assign execute_entry = entry_t'(FirstExecute) + entry_t'(execute_index);
  assign store_entry = entry_t'(FirstStore) + entry_t'(store_index);
  assign load_valid_o = (unissued_q & LoadMask) != '0 && waits_q[load_entry] == '0;
  assign execute_valid_o = (unissued_q & ExecuteMask) != '0 && waits_q[execute_entry] == '0;
  assign store_valid_o = (unissued_q & StoreMask) != '0 && waits_q[store_entry] == '0;
  assign load_o = load_q[load_index];
  assign execute_o = execute_q[execute_index];
  assign store_o = store_q[store_index];
  assign load_entry_o = load_entry;
  assign execute_entry_o = execute_entry;
  assign store_entry_o = store_entry;

  assign quiet_o = !alloc_valid_i && !done_valid_i && !(load_valid_o && load_ready_i) &&
      !(execute_valid_o && execute_ready_i) && !(store_valid_o && store_ready_i);

  // Entry of a new operation, its ranges, and what it waits for.
  entry_t alloc_entry;
  bound_t source_low, source_high, result_low, result_high;
  logic [Entries-1:0] waits, still_valid;

  always_comb begin
    alloc_entry = '0;
    source_low = '0;
    source_high = '0;
    result_low = '0;
    result_high = '0;
    waits = '0;
    still_valid = valid_q;
    if (done_valid_i) still_valid[done_entry_i] = 1'b0;
    if (alloc_valid_i) begin
      unique case (alloc_i.op)
        OpLoad: begin
          alloc_entry = first_free(valid_q, 0, LoadEntries);
          result_low = low_bound(alloc_i.operand);
          result_high = high_bound(alloc_i.operand, block_span(alloc_i));
          for (int unsigned e = FirstExecute; e < FirstStore; e++) begin
            waits[e] = overlap(result_low, result_high, source_low_q[e], source_high_q[e]) ||
                overlap(result_low, result_high, result_low_q[e], result_high_q[e]);
          end
          for (int unsigned e = FirstStore; e < Entries; e++) begin
            waits[e] = alloc_i.refill || overlap(result_low, result_high, source_low_q[e], source_high_q[e]);
          end
        end
        OpPreload: begin
          alloc_entry = first_free(valid_q, FirstExecute, ExecuteEntries);
          source_low = low_bound(alloc_i.operand);
          source_high = high_bound(alloc_i.operand, row_t'(alloc_i.rows));
          result_low = low_bound(alloc_i.result);
          result_high = high_bound(alloc_i.result, row_t'(alloc_i.result_rows));
          for (int unsigned e = 0; e < LoadEntries; e++) begin
            waits[e] = overlap(source_low, source_high, result_low_q[e], result_high_q[e]) ||
                overlap(result_low, result_high, result_low_q[e], result_high_q[e]);
          end
          for (int unsigned e = FirstStore; e < Entries; e++) begin
            waits[e] = overlap(result_low, result_high, source_low_q[e], source_high_q[e]);
          end
        end
        OpCompute: begin
          alloc_entry = first_free(valid_q, FirstExecute, ExecuteEntries);
          source_low = low_bound(alloc_i.operand);
          source_high = high_bound(alloc_i.operand, row_t'(alloc_i.rows) * row_t'(alloc_i.stride[7:0]));
          for (int unsigned e = 0; e < LoadEntries; e++) begin
            waits[e] = overlap(source_low, source_high, result_low_q[e], result_high_q[e]);
          end
        end
        OpStore: begin
          alloc_entry = first_free(valid_q, FirstStore, StoreEntries);
          source_low = low_bound(alloc_i.operand);
          source_high = high_bound(alloc_i.operand, block_span(alloc_i));
          for (int unsigned e = 0; e < FirstStore; e++) begin
            waits[e] = overlap(source_low, source_high, result_low_q[e], result_high_q[e]);
          end
        end
      endcase
      waits = waits & still_valid;
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
      unissued_q <= '0;
      load_head_q <= '0;
      load_tail_q <= '0;
      execute_head_q <= '0;
      execute_tail_q <= '0;
      store_head_q <= '0;
      store_tail_q <= '0;
    end else begin
      if (alloc_valid_i) begin
        valid_q[alloc_entry] <= 1'b1;
        unissued_q[alloc_entry] <= 1'b1;
        if (alloc_i.op == OpLoad) load_tail_q <= load_tail_q + 1'b1;
        else if (alloc_i.op == OpStore) store_tail_q <= store_tail_q + 1'b1;
        else execute_tail_q <= execute_tail_q + 1'b1;
      end
      if (done_valid_i) valid_q[done_entry_i] <= 1'b0;
      if (load_valid_o && load_ready_i) begin
        unissued_q[load_entry] <= 1'b0;
        load_head_q <= load_head_q + 1'b1;
      end
      if (execute_valid_o && execute_ready_i) begin
        unissued_q[execute_entry] <= 1'b0;
        execute_head_q <= execute_head_q + 1'b1;
      end
      if (store_valid_o && store_ready_i) begin
        unissued_q[store_entry] <= 1'b0;
        store_head_q <= store_head_q + 1'b1;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (done_valid_i) begin
      for (int unsigned e = 0; e < Entries; e++) waits_q[e][done_entry_i] <= 1'b0;
    end
    if (alloc_valid_i) begin
      waits_q[alloc_entry] <= waits;
      source_low_q[alloc_entry] <= source_low;
      source_high_q[alloc_entry] <= source_high;
      result_low_q[alloc_entry] <= result_low;
      result_high_q[alloc_entry] <= result_high;
      if (alloc_i.op == OpLoad) begin
        load_q[alloc_entry[2:0]] <= alloc_i;
        load_order_q[load_tail_q] <= alloc_entry[2:0];
      end else if (alloc_i.op == OpStore) begin
        store_q[alloc_entry[1:0]] <= alloc_i;
        store_order_q[store_tail_q] <= alloc_entry[1:0];
      end else begin
        execute_q[4'(alloc_entry-entry_t'(FirstExecute))] <= alloc_i;
        execute_order_q[execute_tail_q] <= 4'(alloc_entry - entry_t'(FirstExecute));
      end
    end
  end

  assert_done :
  assert property (@(posedge clk_i) disable iff (!rst_ni) done_valid_i |-> valid_q[done_entry_i])
  else $error("reservation_station: an entry that is not valid completes");
  assert_done_issued :
  assert property (@(posedge clk_i) disable iff (!rst_ni) done_valid_i |-> !unissued_q[done_entry_i])
  else $error("reservation_station: an entry completes before it was issued");
  assert_room :
  assert property (@(posedge clk_i) disable iff (!rst_ni) alloc_valid_i |-> !valid_q[alloc_entry])
  else $error("reservation_station: an entry is overwritten");
endmodule
