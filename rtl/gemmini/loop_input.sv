// Loop unit that loads the input of a tile; rows outside the image are zero loads.
// Convolution: b, irow, icol, ich. Matmul: k, i. One load a grant of up to 64 bytes a row.
// position_k_o and position_i_o tell a matmul's execute unit what has been issued (elements).
module loop_input
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
    output logic [15:0] position_k_o,
    output logic [15:0] position_i_o,
    input logic grant_i,
    output uop_t uop_o
);
  localparam int unsigned DimLog2 = $clog2(Dim);
  localparam int unsigned BlockElements = Dim >= DmaBytes ? Dim : DmaBytes;

  loop_t loop_q;
  logic busy_q, matmul_q;
  row_t base_q, plane_q;
  logic [15:0] b_q, irow_q, icol_q, ich_q;
  logic [15:0] columns, segment_end, segment, channels_left;
  logic outside, last_b, last_irow, last_icol, last_ich;

  assign busy_o = busy_q;
  assign position_k_o = ich_q;
  assign position_i_o = icol_q;
  assign columns = matmul_q ? loop_q.ocols : loop_q.icols;
  assign channels_left = loop_q.kchs - ich_q;
  assign last_ich = channels_left <= 16'(BlockElements);
  assign last_irow = irow_q + 16'd1 >= loop_q.irows;
  assign last_b = b_q + 16'd1 >= loop_q.batches;

  // Columns split where the padding starts and ends, and every DIM.
  always_comb begin
    segment_end = columns;
    if (!matmul_q) begin
      if (icol_q < loop_q.lpad) segment_end = loop_q.lpad < columns ? loop_q.lpad : columns;
      else if (icol_q < loop_q.lpad + loop_q.icols_real) segment_end = loop_q.lpad + loop_q.icols_real;
    end
    segment = segment_end - icol_q;
    if (segment > 16'(Dim)) segment = 16'(Dim);
    outside = !matmul_q && (icol_q < loop_q.lpad || icol_q >= loop_q.lpad + loop_q.icols_real ||
        irow_q < loop_q.upad || irow_q >= loop_q.upad + loop_q.irows_real);
  end
  assign last_icol = icol_q + segment >= columns;

  always_comb begin
    uop_o = '0;
    if (grant_i) begin
      uop_o.op = OpLoad;
      uop_o.rows = 7'(segment);
      uop_o.cols = last_ich ? 7'(channels_left) : 7'(BlockElements);
      uop_o.stride = config_i.input_pixel;
      uop_o.zeros = outside;
      if (matmul_q) begin
        uop_o.operand.row = base_q + row_t'(icol_q) * ((row_t'(loop_q.kchs) + row_t'(Dim - 1)) >> DimLog2) +
            row_t'(ich_q);
        uop_o.block_stride = row_t'(Dim);
        uop_o.dram = loop_q.in + AddressBits'(icol_q) * AddressBits'(config_i.input_pixel) + AddressBits'(ich_q);
      end else begin
        uop_o.operand.row = base_q + (row_t'(ich_q) >> DimLog2) * plane_q +
            (row_t'(b_q) * row_t'(loop_q.irows) + row_t'(irow_q)) * row_t'(loop_q.icols) + row_t'(icol_q);
        uop_o.block_stride = plane_q;
        uop_o.dram = loop_q.in + AddressBits'(b_q) * AddressBits'(config_i.input_batch) +
            AddressBits'(irow_q - loop_q.upad) * AddressBits'(config_i.input_row) +
            AddressBits'(icol_q - loop_q.lpad) * AddressBits'(config_i.input_pixel) + AddressBits'(ich_q);
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
    end else if (start_i) begin
      busy_q <= 1'b1;
    end else if (grant_i && last_ich && last_icol && (matmul_q || (last_irow && last_b))) begin
      busy_q <= 1'b0;
    end
  end

  always_ff @(posedge clk_i) begin
    if (start_i) begin
      loop_q <= loop_i;
      matmul_q <= matmul_i;
      base_q <= base_i;
      plane_q <= row_t'(loop_i.batches) * row_t'(loop_i.irows) * row_t'(loop_i.icols);
      b_q <= '0;
      irow_q <= '0;
      icol_q <= '0;
      ich_q <= '0;
    end else if (grant_i && matmul_q) begin
      icol_q <= last_icol ? '0 : icol_q + 16'(Dim);
      if (last_icol) ich_q <= ich_q + 16'(BlockElements);
    end else if (grant_i) begin
      ich_q <= last_ich ? '0 : ich_q + 16'(BlockElements);
      if (last_ich) begin
        icol_q <= last_icol ? '0 : icol_q + segment;
        if (last_icol) begin
          irow_q <= last_irow ? '0 : irow_q + 16'd1;
          if (last_irow) b_q <= b_q + 16'd1;
        end
      end
    end
  end

  assert_grant :
  assert property (@(posedge clk_i) disable iff (!rst_ni) grant_i |-> busy_q)
  else $error("loop_input: granted while idle");
endmodule
