"""Co-design of DNN accelerators with register-transfer-level simulation in the loop."""

__version__ = "0.1.0"
