"""What can go wrong, free of HTTP. `service.problems` gives each its status."""

from __future__ import annotations

from typing import ClassVar


class ServiceError(Exception):
    """An error for the client: `detail` says what was expected and what came, and never holds
    the input, a path or a stack."""

    code: str
    title: str

    def __init__(self, detail: str, *, retry_after_ms: int | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.retry_after_ms = retry_after_ms


class Malformed(ServiceError):
    code = "malformed"
    title = "The request cannot be read"


class Unauthorized(ServiceError):
    code = "unauthorized"
    title = "A key is needed"


class Forbidden(ServiceError):
    code = "forbidden"
    title = "Not with this key"


class RateLimited(ServiceError):
    code = "rate_limited"
    title = "This key's quota is used up"


class NotFound(ServiceError):
    code = "not_found"
    title = "There is nothing here"


class MethodNotAllowed(ServiceError):
    code = "method_not_allowed"
    title = "Not with this method"

    def __init__(self, allowed: str) -> None:
        """`allowed`: the methods that would do, separated by commas."""
        super().__init__(f"Allowed here: {allowed}.")
        self.allowed = allowed


class TooLarge(ServiceError):
    code = "too_large"
    title = "Too large"


class UnsupportedMediaType(ServiceError):
    code = "unsupported_media_type"
    title = "Not a picture that can be read"


class Invalid(ServiceError):
    code = "invalid"
    title = "The request does not fit"


class CannotDecode(ServiceError):
    code = "cannot_decode"
    title = "The picture is damaged"


class Internal(ServiceError):
    code = "internal"
    title = "A fault of the service"


class Overloaded(ServiceError):
    code = "overloaded"
    title = "Too much work at the moment"


class NotReady(ServiceError):
    code = "not_ready"
    title = "Not ready yet"


class Draining(ServiceError):
    code = "draining"
    title = "Shutting down"

    successor_ms: ClassVar[int] = 1000
    """What one that takes over needs to start: as long as this process did, once it has."""

    @classmethod
    def now(cls) -> Draining:
        """What whoever asks meanwhile is told."""
        detail = "The service is shutting down; ask another one."
        return cls(detail, retry_after_ms=cls.successor_ms)


class DeadlineExceeded(ServiceError):
    code = "deadline_exceeded"
    title = "Out of time"


class KeysError(Exception):
    """Keys that cannot be used: the message tells the operator which, and why."""


class ModelError(Exception):
    """A model that cannot be served: the message tells the operator which file, and what to do."""
