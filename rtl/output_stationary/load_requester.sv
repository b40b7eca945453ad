// Turns the copies of a tile into read bursts, inputs first.
// One burst a cycle, each within a line; what the receiver needs to know of a burst goes with it. A tile starts when a
// half of the scratchpad is free, and is handed to the sequencer with its last burst. There is a cycle between tiles.
module load_requester
  import output_stationary_pkg::*;
#(
    parameter int unsigned Dim = 16
) (
    input logic clk_i,
    input logic rst_ni,
    input logic tile_valid_i,
    output logic tile_ready_o,
    input tile_t tile_i,
    // The tile's work, with its last burst.
    output logic work_valid_o,
    input logic work_ready_i,
    output work_t work_o,
    // The sequencer has read a tile for the last time.
    input logic half_free_i,
    // To memory.
    output logic ar_valid_o,
    input logic ar_ready_i,
    output burst_t ar_o,
    // To the receiver, as soon as a burst is on its way.
    output logic load_valid_o,
    input logic load_ready_i,
    output load_t load_o
);
  typedef enum logic [1:0] {
    Idle,
    Inputs,
    Weights
  } state_e;

  state_e state_q;
  copy_t copy, next_copy;
  logic begins, send, run_ends, copy_ends, tile_ends, unused_done;
  logic [2:0] advance, unused_first, last;
  address_t address_q, left_q, unused_value, run_start;
  logic [6:0] room, bytes;
  logic [1:0] free_q;
  logic ar_valid_q;
  burst_t ar_q;

  assign copy = state_q == Inputs ? tile_i.inputs : tile_i.weights;
  assign next_copy = state_q == Idle && tile_i.inputs.run != '0 ? tile_i.inputs : tile_i.weights;
  assign room = 7'(LineBytes) - 7'(address_q[5:0]);
  assign bytes = left_q < address_t'(room) ? 7'(left_q) : room;

  assign run_ends = left_q == address_t'(bytes);
  assign copy_ends = run_ends && &last;
  assign tile_ends = copy_ends && state_q == Weights;
  assign begins = state_q == Idle && tile_valid_i && free_q != '0;
  assign send = state_q != Idle && (!ar_valid_q || ar_ready_i) && load_ready_i && (!tile_ends || work_ready_i);

  assign tile_ready_o = send && tile_ends;
  assign work_valid_o = send && tile_ends;
  assign work_o = tile_i.work;
  assign load_valid_o = send;
  assign load_o.offset = address_q[3:0];
  assign load_o.bytes = bytes;
  assign load_o.last = tile_ends;
  assign ar_valid_o = ar_valid_q;
  assign ar_o = ar_q;

  loop_counters #(
      .Levels(3)
  ) u_loops (
      .clk_i,
      .rst_ni,
      .step_i(send && run_ends),
      .count_i(copy.count),
      .advance_o(advance),
      .first_o(unused_first),
      .last_o(last),
      .done_o(unused_done)
  );

  strided_pointer #(
      .Levels(3),
      .Width(32)
  ) u_run (
      .clk_i,
      .load_i(begins || (send && copy_ends)),
      .base_i(next_copy.address),
      .advance_i(advance),
      .step_i(copy.step),
      .value_o(unused_value),
      .next_o(run_start)
  );

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      state_q <= Idle;
      free_q <= 2'd2;
      ar_valid_q <= 1'b0;
    end else begin
      if (begins) state_q <= tile_i.inputs.run != '0 ? Inputs : Weights;
      else if (send && copy_ends) state_q <= state_q == Inputs ? Weights : Idle;
      if (begins != half_free_i) free_q <= begins ? free_q - 2'd1 : free_q + 2'd1;
      if (ar_ready_i) ar_valid_q <= 1'b0;
      if (send) ar_valid_q <= 1'b1;
    end
  end

  always_ff @(posedge clk_i) begin
    if (begins || (send && copy_ends)) begin
      address_q <= run_start;
      left_q <= address_t'(next_copy.run) * Dim;
    end else if (send && run_ends) begin
      address_q <= run_start;
      left_q <= address_t'(copy.run) * Dim;
    end else if (send) begin
      address_q <= address_q + address_t'(bytes);
      left_q <= left_q - address_t'(bytes);
    end
    if (send) begin
      ar_q.address <= {address_q[31:4], 4'd0};
      ar_q.beats <= 8'((7'(address_q[3:0]) + bytes - 7'd1) >> 4);
    end
  end

  assert_ar_holds :
  assert property (@(posedge clk_i) disable iff (!rst_ni) ar_valid_o && !ar_ready_i |=> ar_valid_o && $stable(ar_o))
  else $error("load_requester: a read address changed before it was taken");
  assert_runs :
  assert property (@(posedge clk_i) disable iff (!rst_ni) begins |-> tile_i.weights.run != '0)
  else $error("load_requester: a tile has no weights");
  assert_halves :
  assert property (@(posedge clk_i) disable iff (!rst_ni) half_free_i |-> free_q != 2'd2 || begins)
  else $error("load_requester: more halves freed than taken");
endmodule
