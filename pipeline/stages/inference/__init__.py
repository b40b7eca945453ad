"""Runs a quantised network on a design: convolutions and products on the RTL, the rest on the host."""
