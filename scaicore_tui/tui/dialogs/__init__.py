"""Modal screens: they ask for one decision and close."""
