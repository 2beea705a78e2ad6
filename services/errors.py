"""What a caller can get wrong. Each docstring is the default message."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fault:
    """One parameter that cannot be used, and why."""

    parameter: str
    message: str


class ServiceError(Exception):
    """The request cannot be served."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or self.__doc__)


class NotFound(ServiceError):
    """No such thing."""


class Forbidden(ServiceError):
    """This is switched off here."""


class Busy(ServiceError):
    """Somebody else is doing this at the moment."""


class WrongState(ServiceError):
    """This cannot be done with it as it is now."""


class InUse(ServiceError):
    """Something refers to this."""


class PreconditionRequired(ServiceError):
    """This exists: say which version of it you mean to change."""


class PreconditionFailed(ServiceError):
    """This is no longer what you think it is."""


class InvalidRequest(ServiceError):
    """The request has parameters that cannot be used."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__()
        self.faults = faults
