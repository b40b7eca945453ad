// Loop unit that issues the preload / compute pairs of a tile.
// Convolution: och, krow, kcol, kch, b, orow, ocol. Matmul: k, j, i. One operation a grant, preload first.
// The weights are named by the first pair of a block only; the others keep what the array holds.
module loop_execute
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
    input row_t input_base_i,
    input row_t weight_base_i,
    input row_t result_base_i,
    output logic busy_o,
    // Position in elements, for units that follow or lead.
    output logic [15:0] position_k_o,
    output logic [15:0] position_j_o,
    output logic [15:0] position_i_o,
    input logic grant_i,
    output uop_t uop_o
);
  localparam int unsigned DimLog2 = $clog2(Dim);

  loop_t loop_q;
  logic busy_q, matmul_q, compute_q, fresh_q;
  row_t input_base_q, weight_base_q, result_base_q;
  row_t input_plane_q, weight_block_q, result_plane_q;
  logic [15:0] och_q, krow_q, kcol_q, kch_q, b_q, orow_q, ocol_q;
  logic [15:0] pixels_left, channels_left, reduction_left;
  logic last_och, last_krow, last_kcol, last_kch, last_b, last_orow, last_ocol, last_pixel;
  logic [6:0] pixels, channels, reduction;
  row_t input_row, weight_row, result_row;

  assign busy_o = busy_q;
  assign position_k_o = kch_q;
  assign position_j_o = och_q;
  assign position_i_o = ocol_q;

  assign pixels_left = loop_q.ocols - ocol_q;
  assign channels_left = loop_q.ochs - och_q;
  assign reduction_left = loop_q.kchs - kch_q;
  assign last_ocol = pixels_left <= 16'(Dim);
  assign last_och = channels_left <= 16'(Dim);
  assign last_kch = reduction_left <= 16'(Dim);
  assign last_krow = krow_q + 16'd1 >= loop_q.krows;
  assign last_kcol = kcol_q + 16'd1 >= loop_q.kcols;
  assign last_b = b_q + 16'd1 >= loop_q.batches;
  assign last_orow = orow_q + 16'd1 >= loop_q.orows;
  assign last_pixel = last_ocol && last_orow && last_b;
  assign pixels = last_ocol ? 7'(pixels_left) : 7'(Dim);
  assign channels = last_och ? 7'(channels_left) : 7'(Dim);
  assign reduction = last_kch ? 7'(reduction_left) : 7'(Dim);

  always_comb begin
    uop_o = '0;
    input_row = '0;
    weight_row = '0;
    result_row = '0;
    if (grant_i) begin
      if (matmul_q) begin
        input_row = input_base_q + row_t'(ocol_q) * ((row_t'(loop_q.kchs) + row_t'(Dim - 1)) >> DimLog2) +
            row_t'(kch_q);
        weight_row = weight_base_q + row_t'(kch_q) * ((row_t'(loop_q.ochs) + row_t'(Dim - 1)) >> DimLog2) +
            row_t'(och_q);
        result_row = result_base_q + row_t'(ocol_q) * ((row_t'(loop_q.ochs) + row_t'(Dim - 1)) >> DimLog2) +
            row_t'(och_q);
      end else begin
        input_row = input_base_q + (row_t'(kch_q) >> DimLog2) * input_plane_q +
            (row_t'(b_q) * row_t'(loop_q.irows) + row_t'(orow_q) * row_t'(config_i.stride_h) +
             row_t'(krow_q) * row_t'(config_i.dilation_h)) * row_t'(loop_q.icols) +
            row_t'(ocol_q) * row_t'(config_i.stride_w) + row_t'(kcol_q) * row_t'(config_i.dilation_w);
        weight_row = weight_base_q + (row_t'(och_q) >> DimLog2) * weight_block_q +
            (row_t'(krow_q) * row_t'(loop_q.kcols) + row_t'(kcol_q)) * row_t'(loop_q.kchs) + row_t'(kch_q);
        result_row = result_base_q + (row_t'(och_q) >> DimLog2) * result_plane_q +
            (row_t'(b_q) * row_t'(loop_q.orows) + row_t'(orow_q)) * row_t'(loop_q.ocols) + row_t'(ocol_q);
      end
      if (compute_q) begin
        uop_o.op = OpCompute;
        uop_o.operand.row = input_row;
        uop_o.rows = pixels;
        uop_o.cols = reduction;
        uop_o.stride = 32'(config_i.stride_w);
        uop_o.flip = fresh_q;
      end else begin
        uop_o.op = OpPreload;
        uop_o.operand.garbage = !fresh_q;
        uop_o.operand.row = weight_row;
        uop_o.rows = reduction;
        uop_o.cols = channels;
        uop_o.result.acc = 1'b1;
        uop_o.result.accumulate = !matmul_q || kch_q != '0 || loop_q.accumulate || loop_q.refill;
        uop_o.result.row = result_row;
        uop_o.result_rows = pixels;
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (start_i) begin
      busy_q <= 1'b1;
    end else if (grant_i && compute_q && last_pixel && last_kch && last_kcol && last_krow && last_och) begin
      busy_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      loop_q <= loop_i;
      matmul_q <= matmul_i;
      compute_q <= 1'b0;
      fresh_q <= 1'b1;
      input_base_q <= input_base_i;
      weight_base_q <= weight_base_i;
      result_base_q <= result_base_i;
      input_plane_q <= row_t'(loop_i.batches) * row_t'(loop_i.irows) * row_t'(loop_i.icols);
      weight_block_q <= row_t'(loop_i.krows) * row_t'(loop_i.kcols) * row_t'(loop_i.kchs);
      result_plane_q <= row_t'(loop_i.batches) * row_t'(loop_i.orows) * row_t'(loop_i.ocols);
      och_q <= '0;
      krow_q <= '0;
      kcol_q <= '0;
      kch_q <= '0;
      b_q <= '0;
      orow_q <= '0;
      ocol_q <= '0;
    end else if (grant_i) begin
      compute_q <= !compute_q;
      if (compute_q) begin
        fresh_q <= last_pixel;
        ocol_q <= last_ocol ? '0 : ocol_q + 16'(Dim);
        if (last_ocol) orow_q <= last_orow ? '0 : orow_q + 16'd1;
        if (last_ocol && last_orow) b_q <= last_b ? '0 : b_q + 16'd1;
        if (last_pixel && matmul_q) begin
          och_q <= last_och ? '0 : och_q + 16'(Dim);
          if (last_och) kch_q <= kch_q + 16'(Dim);
        end else if (last_pixel) begin
          kch_q <= last_kch ? '0 : kch_q + 16'(Dim);
          if (last_kch) kcol_q <= last_kcol ? '0 : kcol_q + 16'd1;
          if (last_kch && last_kcol) krow_q <= last_krow ? '0 : krow_q + 16'd1;
          if (last_kch && last_kcol && last_krow) och_q <= och_q + 16'(Dim);
        end
      end
    end
  end

  assert_grant :
  assert property (@(posedge clk_i) disable iff (!rst_ni) grant_i |-> busy_q)
  else $error("loop_execute: granted while idle");
endmodule
