// Reads a loaded tile in the order in which the array takes it.
// Output blocks of DIM pixels and DIM channels one after the other, and for each the whole reduction of the tile: filter
// taps, then blocks of DIM input channels (a slot). A slot reads one pixel's and one channel's row a cycle and takes as
// many cycles as it has pixels or channels, whichever are more. It waits only before it starts: for a free sum where
// its block begins one, for room in the result queue where its block completes one. A tile takes a cycle to start.
module tile_sequencer
  import output_stationary_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter int unsigned Sums = 4
) (
    input logic clk_i,
    input logic rst_ni,
    input logic work_valid_i,
    output logic work_ready_o,
    input work_t work_i,
    input logic loaded_i,  // another tile is in the scratchpad
    // Scratchpad, whose data comes a cycle later.
    output logic half_o,
    output logic input_read_o,
    output row_t input_row_o,
    output logic weight_read_o,
    output row_t weight_row_o,
    // Array, beside that data. `padding_o`: the pixel is outside of the input.
    output logic pixel_valid_o,
    output logic padding_o,
    output span_t pixel_o,
    output step_t step_o,
    // Results: what a block's sums become, and when they are complete.
    output logic result_valid_o,
    input logic result_ready_i,
    output result_t result_o,
    output logic complete_o,
    input logic drained_i,
    output events_t events_o
);
  localparam int unsigned Levels = 7;  // of loops, as work_t lists them
  localparam int unsigned PixelBlock = 3, Line = 4, Ochs = 5, Batch = 6;
  localparam int unsigned CountBits = $clog2(Sums + 1);
  // From a block's last step to its last sum.
  localparam int unsigned CompleteDelay = 2 * Dim + 1;

  logic active_q, half_q, begins, issue, may_start, slot_ends, tile_ends;
  logic [1:0] loaded_q;
  logic [Levels-1:0] advance, first, last;
  logic block_first, block_last;
  span_t t_q, pixels, chans, ochs;
  row_t slot_row, row, row_q, unused_row, weight_row_q, weight_start_q;
  coordinate_t slot_u, u, u_q, line_v, unused_u, unused_v;
  address_t out, unused_out;
  logic outside, input_read, weight_read;
  sum_index_t index_q, first_index_q, next_index;
  logic [CountBits-1:0] taken_q;
  step_t step;

  // Loops.
  loop_counters #(
      .Levels(Levels)
  ) u_loops (
      .clk_i,
      .rst_ni,
      .step_i(slot_ends),
      .count_i(work_i.count),
      .advance_o(advance),
      .first_o(first),
      .last_o(last),
      .done_o(tile_ends)
  );

  strided_pointer #(
      .Levels(Levels),
      .Width($bits(row_t))
  ) u_row (
      .clk_i,
      .load_i(begins),
      .base_i(work_i.origin),
      .advance_i(advance),
      .step_i({
        work_i.batch,
        row_t'(0),
        work_i.line,
        row_t'(work_i.pixel * row_t'(Dim)),
        work_i.line_tap,
        work_i.pixel_tap,
        work_i.chans
      }),
      .value_o(slot_row),
      .next_o(unused_row)
  );

  strided_pointer #(
      .Levels(Levels),
      .Width($bits(coordinate_t))
  ) u_pixel (
      .clk_i,
      .load_i(begins),
      .base_i(-coordinate_t'(work_i.pixel_pad)),
      .advance_i(advance),
      .step_i({
        coordinate_t'(0),
        coordinate_t'(0),
        coordinate_t'(0),
        coordinate_t'(work_i.pixel_stride) * coordinate_t'(Dim),
        coordinate_t'(0),
        coordinate_t'(work_i.pixel_dilation),
        coordinate_t'(0)
      }),
      .value_o(slot_u),
      .next_o(unused_u)
  );

  strided_pointer #(
      .Levels(Levels),
      .Width($bits(coordinate_t))
  ) u_line (
      .clk_i,
      .load_i(begins),
      .base_i(-coordinate_t'(work_i.line_pad)),
      .advance_i(advance),
      .step_i({
        coordinate_t'(0),
        coordinate_t'(0),
        coordinate_t'(work_i.line_stride),
        coordinate_t'(0),
        coordinate_t'(work_i.line_dilation),
        coordinate_t'(0),
        coordinate_t'(0)
      }),
      .value_o(line_v),
      .next_o(unused_v)
  );

  strided_pointer #(
      .Levels(Levels),
      .Width($bits(address_t))
  ) u_out (
      .clk_i,
      .load_i(begins),
      .base_i(work_i.out),
      .advance_i(advance),
      .step_i({
        work_i.out_batch,
        work_i.out_ochs,
        work_i.out_line,
        work_i.out_pixel * address_t'(Dim),
        address_t'(0),
        address_t'(0),
        address_t'(0)
      }),
      .value_o(out),
      .next_o(unused_out)
  );

  // A slot.
  assign block_first = &first[PixelBlock-1:0];
  assign block_last = &last[PixelBlock-1:0];
  assign pixels = last[PixelBlock] ? work_i.last_pixels : span_t'(Dim);
  assign chans = last[0] ? work_i.last_chans : span_t'(Dim);
  assign ochs = last[Ochs] ? work_i.last_ochs : span_t'(Dim);
  assign begins = !active_q && work_valid_i && loaded_q != '0;
  assign may_start = !(block_first && work_i.first && taken_q == CountBits'(Sums)) &&
      !(block_last && work_i.last && !result_ready_i);
  assign issue = active_q && (t_q != '0 || may_start);
  assign slot_ends = issue && t_q + span_t'(1) == (pixels > chans ? pixels : chans);
  assign work_ready_o = tile_ends;

  assign row = t_q == '0 ? slot_row : row_q;
  assign u = t_q == '0 ? slot_u : u_q;
  // Negative coordinates are large here.
  assign outside = u >= coordinate_t'(work_i.pixel_size) || line_v >= coordinate_t'(work_i.line_size);
  assign input_read = issue && t_q < pixels;
  assign weight_read = issue && t_q < chans;
  assign half_o = half_q;
  assign input_read_o = input_read && !outside;
  assign input_row_o = row;
  assign weight_read_o = weight_read;
  assign weight_row_o = weight_row_q;

  always_comb begin
    step.valid = weight_read;
    step.start = t_q == '0 && block_first;
    step.clear = work_i.first;
    step.stop = t_q + span_t'(1) == chans && block_last;
    step.index = index_q;
  end
  assign result_valid_o = step.valid && step.stop && work_i.last;
  always_comb begin
    result_o.address = out;
    result_o.pixel = work_i.out_pixel;
    result_o.pixels = pixels;
    result_o.index = index_q;
    result_o.relu = work_i.relu;
    result_o.shift = work_i.shift;
  end

  // Sums are taken in turn; the tiles of one reduction use the same ones.
  assign next_index = index_q == sum_index_t'(Sums - 1) ? '0 : index_q + sum_index_t'(1);

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      active_q <= 1'b0;
      half_q <= 1'b0;
      loaded_q <= '0;
      t_q <= '0;
      index_q <= '0;
      first_index_q <= '0;
      taken_q <= '0;
    end else begin
      if (begins || tile_ends) active_q <= begins;
      if (tile_ends) half_q <= !half_q;
      if (begins != loaded_i) loaded_q <= begins ? loaded_q - 2'd1 : loaded_q + 2'd1;
      if (issue) t_q <= slot_ends ? '0 : t_q + span_t'(1);
      if (slot_ends && block_last) index_q <= tile_ends && !work_i.last ? first_index_q : next_index;
      if (tile_ends && work_i.last) first_index_q <= next_index;
      if ((issue && step.start && work_i.first) != drained_i) begin
        taken_q <= drained_i ? taken_q - CountBits'(1) : taken_q + CountBits'(1);
      end
    end
  end

  always_ff @(posedge clk_i) begin
    row_q <= row + work_i.pixel;
    u_q <= u + coordinate_t'(work_i.pixel_stride);
    if (begins) begin
      weight_row_q <= work_i.weights;
      weight_start_q <= work_i.weights;
    end else begin
      if (weight_read) weight_row_q <= weight_row_q + row_t'(1);
      // The same weights again for other pixels, and all of them for another image.
      if (advance[PixelBlock] || advance[Line]) weight_row_q <= weight_start_q;
      if (advance[Ochs]) weight_start_q <= weight_read ? weight_row_q + row_t'(1) : weight_row_q;
      if (advance[Batch]) begin
        weight_row_q <= work_i.weights;
        weight_start_q <= work_i.weights;
      end
    end
  end

  // Beside the scratchpad's data.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      pixel_valid_o <= 1'b0;
      padding_o <= 1'b0;
      pixel_o <= '0;
      step_o <= '0;
    end else begin
      pixel_valid_o <= input_read;
      padding_o <= outside;
      pixel_o <= t_q;
      step_o <= step;
    end
  end

  delay_line #(
      .Depth(CompleteDelay)
  ) u_complete (
      .clk_i,
      .rst_ni,
      .data_i(result_valid_o),
      .data_o(complete_o)
  );

  always_comb begin
    events_o = '0;
    events_o.stepping = issue;
    events_o.weight_words = weight_read ? 7'(ochs) : '0;
    if (input_read_o) begin
      events_o.input_words = 7'(chans);
      events_o.macs = 12'(chans) * 12'(ochs);
    end
    if (step.valid && step.start && !step.clear) events_o.taken_sums = 12'(pixels) * 12'(ochs);
    if (step.valid && step.stop) events_o.put_sums = 12'(pixels) * 12'(ochs);
  end

  assert_result :
  assert property (@(posedge clk_i) disable iff (!rst_ni) result_valid_o |-> result_ready_i)
  else $error("tile_sequencer: a result has no room");
  assert_loaded :
  assert property (@(posedge clk_i) disable iff (!rst_ni) loaded_i |-> loaded_q != 2'd2)
  else $error("tile_sequencer: more tiles than halves");

  if (Dim < 4 || Dim > 32 || (Dim & (Dim - 1)) != 0) begin : gen_illegal_dim
    $error("tile_sequencer: Dim = %0d is not a power of two from 4 to 32", Dim);
  end
  if (Sums < 2 || Sums > 4096) begin : gen_illegal_sums
    $error("tile_sequencer: Sums = %0d is not from 2 to 4096", Sums);
  end
endmodule
