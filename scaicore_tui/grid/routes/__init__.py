"""The HTTP face of the grid: one module for what is read, one for what is written."""
