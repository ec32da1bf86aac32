"""The keys that encrypt the passwords: where they come from, and the file for who gives none. No model.

It imports nothing of Odoo, so that processes can be tested at the same file.
"""

import base64
import contextlib
import hashlib
import hmac
import os
import re
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet

KEY_FILE = "email_account.key"
# in the configuration file, in the environment
OPTION, VARIABLE = "email_account_key", "EMAIL_ACCOUNT_KEY"


class InvalidKey(Exception):
    """What stands where a key belongs is none, or cannot be read.

    :ivar str place: 'configuration', 'environment' or 'file'
    """

    def __init__(self, place):
        super().__init__(f"no valid key in: {place}")
        self.place = place


class Key(Fernet):
    """A key that encrypts, and of which keys for other purposes can be made."""

    def __init__(self, text):
        super().__init__(text)
        self._bytes = base64.urlsafe_b64decode(text)

    def derive(self, purpose):
        """Return a key (bytes) for ``purpose`` (text), which tells nothing of this one nor of others."""
        return hmac.digest(self._bytes, purpose.encode(), hashlib.sha256)


def read_keys(configured, folder):
    """Return the keys that are present: a list of (place, `Key`).

    The first encrypts, all open. The file goes on opening what it has encrypted after a key of one's own was
    configured. Nothing is made here: whoever only reads shall not put a new key where the old one was lost.

    :param configured: what the configuration has as keys, separated by commas; may be None
    :param folder: Odoo's data directory
    :raises InvalidKey: one of them is none, or the file cannot be read
    """
    texts = {"configuration": configured, "environment": os.environ.get(VARIABLE), "file": _read_file(folder)}
    return [(place, key) for place, text in texts.items() for key in _parse(place, text)]


def make_key_file(folder):
    """Write a key into the file, unless it is there already; which of many processes does is the same."""
    path = Path(folder) / KEY_FILE
    # written aside and linked: complete from its first moment, and no worker replaces another's key
    with _file_errors(), tempfile.NamedTemporaryFile("w", dir=path.parent) as file:
        file.write(Fernet.generate_key().decode())
        file.flush()
        os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(file.name, path)


def add_key_to_file(folder):
    """Put a new key before those of the file, which stay; the mode is 0600, the owner that of the file.

    :return: the file, `pathlib.Path`
    :raises FileExistsError: another process is at it, or has died over it
    :raises OSError: it cannot be read or written
    """
    path = Path(folder) / KEY_FILE
    aside = path.with_name(f"{KEY_FILE}.new")
    # only one can make it: who reads the old keys now is the only one to replace them
    handle = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            keys = [Fernet.generate_key().decode()]
            with contextlib.suppress(FileNotFoundError), _open_itself(path) as old:
                keys.append(old.read().strip())
                owner = os.fstat(old.fileno())
                # started by root, the command must not take the file away from Odoo
                os.fchown(file.fileno(), owner.st_uid, owner.st_gid)
            file.write("\n".join(keys))
            file.flush()
            os.fsync(file.fileno())
        os.replace(aside, path)
    except BaseException:
        aside.unlink()
        raise
    return path


def _open_itself(path):
    """Open a file, but nothing that a link in its place leads to: root reads, and gives away, what it finds.

    :raises OSError: it is a link, or cannot be read
    """
    return open(path, opener=lambda name, flags: os.open(name, flags | os.O_NOFOLLOW))


def _read_file(folder):
    """Return the text of the file, None if there is none."""
    with _file_errors(), contextlib.suppress(FileNotFoundError):
        # a file without a key is not the same as no file
        return (Path(folder) / KEY_FILE).read_text() or " "
    return None


@contextlib.contextmanager
def _file_errors():
    try:
        yield
    except (OSError, UnicodeDecodeError):
        raise InvalidKey("file") from None


def _parse(place, text):
    if not text:
        return []
    try:
        # of the file, one a line; no key holds a comma or a blank
        return [Key(key) for key in re.split(r"\s*[,\s]\s*", text.strip())]
    except ValueError:
        raise InvalidKey(place) from None  # the error is about what may be nearly a key
