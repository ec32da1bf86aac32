"""XML of strangers: parsed without any part of it that reaches outside or grows."""

import codecs
import re
from xml.etree import ElementTree

from . import FormatError

# Expat, not libxml2: that keeps each name it has ever met for the life of the thread, so hostile documents
# would fill the memory little by little.

MAX_TAGS = 20_000  # of a document, closing ones too
MAX_TEXT = 4096  # characters of a value; longer than any that is valid

# bounded: searching a hostile document for the end of its declaration must not take long
_DECLARATION = re.compile(r"<\?xml\s[^>]{0,200}\?>")
_ENCODING = re.compile(rb"""<\?xml\s[^>]{0,100}?encoding\s{0,9}=\s{0,9}["']([A-Za-z0-9._-]{1,40})["']""")
_ENCODINGS = {"utf-8", "ascii", "iso8859-1", "iso8859-15", "cp1252"}  # as Python's codecs call them


def parse(document: bytes) -> ElementTree.Element:
    """Return the root of a document without a document type declaration, and so without own entities.

    :raises FormatError: when it has one, is not well-formed, too large or in an unusual encoding
    """
    text = _decode(document).strip()
    if declaration := _DECLARATION.match(text):
        text = text[declaration.end() :]  # it has told the encoding, whatever else is wrong with it
    if "<!DOCTYPE" in text:
        raise FormatError("has a document type declaration")
    if text.count("<") > MAX_TAGS:
        raise FormatError("has too many elements")
    try:
        return ElementTree.fromstring(text)
    except ElementTree.ParseError:
        raise FormatError("not well-formed XML") from None


def name_of(element: ElementTree.Element) -> str:
    """Return the name without its name space."""
    return element.tag.rpartition("}")[2]


def text_of(element: ElementTree.Element) -> str:
    """Return all text in an element without white space around it, ``MAX_TEXT`` characters at most."""
    return "".join(element.itertext()).strip()[:MAX_TEXT]


def _decode(document):
    document = document.lstrip()
    if document.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        encoding = "utf-16"
    elif document.startswith(codecs.BOM_UTF8):
        encoding = "utf-8-sig"
    else:
        declared = _ENCODING.match(document)
        encoding = declared[1].decode().lower() if declared else "utf-8"
        if encoding == "utf-16":
            # it could be read as bytes, so it is not: .NET writes this when a text is made of the document
            encoding = "utf-8"
        try:
            known = codecs.lookup(encoding).name in _ENCODINGS
        except LookupError:
            known = False
        if not known:
            raise FormatError("unknown character encoding")
    try:
        return document.decode(encoding)
    except UnicodeDecodeError:
        raise FormatError("wrong character encoding") from None
