// Test bench of one design with AXI4 memory and AXI4-Lite control; the ports are those of sim/tb/tb.sv.
//
// Function: while go_i is high, waits the host cycles, then writes one register after another and answers the
//   design's memory ports from a memory model written in C++ (sim/native/axi.h). A command is one register write:
//   word 0 is the address, word 1 the data, the top 16 bits are the cycles that the host needs before the next.
//   All inputs of the design come from registers here, so an answer is seen one cycle after the edge that made it.
// Latency: done_o rises one cycle after the design's interrupt with nothing left to write, or after an error.
// Counting: cycles_o counts from go_i to that point; host_cycles_o those in which the design was not busy.
module tb #(
    parameter int unsigned NumCounters = 1,
    // Width of the design's data bus.
    parameter int unsigned DataBits = 128,
    // 1: data moves between design and memory; 0: timing only.
    parameter bit Datapath = 1'b1
) (
    input  logic                         clk_i  /*verilator public_flat_rw*/,
    input  logic                         rst_ni  /*verilator public_flat_rw*/,
    input  logic                         go_i  /*verilator public_flat_rw*/,
    output logic                         done_o  /*verilator public_flat_rd*/,
    output logic                         error_o  /*verilator public_flat_rd*/,
    output logic [                 63:0] cycles_o  /*verilator public_flat_rd*/,
    output logic [                 63:0] host_cycles_o  /*verilator public_flat_rd*/,
    output logic [NumCounters-1:0][63:0] counters_o  /*verilator public_flat_rd*/
);
  localparam int unsigned CommandBits = 512;
  localparam int unsigned MaxDataBits = 128;
  localparam logic [2:0] BusSize = 3'($clog2(DataBits / 8));

  // An address channel as the C++ side unpacks it (sim/native/axi_bench.cpp).
  typedef struct packed {
    logic        valid;
    logic [5:0]  id;
    logic [1:0]  burst;
    logic [2:0]  size;
    logic [7:0]  len;
    logic [39:0] addr;
  } address_t;

  // The rest of what the design drives, data apart.
  typedef struct packed {
    logic [2:0]  bus_size;
    logic        b_ready;
    logic        r_ready;
    logic        w_last;
    logic        w_valid;
    logic [15:0] w_strb;
  } flags_t;

  // What the memory drives in the next cycle.
  typedef struct packed {
    logic       error;
    logic       ar_ready;
    logic       aw_ready;
    logic       w_ready;
    logic       r_valid;
    logic       r_last;
    logic [5:0] r_id;
    logic       b_valid;
    logic [5:0] b_id;
  } answer_t;

  import "DPI-C" function int unsigned dosa_host_cycles();
  import "DPI-C" function bit dosa_next_command(output bit [CommandBits-1:0] command);
  import "DPI-C" function void dosa_bus_error(
    input int unsigned address,
    input int unsigned response
  );
  import "DPI-C" function int unsigned dosa_axi_timing(
    input longint unsigned read,
    input longint unsigned write,
    input int unsigned flags
  );
  import "DPI-C" function int unsigned dosa_axi_full(
    input longint unsigned read,
    input longint unsigned write,
    input int unsigned flags,
    input bit [MaxDataBits-1:0] write_data,
    output bit [MaxDataBits-1:0] read_data
  );

  logic started_q, done_q, error_q;
  logic [63:0] cycles_q, host_cycles_q;
  logic [31:0] host_left_q;
  logic [15:0] gap_q;
  answer_t answer_q;
  bit [DataBits-1:0] r_data_q;

  address_t ar, aw;
  flags_t flags;
  logic [DataBits-1:0] w_data;
  logic [DataBits/8-1:0] w_strb;
  logic busy, irq, running, finished;

  // Control writes.
  logic aw_valid_q, w_valid_q, waiting_q, exhausted_q;
  logic [11:0] reg_addr_q;
  logic [31:0] reg_data_q;
  logic reg_aw_ready, reg_w_ready, reg_b_valid, reg_idle;
  logic [1:0] reg_b_resp;

  assign flags.bus_size = BusSize;
  assign flags.w_strb   = 16'(w_strb);

  assign running       = go_i && !done_q;
  assign reg_idle      = !aw_valid_q && !w_valid_q && !waiting_q;
  assign finished      = started_q && exhausted_q && reg_idle && irq;
  assign done_o        = done_q;
  assign error_o       = error_q;
  assign cycles_o      = cycles_q;
  assign host_cycles_o = host_cycles_q;

  logic unused_read_channel;
  logic [1:0] unused_r_resp;
  logic [31:0] unused_r_data;
  logic unused_ar_ready;
  assign unused_read_channel = &{1'b0, unused_ar_ready, unused_r_data, unused_r_resp};
  logic unused_r_valid;

  design_top #(
      .Datapath(Datapath)
  ) i_design (
      .clk_i,
      .rst_ni,
      .s_axil_awvalid_i(aw_valid_q),
      .s_axil_awready_o(reg_aw_ready),
      .s_axil_awaddr_i(reg_addr_q),
      .s_axil_wvalid_i(w_valid_q),
      .s_axil_wready_o(reg_w_ready),
      .s_axil_wdata_i(reg_data_q),
      .s_axil_wstrb_i('1),
      .s_axil_bvalid_o(reg_b_valid),
      .s_axil_bready_i(1'b1),
      .s_axil_bresp_o(reg_b_resp),
      .s_axil_arvalid_i(1'b0),
      .s_axil_arready_o(unused_ar_ready),
      .s_axil_araddr_i('0),
      .s_axil_rvalid_o(unused_r_valid),
      .s_axil_rready_i(1'b1),
      .s_axil_rdata_o(unused_r_data),
      .s_axil_rresp_o(unused_r_resp),
      .irq_o(irq),
      .m_axi_arvalid_o(ar.valid),
      .m_axi_arready_i(answer_q.ar_ready),
      .m_axi_arid_o(ar.id),
      .m_axi_araddr_o(ar.addr),
      .m_axi_arlen_o(ar.len),
      .m_axi_arsize_o(ar.size),
      .m_axi_arburst_o(ar.burst),
      .m_axi_rvalid_i(answer_q.r_valid),
      .m_axi_rready_o(flags.r_ready),
      .m_axi_rid_i(answer_q.r_id),
      .m_axi_rdata_i(r_data_q),
      .m_axi_rresp_i('0),
      .m_axi_rlast_i(answer_q.r_last),
      .m_axi_awvalid_o(aw.valid),
      .m_axi_awready_i(answer_q.aw_ready),
      .m_axi_awid_o(aw.id),
      .m_axi_awaddr_o(aw.addr),
      .m_axi_awlen_o(aw.len),
      .m_axi_awsize_o(aw.size),
      .m_axi_awburst_o(aw.burst),
      .m_axi_wvalid_o(flags.w_valid),
      .m_axi_wready_i(answer_q.w_ready),
      .m_axi_wdata_o(w_data),
      .m_axi_wstrb_o(w_strb),
      .m_axi_wlast_o(flags.w_last),
      .m_axi_bvalid_i(answer_q.b_valid),
      .m_axi_bready_o(flags.b_ready),
      .m_axi_bid_i(answer_q.b_id),
      .m_axi_bresp_i('0),
      .busy_o(busy),
      .counters_o
  );

  // The host: one register write at a time; it works on the next one while this one waits.
  bit fetched;
  bit [CommandBits-1:0] command;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      started_q   <= 1'b0;
      host_left_q <= '0;
      aw_valid_q  <= 1'b0;
      w_valid_q   <= 1'b0;
      waiting_q   <= 1'b0;
      reg_addr_q  <= '0;
      reg_data_q  <= '0;
      gap_q       <= '0;
      exhausted_q <= 1'b0;
    end else if (running) begin
      started_q <= 1'b1;
      if (!started_q) begin
        host_left_q <= dosa_host_cycles();
      end else if (host_left_q != 0) begin
        host_left_q <= host_left_q - 1;
      end else begin
        if (gap_q != 0) gap_q <= gap_q - 1;
        if (reg_aw_ready) aw_valid_q <= 1'b0;
        if (reg_w_ready) w_valid_q <= 1'b0;
        if (waiting_q && reg_b_valid) begin
          waiting_q <= 1'b0;
          if (reg_b_resp != '0) dosa_bus_error(32'(reg_addr_q), 32'(reg_b_resp));
        end
        if (!exhausted_q && reg_idle && gap_q == 0) begin
          fetched = dosa_next_command(command);
          aw_valid_q  <= fetched;
          w_valid_q   <= fetched;
          waiting_q   <= fetched;
          reg_addr_q  <= command[11:0];
          reg_data_q  <= command[63:32];
          gap_q       <= command[CommandBits-1-:16];
          exhausted_q <= !fetched;
        end
      end
    end
  end

  // Memory: one call a clock, answers registered.
  if (Datapath) begin : g_full
    bit [MaxDataBits-1:0] read_data;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        answer_q <= '0;
        r_data_q <= '0;
      end else if (running) begin
        answer_q <= answer_t'($bits(answer_t)'(dosa_axi_full(64'(ar), 64'(aw), 32'(flags), MaxDataBits'(w_data),
                                                                read_data)));
        r_data_q <= read_data[DataBits-1:0];
      end
    end
  end else begin : g_timing
    logic unused_write;
    assign unused_write = ^w_data;
    assign r_data_q     = '0;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) answer_q <= '0;
      else if (running) answer_q <= answer_t'($bits(answer_t)'(dosa_axi_timing(64'(ar), 64'(aw), 32'(flags))));
    end
  end

  // Cycles and the end.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      cycles_q      <= '0;
      host_cycles_q <= '0;
      done_q        <= 1'b0;
      error_q       <= 1'b0;
    end else if (running) begin
      error_q <= answer_q.error;
      done_q  <= finished || answer_q.error;
      if (!finished) begin
        cycles_q <= cycles_q + 64'd1;
        if (!busy) host_cycles_q <= host_cycles_q + 64'd1;
      end
    end
  end
endmodule
