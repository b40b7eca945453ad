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
  logic idle, loops_busy, loads_busy, executes_busy, stores_busy, stores_idle, storing;
  logic [4:0] quiet;  // blocks in which nothing changes

  // Micro-operations.
  logic alloc_valid, load_full, execute_full, store_full;
  uop_t alloc, load_uop, execute_uop, store_uop;
  logic load_valid, load_ready, execute_valid, execute_ready, store_valid, store_ready;
  entry_t load_entry, execute_entry, store_entry;
  // Completions.
  logic done_valid, result_done, compute_done, load_done, store_done, load_done_ready;
  entry_t done_entry, result_done_entry, compute_done_entry, load_done_entry, store_done_entry;
  // Local memories.
  logic load_write, local_write_fire, acc_write_ready;
  local_write_t local_write;
  logic [4*Dim-1:0] local_write_mask;
  logic [32*Dim-1:0] local_write_data, result_data, acc_read_data;
  logic result_valid, result_accumulate, acc_read_valid, acc_read_ready;
  row_t result_row, acc_read_row;
  // Work for the counters.
  logic read_done, write_burst, row_fed, work_begin;
  logic [6:0] read_done_bytes, write_burst_bytes, acc_read_words;
  work_t work;

  front_end #(
      .Dim(Dim),
      .ScratchpadRows(ScratchpadRows),
      .AccumulatorRows(AccumulatorRows),
      .LoopUnrollers(LoopUnrollers)
  ) u_front (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .cmd_valid_i(cmd_valid_i),
      .cmd_ready_o(cmd_ready_o),
      .cmd_i(cmd_i),
      .idle_i(idle),
      .config_o(config_now),
      .loops_busy_o(loops_busy),
      .load_full_i(load_full),
      .execute_full_i(execute_full),
      .store_full_i(store_full),
      .uop_valid_o(alloc_valid),
      .uop_o(alloc),
      .quiet_o(quiet[0])
  );

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

  load_path #(
      .Dim(Dim),
      .Datapath(Datapath)
  ) u_load (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .valid_i(load_valid),
      .ready_o(load_ready),
      .uop_i(load_uop),
      .entry_i(load_entry),
      .stores_idle_i(stores_idle),
      .rd_req_valid_o(rd_req_valid_o),
      .rd_req_ready_i(rd_req_ready_i),
      .rd_req_tag_o(rd_req_tag_o),
      .rd_req_addr_o(rd_req_addr_o),
      .rd_req_size_o(rd_req_size_o),
      .rd_rsp_valid_i(rd_rsp_valid_i),
      .rd_rsp_tag_i(rd_rsp_tag_i),
      .rd_rsp_data_i(rd_rsp_data_i),
      .rd_rsp_last_i(rd_rsp_last_i),
      .write_valid_o(load_write),
      .acc_ready_i(acc_write_ready),
      .write_o(local_write),
      .write_mask_o(local_write_mask),
      .write_data_o(local_write_data),
      .fire_o(local_write_fire),
      .read_done_o(read_done),
      .read_bytes_o(read_done_bytes),
      .done_valid_o(load_done),
      .done_ready_i(load_done_ready),
      .done_entry_o(load_done_entry),
      .quiet_o(quiet[2])
  );

  execute_path #(
      .Dim(Dim),
      .Rows(ScratchpadRows),
      .Datapath(Datapath)
  ) u_execute (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .valid_i(execute_valid),
      .ready_o(execute_ready),
      .uop_i(execute_uop),
      .entry_i(execute_entry),
      .write_valid_i(local_write_fire && !local_write.acc),
      .write_row_i(local_write.row),
      .write_mask_i(local_write_mask[Dim-1:0]),
      .write_data_i(local_write_data[8*Dim-1:0]),
      .result_valid_o(result_valid),
      .result_row_o(result_row),
      .result_accumulate_o(result_accumulate),
      .result_data_o(result_data),
      .result_done_o(result_done),
      .result_entry_o(result_done_entry),
      .compute_done_o(compute_done),
      .compute_entry_o(compute_done_entry),
      .row_o(row_fed),
      .begin_o(work_begin),
      .work_o(work),
      .quiet_o(quiet[3])
  );

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
      .write_valid_i(load_write && local_write.acc),
      .write_ready_o(acc_write_ready),
      .write_row_i(local_write.row),
      .write_mask_i(local_write_mask),
      .write_data_i(local_write_data),
      .read_valid_i(acc_read_valid),
      .read_ready_o(acc_read_ready),
      .read_row_i(acc_read_row),
      .read_data_o(acc_read_data)
  );

  store_path #(
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
      .read_words_o(acc_read_words),
      .wr_req_valid_o(wr_req_valid_o),
      .wr_req_ready_i(wr_req_ready_i),
      .wr_req_tag_o(wr_req_tag_o),
      .wr_req_addr_o(wr_req_addr_o),
      .wr_req_size_o(wr_req_size_o),
      .wr_req_data_o(wr_req_data_o),
      .wr_req_mask_o(wr_req_mask_o),
      .wr_req_last_o(wr_req_last_o),
      .wr_rsp_valid_i(wr_rsp_valid_i),
      .wr_rsp_tag_i(wr_rsp_tag_i),
      .burst_o(write_burst),
      .burst_bytes_o(write_burst_bytes),
      .done_valid_o(store_done),
      .done_entry_o(store_done_entry),
      .idle_o(stores_idle),
      .quiet_o(quiet[4])
  );

  assign storing = stores_busy || !stores_idle;
  assign idle = !loops_busy && !loads_busy && !executes_busy && !storing;
  assign busy_o = !idle;
  assign quiescent_o = &quiet;

  performance_counters u_counters (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .busy_i(busy_o),
      .row_i(row_fed),
      .loading_i(loads_busy),
      .storing_i(storing),
      .skip_i(skip_i),
      .read_burst_i(read_done),
      .read_bytes_i(read_done_bytes),
      .write_burst_i(write_burst),
      .write_bytes_i(write_burst_bytes),
      .local_write_i(local_write_fire),
      .local_write_acc_i(local_write.acc),
      .local_write_bytes_i(local_write.bytes),
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
