"""Models of latency, energy and area."""
