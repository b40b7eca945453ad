// SPDX-License-Identifier: Apache-2.0
// The Gemmini-like accelerator without loop unrollers: the host sends every load, preload, compute and store itself,
// one command every HostCyclesPerCommand cycles at most.
// A host that is slower than the accelerator shows: a preload that comes too late for the compute before it takes a
// slot of its own, and cycles in which nothing is left to do are not busy (the test bench counts them as host cycles).
// Ports and their meaning are those of gemmini.
module gemmini_commands
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter int unsigned ScratchpadRows = 16384,
    parameter int unsigned AccumulatorRows = 1024,
    parameter int unsigned HostCyclesPerCommand = 8,
    parameter bit PlainArray = 1'b0,
    parameter bit Datapath = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic cmd_valid_i,
    output logic cmd_ready_o,
    input logic [CommandBits-1:0] cmd_i,
    output logic rd_req_valid_o,
    input logic rd_req_ready_i,
    output logic [TagBits-1:0] rd_req_tag_o,
    output logic [AddressBits-1:0] rd_req_addr_o,
    output logic [2:0] rd_req_size_o,
    input logic rd_rsp_valid_i,
    input logic [TagBits-1:0] rd_rsp_tag_i,
    input logic [127:0] rd_rsp_data_i,
    input logic rd_rsp_last_i,
    output logic wr_req_valid_o,
    input logic wr_req_ready_i,
    output logic [TagBits-1:0] wr_req_tag_o,
    output logic [AddressBits-1:0] wr_req_addr_o,
    output logic [2:0] wr_req_size_o,
    output logic [127:0] wr_req_data_o,
    output logic [15:0] wr_req_mask_o,
    output logic wr_req_last_o,
    input logic wr_rsp_valid_i,
    input logic [TagBits-1:0] wr_rsp_tag_i,
    output logic busy_o,
    output logic [NumCounters-1:0][63:0] counters_o,
    output logic quiescent_o,
    input logic [31:0] skip_i
);
  logic command_valid, command_ready, host_waiting, core_quiescent;

  host_issue #(
      .HostCycles(HostCyclesPerCommand)
  ) u_issue (
      .clk_i,
      .rst_ni,
      .valid_i(cmd_valid_i),
      .ready_o(cmd_ready_o),
      .valid_o(command_valid),
      .ready_i(command_ready),
      .waiting_o(host_waiting)
  );

  assign quiescent_o = core_quiescent && !host_waiting;

  gemmini #(
      .Dim(Dim),
      .ScratchpadRows(ScratchpadRows),
      .AccumulatorRows(AccumulatorRows),
      .Datapath(Datapath),
      .LoopUnrollers(1'b0),
      .PlainArray(PlainArray)
  ) u_accelerator (
      .clk_i,
      .rst_ni,
      .cmd_valid_i(command_valid),
      .cmd_ready_o(command_ready),
      .cmd_i,
      .rd_req_valid_o,
      .rd_req_ready_i,
      .rd_req_tag_o,
      .rd_req_addr_o,
      .rd_req_size_o,
      .rd_rsp_valid_i,
      .rd_rsp_tag_i,
      .rd_rsp_data_i,
      .rd_rsp_last_i,
      .wr_req_valid_o,
      .wr_req_ready_i,
      .wr_req_tag_o,
      .wr_req_addr_o,
      .wr_req_size_o,
      .wr_req_data_o,
      .wr_req_mask_o,
      .wr_req_last_o,
      .wr_rsp_valid_i,
      .wr_rsp_tag_i,
      .busy_o,
      .counters_o,
      .quiescent_o(core_quiescent),
      .skip_i
  );
endmodule
