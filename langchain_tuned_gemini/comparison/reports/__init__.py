"""A comparison as a table, and as a report in HTML."""
