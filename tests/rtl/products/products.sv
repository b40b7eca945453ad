// Outer products: DIM pixels by DIM output channels, one channel of input a cycle; then the results go to memory.
// One block at a time: loads rows of pixels and of weights, a beat a row, reduces them, stores DIM rows of results.
// Registers: 0x0 control (1 go, 3 go and last), 0x4 pixels, 0x8 weights, 0xc results, 0x10 rows, 0x14 shift.
// A write of control waits until the block before it is done. irq_o: the last block's results are in memory.
module products #(
    parameter int unsigned Dim = 6,
    parameter int unsigned BufferRows = 1024,
    parameter int unsigned SumRows = 512,
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
    input logic [63:0] m_axi_rdata_i,
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
    output logic [63:0] m_axi_wdata_o,
    output logic [7:0] m_axi_wstrb_o,
    output logic m_axi_wlast_o,
    input logic m_axi_bvalid_i,
    output logic m_axi_bready_o,
    input logic [5:0] m_axi_bid_i,
    input logic [1:0] m_axi_bresp_i,
    output logic [0:0][63:0] counters_o
);
  localparam int unsigned Half = BufferRows / 2;
  localparam int unsigned BurstBeats = 16;
  localparam logic [2:0] Size = 3'd3;

  if (Dim < 2 || Dim > 8 || SumRows < Dim) begin : gen_illegal
    $error("DIM is 2 to 8, and the sums of a block are kept");
  end

  typedef enum logic [2:0] {
    Idle,
    Ask,
    Receive,
    Reduce,
    Address,
    Store,
    Answer
  } state_e;

  state_e state_q;
  logic [31:0] pixels_q, weights_q, results_q;
  logic [15:0] rows_q, row_q;
  logic [4:0] shift_q;
  logic [2:0] line_q;
  logic weights_turn_q, last_q, done_q, answer_q;
  logic [63:0] reduced_q;
  logic [31:0] base;
  logic [15:0] left;

  // Control.
  logic write;
  assign write            = s_axil_awvalid_i && s_axil_wvalid_i && !answer_q && state_q == Idle;
  assign s_axil_awready_o = write;
  assign s_axil_wready_o  = write;
  assign s_axil_bvalid_o  = answer_q;
  assign s_axil_bresp_o   = '0;
  assign s_axil_arready_o = 1'b0;
  assign s_axil_rvalid_o  = 1'b0;
  assign s_axil_rdata_o   = '0;
  assign s_axil_rresp_o   = '0;
  assign irq_o            = done_q;
  assign counters_o[0]    = reduced_q;

  // Memory.
  assign base             = weights_turn_q ? weights_q : pixels_q;
  assign left             = rows_q - row_q;
  assign m_axi_arvalid_o  = state_q == Ask;
  assign m_axi_arid_o     = '0;
  assign m_axi_araddr_o   = 40'(base) + (40'(row_q) << 3);
  assign m_axi_arlen_o    = left > 16'(BurstBeats) ? 8'(BurstBeats - 1) : 8'(left - 16'd1);
  assign m_axi_arsize_o   = Size;
  assign m_axi_arburst_o  = 2'd1;
  assign m_axi_rready_o   = state_q == Receive;
  assign m_axi_awvalid_o  = state_q == Address;
  assign m_axi_awid_o     = '0;
  assign m_axi_awaddr_o   = 40'(results_q);
  assign m_axi_awlen_o    = 8'(Dim - 1);
  assign m_axi_awsize_o   = Size;
  assign m_axi_awburst_o  = 2'd1;
  assign m_axi_wvalid_o   = state_q == Store;
  assign m_axi_wstrb_o    = '1;
  assign m_axi_wlast_o    = 32'(line_q) == Dim - 1;
  assign m_axi_bready_o   = state_q == Answer;

  logic unused;
  assign unused = &{1'b0, s_axil_wstrb_i, s_axil_bready_i, s_axil_arvalid_i, s_axil_araddr_i, s_axil_rready_i,
                    m_axi_rid_i, m_axi_rresp_i, m_axi_bid_i, m_axi_bresp_i, m_axi_rdata_i, shift_q};

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q        <= Idle;
      pixels_q       <= '0;
      weights_q      <= '0;
      results_q      <= '0;
      rows_q         <= '0;
      row_q          <= '0;
      shift_q        <= '0;
      line_q         <= '0;
      weights_turn_q <= 1'b0;
      last_q         <= 1'b0;
      done_q         <= 1'b0;
      answer_q       <= 1'b0;
      reduced_q      <= '0;
    end else begin
      answer_q <= write;
      case (state_q)
        Idle:
        if (write) begin
          case (s_axil_awaddr_i)
            12'h000: begin
              state_q        <= Ask;
              last_q         <= s_axil_wdata_i[1];
              row_q          <= '0;
              weights_turn_q <= 1'b0;
            end
            12'h004: pixels_q <= s_axil_wdata_i;
            12'h008: weights_q <= s_axil_wdata_i;
            12'h00c: results_q <= s_axil_wdata_i;
            12'h010: rows_q <= s_axil_wdata_i[15:0];
            12'h014: shift_q <= s_axil_wdata_i[4:0];
            default: ;
          endcase
        end
        Ask: if (m_axi_arready_i) state_q <= Receive;
        Receive:
        if (m_axi_rvalid_i) begin
          row_q <= row_q + 16'd1;
          if (m_axi_rlast_i) begin
            state_q <= Ask;
            if (left == 16'd1) begin
              row_q          <= '0;
              weights_turn_q <= !weights_turn_q;
              if (weights_turn_q) state_q <= Reduce;
            end
          end
        end
        Reduce: begin
          row_q     <= row_q + 16'd1;
          reduced_q <= reduced_q + 64'd1;
          if (left == 16'd1) begin
            row_q   <= '0;
            state_q <= Address;
          end
        end
        Address: if (m_axi_awready_i) state_q <= Store;
        Store:
        if (m_axi_wready_i) begin
          line_q <= line_q + 3'd1;
          if (m_axi_wlast_o) begin
            line_q  <= '0;
            state_q <= Answer;
          end
        end
        Answer:
        if (m_axi_bvalid_i) begin
          state_q <= Idle;
          done_q  <= last_q;
        end
        default: state_q <= Idle;
      endcase
    end
  end

  if (Datapath) begin : gen_data
    logic [63:0] pixel_rows[Half];
    logic [63:0] weight_rows[Half];
    logic signed [31:0] sums_q[Dim][Dim];
    logic [$clog2(Half)-1:0] at;
    assign at = row_q[$clog2(Half)-1:0];

    always_ff @(posedge clk_i) begin
      if (state_q == Receive && m_axi_rvalid_i) begin
        if (weights_turn_q) weight_rows[at] <= m_axi_rdata_i;
        else pixel_rows[at] <= m_axi_rdata_i;
      end
      for (int unsigned i = 0; i < Dim; i++) begin
        for (int unsigned j = 0; j < Dim; j++) begin
          if (state_q == Ask) sums_q[i][j] <= '0;
          else if (state_q == Reduce) begin
            sums_q[i][j] <= sums_q[i][j] + 32'(signed'(pixel_rows[at][8*i+:8])) * 32'(signed'(weight_rows[at][8*j+:8]));
          end
        end
      end
    end

    always_comb begin
      m_axi_wdata_o = '0;
      for (int unsigned j = 0; j < Dim; j++) m_axi_wdata_o[8*j+:8] = narrowed(sums_q[line_q[$clog2(Dim)-1:0]][j]);
    end

    // Arithmetic shift right with round half to even, saturation.
    function automatic logic [7:0] narrowed(logic signed [31:0] sum);
      automatic logic signed [32:0] value = 33'(sum >>> shift_q);
      automatic logic [31:0] rest = sum & ~(32'hffffffff << shift_q);
      automatic logic [31:0] half = shift_q == '0 ? '0 : 32'd1 << (shift_q - 5'd1);
      if (shift_q != '0 && (rest > half || (rest == half && value[0]))) value = value + 33'sd1;
      if (value > 33'sd127) return 8'h7f;
      if (value < -33'sd128) return 8'h80;
      return value[7:0];
    endfunction
  end else begin : gen_timing
    assign m_axi_wdata_o = '0;
  end
endmodule
