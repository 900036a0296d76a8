"""Demo content: a history of runs, continuous traffic, and simulated reviewers."""
