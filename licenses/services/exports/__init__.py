"""Tables that are downloaded as files: one module per table, with the words and figures of its page."""

# Rows read at once: what belongs to them is asked for in a fixed number of queries.
ROWS_AT_ONCE = 1_000
