// Native memory ports to AXI4, without a register: a request that is taken at once takes no cycle longer.
// A read is one burst with the request's tag as identifier. Of a write, the first beat's address and its data are
// accepted together or one after the other; both stay offered unchanged until they are taken.
module native_to_axi4 (
    input logic clk_i,
    input logic rst_ni,
    // Native.
    input logic rd_req_valid_i,
    output logic rd_req_ready_o,
    input logic [5:0] rd_req_tag_i,
    input logic [39:0] rd_req_addr_i,
    input logic [2:0] rd_req_size_i,
    output logic rd_rsp_valid_o,
    output logic [5:0] rd_rsp_tag_o,
    output logic [127:0] rd_rsp_data_o,
    output logic rd_rsp_last_o,
    input logic wr_req_valid_i,
    output logic wr_req_ready_o,
    input logic [5:0] wr_req_tag_i,
    input logic [39:0] wr_req_addr_i,
    input logic [2:0] wr_req_size_i,
    input logic [127:0] wr_req_data_i,
    input logic [15:0] wr_req_mask_i,
    input logic wr_req_last_i,
    output logic wr_rsp_valid_o,
    output logic [5:0] wr_rsp_tag_o,
    // AXI4.
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
    input logic [1:0] m_axi_bresp_i
);
  localparam logic [2:0] BeatSize = 3'd4;  // logarithm of 16 bytes
  localparam logic [1:0] Increment = 2'd1;

  logic inside_q;   // a burst's first beat has been taken
  logic address_q;  // the present burst's address has been taken, its first beat not
  logic data_q;     // its first beat has been taken, its address not
  logic address_done, data_done;

  function automatic logic [7:0] beats_less_one(input logic [2:0] size);
    return size <= BeatSize ? 8'd0 : (8'd1 << (size - BeatSize)) - 8'd1;
  endfunction

  assign m_axi_arvalid_o = rd_req_valid_i;
  assign rd_req_ready_o = m_axi_arready_i;
  assign m_axi_arid_o = rd_req_tag_i;
  assign m_axi_araddr_o = rd_req_addr_i;
  assign m_axi_arlen_o = beats_less_one(rd_req_size_i);
  assign m_axi_arsize_o = BeatSize;
  assign m_axi_arburst_o = Increment;
  assign m_axi_rready_o = 1'b1;
  assign rd_rsp_valid_o = m_axi_rvalid_i;
  assign rd_rsp_tag_o = m_axi_rid_i;
  assign rd_rsp_data_o = m_axi_rdata_i;
  assign rd_rsp_last_o = m_axi_rlast_i;

  assign m_axi_awvalid_o = wr_req_valid_i && !inside_q && !address_q;
  assign m_axi_awid_o = wr_req_tag_i;
  assign m_axi_awaddr_o = wr_req_addr_i;
  assign m_axi_awlen_o = beats_less_one(wr_req_size_i);
  assign m_axi_awsize_o = BeatSize;
  assign m_axi_awburst_o = Increment;
  assign m_axi_wvalid_o = wr_req_valid_i && !data_q;
  assign m_axi_wdata_o = wr_req_data_i;
  assign m_axi_wstrb_o = wr_req_mask_i;
  assign m_axi_wlast_o = wr_req_last_i;
  assign address_done = inside_q || address_q || m_axi_awready_i;
  assign data_done = data_q || m_axi_wready_i;
  assign wr_req_ready_o = address_done && data_done;
  assign m_axi_bready_o = 1'b1;
  assign wr_rsp_valid_o = m_axi_bvalid_i;
  assign wr_rsp_tag_o = m_axi_bid_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      inside_q <= 1'b0;
      address_q <= 1'b0;
      data_q <= 1'b0;
    end else if (wr_req_valid_i) begin
      inside_q <= wr_req_ready_o ? !wr_req_last_i : inside_q;
      address_q <= !inside_q && address_done && !data_done;
      data_q <= data_done && !address_done;
    end
  end

  assert_address_holds :
  assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_awvalid_o && !m_axi_awready_i |=> m_axi_awvalid_o && $stable({m_axi_awid_o, m_axi_awaddr_o, m_axi_awlen_o}))
  else $error("native_to_axi4: a write address changed before it was taken");
  assert_data_holds :
  assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_wvalid_o && !m_axi_wready_i |=> m_axi_wvalid_o && $stable({m_axi_wdata_o, m_axi_wstrb_o, m_axi_wlast_o}))
  else $error("native_to_axi4: write data changed before it was taken");
  assert_read_holds :
  assert property (@(posedge clk_i) disable iff (!rst_ni)
    m_axi_arvalid_o && !m_axi_arready_i |=> m_axi_arvalid_o && $stable({m_axi_arid_o, m_axi_araddr_o, m_axi_arlen_o}))
  else $error("native_to_axi4: a read address changed before it was taken");
  assert_responses :
  assert property (@(posedge clk_i) disable iff (!rst_ni)
    !(m_axi_rvalid_i && m_axi_rresp_i != '0) && !(m_axi_bvalid_i && m_axi_bresp_i != '0))
  else $error("native_to_axi4: memory answered with an error");
endmodule
