"""Flow graphs: their shape, validation, expressions and templates."""
