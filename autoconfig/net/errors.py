"""How a question to the network fails."""


class NetworkError(Exception):
    """A question that brought nothing.

    ``result`` says how, in the words of a step: ``not_found``, ``no_answer``, ``invalid`` or ``refused``. The
    message starts with the host that was asked.
    """

    def __init__(self, result: str, message: str):
        super().__init__(message)
        self.result = result
