"""Analysis of runs: pure functions over `runs`, used by the app and the command line alike."""
