"""Waveforms of single programs."""
