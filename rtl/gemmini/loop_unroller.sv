// Loop unroller: turns tile commands into micro-operations, two tiles in flight.
// Tiles alternate between the halves of the scratchpad; input grows from the start of a half, weights end at its
// end. The accumulator half alternates only after a tile that stores. Tile i+2 is taken, and its loads start,
// TileCommandCycles after everything of tile i was issued. One operation a cycle, priority
// store > execute > bias > weights > input.
module loop_unroller
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter int unsigned ScratchpadRows = 16384,
    parameter int unsigned AccumulatorRows = 1024
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
    input logic load_full_i,
    input logic execute_full_i,
    input logic store_full_i,
    output logic uop_valid_o,
    output uop_t uop_o,
    // No unit starts, advances or ends.
    output logic quiet_o
);
  // A tile is six or seven commands of the host. While two tiles are in flight it waits with them: the next tile is
  // there, and its loads start, this many cycles after one has left (about 60 on the public Gemmini).
  localparam int unsigned TileCommandCycles = 60;

  localparam row_t ScratchpadHalf = row_t'(ScratchpadRows / 2);
  localparam row_t AccumulatorHalf = row_t'(AccumulatorRows / 2);

  // Units in the order of priority.
  typedef enum int unsigned {
    UnitStore,
    UnitExecute,
    UnitBias,
    UnitWeights,
    UnitInput
  } unit_e;
  localparam int unsigned Units = 5;

  loop_t loops_q[2];
  logic [1:0] valid_q, matmul_q, acc_half_q;
  row_t weight_base_q[2];
  logic [Units-1:0] started_q[2];  // per slot
  logic [Units-1:0] slot_q;        // slot a unit works on, or takes next
  logic [Units-1:0] running_q;     // the unit works on slot_q
  logic head_q, tail_q, acc_half_next_q;

  logic [Units-1:0] busy, start, finish, grant;
  logic [$clog2(TileCommandCycles+1)-1:0] wait_q;
  logic retire, accept;
  row_t weight_base;
  uop_t uops[Units];
  logic [15:0] weights_k, weights_j, input_k, input_i, execute_k, execute_j, execute_i, store_j, store_i;

  assign ready_o = !valid_q[tail_q] && wait_q == '0;
  assign accept = valid_i && ready_o;
  assign busy_o = valid_q != '0;
  assign finish = running_q & ~busy;
  assign retire = valid_q[head_q] && (&started_q[head_q]) &&
      ((running_q & ~finish & ~(slot_q ^ {Units{head_q}})) == '0);

  // Units that may start: execute after the loads of its tile have started, store after execute.
  always_comb begin
    start = '0;
    for (int unsigned u = 0; u < Units; u++) begin
      start[u] = !running_q[u] && valid_q[slot_q[u]] && !started_q[slot_q[u]][u];
    end
    if (!(&started_q[slot_q[UnitExecute]][UnitInput:UnitBias])) start[UnitExecute] = 1'b0;
    if (!started_q[slot_q[UnitStore]][UnitExecute]) start[UnitStore] = 1'b0;
  end

  // What each unit waits for besides room in the reservation station.
  logic bias_done, weights_done, input_done, execute_done, loads_wait, execute_slot;
  logic bias_held, weights_held, input_held, input_ahead, weights_ahead, execute_ahead;
  localparam int unsigned LoadElements = Dim >= DmaBytes ? Dim : DmaBytes;

  assign execute_slot = slot_q[UnitExecute];
  assign bias_done = started_q[execute_slot][UnitBias] && !(busy[UnitBias] && slot_q[UnitBias] == execute_slot);
  assign weights_done = started_q[execute_slot][UnitWeights] &&
      !(busy[UnitWeights] && slot_q[UnitWeights] == execute_slot);
  assign input_done = started_q[execute_slot][UnitInput] &&
      !(busy[UnitInput] && slot_q[UnitInput] == execute_slot);
  assign execute_done = started_q[slot_q[UnitStore]][UnitExecute] &&
      !(busy[UnitExecute] && execute_slot == slot_q[UnitStore]);

  // Loads of the next tile wait while execute still waits for loads of its own.
  assign loads_wait = running_q[UnitExecute] && !(bias_done && weights_done && input_done);
  assign bias_held = loads_wait && slot_q[UnitBias] != execute_slot;
  assign weights_held = loads_wait && slot_q[UnitWeights] != execute_slot;
  assign input_held = loads_wait && slot_q[UnitInput] != execute_slot;

  // A matmul block may execute when its own operands were issued, a convolution when all were.
  assign input_ahead = input_done || (matmul_q[execute_slot] && (execute_k < input_k ||
      (execute_k < input_k + 16'(LoadElements) && execute_i < input_i)));
  assign weights_ahead = weights_done || (matmul_q[execute_slot] && (execute_k < weights_k ||
      (execute_k == weights_k && execute_j < weights_j)));
  assign execute_ahead = execute_done || (matmul_q[slot_q[UnitStore]] &&
      execute_k + 16'(Dim) >= loops_q[slot_q[UnitStore]].kchs &&
      (execute_j >= store_j || (execute_j + 16'(Dim) >= store_j && execute_i > store_i)));

  always_comb begin
    grant = '0;
    if (busy[UnitStore] && !store_full_i && execute_ahead) grant[UnitStore] = 1'b1;
    else if (busy[UnitExecute] && !execute_full_i && bias_done && weights_ahead && input_ahead)
      grant[UnitExecute] = 1'b1;
    else if (!load_full_i) begin
      if (busy[UnitBias] && !bias_held) grant[UnitBias] = 1'b1;
      else if (busy[UnitWeights] && !weights_held) grant[UnitWeights] = 1'b1;
      else if (busy[UnitInput] && !input_held) grant[UnitInput] = 1'b1;
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
      matmul_q <= '0;
      acc_half_q <= '0;
      started_q[0] <= '0;
      started_q[1] <= '0;
      slot_q <= '0;
      running_q <= '0;
      head_q <= 1'b0;
      tail_q <= 1'b0;
      acc_half_next_q <= 1'b0;
      wait_q <= '0;
    end else begin
      if (retire && (&valid_q)) wait_q <= $bits(wait_q)'(TileCommandCycles);
      else if (wait_q != '0) wait_q <= wait_q - 1'b1;
      if (accept) begin
        valid_q[tail_q] <= 1'b1;
        matmul_q[tail_q] <= matmul_i;
        acc_half_q[tail_q] <= acc_half_next_q;
        acc_half_next_q <= acc_half_next_q ^ loop_i.store;
        started_q[tail_q] <= '0;
        tail_q <= !tail_q;
      end
      if (start != '0) begin
        for (int unsigned u = 0; u < Units; u++) begin
          if (start[u]) started_q[slot_q[u]][u] <= 1'b1;
        end
      end
      running_q <= (running_q | start) & ~finish;
      slot_q <= slot_q ^ finish;
      if (retire) begin
        valid_q[head_q] <= 1'b0;
        head_q <= !head_q;
      end
    end
  end

  always_ff @(posedge clk_i) begin
    if (accept) loops_q[tail_q] <= loop_i;
    if (start[UnitWeights]) weight_base_q[slot_q[UnitWeights]] <= weight_base;
  end

  function automatic row_t acc_base(logic half);
    return half ? AccumulatorHalf : '0;
  endfunction

  loop_store #(
      .Dim(Dim)
  ) u_store (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .config_i(config_i),
      .start_i(start[UnitStore]),
      .loop_i(loops_q[slot_q[UnitStore]]),
      .matmul_i(matmul_q[slot_q[UnitStore]]),
      .base_i(acc_base(acc_half_q[slot_q[UnitStore]])),
      .busy_o(busy[UnitStore]),
      .position_j_o(store_j),
      .position_i_o(store_i),
      .grant_i(grant[UnitStore]),
      .uop_o(uops[UnitStore])
  );

  loop_execute #(
      .Dim(Dim)
  ) u_execute (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .config_i(config_i),
      .start_i(start[UnitExecute]),
      .loop_i(loops_q[execute_slot]),
      .matmul_i(matmul_q[execute_slot]),
      .input_base_i(execute_slot ? ScratchpadHalf : '0),
      .weight_base_i(weight_base_q[execute_slot]),
      .result_base_i(acc_base(acc_half_q[execute_slot])),
      .busy_o(busy[UnitExecute]),
      .position_k_o(execute_k),
      .position_j_o(execute_j),
      .position_i_o(execute_i),
      .grant_i(grant[UnitExecute]),
      .uop_o(uops[UnitExecute])
  );

  loop_bias #(
      .Dim(Dim)
  ) u_bias (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .config_i(config_i),
      .start_i(start[UnitBias]),
      .loop_i(loops_q[slot_q[UnitBias]]),
      .matmul_i(matmul_q[slot_q[UnitBias]]),
      .base_i(acc_base(acc_half_q[slot_q[UnitBias]])),
      .busy_o(busy[UnitBias]),
      .grant_i(grant[UnitBias]),
      .uop_o(uops[UnitBias])
  );

  loop_weights #(
      .Dim(Dim)
  ) u_weights (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .config_i(config_i),
      .start_i(start[UnitWeights]),
      .loop_i(loops_q[slot_q[UnitWeights]]),
      .matmul_i(matmul_q[slot_q[UnitWeights]]),
      .end_i(slot_q[UnitWeights] ? ScratchpadHalf + ScratchpadHalf : ScratchpadHalf),
      .base_o(weight_base),
      .busy_o(busy[UnitWeights]),
      .position_k_o(weights_k),
      .position_j_o(weights_j),
      .grant_i(grant[UnitWeights]),
      .uop_o(uops[UnitWeights])
  );

  loop_input #(
      .Dim(Dim)
  ) u_input (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .config_i(config_i),
      .start_i(start[UnitInput]),
      .loop_i(loops_q[slot_q[UnitInput]]),
      .matmul_i(matmul_q[slot_q[UnitInput]]),
      .base_i(slot_q[UnitInput] ? ScratchpadHalf : '0),
      .busy_o(busy[UnitInput]),
      .position_k_o(input_k),
      .position_i_o(input_i),
      .grant_i(grant[UnitInput]),
      .uop_o(uops[UnitInput])
  );

  assert_accept :
  assert property (@(posedge clk_i) disable iff (!rst_ni) accept |-> !valid_q[tail_q])
  else $error("loop_unroller: a tile in flight is overwritten");
endmodule
