// A Gemmini-like weight-stationary accelerator: command front end, loop unrollers, reservation
// station, load / execute / store controllers, banked scratchpad and accumulator, DMA.
module gemmini
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter int unsigned ScratchpadRows = 16384,
    parameter int unsigned AccumulatorRows = 1024,
    parameter bit Datapath = 1'b1
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
endmodule
