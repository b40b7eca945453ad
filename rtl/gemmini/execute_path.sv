// Execute path: execute controller, scratchpad and array, from operations to the results of their rows.
// Results go to the accumulator, which always takes them.
module execute_path
  import gemmini_pkg::*;
#(
    parameter int unsigned Dim = 16,
    parameter int unsigned Rows = 16384,
    parameter bit Datapath = 1'b1
) (
    input logic clk_i,
    input logic rst_ni,
    input logic valid_i,
    output logic ready_o,
    input uop_t uop_i,
    input entry_t entry_i,
    // Scratchpad writes of the load path.
    input logic write_valid_i,
    input row_t write_row_i,
    input logic [Dim-1:0] write_mask_i,
    input logic [8*Dim-1:0] write_data_i,
    output logic result_valid_o,
    output row_t result_row_o,
    output logic result_accumulate_o,
    output logic [32*Dim-1:0] result_data_o,
    // Completions: a preload with its last result, a compute with its last row.
    output logic result_done_o,
    output entry_t result_entry_o,
    output logic compute_done_o,
    output entry_t compute_entry_o,
    // A row is fed; the work of a slot, in the cycle in which it begins.
    output logic row_o,
    output logic begin_o,
    output work_t work_o,
    output logic quiet_o
);
  logic input_want, input_free, weight_want, weight_free;
  row_t input_row, weight_row;
  logic [8*Dim-1:0] input_data, weight_data;
  logic row_ready, row_first, row_last, row_has_input, row_has_weight;
  slot_t slot;
  logic [1:0] quiet;

  assign quiet_o = &quiet;

  execute_controller #(
      .Dim(Dim)
  ) u_execute (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .valid_i(valid_i),
      .ready_o(ready_o),
      .uop_i(uop_i),
      .entry_i(entry_i),
      .input_want_o(input_want),
      .input_row_o(input_row),
      .input_free_i(input_free),
      .weight_want_o(weight_want),
      .weight_row_o(weight_row),
      .weight_free_i(weight_free),
      .row_ready_i(row_ready),
      .row_valid_o(row_o),
      .row_first_o(row_first),
      .row_last_o(row_last),
      .row_has_input_o(row_has_input),
      .row_has_weight_o(row_has_weight),
      .slot_o(slot),
      .done_valid_o(compute_done_o),
      .done_entry_o(compute_entry_o),
      .begin_o(begin_o),
      .work_o(work_o),
      .quiet_o(quiet[0])
  );

  scratchpad #(
      .Dim(Dim),
      .Rows(Rows),
      .Datapath(Datapath)
  ) u_scratchpad (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .write_valid_i(write_valid_i),
      .write_row_i(write_row_i),
      .write_mask_i(write_mask_i),
      .write_data_i(write_data_i),
      .input_want_i(input_want),
      .input_row_i(input_row),
      .input_free_o(input_free),
      .weight_want_i(weight_want),
      .weight_row_i(weight_row),
      .weight_free_o(weight_free),
      .read_i(row_o),
      .input_data_o(input_data),
      .weight_data_o(weight_data)
  );

  array_controller #(
      .Dim(Dim),
      .Datapath(Datapath)
  ) u_array (
      .clk_i(clk_i),
      .rst_ni(rst_ni),
      .row_valid_i(row_o),
      .row_ready_o(row_ready),
      .row_first_i(row_first),
      .row_last_i(row_last),
      .row_has_input_i(row_has_input),
      .row_has_weight_i(row_has_weight),
      .slot_i(slot),
      .input_data_i(input_data),
      .weight_data_i(weight_data),
      .result_valid_o(result_valid_o),
      .result_row_o(result_row_o),
      .result_accumulate_o(result_accumulate_o),
      .result_data_o(result_data_o),
      .done_valid_o(result_done_o),
      .done_entry_o(result_entry_o),
      .quiet_o(quiet[1])
  );
endmodule
