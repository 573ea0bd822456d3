"""What can go wrong between us and Microsoft, with the facts that support asks for."""


class GatewayError(Exception):
    """A call that did not bring an answer we can use.

    `operation` is method and path without ids' meaning, `status` the HTTP status (0: no answer), `code`, `message`
    and `request_id` are Microsoft's; `retry_after` is in seconds. Nothing else of the answer is kept.
    """

    def __init__(
        self,
        operation: str,
        *,
        status: int = 0,
        code: str = "",
        message: str = "",
        request_id: str = "",
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{operation}: {status} {code} (request {request_id or 'unknown'})")
        self.operation = operation
        self.status = status
        self.code = code
        self.message = message
        self.request_id = request_id
        self.retry_after = retry_after


class AuthenticationFailed(GatewayError):
    """The token was refused, or none could be had."""


class AccessDenied(GatewayError):
    """The token is good, but the right is missing: a role, a permission, the relationship."""


class NotFound(GatewayError):
    """There is no such object."""


class Throttled(GatewayError):
    """Microsoft asks us to wait, and waiting longer was not ours to decide."""


class Rejected(GatewayError):
    """The request was understood and refused."""


class LinkExpired(Rejected):
    """The service no longer knows a link that it gave out: the list must be read from its start."""

    @classmethod
    def after(cls, error: GatewayError) -> "LinkExpired":
        """Return the error for a link that was answered with another one."""
        return cls(
            error.operation, status=error.status, code=error.code, message=error.message, request_id=error.request_id
        )


class Unavailable(GatewayError):
    """No answer, or a server error: what happened is not known."""


class NotSent(Unavailable):
    """The request never left: no token could be had for it, or no connection. Nothing happened."""

    @classmethod
    def for_want_of(cls, error: GatewayError) -> "NotSent":
        """Return the error for a request that could not be sent because an earlier one brought nothing."""
        return cls(
            error.operation,
            status=error.status,
            code=error.code,
            message=error.message,
            request_id=error.request_id,
            retry_after=error.retry_after,
        )


class Unreadable(GatewayError):
    """An answer that is not what the documentation describes: what happened is not known."""


# Answers that mean no, today and tomorrow: waiting does not help.
REFUSALS = (AccessDenied, NotFound, Rejected)
