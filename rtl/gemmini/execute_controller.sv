// SPDX-License-Identifier: Apache-2.0
// Execute controller: turns preload and compute operations into slots of array rows.
// A slot feeds the rows of one compute and, at the same time, the weights of the next preload. It takes DIM rows when
// there are weights to load, else max(rows, 4). A preload alone or a compute alone takes a slot of its own.
// One row a cycle: a row waits while its scratchpad banks are busy (an input and a weight row in one bank take two
// cycles) or while the read pipe is full. A compute completes when its rows were fed; a preload when the array
// returns its last result row (u_array).
`include "assertions.svh"
module execute_controller
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    output logic ready_o,
    input operation_t operation_i,
    // Scratchpad ports.
    output logic input_want_o,
    output row_t input_row_o,
    input logic input_free_i,
    output logic weight_want_o,
    output row_t weight_row_o,
    input logic weight_free_i,
    // Rows for the array; slot_o holds with the first row of a slot.
    input logic row_ready_i,
    output feed_t row_o,
    output slot_t slot_o,
    // A compute, or a preload that writes nothing, is complete.
    output completion_t done_o,
    output execute_events_t events_o,
    // Nothing changes unless an operation arrives.
    output logic quiet_o
);
  localparam int unsigned Dim = Design.dim;

  // Queue with two visible heads.
  localparam int unsigned Depth = Design.execute_queue;
  localparam int unsigned IndexBits = index_bits(Depth);
  operation_t queue_q[Depth];
  logic [IndexBits-1:0] head_q, tail_q, second, third;
  logic [IndexBits:0] count_q;
  logic push;
  logic [1:0] pops;

  // The slot at hand.
  logic busy_q, input_done_q, weight_done_q;
  logic [6:0] row_q, slot_rows_q, input_rows_q, weight_rows_q;
  row_t input_row_q, weight_row_q;
  logic [7:0] input_stride_q;
  logic done_q;
  entry_t done_entry_q;
  // Three rows at least between two results of one accumulator row: its read, add and write take as long.
  localparam int unsigned WeightSlotRows = Dim < MinSlotRows ? MinSlotRows : Dim;

  slot_t slot_q;
  logic has_done_q;  // an operation completes with the slot's last row
  entry_t slot_entry_q;
  logic [6:0] columns_q;  // columns of the weights that the next compute uses
  logic accumulate_q;     // the next compute adds to its result rows

  logic take, take_preload, take_compute, first_is_preload, last_row, fire;
  logic input_needed, weight_needed, input_ok, weight_ok;

  function automatic logic [IndexBits-1:0] after(logic [IndexBits-1:0] index);
    return index == IndexBits'(Depth - 1) ? '0 : index + 1'b1;
  endfunction

  assign second = after(head_q);
  assign third = after(second);
  assign ready_o = count_q != (IndexBits + 1)'(Depth);
  assign push = valid_i && ready_o;

  // Which operations the next slot takes.
  always_comb begin
    take = 1'b0;
    take_preload = 1'b0;
    take_compute = 1'b0;
    first_is_preload = queue_q[head_q].uop.op == OpPreload;
    if (count_q != '0 && (!busy_q || (fire && last_row))) begin
      if (!first_is_preload) begin
        take = 1'b1;
        take_compute = 1'b1;
        take_preload = count_q > (IndexBits + 1)'(1) && queue_q[second].uop.op == OpPreload;
      end else if (count_q > (IndexBits + 1)'(1)) begin
        take = 1'b1;
        take_preload = 1'b1;
      end
    end
    pops = take ? 2'(take_preload) + 2'(take_compute) : 2'd0;
  end

  // Rows.
  assign input_needed = busy_q && row_q < input_rows_q;
  assign weight_needed = busy_q && slot_q.loads_weights && 7'(Dim - 1) - row_q < weight_rows_q;
  assign input_want_o = input_needed && !input_done_q && row_ready_i;
  assign weight_want_o = weight_needed && !weight_done_q && row_ready_i;
  assign input_row_o = input_row_q;
  assign weight_row_o = weight_row_q;
  assign input_ok = !input_needed || input_done_q || input_free_i;
  assign weight_ok = !weight_needed || weight_done_q || weight_free_i;
  assign fire = busy_q && row_ready_i && input_ok && weight_ok;
  assign last_row = row_q + 7'd1 == slot_rows_q;
  assign row_o = '{
      valid: fire,
      first: row_q == '0,
      last: last_row,
      has_input: input_needed,
      has_weight: weight_needed
  };
  assign slot_o = slot_q;
  assign done_o = '{valid: done_q, entry: done_entry_q};

  // The next slot.
  uop_t compute, preload;
  entry_t compute_entry, preload_entry;
  logic [6:0] compute_rows;
  slot_t slot;
  work_t work;

  always_comb begin
    compute = '0;
    preload = '0;
    compute_entry = '0;
    preload_entry = '0;
    slot = '0;
    compute_rows = '0;
    work = '0;
    if (take) begin
      if (take_compute) begin
        compute = queue_q[head_q].uop;
        compute_entry = queue_q[head_q].entry;
      end
      if (take_preload) begin
        preload = queue_q[take_compute ? second : head_q].uop;
        preload_entry = queue_q[take_compute ? second : head_q].entry;
      end
      compute_rows = compute.rows < 7'(MinSlotRows) ? 7'(MinSlotRows) : compute.rows;
      slot.loads_weights = take_preload && !preload.operand.garbage;
      slot.flip = take_compute && compute.flip;
      slot.has_result = take_preload && !preload.result.garbage;
      slot.result_row = preload.result.row;
      slot.result_rows = preload.result_rows;
      slot.accumulate = preload.result.accumulate;
      slot.entry = preload_entry;
      work.compute_rows = compute.rows;
      work.reduction = compute.cols;
      work.columns = columns_q;
      work.weight_rows = slot.loads_weights ? preload.rows : '0;
      work.weight_columns = preload.cols;
      work.accumulate = accumulate_q;
    end
  end
  assign events_o = '{row: fire, begins: take, work: work};
  assign quiet_o = !busy_q && !take && !done_q && !valid_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      head_q <= '0;
      tail_q <= '0;
      count_q <= '0;
      busy_q <= 1'b0;
      done_q <= 1'b0;
    end else begin
      if (push) tail_q <= after(tail_q);
      if (take) head_q <= pops == 2'd2 ? third : second;
      if (push || take) count_q <= count_q + (IndexBits + 1)'(push) - (IndexBits + 1)'(pops);
      if (take) busy_q <= 1'b1;
      else if (fire && last_row) busy_q <= 1'b0;
      done_q <= fire && last_row && has_done_q;
    end
  end

  always_ff @(posedge clk_i) begin
    if (push) queue_q[tail_q] <= operation_i;
    if (fire && last_row) done_entry_q <= slot_entry_q;
    if (take) begin
      slot_q <= slot;
      slot_rows_q <= slot.loads_weights ? 7'(WeightSlotRows) : compute_rows;
      input_rows_q <= take_compute && !compute.operand.garbage ? compute.rows : '0;
      input_row_q <= compute.operand.row;
      input_stride_q <= compute.stride[7:0];
      weight_rows_q <= preload.rows;
      weight_row_q <= preload.operand.row + row_t'(preload.rows) - row_t'(1);
      has_done_q <= take_compute || !slot.has_result;
      slot_entry_q <= take_compute ? compute_entry : preload_entry;
      row_q <= '0;
      input_done_q <= 1'b0;
      weight_done_q <= 1'b0;
      if (take_preload) begin
        columns_q <= preload.cols;
        accumulate_q <= preload.result.accumulate;
      end
    end else if (fire) begin
      row_q <= row_q + 7'd1;
      input_done_q <= 1'b0;
      weight_done_q <= 1'b0;
    end else if (busy_q && row_ready_i) begin
      if (input_needed && input_free_i) input_done_q <= 1'b1;
      if (weight_needed && weight_free_i) weight_done_q <= 1'b1;
    end
    if (fire && !take) begin
      if (input_needed) input_row_q <= input_row_q + row_t'(input_stride_q);
      if (weight_needed) weight_row_q <= weight_row_q - row_t'(1);
    end
  end

  `ASSERT_IF(assert_pair, take && take_compute && take_preload, !preload.result.garbage,
      ("execute_controller: a preload without a result beside a compute"))
endmodule
