// SPDX-License-Identifier: Apache-2.0
// Assertions and errors of the design. Synthesis leaves them out (SYNTHESIS is defined there).
`ifndef ASSERTIONS_SVH
`define ASSERTIONS_SVH

`ifdef SYNTHESIS
`define ASSERT(NAME, HOLDS, MESSAGE)
`define ASSERT_IF(NAME, CONDITION, HOLDS, MESSAGE)
`define ASSERT_PROPERTY(NAME, PROPERTY, MESSAGE)
`define ERROR_IF(CONDITION, MESSAGE)
`else

// Hold at every clock edge outside reset; the full build checks them. MESSAGE: arguments of $error in parentheses.
// Immediate assertions: they cost the simulation a tenth of what sampled properties cost.
`define ASSERT(NAME, HOLDS, MESSAGE) `ASSERT_IF(NAME, 1'b1, HOLDS, MESSAGE)
`define ASSERT_IF(NAME, CONDITION, HOLDS, MESSAGE) \
  always_ff @(posedge clk_i) if (rst_ni && (CONDITION)) NAME : assert (HOLDS) else $error MESSAGE;

// For what spans cycles.
`define ASSERT_PROPERTY(NAME, PROPERTY, MESSAGE) \
  NAME : assert property (@(posedge clk_i) disable iff (!rst_ni) PROPERTY) else $error MESSAGE;

// What a program or a configuration can get wrong; every build checks it.
`define ERROR_IF(CONDITION, MESSAGE) \
  always_ff @(posedge clk_i) if (rst_ni && (CONDITION)) $error MESSAGE;

`endif
`endif
