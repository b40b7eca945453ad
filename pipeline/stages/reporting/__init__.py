"""Parts of the report: what is read, the tables, the figures, the page."""
