"""A user's own tables: reading a file, typing its columns, parting its rows, keeping the result."""
