"""Imports ONNX models as workloads."""
