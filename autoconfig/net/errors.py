"""How a question to the network fails."""


class NetworkError(Exception):
    """A question that brought nothing.

    ``result`` says how, in the words of a step: ``not_found``, ``no_answer``, ``invalid`` or ``refused``. The
    message starts with the host that was asked.
    """

    def __init__(self, result: str, message: str):
        super().__init__(message)
        self.result = result


class HostNotFound(NetworkError):
    """The name of the host does not exist."""

    def __init__(self, host: str):
        super().__init__("not_found", f"{host}: no such host")


class TimedOut(NetworkError):
    """It took longer than it may."""

    def __init__(self, name: str, timeout: float):
        super().__init__("no_answer", f"{name}: no answer within {timeout:g} s")


# of several failures the one that tells most: somebody can do something about it
_TELLING = ("invalid", "refused", "no_answer", "not_found")


def most_telling(errors) -> Exception:
    """Return the one of several failures (with a ``result`` each) that tells most."""
    return min(errors, key=lambda error: _TELLING.index(error.result))
