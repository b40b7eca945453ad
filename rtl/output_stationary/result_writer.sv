// Takes complete sums from the array, one pixel a cycle, rounds them to int8 and writes them to memory.
// Pixels that follow each other in one line of memory share a burst. A pixel that closes a line waits until the burst
// before has been sent; AW and W are offered together and taken in any order.
module result_writer
  import output_stationary_pkg::*;
#(
    parameter int unsigned Dim = 16
) (
    input logic clk_i,
    input logic rst_ni,
    input logic result_valid_i,
    input result_t result_i,
    input logic complete_i,  // the sums of one more result
    output logic drained_o,  // the result is read
    // Array.
    output sum_index_t sum_index_o,
    output span_t sum_pixel_o,
    input logic [32*Dim-1:0] sums_i,
    // Memory.
    output logic aw_valid_o,
    input logic aw_ready_i,
    output burst_t aw_o,
    output logic w_valid_o,
    input logic w_ready_i,
    output logic [BeatBits-1:0] w_data_o,
    output logic [BeatBytes-1:0] w_strb_o,
    output logic w_last_o,
    input logic b_valid_i,
    output logic read_o,  // a pixel's sums were read
    output logic busy_o
);
  localparam int unsigned BeatIndexBits = $clog2(LineBeats);
  typedef logic [BeatIndexBits-1:0] beat_t;
  typedef struct packed {
    logic [LineBytes-1:0][7:0] data;
    logic [LineBytes-1:0] strb;
  } line_t;

  logic [4:0] complete_q;
  logic active_q, pixel_last, closes, take, out_free;
  span_t pixel_q;
  address_t address_q, next;
  line_t line_q, merged, out_q;
  logic [8*Dim-1:0] data;
  logic aw_valid_q, w_valid_q, w_ends;
  burst_t aw_q;
  beat_t beat_q, last_q, first_beat, last_beat;
  logic [7:0] in_flight_q;

  // Pixels.
  assign sum_index_o = result_i.index;
  assign sum_pixel_o = pixel_q;
  assign next = address_q + result_i.pixel;
  assign pixel_last = pixel_q + span_t'(1) == result_i.pixels;
  assign closes = pixel_last || next[31:6] != address_q[31:6];
  assign take = active_q && (!closes || (out_free && in_flight_q != '1));
  assign drained_o = take && pixel_last;
  assign read_o = take;

  always_comb begin
    for (int unsigned i = 0; i < Dim; i++) begin
      data[8*i+:8] = requantise(sums_i[32*i+:32], result_i.shift, result_i.relu);
    end
    merged = line_q;
    for (int unsigned i = 0; i < LineBytes; i += Dim) begin
      if (address_q[5:0] == 6'(i)) begin
        merged.data[i+:Dim] = data;
        merged.strb[i+:Dim] = '1;
      end
    end
  end

  // Beats that have data.
  always_comb begin
    first_beat = '0;
    last_beat = '0;
    for (int unsigned b = 0; b < LineBeats; b++) begin
      if (merged.strb[BeatBytes*b+:BeatBytes] != '0) last_beat = beat_t'(b);
      if (merged.strb[BeatBytes*(LineBeats-1-b)+:BeatBytes] != '0) first_beat = beat_t'(LineBeats - 1 - b);
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      complete_q <= '0;
      active_q <= 1'b0;
      pixel_q <= '0;
      line_q <= '0;
    end else begin
      if (complete_i != drained_o) complete_q <= complete_i ? complete_q + 5'd1 : complete_q - 5'd1;
      if (!active_q) active_q <= complete_q != '0;
      else if (drained_o) active_q <= 1'b0;
      if (take) begin
        pixel_q <= pixel_last ? '0 : pixel_q + span_t'(1);
        line_q <= closes ? '0 : merged;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (!active_q) address_q <= result_i.address;
    else if (take) address_q <= next;
  end

  // Bursts.
  assign w_ends = w_valid_q && w_ready_i && w_last_o;
  assign out_free = (!aw_valid_q || aw_ready_i) && (!w_valid_q || w_ends);
  assign aw_valid_o = aw_valid_q;
  assign aw_o = aw_q;
  assign w_valid_o = w_valid_q;
  assign w_data_o = out_q.data[BeatBytes*beat_q+:BeatBytes];
  assign w_strb_o = out_q.strb[BeatBytes*beat_q+:BeatBytes];
  assign w_last_o = beat_q == last_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      aw_valid_q <= 1'b0;
      w_valid_q <= 1'b0;
      beat_q <= '0;
      last_q <= '0;
      in_flight_q <= '0;
    end else begin
      if (aw_ready_i) aw_valid_q <= 1'b0;
      if (w_ends) w_valid_q <= 1'b0;
      else if (w_valid_q && w_ready_i) beat_q <= beat_q + beat_t'(1);
      if (take && closes) begin
        aw_valid_q <= 1'b1;
        w_valid_q <= 1'b1;
        beat_q <= first_beat;
        last_q <= last_beat;
      end
      if ((take && closes) != b_valid_i) in_flight_q <= b_valid_i ? in_flight_q - 8'd1 : in_flight_q + 8'd1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (take && closes) begin
      out_q <= merged;
      aw_q.address <= {address_q[31:6], first_beat, 4'd0};
      aw_q.beats <= 8'(last_beat - first_beat);
    end
  end

  assign busy_o = result_valid_i || in_flight_q != '0;

  assert_aw_holds :
  assert property (@(posedge clk_i) disable iff (!rst_ni) aw_valid_o && !aw_ready_i |=> aw_valid_o && $stable(aw_o))
  else $error("result_writer: a write address changed before it was taken");
  assert_w_holds :
  assert property (@(posedge clk_i) disable iff (!rst_ni)
      w_valid_o && !w_ready_i |=> w_valid_o && $stable({w_data_o, w_strb_o, w_last_o}))
  else $error("result_writer: write data changed before it was taken");
  assert_result :
  assert property (@(posedge clk_i) disable iff (!rst_ni) active_q |-> result_valid_i)
  else $error("result_writer: complete sums without a result");
  assert_aligned :
  assert property (@(posedge clk_i) disable iff (!rst_ni) take |-> address_q % Dim == 0)
  else $error("result_writer: a pixel at %0d is not aligned to %0d", address_q, Dim);
  assert_response :
  assert property (@(posedge clk_i) disable iff (!rst_ni) b_valid_i |-> in_flight_q != '0)
  else $error("result_writer: a response to no write");
endmodule
