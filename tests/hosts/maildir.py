"""Mail that is put into a mailbox as it is: LMTP would alter it, or refuse it."""
import contextlib
import itertools
import os
import time

_numbers = itertools.count()


def put(mail, address, content, folder="INBOX"):
    """Put a raw mail (bytes) into a mailbox; what is put later comes later there, too.

    :param mail: folder of the mailboxes (``MailHost.mail``), of whose owner the new files will be
    :param folder: "INBOX" or a folder's name; it is made if it does not exist
    """
    box = mail / address.lower()
    place = box if folder == "INBOX" else box / f".{folder.replace('/', '.')}"
    for each in (box, place, *(place / state for state in ("tmp", "new", "cur"))):
        with contextlib.suppress(FileExistsError):
            each.mkdir()
            _hand_over(each, mail)
    if place != box:
        (place / "maildirfolder").touch()
        _hand_over(place / "maildirfolder", mail)
    # Dovecot orders new files by the time and the number in their names
    number = next(_numbers)
    name = f"{int(time.time())}.M{number:06}P{os.getpid()}.hosts"
    (place / "tmp" / name).write_bytes(content)
    _hand_over(place / "tmp" / name, mail)
    (place / "tmp" / name).rename(place / "new" / name)


def flags(mail, address, folder="INBOX"):
    """The flags of each mail that is in a folder, e.g. ``["S", ""]`` for a seen one and another."""
    box = mail / address.lower()
    place = box if folder == "INBOX" else box / f".{folder.replace('/', '.')}"
    names = [file.name for state in ("new", "cur") for file in (place / state).glob("*")]
    return [name.partition(":2,")[2] for name in names]


def _hand_over(path, mail):
    owner = mail.stat()
    os.chown(path, owner.st_uid, owner.st_gid)
