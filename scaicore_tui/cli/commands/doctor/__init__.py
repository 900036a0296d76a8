"""`doctor`: looks at everything between a person and the API, and says what to do about what is wrong. Only reads."""
