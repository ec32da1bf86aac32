"""Sanitises texts as Odoo does with a mail, in a process that ends if it takes too long. No model.

Run as a script with the CPU seconds that it may take and ``sys.path`` as JSON; its input is JSON, kind
(``html`` or ``plain``) -> text. It ends with 0 if all went well.
"""

import contextlib
import json
import logging
import sys


def main():
    seconds, sys.path[:] = int(sys.argv[1]), json.loads(sys.argv[2])
    texts = json.load(sys.stdin)
    with contextlib.suppress(ImportError):  # Windows has none: who started this ends it
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    from odoo.tools.mail import append_content_to_html, html_sanitize

    logging.disable(logging.CRITICAL)
    for kind, text in texts.items():
        # as `mail.thread` does (_message_parse_extract_payload) ...
        body = append_content_to_html("", text, plaintext=kind != "html", preserve=True)
        if kind == "html":
            body = html_sanitize(body, sanitize_tags=False, strip_classes=True)
        # ... then the field `body` of `mail.message`
        html_sanitize(body, sanitize_attributes=True, sanitize_style=True)


if __name__ == "__main__":
    main()
