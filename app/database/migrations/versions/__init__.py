"""One module a change of the database's tables, in the order of their names."""
