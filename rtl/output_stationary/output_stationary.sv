// An output-stationary accelerator: control registers, a queue of tiles, and for each tile load, reduction and results
// in a pipeline. The sums of an output stay in the array until its whole reduction is done, over several tiles where
// one does not hold it; then they go straight to memory.
// Datapath = 0 leaves out everything that only carries data: read data is ignored, written data is zero, every
// handshake and every cycle stays. irq_o: the last tile's results are in memory. busy_o: some tile is not finished.
module output_stationary
  import output_stationary_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter int unsigned ScratchpadRows = 16384,
    // Rows of DIM sums in the array: each element keeps AccumulatorRows / DIM.
    parameter int unsigned AccumulatorRows = 1024,
    parameter bit Datapath = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    // Control: AXI4-Lite.
    input logic s_axil_awvalid_i,
    output logic s_axil_awready_o,
    input logic [11:0] s_axil_awaddr_i,
    input logic s_axil_wvalid_i,
    output logic s_axil_wready_o,
    input logic [31:0] s_axil_wdata_i,
    input logic [3:0] s_axil_wstrb_i,
    output logic s_axil_bvalid_o,
    input logic s_axil_bready_i,
    output logic [1:0] s_axil_bresp_o,
    input logic s_axil_arvalid_i,
    output logic s_axil_arready_o,
    input logic [11:0] s_axil_araddr_i,
    output logic s_axil_rvalid_o,
    input logic s_axil_rready_i,
    output logic [31:0] s_axil_rdata_o,
    output logic [1:0] s_axil_rresp_o,
    output logic irq_o,
    // Memory: AXI4.
    output logic m_axi_arvalid_o,
    input logic m_axi_arready_i,
    output logic [AxiIdBits-1:0] m_axi_arid_o,
    output logic [AxiAddressBits-1:0] m_axi_araddr_o,
    output logic [7:0] m_axi_arlen_o,
    output logic [2:0] m_axi_arsize_o,
    output logic [1:0] m_axi_arburst_o,
    input logic m_axi_rvalid_i,
    output logic m_axi_rready_o,
    input logic [AxiIdBits-1:0] m_axi_rid_i,
    input logic [BeatBits-1:0] m_axi_rdata_i,
    input logic [1:0] m_axi_rresp_i,
    input logic m_axi_rlast_i,
    output logic m_axi_awvalid_o,
    input logic m_axi_awready_i,
    output logic [AxiIdBits-1:0] m_axi_awid_o,
    output logic [AxiAddressBits-1:0] m_axi_awaddr_o,
    output logic [7:0] m_axi_awlen_o,
    output logic [2:0] m_axi_awsize_o,
    output logic [1:0] m_axi_awburst_o,
    output logic m_axi_wvalid_o,
    input logic m_axi_wready_i,
    output logic [BeatBits-1:0] m_axi_wdata_o,
    output logic [BeatBytes-1:0] m_axi_wstrb_o,
    output logic m_axi_wlast_o,
    input logic m_axi_bvalid_i,
    output logic m_axi_bready_o,
    input logic [AxiIdBits-1:0] m_axi_bid_i,
    input logic [1:0] m_axi_bresp_i,
    // Probes.
    output logic busy_o,
    output logic [11:0][63:0] counters_o
);
  localparam int unsigned WordBytes = Dim < BeatBytes ? Dim : BeatBytes;
  localparam int unsigned RowWords = Dim / WordBytes;
  localparam int unsigned Sums = AccumulatorRows / Dim;

  // Tiles.
  logic set_valid, set_ready, tile_valid, tile_ready;
  tile_t set_tile, tile;
  logic work_push, work_room, work_valid, work_done;
  work_t push_work, work;
  // Loads.
  logic load_push, load_room, load_valid, load_done, half_free, loaded;
  load_t push_load, load;
  burst_t ar, aw;
  logic write, write_half, read_half, input_read, weight_read;
  row_t write_row, input_row, weight_row;
  logic [RowWords-1:0] write_word;
  logic [8*Dim-1:0] write_data, input_data, weight_data;
  // Array and results.
  logic pixel_valid, padding, result_push, result_room, result_valid, drained, complete, sums_read, storing;
  span_t pixel, sum_pixel;
  step_t step;
  sum_index_t sum_index;
  result_t push_result, result;
  logic [32*Dim-1:0] sums;
  events_t events, sequencer_events;

  control_registers u_control (
      .clk_i,
      .rst_ni,
      .aw_valid_i(s_axil_awvalid_i),
      .aw_ready_o(s_axil_awready_o),
      .aw_addr_i(s_axil_awaddr_i),
      .w_valid_i(s_axil_wvalid_i),
      .w_ready_o(s_axil_wready_o),
      .w_data_i(s_axil_wdata_i),
      .w_strb_i(s_axil_wstrb_i),
      .b_valid_o(s_axil_bvalid_o),
      .b_ready_i(s_axil_bready_i),
      .b_resp_o(s_axil_bresp_o),
      .ar_valid_i(s_axil_arvalid_i),
      .ar_ready_o(s_axil_arready_o),
      .ar_addr_i(s_axil_araddr_i),
      .r_valid_o(s_axil_rvalid_o),
      .r_ready_i(s_axil_rready_i),
      .r_data_o(s_axil_rdata_o),
      .r_resp_o(s_axil_rresp_o),
      .tile_valid_o(set_valid),
      .tile_ready_i(set_ready),
      .tile_o(set_tile),
      .busy_i(busy_o),
      .done_o(irq_o)
  );

  queue #(
      .data_t(tile_t),
      .Depth(2)
  ) u_tiles (
      .clk_i,
      .rst_ni,
      .push_valid_i(set_valid),
      .push_ready_o(set_ready),
      .push_i(set_tile),
      .pop_valid_o(tile_valid),
      .pop_ready_i(tile_ready),
      .pop_o(tile)
  );

  load_requester #(
      .Dim(Dim)
  ) u_requester (
      .clk_i,
      .rst_ni,
      .tile_valid_i(tile_valid),
      .tile_ready_o(tile_ready),
      .tile_i(tile),
      .work_valid_o(work_push),
      .work_ready_i(work_room),
      .work_o(push_work),
      .half_free_i(half_free),
      .ar_valid_o(m_axi_arvalid_o),
      .ar_ready_i(m_axi_arready_i),
      .ar_o(ar),
      .load_valid_o(load_push),
      .load_ready_i(load_room),
      .load_o(push_load)
  );

  queue #(
      .data_t(load_t),
      .Depth(ReadsInFlight)
  ) u_loads (
      .clk_i,
      .rst_ni,
      .push_valid_i(load_push),
      .push_ready_o(load_room),
      .push_i(push_load),
      .pop_valid_o(load_valid),
      .pop_ready_i(load_done),
      .pop_o(load)
  );

  load_receiver #(
      .Dim(Dim),
      .WordBytes(WordBytes),
      .RowWords(RowWords)
  ) u_receiver (
      .clk_i,
      .rst_ni,
      .load_valid_i(load_valid),
      .load_ready_o(load_done),
      .load_i(load),
      .r_valid_i(m_axi_rvalid_i),
      .r_ready_o(m_axi_rready_o),
      .r_data_i(m_axi_rdata_i),
      .r_last_i(m_axi_rlast_i),
      .write_o(write),
      .write_half_o(write_half),
      .write_row_o(write_row),
      .write_word_o(write_word),
      .write_data_o(write_data),
      .tile_o(loaded)
  );

  scratchpad #(
      .Dim(Dim),
      .Rows(ScratchpadRows),
      .RowWords(RowWords),
      .Datapath(Datapath)
  ) u_scratchpad (
      .clk_i,
      .rst_ni,
      .write_i(write),
      .write_half_i(write_half),
      .write_row_i(write_row),
      .write_word_i(write_word),
      .write_data_i(write_data),
      .read_half_i(read_half),
      .input_read_i(input_read),
      .input_row_i(input_row),
      .input_o(input_data),
      .weight_read_i(weight_read),
      .weight_row_i(weight_row),
      .weight_o(weight_data)
  );

  queue #(
      .data_t(work_t),
      .Depth(2)
  ) u_work (
      .clk_i,
      .rst_ni,
      .push_valid_i(work_push),
      .push_ready_o(work_room),
      .push_i(push_work),
      .pop_valid_o(work_valid),
      .pop_ready_i(work_done),
      .pop_o(work)
  );
  assign half_free = work_done;

  tile_sequencer #(
      .Dim(Dim),
      .Sums(Sums)
  ) u_sequencer (
      .clk_i,
      .rst_ni,
      .work_valid_i(work_valid),
      .work_ready_o(work_done),
      .work_i(work),
      .loaded_i(loaded),
      .half_o(read_half),
      .input_read_o(input_read),
      .input_row_o(input_row),
      .weight_read_o(weight_read),
      .weight_row_o(weight_row),
      .pixel_valid_o(pixel_valid),
      .padding_o(padding),
      .pixel_o(pixel),
      .step_o(step),
      .result_valid_o(result_push),
      .result_ready_i(result_room),
      .result_o(push_result),
      .complete_o(complete),
      .drained_i(drained),
      .events_o(sequencer_events)
  );

  if (Datapath) begin : gen_array
    output_array #(
        .Dim(Dim),
        .Sums(Sums)
    ) u_array (
        .clk_i,
        .rst_ni,
        .input_valid_i(pixel_valid),
        .pixel_i(pixel),
        .input_i(padding ? '0 : input_data),
        .step_i(step),
        .weight_i(weight_data),
        .read_index_i(sum_index),
        .read_pixel_i(sum_pixel),
        .read_sums_o(sums)
    );
  end else begin : gen_timing
    logic unused_array;
    assign unused_array = ^{pixel_valid, padding, pixel, step, sum_index, sum_pixel, input_data, weight_data};
    assign sums = '0;
  end

  queue #(
      .data_t(result_t),
      .Depth(4)
  ) u_results (
      .clk_i,
      .rst_ni,
      .push_valid_i(result_push),
      .push_ready_o(result_room),
      .push_i(push_result),
      .pop_valid_o(result_valid),
      .pop_ready_i(drained),
      .pop_o(result)
  );

  result_writer #(
      .Dim(Dim)
  ) u_writer (
      .clk_i,
      .rst_ni,
      .result_valid_i(result_valid),
      .result_i(result),
      .complete_i(complete),
      .drained_o(drained),
      .sum_index_o(sum_index),
      .sum_pixel_o(sum_pixel),
      .sums_i(sums),
      .aw_valid_o(m_axi_awvalid_o),
      .aw_ready_i(m_axi_awready_i),
      .aw_o(aw),
      .w_valid_o(m_axi_wvalid_o),
      .w_ready_i(m_axi_wready_i),
      .w_data_o(m_axi_wdata_o),
      .w_strb_o(m_axi_wstrb_o),
      .w_last_o(m_axi_wlast_o),
      .b_valid_i(m_axi_bvalid_i),
      .read_o(sums_read),
      .busy_o(storing)
  );

  // Everything comes back in the order in which it was asked for: one identifier.
  assign m_axi_arid_o = '0;
  assign m_axi_araddr_o = AxiAddressBits'(ar.address);
  assign m_axi_arlen_o = ar.beats;
  assign m_axi_arsize_o = BeatSize;
  assign m_axi_arburst_o = BurstIncrement;
  assign m_axi_awid_o = '0;
  assign m_axi_awaddr_o = AxiAddressBits'(aw.address);
  assign m_axi_awlen_o = aw.beats;
  assign m_axi_awsize_o = BeatSize;
  assign m_axi_awburst_o = BurstIncrement;
  assign m_axi_bready_o = 1'b1;

  assign busy_o = tile_valid || work_valid || storing;

  always_comb begin
    events = sequencer_events;
    events.loading = tile_valid || load_valid;
    events.storing = storing;
    events.loaded_bytes = write ? 7'(WordBytes) : '0;
    events.stored_bytes = sums_read ? 7'(Dim) : '0;
    events.drained_sums = sums_read ? 7'(Dim) : '0;
  end

  event_counters u_counters (
      .clk_i,
      .rst_ni,
      .busy_i(busy_o),
      .events_i(events),
      .counters_o
  );

  assert_read_response :
  assert property (@(posedge clk_i) disable iff (!rst_ni) m_axi_rvalid_i |-> m_axi_rresp_i == '0 && m_axi_rid_i == '0)
  else $error("output_stationary: a read failed, or has a wrong identifier");
  assert_write_response :
  assert property (@(posedge clk_i) disable iff (!rst_ni) m_axi_bvalid_i |-> m_axi_bresp_i == '0 && m_axi_bid_i == '0)
  else $error("output_stationary: a write failed, or has a wrong identifier");

  if (AccumulatorRows % Dim != 0) begin : gen_illegal_sums
    $error("output_stationary: AccumulatorRows = %0d is not a multiple of Dim = %0d", AccumulatorRows, Dim);
  end
endmodule
