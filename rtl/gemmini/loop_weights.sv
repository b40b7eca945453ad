// Loop unit that loads the weights of a tile.
// Convolution: och, krow, kcol, kch. Matmul: k, j. One load a grant of up to 64 bytes a row.
// position_k_o and position_j_o tell a matmul's execute unit what has been issued (elements).
module loop_weights
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16
) (
    input logic clk_i,
    input logic rst_ni,
    input config_t config_i,
    input logic start_i,
    input loop_t loop_i,
    input logic matmul_i,
    input row_t end_i,
    output row_t base_o,
    output logic busy_o,
    output logic [15:0] position_k_o,
    output logic [15:0] position_j_o,
    input logic grant_i,
    output uop_t uop_o
);
  localparam int unsigned DimLog2 = $clog2(Dim);
  localparam int unsigned BlockElements = Dim >= DmaBytes ? Dim : DmaBytes;

  loop_t loop_q;
  logic busy_q, matmul_q;
  row_t base_q, block_rows_q;
  logic [15:0] och_q, krow_q, kcol_q, kch_q;
  logic [15:0] columns_left, rows_left;
  logic last_och, last_krow, last_kcol, last_kch;
  row_t block_rows, blocks;

  // Rows of one block of DIM columns, and where the tile's weights start: they end at end_i.
  always_comb begin
    block_rows = '0;
    blocks = '0;
    if (start_i) begin
      block_rows = matmul_i ? (((row_t'(loop_i.kchs) + row_t'(Dim - 1)) >> DimLog2) << DimLog2) :
          row_t'(loop_i.krows) * row_t'(loop_i.kcols) * row_t'(loop_i.kchs);
      blocks = ((row_t'(loop_i.ochs) + row_t'(Dim - 1)) >> DimLog2);
    end
  end
  assign base_o = end_i - block_rows * blocks;

  assign busy_o = busy_q;
  assign position_k_o = kch_q;
  assign position_j_o = och_q;
  assign columns_left = loop_q.ochs - och_q;
  assign rows_left = loop_q.kchs - kch_q;
  assign last_och = columns_left <= 16'(BlockElements);
  assign last_krow = krow_q + 16'd1 >= loop_q.krows;
  assign last_kcol = kcol_q + 16'd1 >= loop_q.kcols;
  assign last_kch = rows_left <= 16'(Dim);

  always_comb begin
    uop_o = '0;
    if (grant_i) begin
      uop_o.op = OpLoad;
      uop_o.rows = last_kch ? 7'(rows_left) : 7'(Dim);
      uop_o.cols = last_och ? 7'(columns_left) : 7'(BlockElements);
      uop_o.stride = config_i.weight_kch;
      if (matmul_q) begin
        uop_o.operand.row = base_q + row_t'(kch_q) * ((row_t'(loop_q.ochs) + row_t'(Dim - 1)) >> DimLog2) +
            row_t'(och_q);
        uop_o.block_stride = row_t'(Dim);
      end else begin
        uop_o.operand.row = base_q + (row_t'(och_q) >> DimLog2) * block_rows_q +
            (row_t'(krow_q) * row_t'(loop_q.kcols) + row_t'(kcol_q)) * row_t'(loop_q.kchs) + row_t'(kch_q);
        uop_o.block_stride = block_rows_q;
      end
      uop_o.dram = loop_q.weights + AddressBits'(krow_q) * AddressBits'(config_i.weight_krow) +
          AddressBits'(kcol_q) * AddressBits'(config_i.weight_kcol) +
          AddressBits'(kch_q) * AddressBits'(config_i.weight_kch) + AddressBits'(och_q);
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (start_i) begin
      busy_q <= 1'b1;
    end else if (grant_i && last_och && last_krow && last_kcol && last_kch) begin
      busy_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      loop_q <= loop_i;
      matmul_q <= matmul_i;
      base_q <= base_o;
      block_rows_q <= block_rows;
      och_q <= '0;
      krow_q <= '0;
      kcol_q <= '0;
      kch_q <= '0;
    end else if (grant_i && matmul_q) begin
      och_q <= last_och ? '0 : och_q + 16'(BlockElements);
      if (last_och) kch_q <= kch_q + 16'(Dim);
    end else if (grant_i) begin
      kch_q <= last_kch ? '0 : kch_q + 16'(Dim);
      if (last_kch) begin
        kcol_q <= last_kcol ? '0 : kcol_q + 16'd1;
        if (last_kcol) begin
          krow_q <= last_krow ? '0 : krow_q + 16'd1;
          if (last_krow) och_q <= och_q + 16'(BlockElements);
        end
      end
    end
  end

  assert_grant :
  assert property (@(posedge clk_i) disable iff (!rst_ni) grant_i |-> busy_q)
  else $error("loop_weights: granted while idle");
endmodule
