// Loop unit that fills the accumulator rows of a tile: zeros, or int32 partial sums from memory.
// Convolution: b, orow, ocol, och. Matmul (partial sums only): j, i. One load a grant.
// A tile that keeps its accumulator, or a matmul that starts from nothing, is done at once.
module loop_bias
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
    input row_t base_i,
    output logic busy_o,
    input logic grant_i,
    output uop_t uop_o
);
  localparam int unsigned DimLog2 = $clog2(Dim);
  localparam int unsigned BlockElements = Dim >= DmaBytes / 4 ? Dim : DmaBytes / 4;

  loop_t loop_q;
  logic busy_q, matmul_q;
  row_t base_q;
  logic [15:0] b_q, orow_q, ocol_q, och_q;
  logic [15:0] pixels_left, channels_left;
  logic last_b, last_orow, last_ocol, last_och;
  row_t plane;

  assign busy_o = busy_q;
  assign pixels_left = loop_q.ocols - ocol_q;
  assign channels_left = loop_q.ochs - och_q;
  assign last_b = b_q + 16'd1 >= loop_q.batches;
  assign last_orow = orow_q + 16'd1 >= loop_q.orows;
  assign last_ocol = pixels_left <= 16'(Dim);
  assign last_och = channels_left <= 16'(BlockElements);
  assign plane = row_t'(loop_q.batches) * row_t'(loop_q.orows) * row_t'(loop_q.ocols);

  always_comb begin
    uop_o = '0;
    if (grant_i) begin
      uop_o.op = OpLoad;
      uop_o.operand.acc = 1'b1;
      uop_o.rows = last_ocol ? 7'(pixels_left) : 7'(Dim);
      uop_o.cols = last_och ? 7'(channels_left) : 7'(BlockElements);
      uop_o.wide = 1'b1;
      uop_o.zeros = !loop_q.refill;
      uop_o.refill = loop_q.refill;
      uop_o.stride = config_i.bias_pixel;
      if (matmul_q) begin
        uop_o.operand.row = base_q + row_t'(ocol_q) * ((row_t'(loop_q.ochs) + row_t'(Dim - 1)) >> DimLog2) +
            row_t'(och_q);
        uop_o.block_stride = row_t'(Dim);
      end else begin
        uop_o.operand.row = base_q + (row_t'(och_q) >> DimLog2) * plane +
            (row_t'(b_q) * row_t'(loop_q.orows) + row_t'(orow_q)) * row_t'(loop_q.ocols) + row_t'(ocol_q);
        uop_o.block_stride = plane;
      end
      uop_o.dram = loop_q.bias + AddressBits'(b_q) * AddressBits'(config_i.bias_batch) +
          AddressBits'(orow_q) * AddressBits'(config_i.bias_row) +
          AddressBits'(ocol_q) * AddressBits'(config_i.bias_pixel) + (AddressBits'(och_q) << 2);
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (start_i) begin
      busy_q <= !loop_i.accumulate && (!matmul_i || loop_i.refill);
    end else if (grant_i && last_b && last_orow && last_ocol && last_och) begin
      busy_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      loop_q <= loop_i;
      matmul_q <= matmul_i;
      base_q <= base_i;
      b_q <= '0;
      orow_q <= '0;
      ocol_q <= '0;
      och_q <= '0;
    end else if (grant_i && matmul_q) begin
      ocol_q <= last_ocol ? '0 : ocol_q + 16'(Dim);
      if (last_ocol) och_q <= och_q + 16'(BlockElements);
    end else if (grant_i) begin
      och_q <= last_och ? '0 : och_q + 16'(BlockElements);
      if (last_och) begin
        ocol_q <= last_ocol ? '0 : ocol_q + 16'(Dim);
        if (last_ocol) begin
          orow_q <= last_orow ? '0 : orow_q + 16'd1;
          if (last_orow) b_q <= b_q + 16'd1;
        end
      end
    end
  end

  assert_grant :
  assert property (@(posedge clk_i) disable iff (!rst_ni) grant_i |-> busy_q)
  else $error("loop_bias: granted while idle");
endmodule
