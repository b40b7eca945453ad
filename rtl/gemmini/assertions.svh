// SPDX-License-Identifier: Apache-2.0
// Assertions and errors of the design. Synthesis leaves them out (SYNTHESIS is defined there).
`ifndef ASSERTIONS_SVH
`define ASSERTIONS_SVH

`ifdef SYNTHESIS
`define ASSERT(NAME, PROPERTY, MESSAGE)
`define ERROR_IF(CONDITION, MESSAGE)
`else

// Holds at every clock edge outside reset; the full build checks it. MESSAGE: arguments of $error in parentheses.
`define ASSERT(NAME, PROPERTY, MESSAGE) \
  NAME : assert property (@(posedge clk_i) disable iff (!rst_ni) PROPERTY) else $error MESSAGE;

// What a program or a configuration can get wrong; every build checks it.
`define ERROR_IF(CONDITION, MESSAGE) \
  always_ff @(posedge clk_i) if (rst_ni && (CONDITION)) $error MESSAGE;

`endif
`endif
