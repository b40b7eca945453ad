// A Gemmini-like weight-stationary accelerator: command front end, loop unrollers, reservation
// station, load / execute / store controllers, banked scratchpad and accumulator, DMA.
// Datapath = 0 leaves out everything that only carries data (multipliers, memories): the data wires are zero, every
// bit of control and every cycle count is the same. busy_o: some accepted command has not retired.
// quiescent_o: nothing but the time counters would change before a response, a ready or a command arrives; skip_i
// cycles are added to them in the class of the present cycle.
// LoopUnrollers = 0 leaves out the loop unrollers: tile commands are then illegal, single operations are all there is.
module gemmini
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter int unsigned ScratchpadRows = 16384,
    parameter int unsigned AccumulatorRows = 1024,
    parameter bit Datapath = 1'b1,
    parameter bit LoopUnrollers = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    // Commands.
    input logic cmd_valid_i,
    output logic cmd_ready_o,
    input logic [CommandBits-1:0] cmd_i,
    // Memory reads: requests of 2**size bytes, naturally aligned.
    output logic rd_req_valid_o,
    input logic rd_req_ready_i,
    output logic [TagBits-1:0] rd_req_tag_o,
    output logic [AddressBits-1:0] rd_req_addr_o,
    output logic [2:0] rd_req_size_o,
    input logic rd_rsp_valid_i,
    input logic [TagBits-1:0] rd_rsp_tag_i,
    input logic [BeatBits-1:0] rd_rsp_data_i,
    input logic rd_rsp_last_i,
    // Memory writes: one beat a cycle; address and size are the burst's.
    output logic wr_req_valid_o,
    input logic wr_req_ready_i,
    output logic [TagBits-1:0] wr_req_tag_o,
    output logic [AddressBits-1:0] wr_req_addr_o,
    output logic [2:0] wr_req_size_o,
    output logic [BeatBits-1:0] wr_req_data_o,
    output logic [BeatBytes-1:0] wr_req_mask_o,
    output logic wr_req_last_o,
    input logic wr_rsp_valid_i,
    input logic [TagBits-1:0] wr_rsp_tag_i,
    // Status.
    output logic busy_o,
    output logic [NumCounters-1:0][63:0] counters_o,
    output logic quiescent_o,
    input logic [31:0] skip_i
);

  config_t config_now;
  loop_t loop;
  logic loop_valid, loop_ready, loop_matmul, loop_busy;
  logic loop_uop_valid, single_uop_valid;
  uop_t loop_uop, single_uop;
  logic load_full, execute_full, store_full, loads_busy, executes_busy, stores_busy;
  logic idle;
  logic [8:0] quiet;  // blocks in which nothing changes

  command_decoder u_decoder (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .valid_i(cmd_valid_i),
      .ready_o(cmd_ready_o),
      .command_i(cmd_i),
      .idle_i(idle),
      .config_o(config_now),
      .loop_busy_i(loop_busy),
      .loop_valid_o(loop_valid),
      .loop_ready_i(loop_ready),
      .loop_o(loop),
      .loop_matmul_o(loop_matmul),
      .load_full_i(load_full),
      .execute_full_i(execute_full),
      .store_full_i(store_full),
      .uop_valid_o(single_uop_valid),
      .uop_o(single_uop)
  );

  if (LoopUnrollers) begin : gen_loops
    loop_unroller #(
        .Dim(Dim),
        .ScratchpadRows(ScratchpadRows),
        .AccumulatorRows(AccumulatorRows)
    ) u_loops (
        .clk_i(clk_i),
        .rst_ni(rst_ni),
        .config_i(config_now),
        .valid_i(loop_valid),
        .ready_o(loop_ready),
        .loop_i(loop),
        .matmul_i(loop_matmul),
        .busy_o(loop_busy),
        .load_full_i(load_full),
        .execute_full_i(execute_full),
        .store_full_i(store_full),
        .uop_valid_o(loop_uop_valid),
        .uop_o(loop_uop),
        .quiet_o(quiet[0])
    );
  end else begin : gen_no_loops
    assign loop_ready = 1'b0;
    assign loop_busy = 1'b0;
    assign loop_uop_valid = 1'b0;
    assign loop_uop = '0;
    assign quiet[0] = 1'b1;
    logic unused_tile;
    assign unused_tile = ^{config_now, loop, loop_matmul};

    assert_no_tile :
    assert property (@(posedge clk_i) disable iff (!rst_ni) !loop_valid)
    else $error("gemmini: a tile command without loop unrollers");
  end

  // Reservation station.
  logic alloc_valid;
  uop_t alloc;
  logic load_valid, load_ready, execute_valid, execute_ready, store_valid, store_ready;
  uop_t load_uop, execute_uop, store_uop;
  entry_t load_entry, execute_entry, store_entry;
  logic done_valid;
  entry_t done_entry;

  assign alloc_valid = loop_uop_valid || single_uop_valid;
  always_comb begin
    alloc = loop_uop;
    if (single_uop_valid) alloc = single_uop;
  end

  reservation_station #(
      .Dim(Dim)
  ) u_station (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .alloc_valid_i(alloc_valid),
      .alloc_i(alloc),
      .load_full_o(load_full),
      .execute_full_o(execute_full),
      .store_full_o(store_full),
      .load_valid_o(load_valid),
      .load_ready_i(load_ready),
      .load_o(load_uop),
      .load_entry_o(load_entry),
      .execute_valid_o(execute_valid),
      .execute_ready_i(execute_ready),
      .execute_o(execute_uop),
      .execute_entry_o(execute_entry),
      .store_valid_o(store_valid),
      .store_ready_i(store_ready),
      .store_o(store_uop),
      .store_entry_o(store_entry),
      .done_valid_i(done_valid),
      .done_entry_i(done_entry),
      .loads_busy_o(loads_busy),
      .executes_busy_o(executes_busy),
      .stores_busy_o(stores_busy),
      .quiet_o(quiet[1])
  );

  // Completions, one a cycle: array results, computes, loads, stores.
  logic result_done, compute_done, load_done, store_done, load_done_ready;
  entry_t result_done_entry, compute_done_entry, load_done_entry, store_done_entry;

  completion_arbiter u_completions (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .result_valid_i(result_done),
      .result_entry_i(result_done_entry),
      .compute_valid_i(compute_done),
      .compute_entry_i(compute_done_entry),
      .store_valid_i(store_done),
      .store_entry_i(store_done_entry),
      .load_valid_i(load_done),
      .load_ready_o(load_done_ready),
      .load_entry_i(load_done_entry),
      .done_valid_o(done_valid),
      .done_entry_o(done_entry)
  );

  // Loads.
  logic row_valid, row_ready, zero_valid, zero_ready, stores_idle;
  row_request_t row;
  logic written_valid;
  logic [LoadSlotBits-1:0] written_slot;
  logic [8:0] written_bytes;

  load_controller #(
      .Dim(Dim)
  ) u_load (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .valid_i(load_valid),
      .ready_o(load_ready),
      .uop_i(load_uop),
      .entry_i(load_entry),
      .stores_idle_i(stores_idle),
      .row_valid_o(row_valid),
      .row_ready_i(row_ready),
      .row_o(row),
      .zero_valid_o(zero_valid),
      .zero_ready_i(zero_ready),
      .written_valid_i(written_valid),
      .written_slot_i(written_slot),
      .written_bytes_i(written_bytes),
      .done_valid_o(load_done),
      .done_ready_i(load_done_ready),
      .done_entry_o(load_done_entry),
      .quiet_o(quiet[2])
  );

  logic read_write_valid, read_write_ready, read_write_acc, read_done;
  row_t read_write_row;
  logic [8:0] read_write_bytes;
  logic [4*Dim-1:0] read_write_mask;
  logic [32*Dim-1:0] read_write_data;
  logic [LoadSlotBits-1:0] read_done_slot;
  logic [6:0] read_done_bytes;

  dma_reader #(
      .Dim(Dim),
      .Datapath(Datapath)
  ) u_reader (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .row_valid_i(row_valid),
      .row_ready_o(row_ready),
      .row_i(row),
      .req_valid_o(rd_req_valid_o),
      .req_ready_i(rd_req_ready_i),
      .req_tag_o(rd_req_tag_o),
      .req_addr_o(rd_req_addr_o),
      .req_size_o(rd_req_size_o),
      .rsp_valid_i(rd_rsp_valid_i),
      .rsp_tag_i(rd_rsp_tag_i),
      .rsp_data_i(rd_rsp_data_i),
      .rsp_last_i(rd_rsp_last_i),
      .write_valid_o(read_write_valid),
      .write_ready_i(read_write_ready),
      .write_acc_o(read_write_acc),
      .write_row_o(read_write_row),
      .write_bytes_o(read_write_bytes),
      .write_mask_o(read_write_mask),
      .write_data_o(read_write_data),
      .written_valid_o(read_done),
      .written_slot_o(read_done_slot),
      .written_bytes_o(read_done_bytes),
      .quiet_o(quiet[3])
  );

  logic zero_write_valid, zero_write_ready, zero_write_acc, zero_last;
  row_t zero_write_row;
  logic [8:0] zero_write_bytes, zero_bytes;
  logic [LoadSlotBits-1:0] zero_slot;

  zero_writer #(
      .Dim(Dim)
  ) u_zeros (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .valid_i(zero_valid),
      .ready_o(zero_ready),
      .row_i(row),
      .write_valid_o(zero_write_valid),
      .write_ready_i(zero_write_ready),
      .write_acc_o(zero_write_acc),
      .write_row_o(zero_write_row),
      .write_bytes_o(zero_write_bytes),
      .last_o(zero_last),
      .slot_o(zero_slot),
      .bytes_o(zero_bytes),
      .quiet_o(quiet[4])
  );

  // One local write a cycle, read data first.
  logic local_write, local_write_acc, acc_write_ready;
  row_t local_write_row;
  logic [8:0] local_write_bytes;
  logic [4*Dim-1:0] local_write_mask;

  assign local_write_acc = read_write_valid ? read_write_acc : zero_write_acc;
  assign local_write_row = read_write_valid ? read_write_row : zero_write_row;
  assign local_write_bytes = read_write_valid ? read_write_bytes : zero_write_bytes;
  assign read_write_ready = !read_write_acc || acc_write_ready;
  assign zero_write_ready = zero_write_valid && !read_write_valid && !read_done &&
      (!zero_write_acc || acc_write_ready);
  assign local_write = (read_write_valid && read_write_ready) || zero_write_ready;
  assign written_valid = read_done || (zero_write_ready && zero_last);
  assign written_slot = read_done ? read_done_slot : zero_slot;
  assign written_bytes = read_done ? 9'(read_done_bytes) : zero_bytes;
  always_comb begin
    local_write_mask = read_write_mask;
    if (!read_write_valid) local_write_mask = ~({(4 * Dim) {1'b1}} << zero_write_bytes);
  end

  // Execution.
  logic input_want, input_free, weight_want, weight_free;
  row_t input_row, weight_row;
  logic [8*Dim-1:0] input_data, weight_data;
  logic slot_row, slot_row_ready, slot_row_first, slot_row_last, slot_row_has_input, slot_row_has_weight;
  slot_t slot;
  logic work_begin;
  work_t work;
  logic result_valid, result_accumulate;
  row_t result_row;
  logic [32*Dim-1:0] result_data;

  execute_controller #(
      .Dim(Dim)
  ) u_execute (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .valid_i(execute_valid),
      .ready_o(execute_ready),
      .uop_i(execute_uop),
      .entry_i(execute_entry),
      .input_want_o(input_want),
      .input_row_o(input_row),
      .input_free_i(input_free),
      .weight_want_o(weight_want),
      .weight_row_o(weight_row),
      .weight_free_i(weight_free),
      .row_ready_i(slot_row_ready),
      .row_valid_o(slot_row),
      .row_first_o(slot_row_first),
      .row_last_o(slot_row_last),
      .row_has_input_o(slot_row_has_input),
      .row_has_weight_o(slot_row_has_weight),
      .slot_o(slot),
      .done_valid_o(compute_done),
      .done_entry_o(compute_done_entry),
      .begin_o(work_begin),
      .work_o(work),
      .quiet_o(quiet[5])
  );

  scratchpad #(
      .Dim(Dim),
      .Rows(ScratchpadRows),
      .Datapath(Datapath)
  ) u_scratchpad (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .write_valid_i(local_write && !local_write_acc),
      .write_row_i(local_write_row),
      .write_mask_i(local_write_mask[Dim-1:0]),
      .write_data_i(read_write_valid ? read_write_data[8*Dim-1:0] : '0),
      .input_want_i(input_want),
      .input_row_i(input_row),
      .input_free_o(input_free),
      .weight_want_i(weight_want),
      .weight_row_i(weight_row),
      .weight_free_o(weight_free),
      .read_i(slot_row),
      .input_data_o(input_data),
      .weight_data_o(weight_data)
  );

  array_controller #(
      .Dim(Dim),
      .Datapath(Datapath)
  ) u_array (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .row_valid_i(slot_row),
      .row_ready_o(slot_row_ready),
      .row_first_i(slot_row_first),
      .row_last_i(slot_row_last),
      .row_has_input_i(slot_row_has_input),
      .row_has_weight_i(slot_row_has_weight),
      .slot_i(slot),
      .input_data_i(input_data),
      .weight_data_i(weight_data),
      .result_valid_o(result_valid),
      .result_row_o(result_row),
      .result_accumulate_o(result_accumulate),
      .result_data_o(result_data),
      .done_valid_o(result_done),
      .done_entry_o(result_done_entry),
      .quiet_o(quiet[6])
  );

  // Accumulator and stores.
  logic acc_read_valid, acc_read_ready;
  row_t acc_read_row;
  logic [32*Dim-1:0] acc_read_data, block_data;
  logic block_valid, block_ready, store_pipe_busy, writer_idle;
  store_block_t block;
  logic [6:0] acc_read_words;

  accumulator #(
      .Dim(Dim),
      .Rows(AccumulatorRows),
      .Datapath(Datapath)
  ) u_accumulator (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .result_valid_i(result_valid),
      .result_row_i(result_row),
      .result_accumulate_i(result_accumulate),
      .result_data_i(result_data),
      .write_valid_i((read_write_valid || zero_write_valid) && local_write_acc),
      .write_ready_o(acc_write_ready),
      .write_row_i(local_write_row),
      .write_mask_i(local_write_mask),
      .write_data_i(read_write_valid ? read_write_data : '0),
      .read_valid_i(acc_read_valid),
      .read_ready_o(acc_read_ready),
      .read_row_i(acc_read_row),
      .read_data_o(acc_read_data)
  );

  store_controller #(
      .Dim(Dim),
      .Datapath(Datapath)
  ) u_store (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .shift_i(config_now.shift),
      .relu_i(config_now.relu),
      .valid_i(store_valid),
      .ready_o(store_ready),
      .uop_i(store_uop),
      .entry_i(store_entry),
      .read_valid_o(acc_read_valid),
      .read_ready_i(acc_read_ready),
      .read_row_o(acc_read_row),
      .read_data_i(acc_read_data),
      .block_valid_o(block_valid),
      .block_ready_i(block_ready),
      .block_o(block),
      .block_data_o(block_data),
      .done_valid_o(store_done),
      .done_entry_o(store_done_entry),
      .read_words_o(acc_read_words),
      .busy_o(store_pipe_busy),
      .quiet_o(quiet[7])
  );

  logic write_burst;
  logic [6:0] write_burst_bytes;

  dma_writer #(
      .Dim(Dim),
      .Datapath(Datapath)
  ) u_writer (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .block_valid_i(block_valid),
      .block_ready_o(block_ready),
      .block_i(block),
      .block_data_i(block_data),
      .req_valid_o(wr_req_valid_o),
      .req_ready_i(wr_req_ready_i),
      .req_tag_o(wr_req_tag_o),
      .req_addr_o(wr_req_addr_o),
      .req_size_o(wr_req_size_o),
      .req_data_o(wr_req_data_o),
      .req_mask_o(wr_req_mask_o),
      .req_last_o(wr_req_last_o),
      .rsp_valid_i(wr_rsp_valid_i),
      .rsp_tag_i(wr_rsp_tag_i),
      .burst_valid_o(write_burst),
      .burst_bytes_o(write_burst_bytes),
      .idle_o(writer_idle),
      .quiet_o(quiet[8])
  );

  // Status.
  logic storing;
  assign stores_idle = writer_idle && !store_pipe_busy;
  assign storing = stores_busy || !stores_idle;
  assign idle = !loop_busy && !loads_busy && !executes_busy && !storing;
  assign busy_o = !idle;
  assign quiescent_o = &quiet;

  performance_counters u_counters (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .busy_i(busy_o),
      .row_i(slot_row),
      .loading_i(loads_busy),
      .storing_i(storing),
      .skip_i(skip_i),
      .read_burst_i(read_done),
      .read_bytes_i(read_done_bytes),
      .write_burst_i(write_burst),
      .write_bytes_i(write_burst_bytes),
      .local_write_i(local_write),
      .local_write_acc_i(local_write_acc),
      .local_write_bytes_i(local_write_bytes),
      .acc_read_i(acc_read_valid && acc_read_ready),
      .acc_read_words_i(acc_read_words),
      .begin_i(work_begin),
      .work_i(work),
      .counters_o(counters_o)
  );

  if (Dim < 2 || Dim > 64 || (Dim & (Dim - 1)) != 0) begin : gen_illegal_dim
    $error("gemmini: Dim = %0d is not a power of two from 2 to 64", Dim);
  end
endmodule
