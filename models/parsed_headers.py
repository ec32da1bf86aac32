"""Headers of a received mail are parsed once. No model."""

from email.policy import EmailPolicy

from ..mailclient.outside import safe_header


class RememberingPolicy(EmailPolicy):
    """As `email.policy.SMTP`, but what a header holds is parsed once and not each time when somebody asks:
    Odoo asks for the content type of a part some forty times. And it is text that can be stored."""

    _parsed = None

    def __init__(self, **options):
        super().__init__(linesep="\r\n", _parsed={}, **options)

    def header_fetch_parse(self, name, value):
        if hasattr(value, "name"):  # it was set, not read
            return value
        key = name.lower(), value
        parsed = self._parsed.get(key)
        if parsed is None:
            parsed = super().header_fetch_parse(name, value)
            safe = safe_header(parsed)
            if safe != parsed:  # which is not to be decoded once more
                parsed = super().header_fetch_parse(name, safe.replace("=?", "= ?"))
            self._parsed[key] = parsed
        return parsed


def remember_headers(message):
    """Let a message (`email.message.EmailMessage`) and its parts remember what their headers hold."""
    policy = RememberingPolicy()
    for part in message.walk():
        part.policy = policy
