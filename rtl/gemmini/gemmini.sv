// SPDX-License-Identifier: Apache-2.0
// A Gemmini-like weight-stationary accelerator: command front end, loop unrollers, reservation
// station, load / execute / store controllers, banked scratchpad and accumulator, DMA.
// Datapath = 0 leaves out everything that only carries data (multipliers, memories): the data wires are zero, every
// bit of control and every cycle count is the same. PlainArray = 1 builds the array element by element.
// LoopUnrollers = 0 leaves out the loop unrollers: tile commands are then illegal, single operations are all there is.
// busy_o: some accepted command has not retired. quiescent_o: nothing but the time counters would change before a
// response, a ready or a command arrives; skip_i cycles are added to them in the class of the present cycle.
module gemmini
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter int unsigned ScratchpadRows = 16384,
    parameter int unsigned AccumulatorRows = 1024,
    parameter int unsigned ScratchpadBanks = 4,
    parameter int unsigned AccumulatorBanks = 2,
    parameter int unsigned BusBytes = 16,
    parameter int unsigned ReadsInFlight = 16,
    parameter int unsigned WritesInFlight = 16,
    parameter int unsigned LoadEntries = 8,
    parameter int unsigned ExecuteEntries = 16,
    parameter int unsigned StoreEntries = 4,
    parameter int unsigned LoadQueue = 8,
    parameter int unsigned ExecuteQueue = 8,
    parameter int unsigned StoreQueue = 2,
    parameter int unsigned ArraySlots = 6,
    parameter int unsigned TilesInFlight = 2,
    parameter bit OrderedStores = 1'b0,
    parameter bit LoopUnrollers = 1'b1,
    parameter bit PlainArray = 1'b0,
    parameter bit Datapath = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    // Commands.
    input logic cmd_valid_i,
    output logic cmd_ready_o,
    input logic [CommandBits-1:0] cmd_i,
    // Memory reads: requests of 2**size bytes, naturally aligned. The beats of one read come one after another.
    output logic rd_req_valid_o,
    input logic rd_req_ready_i,
    output logic [TagBits-1:0] rd_req_tag_o,
    output logic [AddressBits-1:0] rd_req_addr_o,
    output logic [2:0] rd_req_size_o,
    input logic rd_rsp_valid_i,
    input logic [TagBits-1:0] rd_rsp_tag_i,
    input logic [8*BusBytes-1:0] rd_rsp_data_i,
    input logic rd_rsp_last_i,
    // Memory writes: one beat a cycle; address and size are the burst's.
    output logic wr_req_valid_o,
    input logic wr_req_ready_i,
    output logic [TagBits-1:0] wr_req_tag_o,
    output logic [AddressBits-1:0] wr_req_addr_o,
    output logic [2:0] wr_req_size_o,
    output logic [8*BusBytes-1:0] wr_req_data_o,
    output logic [BusBytes-1:0] wr_req_mask_o,
    output logic wr_req_last_o,
    input logic wr_rsp_valid_i,
    input logic [TagBits-1:0] wr_rsp_tag_i,
    // Status.
    output logic busy_o,
    output logic [NumCounters-1:0][63:0] counters_o,
    output logic quiescent_o,
    input logic [31:0] skip_i
);
  localparam design_t Design = '{
      dim: Dim,
      scratchpad_rows: ScratchpadRows,
      scratchpad_banks: ScratchpadBanks,
      accumulator_rows: AccumulatorRows,
      accumulator_banks: AccumulatorBanks,
      bus_bytes: BusBytes,
      reads_in_flight: ReadsInFlight,
      writes_in_flight: WritesInFlight,
      load_entries: LoadEntries,
      execute_entries: ExecuteEntries,
      store_entries: StoreEntries,
      load_queue: LoadQueue,
      execute_queue: ExecuteQueue,
      store_queue: StoreQueue,
      array_slots: ArraySlots,
      tiles_in_flight: TilesInFlight,
      ordered_stores: OrderedStores,
      loop_unrollers: LoopUnrollers,
      plain_array: PlainArray,
      datapath: Datapath
  };

  config_t layer;
  pool_t pool;
  logic idle, loops_busy, stores_idle, storing, stuck;
  logic [4:0] quiet;  // blocks in which nothing changes

  // Operations and their completions, by class: load, execute, store.
  logic alloc_valid;
  uop_t alloc;
  logic [2:0] full, held, issue_valid, issue_ready;
  operation_t operations[3];
  completion_t done, result_done, compute_done, load_done, store_done;
  logic load_done_ready;
  // Memory.
  read_request_t rd_req;
  read_response_t rd_rsp;
  write_request_t wr_req;
  write_response_t wr_rsp;
  // Local memories.
  logic write_valid, acc_write_valid, acc_write_ready, acc_read_valid, acc_read_ready;
  logic scale_row;  // the write is one of scales, whose rows lie above those of the accumulator
  scale_write_t scale_write;
  load_scale_t write_scale;
  logic [4*Dim-1:0] write_mask;
  logic [32*Dim-1:0] write_data, result_data, acc_read_data;
  result_t result;
  row_t acc_read_row;
  // For the counters.
  load_events_t load_events;
  execute_events_t execute_events;
  store_events_t store_events;

  assign {rd_req_tag_o, rd_req_size_o, rd_req_addr_o} = rd_req;
  assign {wr_req_last_o, wr_req_tag_o, wr_req_size_o, wr_req_addr_o} = wr_req;
  assign rd_rsp = '{valid: rd_rsp_valid_i, tag: rd_rsp_tag_i, last: rd_rsp_last_i};
  assign wr_rsp = '{valid: wr_rsp_valid_i, tag: wr_rsp_tag_i};

  assign scale_row = load_events.written.acc && load_events.written.row >= row_t'(AccumulatorRows);
  assign acc_write_valid = write_valid && load_events.written.acc && !scale_row;
  assign scale_write = '{
      valid: load_events.write && scale_row,
      row: load_events.written.row - row_t'(AccumulatorRows)
  };

  front_end #(
      .Design(Design)
  ) u_front (
      .clk_i,
      .rst_ni,
      .cmd_valid_i,
      .cmd_ready_o,
      .cmd_i,
      .idle_i(idle),
      .config_o(layer),
      .pool_o(pool),
      .loops_busy_o(loops_busy),
      .full_i(full),
      .uop_valid_o(alloc_valid),
      .uop_o(alloc),
      .quiet_o(quiet[0])
  );

  reservation_station #(
      .Design(Design)
  ) u_station (
      .clk_i,
      .rst_ni,
      .alloc_valid_i(alloc_valid),
      .alloc_i(alloc),
      .pool_i(pool),
      .full_o(full),
      .busy_o(held),
      .valid_o(issue_valid),
      .ready_i(issue_ready),
      .operations_o(operations),
      .done_i(done),
      .quiet_o(quiet[1]),
      .stuck_i(stuck)
  );

  completion_arbiter #(
      .Design(Design)
  ) u_completions (
      .clk_i,
      .rst_ni,
      .result_i(result_done),
      .compute_i(compute_done),
      .store_i(store_done),
      .load_i(load_done),
      .load_ready_o(load_done_ready),
      .done_o(done)
  );

  load_path #(
      .Design(Design)
  ) u_load (
      .clk_i,
      .rst_ni,
      .valid_i(issue_valid[0]),
      .ready_o(issue_ready[0]),
      .operation_i(operations[0]),
      .config_i(layer),
      .stores_idle_i(stores_idle),
      .req_valid_o(rd_req_valid_o),
      .req_ready_i(rd_req_ready_i),
      .req_o(rd_req),
      .rsp_i(rd_rsp),
      .rsp_data_i(rd_rsp_data_i),
      .write_valid_o(write_valid),
      .acc_ready_i(acc_write_ready),
      .write_mask_o(write_mask),
      .write_data_o(write_data),
      .write_scale_o(write_scale),
      .events_o(load_events),
      .done_o(load_done),
      .done_ready_i(load_done_ready),
      .quiet_o(quiet[2])
  );

  execute_path #(
      .Design(Design)
  ) u_execute (
      .clk_i,
      .rst_ni,
      .valid_i(issue_valid[1]),
      .ready_o(issue_ready[1]),
      .operation_i(operations[1]),
      .write_i(load_events.write && !load_events.written.acc),
      .write_row_i(load_events.written.row),
      .write_mask_i(write_mask[Dim-1:0]),
      .write_data_i(write_data[8*Dim-1:0]),
      .result_o(result),
      .result_data_o(result_data),
      .result_done_o(result_done),
      .compute_done_o(compute_done),
      .events_o(execute_events),
      .quiet_o(quiet[3])
  );

  accumulator #(
      .Design(Design)
  ) u_accumulator (
      .clk_i,
      .rst_ni,
      .result_i(result),
      .result_data_i(result_data),
      .write_valid_i(acc_write_valid),
      .write_ready_o(acc_write_ready),
      .write_row_i(load_events.written.row),
      .write_mask_i(write_mask),
      .write_data_i(write_data),
      .write_scale_i(write_scale),
      .read_valid_i(acc_read_valid),
      .read_ready_o(acc_read_ready),
      .read_row_i(acc_read_row),
      .read_data_o(acc_read_data)
  );

  store_path #(
      .Design(Design)
  ) u_store (
      .clk_i,
      .rst_ni,
      .config_i(layer),
      .pool_i(pool),
      .valid_i(issue_valid[2]),
      .ready_o(issue_ready[2]),
      .operation_i(operations[2]),
      .read_valid_o(acc_read_valid),
      .read_ready_i(acc_read_ready),
      .read_row_o(acc_read_row),
      .read_data_i(acc_read_data),
      .scale_i(scale_write),
      .scale_mask_i(write_mask),
      .scale_data_i(write_data),
      .req_valid_o(wr_req_valid_o),
      .req_ready_i(wr_req_ready_i),
      .req_o(wr_req),
      .req_data_o(wr_req_data_o),
      .req_mask_o(wr_req_mask_o),
      .rsp_i(wr_rsp),
      .events_o(store_events),
      .done_o(store_done),
      .idle_o(stores_idle),
      .quiet_o(quiet[4])
  );

  assign storing = held[2] || !stores_idle;
  assign idle = !loops_busy && held == '0 && !storing;
  assign busy_o = !idle;
  assign quiescent_o = &quiet;

  performance_counters u_counters (
      .clk_i,
      .rst_ni,
      .busy_i(busy_o),
      .loading_i(held[0]),
      .storing_i(storing),
      .skip_i,
      .loads_i(load_events),
      .executes_i(execute_events),
      .stores_i(store_events),
      .counters_o
  );

  watchdog u_watchdog (
      .clk_i,
      .rst_ni,
      .busy_i(busy_o),
      .retires_i(done.valid),
      .skip_i,
      .stuck_o(stuck)
  );

  if (Dim < 2 || Dim > 64 || (Dim & (Dim - 1)) != 0) begin : gen_illegal_dim
    $error("gemmini: Dim = %0d is not a power of two from 2 to 64", Dim);
  end
  if (ScratchpadBanks < 1 || ScratchpadRows < ScratchpadBanks || ScratchpadRows % ScratchpadBanks != 0)
  begin : gen_illegal_scratchpad
    $error("gemmini: ScratchpadRows = %0d is not a multiple of ScratchpadBanks = %0d", ScratchpadRows,
           ScratchpadBanks);
  end
  if (AccumulatorBanks < 1 || AccumulatorRows < AccumulatorBanks || AccumulatorRows % AccumulatorBanks != 0)
  begin : gen_illegal_accumulator
    $error("gemmini: AccumulatorRows = %0d is not a multiple of AccumulatorBanks = %0d", AccumulatorRows,
           AccumulatorBanks);
  end
  if (BusBytes != 16 && BusBytes != 32 && BusBytes != 64) begin : gen_illegal_bus
    $error("gemmini: BusBytes = %0d is not 16, 32 or 64", BusBytes);
  end
  if (ReadsInFlight < 1 || read_tags(Design) > 2 ** TagBits) begin : gen_illegal_reads
    $error("gemmini: ReadsInFlight = %0d is not from 1 to %0d", ReadsInFlight, 2 ** TagBits * 2 / 3);
  end
  if (ReadsInFlight / Dim + 1 > 2 ** LoadSlotBits) begin : gen_illegal_loads
    $error("gemmini: ReadsInFlight = %0d allows more loads in flight than there are numbers", ReadsInFlight);
  end
  if (WritesInFlight < 1 || WritesInFlight > 2 ** TagBits) begin : gen_illegal_writes
    $error("gemmini: WritesInFlight = %0d is not from 1 to %0d", WritesInFlight, 2 ** TagBits);
  end
  if (LoadEntries < 1 || StoreEntries < 1 || ExecuteEntries < 2) begin : gen_illegal_entries
    $error("gemmini: LoadEntries = %0d, StoreEntries = %0d are not at least 1, or ExecuteEntries = %0d at least 2",
           LoadEntries, StoreEntries, ExecuteEntries);
  end
  if (entries(Design) > 2 ** (EntryBits - 1)) begin : gen_illegal_station
    $error("gemmini: %0d entries of the reservation station are more than %0d", entries(Design), 2 ** (EntryBits - 1));
  end
  if (LoadQueue < 1 || StoreQueue < 1 || ExecuteQueue < 2) begin : gen_illegal_queues
    $error("gemmini: LoadQueue = %0d, StoreQueue = %0d are not at least 1, or ExecuteQueue = %0d at least 2",
           LoadQueue, StoreQueue, ExecuteQueue);
  end
  if (ArraySlots < 2) begin : gen_illegal_slots
    $error("gemmini: ArraySlots = %0d is not at least 2", ArraySlots);
  end
  if (TilesInFlight < 1 || TilesInFlight > 2) begin : gen_illegal_tiles
    $error("gemmini: TilesInFlight = %0d is not 1 or 2", TilesInFlight);
  end
endmodule
