// AXI4-Lite slave: the registers of the next tile, and the one that sends it off.
// Address 0 written with bit 0 set: the tile goes to the queue (the write waits while that is full); with bit 1 set,
// it is the last. Address 0 read: bit 0 busy, bit 1 done (the last tile's results are in memory). From address 0x100
// on: the words of the tile, which keep their values from tile to tile. A write needs address and data at once and
// takes a cycle, its answer another; other addresses answer with a slave error.
module control_registers
  import output_stationary_pkg::*;
(
    input logic clk_i,
    input logic rst_ni,
    input logic aw_valid_i,
    output logic aw_ready_o,
    input logic [11:0] aw_addr_i,
    input logic w_valid_i,
    output logic w_ready_o,
    input logic [31:0] w_data_i,
    input logic [3:0] w_strb_i,
    output logic b_valid_o,
    input logic b_ready_i,
    output logic [1:0] b_resp_o,
    input logic ar_valid_i,
    output logic ar_ready_o,
    input logic [11:0] ar_addr_i,
    output logic r_valid_o,
    input logic r_ready_i,
    output logic [31:0] r_data_o,
    output logic [1:0] r_resp_o,
    // Tiles.
    output logic tile_valid_o,
    input logic tile_ready_i,
    output tile_t tile_o,
    input logic busy_i,
    output logic done_o
);
  localparam logic [11:0] TileAddress = 12'h100;
  localparam logic [1:0] Okay = 2'd0, SlaveError = 2'd2;

  logic [TileWords-1:0][31:0] words_q;
  logic last_q;  // the last tile was sent
  logic b_valid_q, r_valid_q;
  logic [1:0] b_resp_q, r_resp_q;
  logic [31:0] r_data_q;
  logic offered, accept, is_control, is_word, push;
  logic [9:0] word;

  assign tile_o = words_q;
  assign word = 10'((aw_addr_i - TileAddress) >> 2);
  assign is_control = aw_addr_i == '0;
  assign is_word = aw_addr_i >= TileAddress && word < 10'(TileWords) && aw_addr_i[1:0] == '0;
  assign offered = aw_valid_i && w_valid_i && (!b_valid_q || b_ready_i);
  assign push = is_control && w_data_i[0] && w_strb_i[0];
  assign tile_valid_o = offered && push;
  assign accept = offered && (!push || tile_ready_i);
  assign aw_ready_o = accept;
  assign w_ready_o = accept;
  assign b_valid_o = b_valid_q;
  assign b_resp_o = b_resp_q;
  assign ar_ready_o = !r_valid_q || r_ready_i;
  assign r_valid_o = r_valid_q;
  assign r_data_o = r_data_q;
  assign r_resp_o = r_resp_q;
  assign done_o = last_q && !busy_i;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      words_q <= '0;
      last_q <= 1'b0;
      b_valid_q <= 1'b0;
      b_resp_q <= Okay;
      r_valid_q <= 1'b0;
      r_data_q <= '0;
      r_resp_q <= Okay;
    end else begin
      if (b_ready_i) b_valid_q <= 1'b0;
      if (accept) begin
        b_valid_q <= 1'b1;
        b_resp_q <= is_control || is_word ? Okay : SlaveError;
        if (push) last_q <= w_data_i[1];
        for (int unsigned i = 0; i < 4; i++) begin
          if (is_word && w_strb_i[i]) words_q[word][8*i+:8] <= w_data_i[8*i+:8];
        end
      end
      if (r_ready_i) r_valid_q <= 1'b0;
      if (ar_valid_i && ar_ready_o) begin
        r_valid_q <= 1'b1;
        r_data_q <= ar_addr_i == '0 ? {30'd0, done_o, busy_i} : '0;
        r_resp_q <= ar_addr_i == '0 ? Okay : SlaveError;
      end
    end
  end

  assert_b_holds :
  assert property (@(posedge clk_i) disable iff (!rst_ni) b_valid_o && !b_ready_i |=> b_valid_o && $stable(b_resp_o))
  else $error("control_registers: a write response changed before it was taken");
  assert_r_holds :
  assert property (@(posedge clk_i) disable iff (!rst_ni) r_valid_o && !r_ready_i |=> r_valid_o && $stable(r_data_o))
  else $error("control_registers: read data changed before it was taken");
endmodule
