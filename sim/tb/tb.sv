// Test bench of one design: feeds commands, answers memory requests, counts cycles.
//
// Function: while go_i is high, waits the host cycles, then offers one command after another and answers the
//   design's memory ports from a memory model written in C++ (sim/native). All inputs of the design come from
//   registers here, so an answer is seen one cycle after the clock edge that made it.
// Latency: done_o rises one cycle after the design stops being busy with nothing left to do, or after an error.
// Counting: cycles_o counts from go_i to that point; host_cycles_o those in which the design was not busy.
// Idle skipping: when the design is quiescent and nothing can arrive for n cycles, one evaluated cycle counts as
//   n + 1; skip_i tells the design's time counters.
module tb #(
    parameter int unsigned NumCounters = 1,
    // 1: data moves between design and memory; 0: timing only.
    parameter bit Datapath = 1'b1,
    // Bytes of one beat of the memory ports.
    parameter int unsigned BusBytes = 16
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
  localparam int unsigned DataBits = 8 * BusBytes;

  // One read or write request as the C++ side unpacks it (sim/native/bench.cpp).
  typedef struct packed {
    logic        valid;
    logic        last;
    logic [5:0]  tag;
    logic [2:0]  size;
    logic [39:0] addr;
  } request_t;

  // What the memory drives in the next cycle.
  typedef struct packed {
    logic        error;
    logic        rd_req_ready;
    logic        wr_req_ready;
    logic        rd_rsp_valid;
    logic        rd_rsp_last;
    logic [5:0]  rd_rsp_tag;
    logic        wr_rsp_valid;
    logic [5:0]  wr_rsp_tag;
    logic [31:0] skip;
  } answer_t;

  import "DPI-C" function int unsigned dosa_host_cycles();
  import "DPI-C" function void dosa_bus_bytes(input int unsigned bytes);
  import "DPI-C" function bit dosa_next_command(output bit [CommandBits-1:0] command);
  import "DPI-C" function longint unsigned dosa_memory_timing(
    input longint unsigned read,
    input longint unsigned write,
    input bit idle,
    input longint unsigned mask
  );
  import "DPI-C" function longint unsigned dosa_memory_full(
    input longint unsigned read,
    input longint unsigned write,
    input bit idle,
    input longint unsigned mask,
    input bit [DataBits-1:0] write_data,
    output bit [DataBits-1:0] read_data
  );

  logic started_q, done_q, error_q;
  logic [63:0] cycles_q, host_cycles_q;
  logic [31:0] host_left_q;
  logic [15:0] gap_q;
  logic cmd_valid_q, cmd_ready, exhausted_q;
  bit [CommandBits-1:0] cmd_q;
  answer_t answer_q;
  bit [DataBits-1:0] rd_rsp_data_q;

  request_t rd_req, wr_req;
  logic [DataBits-1:0] wr_req_data;
  logic [BusBytes-1:0] wr_req_mask;
  logic busy, quiescent, idle, running, finished;

  assign rd_req.last   = 1'b1;
  assign running       = go_i && !done_q;
  assign finished      = started_q && exhausted_q && !cmd_valid_q && !busy;
  // Neither the design nor the command feeder changes unless the memory answers.
  assign idle          = quiescent && (cmd_valid_q ? !cmd_ready : exhausted_q) && gap_q == 0;
  assign done_o        = done_q;
  assign error_o       = error_q;
  assign cycles_o      = cycles_q;
  assign host_cycles_o = host_cycles_q;

  design_top #(
      .Datapath(Datapath)
  ) i_design (
      .clk_i,
      .rst_ni,
      .cmd_valid_i(cmd_valid_q),
      .cmd_ready_o(cmd_ready),
      .cmd_i(cmd_q),
      .rd_req_valid_o(rd_req.valid),
      .rd_req_ready_i(answer_q.rd_req_ready),
      .rd_req_tag_o(rd_req.tag),
      .rd_req_addr_o(rd_req.addr),
      .rd_req_size_o(rd_req.size),
      .rd_rsp_valid_i(answer_q.rd_rsp_valid),
      .rd_rsp_tag_i(answer_q.rd_rsp_tag),
      .rd_rsp_data_i(rd_rsp_data_q),
      .rd_rsp_last_i(answer_q.rd_rsp_last),
      .wr_req_valid_o(wr_req.valid),
      .wr_req_ready_i(answer_q.wr_req_ready),
      .wr_req_tag_o(wr_req.tag),
      .wr_req_addr_o(wr_req.addr),
      .wr_req_size_o(wr_req.size),
      .wr_req_data_o(wr_req_data),
      .wr_req_mask_o(wr_req_mask),
      .wr_req_last_o(wr_req.last),
      .wr_rsp_valid_i(answer_q.wr_rsp_valid),
      .wr_rsp_tag_i(answer_q.wr_rsp_tag),
      .busy_o(busy),
      .counters_o,
      .quiescent_o(quiescent),
      .skip_i(answer_q.skip)
  );

  // Command feeder: the host makes one command while the one before waits. It starts after the host cycles and needs
  // the cycles in a command's top sixteen bits before it has the next one.
  bit fetched;
  bit [CommandBits-1:0] fetched_command;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      started_q   <= 1'b0;
      host_left_q <= '0;
      cmd_valid_q <= 1'b0;
      cmd_q       <= '0;
      gap_q       <= '0;
      exhausted_q <= 1'b0;
    end else if (running) begin
      started_q <= 1'b1;
      if (!started_q) begin
        dosa_bus_bytes(BusBytes);
        host_left_q <= dosa_host_cycles();
      end else if (host_left_q != 0) begin
        host_left_q <= host_left_q - 1;
      end else begin
        if (gap_q != 0) gap_q <= gap_q - 1;
        if (cmd_ready) cmd_valid_q <= 1'b0;
        if (!exhausted_q && gap_q == 0 && (!cmd_valid_q || cmd_ready)) begin
          fetched = dosa_next_command(fetched_command);
          cmd_valid_q <= fetched;
          cmd_q       <= fetched_command;
          gap_q       <= fetched_command[CommandBits-1-:16];
          exhausted_q <= !fetched;
        end
      end
    end
  end

  // Memory: one call a clock, answers registered.
  if (Datapath) begin : g_full
    bit [DataBits-1:0] read_data;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        answer_q      <= '0;
        rd_rsp_data_q <= '0;
      end else if (running) begin
        answer_q <= answer_t'($bits(answer_t)'(dosa_memory_full(
            64'(rd_req), 64'(wr_req), idle, 64'(wr_req_mask), wr_req_data, read_data
        )));
        rd_rsp_data_q <= read_data;
      end
    end
  end else begin : g_timing
    logic unused_write;
    assign unused_write  = ^wr_req_data;
    assign rd_rsp_data_q = '0;
    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        answer_q <= '0;
      end else if (running) begin
        answer_q <= answer_t'($bits(answer_t)'(dosa_memory_timing(
            64'(rd_req), 64'(wr_req), idle, 64'(wr_req_mask)
        )));
      end
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
        cycles_q <= cycles_q + 64'd1 + 64'(answer_q.skip);
        if (!busy) begin
          host_cycles_q <= host_cycles_q + 64'd1 + 64'(answer_q.skip);
        end
      end
    end
  end
endmodule
