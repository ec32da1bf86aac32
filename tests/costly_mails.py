"""Mails over which Odoo's parsers, or Python's, may take long: each of any length; no Odoo."""

HEAD = b"From: carol@customer.example\r\nTo: jane@acme.example\r\nSubject: Cost\r\nMIME-Version: 1.0\r\n"
PLAIN = b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
HTML = b"Content-Type: text/html; charset=utf-8\r\n\r\n"


def _filled(before, unit, after=""):
    """Return what makes a text of a given length."""
    return lambda length: before + unit * ((length - len(before) - len(after)) // len(unit)) + after


# of stock Odoo, each takes time by the square or the cube
SLOW_HTML = {
    "tags without end": _filled("", "<"),
    "tags of Outlook": _filled("", "<o:"),
    "encoding=": lambda length: "<" * (length // 3) + " encoding=x" * (length * 2 // 33),
    "conditional comments": _filled("", "<!--[if "),
    "quotes of Gmail": _filled('<div><div class="gmail_extra"></div>', "<p>x</p>", "</div>"),
    "quotes of Gmail, encoded": _filled(
        '<div><div class="gmail&#95;&#101;xtra"></div>', "<p>x</p>", "</div>"
    ),
    "rulers": _filled("", '<hr class="stopSpelling">'),
    "links of a style": _filled('<p style="background:url(', "url(", '">x</p>'),
    "quoted links of a style": _filled("<p style='background:url(\"", "url(", "'>x</p>"),
    "imports of a style": _filled("<style>", '@import "', "</style>"),
    "attributes": lambda length: "<p " + " ".join(f"a{n}=1" for n in range(length // 8)) + ">",
    "end tags": _filled("", "</p"),
    "document types": _filled("", "<!doctype"),
    "words of a style": _filled('<p style="', "color:", '">x</p>'),
    "quotes of a style": _filled("<p style='color:", '"', "'>x</p>"),
    "backslashes of a style": _filled('<p style="', "\\", '">x</p>'),
    "comments of a style": _filled('<p style="', "/*", '">x</p>'),
    "sources of images": _filled("", '<img src="/'),
    "images without end": _filled("", "<img src=data:image/png;base64,AAAA\n"),
    "script links": _filled('<a href="', "java script:", '">x</a>'),
    "spaces of a link": _filled('<a href="', " ", 'x">x</a>'),
    "refresh": _filled('<meta http-equiv="refresh" content="', " url=", '">'),
    "entities": _filled("", "&#x"),
    "amps": _filled("", "&amp;"),
    "levels": _filled("", "<b>"),
    "lists": _filled("", "<li><a>"),
    "tables": _filled("", "<table>"),
    "forms": _filled("", "<form><p>"),
    "quotes": _filled("", "<blockquote>"),
    "spaces": _filled("<p>", " ", "x</p>"),
    "lines": _filled("<p>x", "\n", "x</p>"),
    "icons": _filled("", "<i a='"),
}
SLOW_PLAIN = {
    "quoted lines": _filled("", "\n>a\nb"),
    "quotes": _filled("", "\n>"),
    "signatures": _filled("", "\n--\n"),
    "an image's lines": _filled("data:image/png;base64,AAAA", "\n", "x"),
    "images": _filled("", "data:image/png;base64,"),
    "links": _filled("", "http://a@"),
    "links' words": _filled("http://", "a:", "@"),
    "spaces": _filled("", " ", "x"),
    "lines": _filled("", "\r\n"),
    "returns": _filled("", "\r"),
    "quotation marks": _filled("", "'\""),
    "entities": _filled("", "&"),
    "NUL": _filled("", "\0"),
}
# fields of the header: 100 kB is the most that one may have
SLOW_HEADERS = {
    "addresses": ("Cc", "a@b.c, "),
    "names": ("To", '"a" <a@b.c>, '),
    "names without addresses": ("To", "a "),
    "comments": ("To", "("),
    "comments that end": ("From", "()"),
    "groups": ("To", "a:;"),
    "angles": ("To", "<"),
    "quotation marks": ("From", '"'),
    "backslashes": ("From", '"\\'),
    "routes": ("From", "<@a,"),
    "literals": ("From", "a@["),
    "dots": ("From", "a."),
    "at": ("From", "@"),
    "commas": ("To", ","),
    "encoded words": ("Subject", "=?utf-8?q?x?= "),
    "encoded words without end": ("Subject", "=?x?q?"),
    "beginnings of encoded words": ("Subject", "=?"),
    "base64 words": ("From", "=?utf-8?b?YQ==?="),
    "references": ("References", "<a@b> "),
    "references without end": ("References", "<"),
    "replies": ("In-Reply-To", "<a@b> "),
    "message ids": ("Message-Id", "<a@b>"),
    "parameters": ("Content-Type", "; a*0=b"),
    "numbered parameters": ("Content-Type", "; a*1*=utf-8''%41"),
    "quoted parameters": ("Content-Type", '; a="\\"'),
    "dispositions": ("Content-Disposition", "; filename*0*=a"),
    "dates": ("Date", "1 "),
    "date words": ("Date", "Mon, "),
    "numbers": ("Date", "9"),
    "encodings": ("Content-Transfer-Encoding", "base64 ("),
    "versions": ("MIME-Version", "1.("),
    "own": ("X-Anything", "=?utf-8?q?=41?="),
}


def costly_mails(length):
    """Return ``{name: mail}``; a header takes no more than it may."""
    mails = {f"HTML: {name}": HEAD + HTML + text(length).encode() for name, text in SLOW_HTML.items()}
    mails |= {f"plain: {name}": HEAD + PLAIN + text(length).encode() for name, text in SLOW_PLAIN.items()}
    for name, (field, unit) in SLOW_HEADERS.items():
        value = unit * (min(length, 99_000) // len(unit))
        lead = "text/plain" if field == "Content-Type" else ""
        lines = [line for line in HEAD.split(b"\r\n") if not line.startswith(f"{field}:".encode())]
        mails[f"header: {name}"] = b"\r\n".join([f"{field}: {lead}{value}".encode(), *lines]) + b"\r\nx"
    return mails
