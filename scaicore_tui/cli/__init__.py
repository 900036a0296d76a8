"""The command line: everything on the screen, without a screen. Commands over the session; no feature of their own."""
