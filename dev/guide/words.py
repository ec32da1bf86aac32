"""Reads words that the addon shows from its source: what they stand in imports Odoo, which is not there."""
import ast
from pathlib import Path

REPO = Path(__file__).resolve().parent.parent.parent
# heading -> the causes below it; what is in none comes last
GROUPS = {
    "Logging in": "wrong_password app_password_required oauth_required consent_required token_expired "
    "imap_disabled smtp_auth_disabled web_login_required account_locked mailbox_not_found login_missing "
    "login_not_ascii invalid_login_text password_refused logins_paused auth_mechanism_unsupported "
    "client_id_required oauth_client_invalid",
    "Reaching the server": "no_such_host dns_failure address_blocked port_not_allowed connection_refused "
    "unreachable port_blocked timeout connection_closed wrong_protocol ip_blocked server_busy "
    "too_many_connections",
    "Encryption": "tls_on_plain_port plain_on_tls_port starttls_required tls_version certificate_expired "
    "certificate_not_yet_valid certificate_name_mismatch certificate_self_signed certificate_unknown_issuer "
    "certificate_changed certificate_invalid connection_tampered",
    "Sending": "send_as_denied sender_rejected recipient_rejected relay_denied policy_rejected greylisted "
    "rate_limited message_too_large smtputf8_unsupported",
    "Receiving": "quota_exceeded folder_missing message_missing message_incomplete framing_broken "
    "answer_too_long reading_limited uidl_missing",
}


def read_messages():
    """Return the messages of the reports: pairs of a heading and a list of (message, advice)."""
    words = read_constant("models/failure_words.py", "WORDS")
    groups = [(heading, [words.pop(cause) for cause in causes.split() if cause in words])
              for heading, causes in GROUPS.items()]
    return [*groups, ("Anything else", list(words.values()))]


def read_constant(path, name):
    """Return the value of a constant of a module that is made of literals and of texts to be translated.

    :param path: of the module, from the repository's root
    :raises KeyError: there is no such constant
    :raises ValueError: it holds something else
    """
    for node in ast.parse((REPO / path).read_text()).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", None) == name:
            return ast.literal_eval(_Untranslated().visit(node.value))
    raise KeyError(f"{path}: {name}")


class _Untranslated(ast.NodeTransformer):
    """Puts the text in place of ``_lt(text)``."""

    def visit_Call(self, node):
        return node.args[0] if getattr(node.func, "id", None) == "_lt" else node
