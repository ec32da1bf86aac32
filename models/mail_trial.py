"""Does with a mail what Odoo does, in a process that may be ended. No model.

Run as a script by `trial_process`, with its arguments as JSON. What comes in are jobs: the length of a header
in JSON, the header, and as many bytes as it says; for each goes out the length of an answer in JSON, and the
answer. The process ends by itself when nothing comes any more, or when the CPU time of a job is used up.
"""

import contextlib
import io
import json
import logging
import os
import re
import select
import signal
import struct
import sys
import time
import types

_logger = logging.getLogger(__name__)

LENGTH = struct.Struct("!I")
# seconds after which it looks whether who has started it is still there
LOOK_SECONDS = 10
# characters of a header over which nobody is long
SHORT_FIELD = 250
# bytes of memory (address space) for all of it, and the use from which on it makes way for a new process
MAX_MEMORY, WORN = 1 << 30, 300 << 20


# ------------------------------------------------------------
# What stands for the database
# ------------------------------------------------------------


class _Nothing:
    """Stands for Odoo's environment and its records: whatever is asked for, nothing is there."""

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *_args, **_options):
        return self

    def __getitem__(self, _key):
        return self

    def __iter__(self):
        return iter(())

    def __len__(self):
        return 0

    def get_param(self, _key, default=False):
        return default


class _Model(_Nothing):
    """The methods of a model without its database.

    :param models: the classes that define it, the first that has a method counts
    """

    def __init__(self, *models):
        self._models = models

    def __getattr__(self, name):
        for model in self._models:
            if name in vars(model):
                value = vars(model)[name]
                return types.MethodType(value, self) if isinstance(value, types.FunctionType) else value
        return super().__getattr__(name)


# ------------------------------------------------------------
# Jobs
# ------------------------------------------------------------


class Jobs:
    """
    :param bool is_indexing: whether Odoo reads what is in attachments (`attachment_indexation`)
    """

    def __init__(self, is_indexing=False):
        # all that jobs need: their time is theirs
        import odoo.addons.email_account  # noqa: F401
        from odoo.addons.base.models.ir_attachment import IrAttachment
        from odoo.addons.mail.models.mail_render_mixin import MailRenderMixin
        from odoo.addons.mail.models.mail_thread import MailThread

        self._thread, self._attachments = _Model(MailThread), _Model(IrAttachment)
        self._render = _Model(MailRenderMixin)
        self._readers = [self._attachments]
        if is_indexing:
            from odoo.addons.attachment_indexation.models.ir_attachment import IrAttachment as Indexing

            self._readers.append(_Model(Indexing, IrAttachment))

    def mail(self, source, save_original, max_parts, max_levels):
        """Parse a mail, make a message of it, and look at that message as users and notifications do.

        :return: what is too much of it (text), None if nothing is
        """
        import email
        import email.policy

        from odoo.addons.email_account.models.parsed_headers import remember_headers

        message = email.message_from_bytes(source, policy=email.policy.SMTP)
        parts, levels = _measure(message)
        if parts > max_parts or levels > max_levels:
            return f"{parts} parts, {levels} levels"
        remember_headers(message)
        # extensions may ask for any of them; short ones take no time
        long = {name.lower() for name, value in message.raw_items() if len(value) > SHORT_FIELD}
        for name in long:
            with _going_on():
                message.get_all(name)
        values = {}
        with _going_on():
            values = self._thread.message_parse(message, save_original=save_original)
        # it has given up: what is in the parts is not known yet
        if "body" not in values:
            values |= {"body": "", "attachments": []}
            with _going_on():
                values |= self._thread._message_parse_extract_payload(message, {})
        self._try_body(values["body"])
        for attachment in values["attachments"]:
            self._try_attachment(attachment)
        return None

    def _try_body(self, body):
        from odoo.tools import mail as tools

        from odoo.addons.mail.models.mail_mail import _UNFOLLOW_REGEX
        from odoo.addons.mail.models.mail_message import _image_dataurl

        with _going_on():
            body = _image_dataurl.sub("", body)
        # as the field `body` of `mail.message`
        body = tools.html_sanitize(body, sanitize_attributes=True, sanitize_style=True)
        for look in (
            tools.is_html_empty,
            tools.html_to_inner_content,
            tools.html2plaintext,
            self._render._replace_local_links,
            _UNFOLLOW_REGEX.search,
        ):
            with _going_on():
                look(body)

    def _try_attachment(self, attachment):
        name, content = attachment[:2]
        if hasattr(content, "as_bytes"):
            content = content.as_bytes()
        elif isinstance(content, str):
            content = content.encode("utf-8", "replace")
        if not content:
            return
        values = {"name": name, "raw": content}
        with _going_on():
            self._attachments._compute_mimetype({"raw": content})
        with _going_on():
            values = self._attachments._postprocess_contents(values)
        for reader in self._readers:
            with _going_on():
                reader._index(content, values.get("mimetype"))

    @staticmethod
    def preview(source, length):
        """Return the text of a mail."""
        from odoo.addons.email_account.models.mail_preview import read_preview

        return read_preview(source, length)

    @staticmethod
    def find_rule(_payload, rules, protocol, stage, raw, host):
        """Return the number of the first rule (arguments of `mailclient.Rule`) that fits a failure; None if
        none does."""
        from odoo.addons.email_account import mailclient

        reply = mailclient.parse(protocol, raw)
        return next(
            (
                number
                for number, rule in enumerate(rules)
                if mailclient.Rule(**rule).fits(protocol, stage, reply, host)
            ),
            None,
        )

    @staticmethod
    def is_slow(_payload, pattern, length, limit, enough):
        """Whether a regular expression takes more than ``limit`` seconds on one of the texts that may be
        slow; they are tried for ``enough`` seconds."""
        from odoo.addons.email_account.models.slow_texts import slow_texts

        search, start = re.compile(pattern, re.IGNORECASE).search, time.process_time()
        before = start
        for text in slow_texts(pattern, re.IGNORECASE, length):
            search(text)
            now = time.process_time()
            if now - before > limit:
                return True
            if now - start > enough:
                return False
            before = now
        return False


def _measure(message):
    """Return how many parts there are, and how deep they are in each other."""
    parts, levels, stack = 0, 0, [(message, 1)]
    while stack:
        part, level = stack.pop()
        parts, levels = parts + 1, max(levels, level)
        if part.is_multipart():
            stack += [(inner, level + 1) for inner in part.get_payload()]
    return parts, levels


@contextlib.contextmanager
def _going_on():
    """An error of Odoo's is no reason to refuse a mail, nor to leave out the rest."""
    try:
        yield
    except MemoryError:
        raise
    except Exception as error:  # whatever: Odoo meets it too
        _logger.debug("%s", error)


# ------------------------------------------------------------
# The process
# ------------------------------------------------------------


class Trial:
    """
    :param jobs: whose methods are the jobs
    :param file incoming: of the jobs (bytes), unbuffered
    :param file outgoing: of the answers
    """

    def __init__(self, jobs, incoming, outgoing):
        self._jobs, self._incoming, self._outgoing = jobs, incoming, outgoing
        self._parent = os.getppid()

    def run(self):
        """Do one job after the other."""
        self._answer({})
        while self._is_waited_for():
            try:
                header = json.loads(self._read(LENGTH.unpack(self._read(LENGTH.size))[0]))
                payload = self._read(header["size"])
                answer = self._do(header, payload)
            except EOFError:
                return
            except MemoryError:
                answer = {"error": "memory"}
            payload = None
            answer["is_last"] = "error" in answer or _is_worn()
            self._answer(answer)
            if answer["is_last"]:
                return

    def _do(self, header, payload):
        with _limited(header["seconds"]):
            return {"result": getattr(self._jobs, header["job"])(payload, **header["options"])}

    def _is_waited_for(self):
        """Wait for a job; return whether there may be one."""
        if sys.platform == "win32":  # no select of files
            return True
        while not select.select([self._incoming], [], [], LOOK_SECONDS)[0]:
            if os.getppid() != self._parent:
                return False
        return True

    def _read(self, size):
        data = bytearray()
        while len(data) < size:
            piece = self._incoming.read(min(size - len(data), 1 << 20))
            if not piece:
                raise EOFError
            data += piece
        return bytes(data)

    def _answer(self, answer):
        data = json.dumps(answer).encode()
        self._outgoing.write(LENGTH.pack(len(data)) + data)
        self._outgoing.flush()


@contextlib.contextmanager
def _limited(seconds):
    """End the process when it has used so many seconds of CPU."""
    if not hasattr(signal, "setitimer"):  # Windows: who has started it ends it
        yield
        return
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _is_worn():
    """Whether it has grown: libxml2, for one, keeps every name that it has ever read."""
    try:  # not by getrusage, which counts who has started it too
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") > WORN
    except OSError:  # no Linux: the limit holds
        return False


def _limit_memory():
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has none; macOS may refuse
        import resource

        hard = resource.getrlimit(resource.RLIMIT_AS)[1]
        resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, hard))
        # of who has started it, for himself
        hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
        resource.setrlimit(resource.RLIMIT_CPU, (hard, hard))
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))


def main():
    """Be the process."""
    arguments = json.loads(sys.argv[1])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # of the terminal: it ends with who has started it
    if hasattr(signal, "SIGPROF"):
        signal.signal(signal.SIGPROF, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGPROF})
    incoming = io.FileIO(os.dup(0))
    outgoing = io.FileIO(os.dup(1), "w")
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1):  # nobody else reads or writes them
        os.dup2(null, number)
    sys.path[:] = arguments["path"]
    _limit_memory()
    logging.disable(logging.CRITICAL)
    import odoo.addons

    odoo.addons.__path__[:] = arguments["addons"]
    Trial(Jobs(arguments["is_indexing"]), incoming, outgoing).run()


if __name__ == "__main__":
    main()
