"""The PostgreSQL backend: jobs in two tables of a database, shared by any number of hosts."""
