"""Texts as servers, mails and programs may write them to do harm; the same ones at each run."""

import random

# what no database, no header and no terminal takes, and what turns texts round
BAD = ("\0", "\x01", "\x07", "\x08", "\x0b", "\x1b[2J", "\x7f", "\x85", "\x9b", "\u2028", "\u2029", "\r\n")
TURNS = ("\u202e", "\u2066", "\u2069", "\u061c", "\u200f")
HALVES = ("\ud800", "\udfff", "\udc80\ud800", "\ud83d")
GOOD = ("", "a", "word ", "é", "漢字", "😀", "\n", "\t", "'", '"', "<b>", "&%s{0}", "=?utf-8?q?=00?=", "\\")
COUNT = 2000
LONGEST = 300_000


def hostile_texts(count=COUNT, seed=14):
    """Yield so many texts (str), each with something that is not safe; some are very long."""
    chance = random.Random(seed)
    pieces = BAD + TURNS + HALVES
    for number in range(count):
        parts = [chance.choice(GOOD) for _part in range(chance.randrange(6))]
        parts += [chance.choice(pieces) for _part in range(chance.randrange(1, 4))]
        chance.shuffle(parts)
        text = "".join(parts)
        if number % 100 == 99:
            text *= LONGEST // len(text)
        yield text


def is_safe(text, limit):
    """Whether a text can be stored and shown, and is no longer than it may be."""
    text.encode("utf-8")  # raises, if there are halves of pairs
    unsafe = {*range(9), 11, 12, *range(13, 32), *range(127, 160), 0x2028, 0x2029, *range(0x202A, 0x202F)}
    return len(text) <= limit and not any(ord(character) in unsafe for character in text)
