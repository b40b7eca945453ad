// SPDX-License-Identifier: Apache-2.0
// Performance counters, cleared by reset only.
// Every busy cycle counts as one of: compute (an array row is fed), load (none is, and a load is not complete), store
// (nor that, and a store is not complete or not acknowledged), fill and drain (everything else). Words count when
// the operation that moves them begins, bytes when their burst is sent.
// Everything is registered before it counts, a cycle after it happened; products of a slot's sizes take one more.
module performance_counters
  import gemmini_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic busy_i,
    input logic loading_i,
    input logic storing_i,
    // Further cycles that pass in this one.
    input logic [31:0] skip_i,
    input load_events_t loads_i,
    input execute_events_t executes_i,
    input store_events_t stores_i,
    output logic [NumCounters-1:0][63:0] counters_o
);
  logic [63:0] compute_q, load_q, store_q, fill_drain_q, read_bytes_q, write_bytes_q;
  logic [63:0] scratchpad_reads_q, scratchpad_writes_q, acc_reads_q, acc_writes_q, weights_q, macs_q;

  logic busy_q, feeding_q, loading_q, storing_q;
  logic [32:0] cycles_q;
  logic read_q, write_q, begins_q, sent_q, stored_q;
  logic [6:0] read_size_q, sent_size_q, stored_words_q;
  logic written_acc_q, adds_q;
  logic [8:0] written_bytes_q;
  work_t work_q;

  // Products of a slot.
  typedef struct packed {
    logic [13:0] inputs;
    logic [13:0] weights;
    logic [13:0] results;
    logic [6:0] columns;
    logic accumulate;
  } products_t;
  logic products_valid_q;
  products_t products_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      read_q <= 1'b0;
      write_q <= 1'b0;
      begins_q <= 1'b0;
      sent_q <= 1'b0;
      stored_q <= 1'b0;
      products_valid_q <= 1'b0;
    end else begin
      busy_q <= busy_i;
      read_q <= loads_i.burst;
      write_q <= loads_i.write;
      begins_q <= executes_i.begins;
      sent_q <= stores_i.burst;
      stored_q <= stores_i.read;
      products_valid_q <= begins_q;
    end
  end

  always_ff @(posedge clk_i) begin
    cycles_q <= 33'd1 + 33'(skip_i);
    feeding_q <= executes_i.row;
    loading_q <= loading_i;
    storing_q <= storing_i;
    if (loads_i.burst) read_size_q <= loads_i.burst_bytes;
    if (loads_i.write) begin
      written_acc_q <= loads_i.written.acc;
      written_bytes_q <= loads_i.written.bytes;
      adds_q <= loads_i.adds;
    end
    if (stores_i.burst) sent_size_q <= stores_i.burst_bytes;
    if (stores_i.read) stored_words_q <= stores_i.read_words;
    if (executes_i.begins) work_q <= executes_i.work;
    if (begins_q) begin
      products_q <= '{
          inputs: 14'(work_q.compute_rows) * 14'(work_q.reduction),
          weights: 14'(work_q.weight_rows) * 14'(work_q.weight_columns),
          results: 14'(work_q.compute_rows) * 14'(work_q.columns),
          columns: work_q.columns,
          accumulate: work_q.accumulate
      };
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      compute_q <= '0;
      load_q <= '0;
      store_q <= '0;
      fill_drain_q <= '0;
      read_bytes_q <= '0;
      write_bytes_q <= '0;
      scratchpad_reads_q <= '0;
      scratchpad_writes_q <= '0;
      acc_reads_q <= '0;
      acc_writes_q <= '0;
      weights_q <= '0;
      macs_q <= '0;
    end else begin
      if (busy_q) begin
        if (feeding_q) compute_q <= compute_q + 64'(cycles_q);
        else if (loading_q) load_q <= load_q + 64'(cycles_q);
        else if (storing_q) store_q <= store_q + 64'(cycles_q);
        else fill_drain_q <= fill_drain_q + 64'(cycles_q);
      end
      if (read_q) read_bytes_q <= read_bytes_q + 64'(read_size_q);
      if (sent_q) write_bytes_q <= write_bytes_q + 64'(sent_size_q);
      if (write_q && !written_acc_q) scratchpad_writes_q <= scratchpad_writes_q + 64'(written_bytes_q);
      if (products_valid_q) begin
        scratchpad_reads_q <= scratchpad_reads_q + 64'(products_q.inputs) + 64'(products_q.weights);
        weights_q <= weights_q + 64'(products_q.weights);
        macs_q <= macs_q + 64'(21'(products_q.inputs) * 21'(products_q.columns));
      end
      if (products_valid_q || stored_q || (write_q && adds_q)) begin
        acc_reads_q <= acc_reads_q + (stored_q ? 64'(stored_words_q) : '0) +
            (write_q && adds_q ? 64'(written_bytes_q >> 2) : '0) +
            (products_valid_q && products_q.accumulate ? 64'(products_q.results) : '0);
      end
      if (products_valid_q || (write_q && written_acc_q)) begin
        acc_writes_q <= acc_writes_q + (products_valid_q ? 64'(products_q.results) : '0) +
            (write_q && written_acc_q ? 64'(written_bytes_q >> 2) : '0);
      end
    end
  end

  assign counters_o[CounterCompute] = compute_q;
  assign counters_o[CounterLoad] = load_q;
  assign counters_o[CounterStore] = store_q;
  assign counters_o[CounterFillDrain] = fill_drain_q;
  assign counters_o[CounterHost] = '0;  // counted outside
  assign counters_o[CounterDramReadBytes] = read_bytes_q;
  assign counters_o[CounterDramWriteBytes] = write_bytes_q;
  assign counters_o[CounterScratchpadReadWords] = scratchpad_reads_q;
  assign counters_o[CounterScratchpadWriteWords] = scratchpad_writes_q;
  assign counters_o[CounterAccumulatorReadWords] = acc_reads_q;
  assign counters_o[CounterAccumulatorWriteWords] = acc_writes_q;
  assign counters_o[CounterWeightWriteWords] = weights_q;
  assign counters_o[CounterMacs] = macs_q;
endmodule
