// SPDX-License-Identifier: Apache-2.0
// Loop unroller: turns tile commands into micro-operations, one or two tiles in flight.
// Tiles alternate between the halves of the scratchpad. The accumulator half alternates only after a tile that stores.
// The tile for which there was no room is taken, and its loads start, TileCommandCycles after everything of a tile was
// issued. One operation a cycle, priority store > execute > bias > weights > input.
`include "assertions.svh"
module loop_unroller
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input config_t config_i,
    input logic valid_i,
    output logic ready_o,
    input loop_t loop_i,
    input logic matmul_i,
    output logic busy_o,
    // Reservation station.
    input logic [2:0] full_i,  // load, execute, store
    output logic uop_valid_o,
    output uop_t uop_o,
    // No unit starts, advances or ends.
    output logic quiet_o
);
  // A tile is six or seven commands of the host. While there is no room it waits with them: the next tile is there,
  // and its loads start, this many cycles after one has left (about 60 on the public Gemmini).
  localparam int unsigned TileCommandCycles = 60;

  // Units in the order of priority.
  typedef enum int unsigned {
    UnitStore,
    UnitExecute,
    UnitBias,
    UnitWeights,
    UnitInput
  } unit_e;
  localparam int unsigned Units = 5;

  tile_t tiles[2];
  logic [1:0] valid_q;
  logic matmul_0_q, matmul_1_q;                 // by slot
  logic [Units-1:0] started_0_q, started_1_q;  // by slot
  logic [Units-1:0] slot_q;        // slot a unit works on, or takes next
  logic [Units-1:0] running_q;     // the unit works on slot_q
  logic head_q, tail_q, acc_half_next_q;

  logic [Units-1:0] busy, start, finish, grant;
  logic [Units-1:0] matmul;           // of the unit's slot
  logic [Units-1:0] open;             // not started for the slot that the unit works on or takes next
  logic [UnitInput:UnitBias] loads_started;  // for the slot of execute
  logic [UnitInput:UnitBias] elsewhere;      // on another slot than execute
  logic execute_started;                     // for the slot of store
  logic [$clog2(TileCommandCycles+1)-1:0] wait_q;
  logic retire, accept, full;
  uop_t uops[Units];
  logic [15:0] weights_k, weights_j, input_k, input_i, execute_k, execute_j, execute_i, store_j, store_i;

  assign full = Design.tiles_in_flight == 1 ? |valid_q : &valid_q;
  assign ready_o = !full && wait_q == '0;
  assign accept = valid_i && ready_o;
  assign busy_o = valid_q != '0;
  assign finish = running_q & ~busy;
  assign retire = valid_q[head_q] && (&(head_q ? started_1_q : started_0_q)) &&
      ((running_q & ~finish & ~(slot_q ^ {Units{head_q}})) == '0);

  // Units that may start: execute after the loads of its tile have started, store after execute.
  assign open = (slot_q & {Units{valid_q[1]}} & ~started_1_q) | (~slot_q & {Units{valid_q[0]}} & ~started_0_q);
  assign matmul = (slot_q & {Units{matmul_1_q}}) | (~slot_q & {Units{matmul_0_q}});
  assign loads_started = slot_q[UnitExecute] ? started_1_q[UnitInput:UnitBias] : started_0_q[UnitInput:UnitBias];
  assign execute_started = slot_q[UnitStore] ? started_1_q[UnitExecute] : started_0_q[UnitExecute];
  assign elsewhere = slot_q[UnitInput:UnitBias] ^ {(UnitInput - UnitBias + 1) {slot_q[UnitExecute]}};
  always_comb begin
    start = open & ~running_q;
    if (!(&loads_started)) start[UnitExecute] = 1'b0;
    if (!execute_started) start[UnitStore] = 1'b0;
  end

  // What each unit waits for besides room in the reservation station.
  logic [UnitInput:UnitBias] issued, held;
  logic execute_done, loads_wait, input_ahead, weights_ahead, execute_ahead;
  localparam int unsigned LoadElements = Design.dim >= DmaBytes ? Design.dim : DmaBytes;

  // Loads that have all been issued for the slot of execute.
  assign issued = loads_started & (~busy[UnitInput:UnitBias] | elsewhere);
  assign execute_done = execute_started && (!busy[UnitExecute] || slot_q[UnitStore] != slot_q[UnitExecute]);

  // Loads of the next tile wait while execute still waits for loads of its own.
  assign loads_wait = running_q[UnitExecute] && !(&issued);
  assign held = elsewhere & {(UnitInput - UnitBias + 1) {loads_wait}};

  // A matmul block may execute when its own operands were issued, a convolution when all were.
  always_comb begin
    input_ahead = issued[UnitInput];
    weights_ahead = issued[UnitWeights];
    execute_ahead = execute_done;
    if (matmul[UnitExecute]) begin
      if (execute_k < input_k || (execute_k < input_k + 16'(LoadElements) && execute_i < input_i)) input_ahead = 1'b1;
      if (execute_k < weights_k || (execute_k == weights_k && execute_j < weights_j)) weights_ahead = 1'b1;
    end
    if (matmul[UnitStore]) begin
      if (execute_k + 16'(Design.dim) >= tiles[slot_q[UnitStore]].loop.kchs &&
          (execute_j >= store_j || (execute_j + 16'(Design.dim) >= store_j && execute_i > store_i))) begin
        execute_ahead = 1'b1;
      end
    end
  end

  always_comb begin
    grant = '0;
    if (busy[UnitStore] && !full_i[2] && execute_ahead) grant[UnitStore] = 1'b1;
    else if (busy[UnitExecute] && !full_i[1] && issued[UnitBias] && weights_ahead && input_ahead)
      grant[UnitExecute] = 1'b1;
    else if (!full_i[0]) begin
      if (busy[UnitBias] && !held[UnitBias]) grant[UnitBias] = 1'b1;
      else if (busy[UnitWeights] && !held[UnitWeights]) grant[UnitWeights] = 1'b1;
      else if (busy[UnitInput] && !held[UnitInput]) grant[UnitInput] = 1'b1;
    end
  end

  assign uop_valid_o = grant != '0;
  assign quiet_o = grant == '0 && start == '0 && finish == '0 && !retire && wait_q == '0;
  always_comb begin
    uop_o = '0;
    if (grant[UnitStore]) uop_o = uops[UnitStore];
    else if (grant[UnitExecute]) uop_o = uops[UnitExecute];
    else if (grant[UnitBias]) uop_o = uops[UnitBias];
    else if (grant[UnitWeights]) uop_o = uops[UnitWeights];
    else if (grant[UnitInput]) uop_o = uops[UnitInput];
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
      started_0_q <= '0;
      started_1_q <= '0;
      matmul_0_q <= 1'b0;
      matmul_1_q <= 1'b0;
      slot_q <= '0;
      running_q <= '0;
      head_q <= 1'b0;
      tail_q <= 1'b0;
      acc_half_next_q <= 1'b0;
      wait_q <= '0;
    end else begin
      if (retire && full) wait_q <= $bits(wait_q)'(TileCommandCycles);
      else if (wait_q != '0) wait_q <= wait_q - 1'b1;
      if (accept) begin
        valid_q[tail_q] <= 1'b1;
        acc_half_next_q <= acc_half_next_q ^ loop_i.store;
        if (tail_q) matmul_1_q <= matmul_i;
        else matmul_0_q <= matmul_i;
        tail_q <= !tail_q;
      end
      started_0_q <= accept && !tail_q ? '0 : started_0_q | (start & ~slot_q);
      started_1_q <= accept && tail_q ? '0 : started_1_q | (start & slot_q);
      running_q <= (running_q | start) & ~finish;
      slot_q <= slot_q ^ finish;
      if (retire) begin
        valid_q[head_q] <= 1'b0;
        head_q <= !head_q;
      end
    end
  end

  loop_geometry #(
      .Design(Design)
  ) u_geometry (
      .clk_i,
      .rst_ni,
      .config_i,
      .accept_i(accept),
      .slot_i(tail_q),
      .loop_i,
      .matmul_i,
      .acc_half_i(acc_half_next_q),
      .tiles_o(tiles)
  );

  loop_store #(
      .Design(Design)
  ) u_store (
      .clk_i,
      .rst_ni,
      .config_i,
      .start_i(start[UnitStore]),
      .tiles_i(tiles),
      .slot_i(slot_q[UnitStore]),
      .matmul_i(matmul[UnitStore]),
      .position_j_o(store_j),
      .position_i_o(store_i),
      .busy_o(busy[UnitStore]),
      .grant_i(grant[UnitStore]),
      .uop_o(uops[UnitStore])
  );

  loop_execute #(
      .Design(Design)
  ) u_execute (
      .clk_i,
      .rst_ni,
      .config_i,
      .start_i(start[UnitExecute]),
      .tiles_i(tiles),
      .slot_i(slot_q[UnitExecute]),
      .matmul_i(matmul[UnitExecute]),
      .position_k_o(execute_k),
      .position_j_o(execute_j),
      .position_i_o(execute_i),
      .busy_o(busy[UnitExecute]),
      .grant_i(grant[UnitExecute]),
      .uop_o(uops[UnitExecute])
  );

  loop_bias #(
      .Design(Design)
  ) u_bias (
      .clk_i,
      .rst_ni,
      .config_i,
      .start_i(start[UnitBias]),
      .tiles_i(tiles),
      .slot_i(slot_q[UnitBias]),
      .matmul_i(matmul[UnitBias]),
      .busy_o(busy[UnitBias]),
      .grant_i(grant[UnitBias]),
      .uop_o(uops[UnitBias])
  );

  loop_weights #(
      .Design(Design)
  ) u_weights (
      .clk_i,
      .rst_ni,
      .config_i,
      .start_i(start[UnitWeights]),
      .tiles_i(tiles),
      .slot_i(slot_q[UnitWeights]),
      .matmul_i(matmul[UnitWeights]),
      .position_k_o(weights_k),
      .position_j_o(weights_j),
      .busy_o(busy[UnitWeights]),
      .grant_i(grant[UnitWeights]),
      .uop_o(uops[UnitWeights])
  );

  loop_input #(
      .Design(Design)
  ) u_input (
      .clk_i,
      .rst_ni,
      .config_i,
      .start_i(start[UnitInput]),
      .tiles_i(tiles),
      .slot_i(slot_q[UnitInput]),
      .matmul_i(matmul[UnitInput]),
      .position_k_o(input_k),
      .position_i_o(input_i),
      .busy_o(busy[UnitInput]),
      .grant_i(grant[UnitInput]),
      .uop_o(uops[UnitInput])
  );

  `ASSERT_IF(assert_accept, accept, !valid_q[tail_q], ("loop_unroller: a tile in flight is overwritten"))
endmodule
