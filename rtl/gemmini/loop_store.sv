// Loop unit that stores the results of a tile, as int8 or as int32 partial sums.
// Convolution: b, orow, ocol, och, one block of DIM channels each. Matmul: j, i, up to 64 bytes a row (int32: one
// block). One store a grant. position_*_o tell what the next store needs (elements; j is exclusive).
module loop_store
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
    output logic [15:0] position_j_o,
    output logic [15:0] position_i_o,
    input logic grant_i,
    output uop_t uop_o
);
  localparam int unsigned DimLog2 = $clog2(Dim);
  localparam int unsigned BlockElements = Dim >= DmaBytes ? Dim : DmaBytes;

  loop_t loop_q;
  logic busy_q, matmul_q;
  row_t base_q, plane_q;
  logic [15:0] b_q, orow_q, ocol_q, och_q;
  logic [15:0] pixels_left, channels_left, step, channels;
  logic last_b, last_orow, last_ocol, last_och;

  assign busy_o = busy_q;
  assign pixels_left = loop_q.ocols - ocol_q;
  assign channels_left = loop_q.ochs - och_q;
  assign step = matmul_q && !loop_q.store_wide ? 16'(BlockElements) : 16'(Dim);
  assign last_b = b_q + 16'd1 >= loop_q.batches;
  assign last_orow = orow_q + 16'd1 >= loop_q.orows;
  assign last_ocol = pixels_left <= 16'(Dim);
  assign last_och = channels_left <= step;
  assign channels = last_och ? channels_left : step;
  assign position_j_o = och_q + channels;
  assign position_i_o = ocol_q;

  always_comb begin
    uop_o = '0;
    if (grant_i) begin
      uop_o.op = OpStore;
      uop_o.operand.acc = 1'b1;
      uop_o.rows = last_ocol ? 7'(pixels_left) : 7'(Dim);
      uop_o.cols = 7'(channels);
      uop_o.wide = loop_q.store_wide;
      uop_o.block_stride = row_t'(Dim);
      if (matmul_q) begin
        uop_o.operand.row = base_q + row_t'(ocol_q) * ((row_t'(loop_q.ochs) + row_t'(Dim - 1)) >> DimLog2) +
            row_t'(och_q);
      end else begin
        uop_o.operand.row = base_q + (row_t'(och_q) >> DimLog2) * plane_q +
            (row_t'(b_q) * row_t'(loop_q.orows) + row_t'(orow_q)) * row_t'(loop_q.ocols) + row_t'(ocol_q);
      end
      if (loop_q.store_wide) begin
        uop_o.stride = config_i.bias_pixel;
        uop_o.dram = loop_q.out + AddressBits'(b_q) * AddressBits'(config_i.bias_batch) +
            AddressBits'(orow_q) * AddressBits'(config_i.bias_row) +
            AddressBits'(ocol_q) * AddressBits'(config_i.bias_pixel) + (AddressBits'(och_q) << 2);
      end else begin
        uop_o.stride = config_i.output_pixel;
        uop_o.dram = loop_q.out + AddressBits'(b_q) * AddressBits'(config_i.output_batch) +
            AddressBits'(orow_q) * AddressBits'(config_i.output_row) +
            AddressBits'(ocol_q) * AddressBits'(config_i.output_pixel) + AddressBits'(och_q);
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (start_i) begin
      busy_q <= loop_i.store;
    end else if (grant_i && last_och && last_ocol && (matmul_q || (last_orow && last_b))) begin
      busy_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      loop_q <= loop_i;
      matmul_q <= matmul_i;
      base_q <= base_i;
      plane_q <= row_t'(loop_i.batches) * row_t'(loop_i.orows) * row_t'(loop_i.ocols);
      b_q <= '0;
      orow_q <= '0;
      ocol_q <= '0;
      och_q <= '0;
    end else if (grant_i && matmul_q) begin
      ocol_q <= last_ocol ? '0 : ocol_q + 16'(Dim);
      if (last_ocol) och_q <= och_q + step;
    end else if (grant_i) begin
      och_q <= last_och ? '0 : och_q + step;
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
  else $error("loop_store: granted while idle");
endmodule
