// Performance counters, cleared by reset only.
// Every busy cycle counts as one of: compute (an array row is fed), load (none is, and a load is not complete), store
// (nor that, and a store is not complete or not acknowledged), fill and drain (everything else). Words count when
// the operation that moves them begins, bytes when their burst is sent.
module performance_counters
  import gemmini_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic busy_i,
    input logic row_i,
    input logic loading_i,
    input logic storing_i,
    input logic [31:0] skip_i,
    input logic read_burst_i,
    input logic [6:0] read_bytes_i,
    input logic write_burst_i,
    input logic [6:0] write_bytes_i,
    input logic local_write_i,
    input logic local_write_acc_i,
    input logic [8:0] local_write_bytes_i,
    input logic acc_read_i,
    input logic [6:0] acc_read_words_i,
    input logic begin_i,
    input work_t work_i,
    output logic [NumCounters-1:0][63:0] counters_o
);
  logic [63:0] compute_q, load_q, store_q, fill_drain_q, read_bytes_q, write_bytes_q;
  logic [63:0] scratchpad_reads_q, scratchpad_writes_q, acc_reads_q, acc_writes_q, weights_q, macs_q;
  logic [31:0] cycles, inputs, weights, results;

  assign cycles = 32'd1 + skip_i;

  always_comb begin
    inputs = '0;
    weights = '0;
    results = '0;
    if (begin_i) begin
      inputs = 32'(work_i.compute_rows) * 32'(work_i.reduction);
      weights = 32'(work_i.weight_rows) * 32'(work_i.weight_columns);
      results = 32'(work_i.compute_rows) * 32'(work_i.columns);
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
      if (busy_i) begin
        if (row_i) compute_q <= compute_q + 64'(cycles);
        else if (loading_i) load_q <= load_q + 64'(cycles);
        else if (storing_i) store_q <= store_q + 64'(cycles);
        else fill_drain_q <= fill_drain_q + 64'(cycles);
      end
      if (read_burst_i) read_bytes_q <= read_bytes_q + 64'(read_bytes_i);
      if (write_burst_i) write_bytes_q <= write_bytes_q + 64'(write_bytes_i);
      if (local_write_i && !local_write_acc_i) begin
        scratchpad_writes_q <= scratchpad_writes_q + 64'(local_write_bytes_i);
      end
      if (begin_i) begin
        scratchpad_reads_q <= scratchpad_reads_q + 64'(inputs) + 64'(weights);
        weights_q <= weights_q + 64'(weights);
        macs_q <= macs_q + 64'(inputs) * 64'(work_i.columns);
      end
      if (begin_i || acc_read_i) begin
        acc_reads_q <= acc_reads_q + (acc_read_i ? 64'(acc_read_words_i) : '0) +
            (work_i.accumulate ? 64'(results) : '0);
      end
      if (begin_i || (local_write_i && local_write_acc_i)) begin
        acc_writes_q <= acc_writes_q + 64'(results) +
            (local_write_i && local_write_acc_i ? 64'(local_write_bytes_i >> 2) : '0);
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
