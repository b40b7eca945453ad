// SPDX-License-Identifier: Apache-2.0
// Execute path: execute controller, scratchpad and array, from operations to the results of their rows.
// Results go to the accumulator, which always takes them.
module execute_path
  import gemmini_pkg::*;
#(
    parameter design_t Design = DefaultDesign
) (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    output logic ready_o,
    input operation_t operation_i,
    // Scratchpad writes of the load path.
    input logic write_i,
    input row_t write_row_i,
    input logic [Design.dim-1:0] write_mask_i,
    input logic [8*Design.dim-1:0] write_data_i,
    output result_t result_o,
    output logic [32*Design.dim-1:0] result_data_o,
    // Completions: a preload with its last result, a compute with its last row.
    output completion_t result_done_o,
    output completion_t compute_done_o,
    output execute_events_t events_o,
    output logic quiet_o
);
  logic input_want, input_free, weight_want, weight_free, row_ready;
  row_t input_row, weight_row;
  logic [8*Design.dim-1:0] input_data, weight_data;
  feed_t row;
  slot_t slot;
  logic [1:0] quiet;

  assign quiet_o = &quiet;

  execute_controller #(
      .Design(Design)
  ) u_execute (
      .clk_i,
      .rst_ni,
      .valid_i,
      .ready_o,
      .operation_i,
      .input_want_o(input_want),
      .input_row_o(input_row),
      .input_free_i(input_free),
      .weight_want_o(weight_want),
      .weight_row_o(weight_row),
      .weight_free_i(weight_free),
      .row_ready_i(row_ready),
      .row_o(row),
      .slot_o(slot),
      .done_o(compute_done_o),
      .events_o,
      .quiet_o(quiet[0])
  );

  scratchpad #(
      .Design(Design)
  ) u_scratchpad (
      .clk_i,
      .rst_ni,
      .write_i,
      .write_row_i,
      .write_mask_i,
      .write_data_i,
      .input_want_i(input_want),
      .input_row_i(input_row),
      .input_free_o(input_free),
      .input_data_o(input_data),
      .weight_want_i(weight_want),
      .weight_row_i(weight_row),
      .weight_free_o(weight_free),
      .weight_data_o(weight_data)
  );

  array_controller #(
      .Design(Design)
  ) u_array (
      .clk_i,
      .rst_ni,
      .row_i(row),
      .row_ready_o(row_ready),
      .slot_i(slot),
      .input_data_i(input_data),
      .weight_data_i(weight_data),
      .result_o,
      .result_data_o,
      .done_o(result_done_o),
      .quiet_o(quiet[1])
  );
endmodule
