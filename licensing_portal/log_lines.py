"""What the log says of answers: a refusal is one line, a failure of ours has its traceback."""

import logging


class RefusalsInOneLine(logging.Filter):
    """Takes the traceback off what was refused (403, 404, …): somebody asked, nothing is broken."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep every record; Django puts the answer's status on those about requests."""
        if 400 <= getattr(record, "status_code", 500) < 500:
            record.exc_info = record.exc_text = None
        return True
