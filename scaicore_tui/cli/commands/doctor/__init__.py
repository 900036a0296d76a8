"""The command `doctor`: check configuration, connection and terminal, and say how to fix problems. It only reads."""
