// Gemmini behind AXI4 and AXI4-Lite: its memory ports through native_to_axi4, and a command in sixteen registers.
// Registers 0 to 15 (address 4 * number) hold the words of a command; writing the last one sends it, and waits until it
// is taken. irq_o: every command that was sent has retired.
module gemmini_axi4 #(
    parameter int unsigned Dim = 16,
    parameter int unsigned ScratchpadRows = 16384,
    parameter int unsigned AccumulatorRows = 1024,
    parameter bit Datapath = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
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
    output logic m_axi_arvalid_o,
    input logic m_axi_arready_i,
    output logic [5:0] m_axi_arid_o,
    output logic [39:0] m_axi_araddr_o,
    output logic [7:0] m_axi_arlen_o,
    output logic [2:0] m_axi_arsize_o,
    output logic [1:0] m_axi_arburst_o,
    input logic m_axi_rvalid_i,
    output logic m_axi_rready_o,
    input logic [5:0] m_axi_rid_i,
    input logic [127:0] m_axi_rdata_i,
    input logic [1:0] m_axi_rresp_i,
    input logic m_axi_rlast_i,
    output logic m_axi_awvalid_o,
    input logic m_axi_awready_i,
    output logic [5:0] m_axi_awid_o,
    output logic [39:0] m_axi_awaddr_o,
    output logic [7:0] m_axi_awlen_o,
    output logic [2:0] m_axi_awsize_o,
    output logic [1:0] m_axi_awburst_o,
    output logic m_axi_wvalid_o,
    input logic m_axi_wready_i,
    output logic [127:0] m_axi_wdata_o,
    output logic [15:0] m_axi_wstrb_o,
    output logic m_axi_wlast_o,
    input logic m_axi_bvalid_i,
    output logic m_axi_bready_o,
    input logic [5:0] m_axi_bid_i,
    input logic [1:0] m_axi_bresp_i,
    output logic busy_o,
    output logic [12:0][63:0] counters_o
);
  localparam int unsigned Words = 16;

  logic [Words-2:0][31:0] words_q;
  logic b_valid_q, offered, send, accept, cmd_ready, busy, quiescent;
  logic [3:0] word;
  logic [32*Words-1:0] command;
  logic rd_req_valid;
  logic rd_req_ready;
  logic [5:0] rd_req_tag;
  logic [39:0] rd_req_addr;
  logic [2:0] rd_req_size;
  logic rd_rsp_valid;
  logic [5:0] rd_rsp_tag;
  logic [127:0] rd_rsp_data;
  logic rd_rsp_last;
  logic wr_req_valid;
  logic wr_req_ready;
  logic [5:0] wr_req_tag;
  logic [39:0] wr_req_addr;
  logic [2:0] wr_req_size;
  logic [127:0] wr_req_data;
  logic [15:0] wr_req_mask;
  logic wr_req_last;
  logic wr_rsp_valid;
  logic [5:0] wr_rsp_tag;

  assign word = s_axil_awaddr_i[5:2];
  assign offered = s_axil_awvalid_i && s_axil_wvalid_i && (!b_valid_q || s_axil_bready_i);
  assign send = offered && word == 4'(Words - 1);
  assign accept = offered && (!send || cmd_ready);
  assign command = {s_axil_wdata_i, words_q};
  assign s_axil_awready_o = accept;
  assign s_axil_wready_o = accept;
  assign s_axil_bvalid_o = b_valid_q;
  assign s_axil_bresp_o = '0;
  assign s_axil_arready_o = 1'b0;
  assign s_axil_rvalid_o = 1'b0;
  assign s_axil_rdata_o = '0;
  assign s_axil_rresp_o = '0;
  assign irq_o = !busy;
  assign busy_o = busy;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) b_valid_q <= 1'b0;
    else if (accept || s_axil_bready_i) b_valid_q <= accept;
  end

  always_ff @(posedge clk_i) begin
    if (accept && !send) words_q[word] <= s_axil_wdata_i;
  end

  gemmini #(
      .Dim(Dim),
      .ScratchpadRows(ScratchpadRows),
      .AccumulatorRows(AccumulatorRows),
      .Datapath(Datapath)
  ) u_gemmini (
      .clk_i,
      .rst_ni,
      .cmd_valid_i(send),
      .cmd_ready_o(cmd_ready),
      .cmd_i(command),
      .rd_req_valid_o(rd_req_valid),
      .rd_req_ready_i(rd_req_ready),
      .rd_req_tag_o(rd_req_tag),
      .rd_req_addr_o(rd_req_addr),
      .rd_req_size_o(rd_req_size),
      .rd_rsp_valid_i(rd_rsp_valid),
      .rd_rsp_tag_i(rd_rsp_tag),
      .rd_rsp_data_i(rd_rsp_data),
      .rd_rsp_last_i(rd_rsp_last),
      .wr_req_valid_o(wr_req_valid),
      .wr_req_ready_i(wr_req_ready),
      .wr_req_tag_o(wr_req_tag),
      .wr_req_addr_o(wr_req_addr),
      .wr_req_size_o(wr_req_size),
      .wr_req_data_o(wr_req_data),
      .wr_req_mask_o(wr_req_mask),
      .wr_req_last_o(wr_req_last),
      .wr_rsp_valid_i(wr_rsp_valid),
      .wr_rsp_tag_i(wr_rsp_tag),
      .busy_o(busy),
      .counters_o,
      .quiescent_o(quiescent),
      .skip_i('0)
  );

  native_to_axi4 u_adapter (
      .clk_i,
      .rst_ni,
      .rd_req_valid_i(rd_req_valid),
      .rd_req_ready_o(rd_req_ready),
      .rd_req_tag_i(rd_req_tag),
      .rd_req_addr_i(rd_req_addr),
      .rd_req_size_i(rd_req_size),
      .rd_rsp_valid_o(rd_rsp_valid),
      .rd_rsp_tag_o(rd_rsp_tag),
      .rd_rsp_data_o(rd_rsp_data),
      .rd_rsp_last_o(rd_rsp_last),
      .wr_req_valid_i(wr_req_valid),
      .wr_req_ready_o(wr_req_ready),
      .wr_req_tag_i(wr_req_tag),
      .wr_req_addr_i(wr_req_addr),
      .wr_req_size_i(wr_req_size),
      .wr_req_data_i(wr_req_data),
      .wr_req_mask_i(wr_req_mask),
      .wr_req_last_i(wr_req_last),
      .wr_rsp_valid_o(wr_rsp_valid),
      .wr_rsp_tag_o(wr_rsp_tag),
      .m_axi_arvalid_o,
      .m_axi_arready_i,
      .m_axi_arid_o,
      .m_axi_araddr_o,
      .m_axi_arlen_o,
      .m_axi_arsize_o,
      .m_axi_arburst_o,
      .m_axi_rvalid_i,
      .m_axi_rready_o,
      .m_axi_rid_i,
      .m_axi_rdata_i,
      .m_axi_rresp_i,
      .m_axi_rlast_i,
      .m_axi_awvalid_o,
      .m_axi_awready_i,
      .m_axi_awid_o,
      .m_axi_awaddr_o,
      .m_axi_awlen_o,
      .m_axi_awsize_o,
      .m_axi_awburst_o,
      .m_axi_wvalid_o,
      .m_axi_wready_i,
      .m_axi_wdata_o,
      .m_axi_wstrb_o,
      .m_axi_wlast_o,
      .m_axi_bvalid_i,
      .m_axi_bready_o,
      .m_axi_bid_i,
      .m_axi_bresp_i
  );

  logic unused;
  assign unused = ^{quiescent, s_axil_awaddr_i, s_axil_wstrb_i, s_axil_arvalid_i, s_axil_araddr_i, s_axil_rready_i};
endmodule
