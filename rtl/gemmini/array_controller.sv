// SPDX-License-Identifier: Apache-2.0
// Array controller: the read pipe in front of the systolic array, its tag queue, and the rows that come out.
// A row passes the read pipe in five cycles, enters the array, and comes out 2 DIM + 2 cycles later. Each slot puts a
// tag for the results of the next slot into a queue of Design.array_slots when its first row enters; the queue moves
// when the last row of a slot comes out. A full queue stalls the pipe, which bounds the slots in flight.
`include "assertions.svh"
module array_controller
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input feed_t row_i,
    output logic row_ready_o,
    input slot_t slot_i,
    // Data of the row in the first stage of the pipe.
    input logic [8*Design.dim-1:0] input_data_i,
    input logic [8*Design.dim-1:0] weight_data_i,
    output result_t result_o,
    output logic [32*Design.dim-1:0] result_data_o,
    // A preload is complete with its last result.
    output completion_t done_o,
    // Nothing is on its way.
    output logic quiet_o
);
  localparam int unsigned Dim = Design.dim;
  localparam int unsigned Latency = 2 * Dim + 2;
  localparam int unsigned TimeBits = $clog2(Latency);
  localparam int unsigned Last = ReadPipeStages - 1;

  // Read pipe.
  logic [ReadPipeStages-1:0] valid_q, first_q, last_q, move;
  logic enter;
  slot_t slot;
  logic slot_valid, slot_ready;

  // Tags.
  slot_t tag;
  logic tag_valid, tag_ready, tag_pop;

  assign enter = valid_q[Last] && (!first_q[Last] || tag_ready);
  always_comb begin
    move[Last] = !valid_q[Last] || enter;
    for (int unsigned s = Last; s > 0; s--) move[s-1] = !valid_q[s-1] || move[s];
  end
  assign row_ready_o = move[0];

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
      first_q <= '0;
      last_q  <= '0;
    end else begin
      valid_q <= (valid_q & ~move) | ({valid_q[Last-1:0], row_i.valid} & move);
      first_q <= (first_q & ~move) | ({first_q[Last-1:0], row_i.first} & move);
      last_q  <= (last_q & ~move) | ({last_q[Last-1:0], row_i.last} & move);
    end
  end

  fifo #(
      .data_t(slot_t),
      .Depth(4)
  ) u_slots (
      .clk_i,
      .rst_ni,
      .push_valid_i(row_i.valid && row_i.first),
      .push_ready_o(slot_ready),
      .push_i(slot_i),
      .pop_valid_o(slot_valid),
      .pop_ready_i(enter && first_q[Last]),
      .pop_o(slot)
  );

  fifo #(
      .data_t(slot_t),
      .Depth(Design.array_slots)
  ) u_tags (
      .clk_i,
      .rst_ni,
      .push_valid_i(enter && first_q[Last]),
      .push_ready_o(tag_ready),
      .push_i(slot),
      .pop_valid_o(tag_valid),
      .pop_ready_i(tag_pop),
      .pop_o(tag)
  );

  // Rows in the array: a ring that is read Latency cycles after it was written.
  logic [1:0] ring_q[Latency];
  logic [TimeBits-1:0] time_q;
  logic out_valid, out_last;
  logic started_q;  // the first slot's rows are no result
  logic [6:0] out_row_q;
  logic [7:0] inside_q;  // rows in the array

  assign {out_valid, out_last} = ring_q[time_q];
  assign tag_pop = out_valid && out_last && started_q;
  assign result_o = '{
      valid: out_valid && started_q && tag.has_result && out_row_q < tag.result_rows,
      accumulate: tag.accumulate,
      row: tag.result_row + row_t'(out_row_q)
  };
  assign done_o = '{valid: tag_pop && tag.has_result, entry: tag.entry};
  assign quiet_o = valid_q == '0 && inside_q == '0;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      time_q <= '0;
      started_q <= 1'b0;
      out_row_q <= '0;
      inside_q <= '0;
      for (int unsigned i = 0; i < Latency; i++) ring_q[i] <= '0;
    end else begin
      time_q <= time_q == TimeBits'(Latency - 1) ? '0 : time_q + 1'b1;
      ring_q[time_q] <= {enter, enter && last_q[Last]};
      if (out_valid) begin
        started_q <= started_q || out_last;
        out_row_q <= out_last ? '0 : out_row_q + 7'd1;
      end
      if (enter != out_valid) inside_q <= enter ? inside_q + 8'd1 : inside_q - 8'd1;
    end
  end

  if (Design.datapath) begin : gen_data
    logic has_input_q, has_weight_q;
    logic [8*Dim-1:0] input_q[ReadPipeStages], weight_q[ReadPipeStages];
    logic propagate_q, feed_valid_q, feed_loads_q;
    logic [6:0] feed_row_q;
    logic [8*Dim-1:0] feed_input_q, feed_weight_q;

    always_ff @(posedge clk_i or negedge rst_ni) begin
      if (!rst_ni) begin
        propagate_q <= 1'b0;
        feed_valid_q <= 1'b0;
      end else begin
        feed_valid_q <= enter;
        if (enter && first_q[Last]) propagate_q <= propagate_q ^ slot.flip;
      end
    end

    // Stage 0 is the scratchpad's output register.
    always_ff @(posedge clk_i) begin
      if (move[0]) begin
        has_input_q <= row_i.has_input;
        has_weight_q <= row_i.has_weight;
      end
      for (int unsigned s = 1; s < ReadPipeStages; s++) begin
        if (move[s] && valid_q[s-1]) begin
          input_q[s] <= s == 1 ? (has_input_q ? input_data_i : '0) : input_q[s-1];
          weight_q[s] <= s == 1 ? (has_weight_q ? weight_data_i : '0) : weight_q[s-1];
        end
      end
      if (enter) begin
        feed_input_q <= input_q[Last];
        feed_weight_q <= weight_q[Last];
        feed_row_q <= first_q[Last] ? 7'd0 : feed_row_q + 7'd1;
        if (first_q[Last]) feed_loads_q <= slot.loads_weights;
      end
    end
    assign input_q[0] = '0;
    assign weight_q[0] = '0;

    if (Design.plain_array) begin : gen_plain
      mesh #(
          .Dim(Dim),
          .OutputDelay(Latency - 1)
      ) u_array (
          .clk_i,
          .rst_ni,
          .valid_i(feed_valid_q),
          .propagate_i(propagate_q),
          .load_i(feed_loads_q && feed_row_q < 7'(Dim)),
          .row_i(feed_row_q),
          .input_i(feed_input_q),
          .weight_i(feed_weight_q),
          .read_i(result_o.valid),
          .result_o(result_data_o)
      );
    end else begin : gen_fast
      systolic_array #(
          .Dim(Dim),
          .OutputDelay(Latency - 1)
      ) u_array (
          .clk_i,
          .rst_ni,
          .valid_i(feed_valid_q),
          .propagate_i(propagate_q),
          .load_i(feed_loads_q && feed_row_q < 7'(Dim)),
          .row_i(feed_row_q),
          .input_i(feed_input_q),
          .weight_i(feed_weight_q),
          .read_i(result_o.valid),
          .result_o(result_data_o)
      );
    end
  end else begin : gen_timing
    assign result_data_o = '0;
  end

  `ASSERT_IF(assert_slots, row_i.valid && row_i.first, slot_ready, ("array_controller: a slot without room"))
  `ASSERT_IF(assert_slot, enter && first_q[Last], slot_valid, ("array_controller: a row without its slot"))
  `ASSERT_IF(assert_tag, out_valid && started_q, tag_valid, ("array_controller: a result without a tag"))
  `ASSERT_IF(assert_row, row_i.valid, row_ready_o, ("array_controller: a row without room"))
endmodule
