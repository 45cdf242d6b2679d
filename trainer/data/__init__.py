"""Speech with its text from wherever it is kept: records in, nothing decoded before it is needed."""
