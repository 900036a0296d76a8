"""Everything that the command line prints: standard output, standard error, tables, prompts."""
