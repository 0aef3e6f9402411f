"""What the SQL backends share: state codes, tables, statements, filters and rows."""
