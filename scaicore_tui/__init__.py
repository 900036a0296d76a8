"""A keyboard-driven terminal debugger for live ScaiCore runs."""

__version__ = "0.1.0"
