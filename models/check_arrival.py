"""Where the test email of a check went: into a folder, back, or nowhere in time. No model."""

import email
import email.policy
import time
from dataclasses import dataclass
from functools import partial

from ..mailclient import Found
from .check_message import TOKEN_HEADER

# seconds until the test email must have arrived, and between two looks at the mailbox
ARRIVAL_TIMEOUT = 60
FIRST_INTERVAL = 0.3
LONGEST_INTERVAL = 8
# of the run, in seconds
TIME_TO_TIDY_UP = 10
# a bounce is looked for when the mail is late
BOUNCE_AFTER = 4


@dataclass(frozen=True)
class Arrival:
    """What has become of the test email.

    :param found: all copies of it, with the one that a provider puts into "Sent"
    :param arrived: the copy that was received, None if none was
    :param source: of the one that was received
    :param waited: seconds until then
    :param bounce: the message that says why it was not delivered, and its source
    """

    found: tuple[Found, ...] = ()
    arrived: Found | None = None
    source: bytes = b""
    waited: float = 0.0
    bounce: Found | None = None
    bounce_source: bytes = b""

    @property
    def all(self):
        """Everything that the check has left in the mailbox."""
        return [*self.found, *([self.bounce] if self.bounce else [])]


def wait_for_arrival(run):
    """Look into the mailbox until the test email is there, with growing intervals.

    A generator for `server_pool`.

    :param CheckRun run: with the open mailbox
    :return: the `Arrival`; nothing arrived if it did not come in time
    """
    started = time.monotonic()
    deadline = started + min(ARRIVAL_TIMEOUT, run.remaining - TIME_TO_TIDY_UP)
    interval = FIRST_INTERVAL
    while True:
        found = tuple((yield partial(run.mailbox.find, TOKEN_HEADER, run.token)))
        late = time.monotonic() + interval > deadline
        arrived = _get_arrived(found, late)
        if arrived:
            source = yield partial(run.mailbox.fetch, arrived)
            return Arrival(found, arrived, source, time.monotonic() - started)
        if late or time.monotonic() - started > BOUNCE_AFTER:
            bounce, source = yield from _find_bounce(run, found)
            if bounce or late:
                waited = time.monotonic() - started
                return Arrival(found, waited=waited, bounce=bounce, bounce_source=source)
        yield partial(time.sleep, interval)
        interval = min(interval * 2, LONGEST_INTERVAL)
        if run.settings.incoming_protocol == "pop3":
            # RFC 1939: a session sees the mailbox as it was at the login
            yield run.mailbox.close
            run.mailbox = yield from run.settings._connecting__("incoming", run.remaining)


def _get_arrived(found, late):
    """Return the copy that was received: one in "Sent" was only sent.

    Gmail shows it under "All Mail" as well, so one that is there alone counts only when nothing else comes.
    """
    received = [copy for copy in found if copy.special_use != "\\Sent"]
    inbox = [copy for copy in received if copy.special_use == "\\Inbox"]
    folders = [copy for copy in received if copy.special_use != "\\All"]
    if inbox or folders:
        return (inbox or folders)[0]
    archived = len(received) == len(found)
    return received[0] if received and late and archived else None


def _find_bounce(run, found):
    places = {(copy.mailbox, copy.uid) for copy in found}
    for message in (yield partial(run.mailbox.find_text, run.token)):
        if (message.mailbox, message.uid) not in places:
            source = yield partial(run.mailbox.fetch, message)
            return message, source
    return None, b""


def get_bounce_reason(source):
    """Return what a delivery status notification says (RFC 3464 2.3.6, 2.3.4), '' if it says nothing.

    :param bytes source: of the bounce
    """
    message = email.message_from_bytes(source, policy=email.policy.compat32)
    for part in message.walk():
        if part.get_content_type() == "message/delivery-status":
            for status in part.walk():
                text = status.get("Diagnostic-Code") or status.get("Status")
                if text:
                    kind, _semicolon, words = str(text).partition(";")
                    return " ".join((words or kind).split())
    return ""
