// A design with the ports of the accelerator that copies lines, one at a time: word 0 lines, word 1 source,
// word 2 destination, word 3 the length that an assertion allows (0: any). For tests of the bench and the memories.
module design_top #(
    parameter bit Datapath = 1'b1  // no difference here: there is no arithmetic
) (
    input  logic             clk_i,
    input  logic             rst_ni,
    input  logic             cmd_valid_i,
    output logic             cmd_ready_o,
    input  logic [511:0]     cmd_i,
    output logic             rd_req_valid_o,
    input  logic             rd_req_ready_i,
    output logic [5:0]       rd_req_tag_o,
    output logic [39:0]      rd_req_addr_o,
    output logic [2:0]       rd_req_size_o,
    input  logic             rd_rsp_valid_i,
    input  logic [5:0]       rd_rsp_tag_i,
    input  logic [127:0]     rd_rsp_data_i,
    input  logic             rd_rsp_last_i,
    output logic             wr_req_valid_o,
    input  logic             wr_req_ready_i,
    output logic [5:0]       wr_req_tag_o,
    output logic [39:0]      wr_req_addr_o,
    output logic [2:0]       wr_req_size_o,
    output logic [127:0]     wr_req_data_o,
    output logic [15:0]      wr_req_mask_o,
    output logic             wr_req_last_o,
    input  logic             wr_rsp_valid_i,
    input  logic [5:0]       wr_rsp_tag_i,
    output logic             busy_o,
    output logic [1:0][63:0] counters_o,
    output logic             quiescent_o,
    input  logic [31:0]      skip_i
);
  typedef enum logic [2:0] {Idle, Read, ReadWait, Write, WriteWait} state_e;

  state_e state_q;
  logic [31:0] left_q, source_q, destination_q, allowed_q;
  logic [1:0] beat_q;
  logic [3:0][127:0] line_q;
  logic [63:0] busy_cycles_q, read_bytes_q;

  assign counters_o     = {read_bytes_q, busy_cycles_q};
  assign busy_o         = state_q != Idle;
  assign cmd_ready_o    = state_q == Idle;
  assign rd_req_valid_o = state_q == Read;
  assign rd_req_tag_o   = 6'd3;
  assign rd_req_addr_o  = 40'(source_q);
  assign rd_req_size_o  = 3'd6;
  assign wr_req_valid_o = state_q == Write;
  assign wr_req_tag_o   = 6'd5;
  assign wr_req_addr_o  = 40'(destination_q);
  assign wr_req_size_o  = 3'd6;
  assign wr_req_data_o  = line_q[beat_q];
  assign wr_req_mask_o  = '1;
  assign wr_req_last_o  = beat_q == 2'd3;

  always_comb begin
    unique case (state_q)
      Read:      quiescent_o = !rd_req_ready_i;
      ReadWait:  quiescent_o = !rd_rsp_valid_i;
      Write:     quiescent_o = !wr_req_ready_i;
      WriteWait: quiescent_o = !wr_rsp_valid_i;
      default:   quiescent_o = !cmd_valid_i;
    endcase
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q       <= Idle;
      beat_q        <= '0;
      left_q        <= '0;
      source_q      <= '0;
      destination_q <= '0;
      allowed_q     <= '0;
      busy_cycles_q <= '0;
      read_bytes_q  <= '0;
    end else begin
      if (busy_o) busy_cycles_q <= busy_cycles_q + 64'd1 + 64'(skip_i);
      unique case (state_q)
        Read: if (rd_req_ready_i) state_q <= ReadWait;
        ReadWait: if (rd_rsp_valid_i) begin
          line_q[beat_q] <= rd_rsp_data_i;
          beat_q         <= beat_q + 1;
          read_bytes_q   <= read_bytes_q + 64'd16;
          if (rd_rsp_last_i) state_q <= Write;
        end
        Write: if (wr_req_ready_i) begin
          beat_q <= beat_q + 1;
          if (wr_req_last_o) state_q <= WriteWait;
        end
        WriteWait: if (wr_rsp_valid_i) begin
          left_q        <= left_q - 1;
          source_q      <= source_q + 64;
          destination_q <= destination_q + 64;
          state_q       <= left_q == 1 ? Idle : Read;
        end
        default: if (cmd_valid_i) begin
          left_q        <= cmd_i[31:0];
          source_q      <= cmd_i[63:32];
          destination_q <= cmd_i[95:64];
          allowed_q     <= cmd_i[127:96];
          state_q       <= Read;
        end
      endcase
    end
  end

  AllowedLength :
  assert property (@(posedge clk_i) disable iff (!rst_ni) allowed_q == 0 || left_q <= allowed_q)
  else $error("a copy of %0d lines exceeds %0d", left_q, allowed_q);
endmodule
