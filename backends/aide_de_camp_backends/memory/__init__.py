"""The reference backend: jobs in this process's memory, simple and obviously right."""
