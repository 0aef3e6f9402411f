"""The SQLite backend: jobs in one file, shared by the processes of one host."""
