"""Lints the SystemVerilog sources: Verilator at every array size and in both builds, and Verible's style rules.

Every waiver in a ``waivers.vlt`` has its reason beside it. Of Verible's optional rules, these are left out:
``instance-shadowing`` (takes every type of a package for a second declaration), ``dff-name-style`` (wants every
register to be loaded from a ``_d`` signal; here a register that only some conditions change is written under them,
which also is what simulates fast), ``explicit-begin`` (a condition and its one statement may share a line).
"""
