"""What starting, moving and waiting cost, as counts and as ratios to the least that Python and Textual cost here."""
