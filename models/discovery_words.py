"""What ``autoconfig`` says of a source, in the user's language: the one place for these words. No model."""

import re


def describe_detail(env, detail):
    """Return the detail of a step, ``host: reason`` or a few names, for people.

    :param str detail: of `autoconfig.Step`; may be empty
    """
    place, separator, reason = (detail or "").rpartition(": ")
    return f"{place}{separator}{_describe_reason(env, reason)}"


def _describe_reason(env, reason):
    for pattern, words in _get_words(env).items():
        if match := re.fullmatch(pattern, reason):
            return words % match.groups() if match.groups() else words
    return reason


def _get_words(env):
    """Return regular expressions of what ``autoconfig`` says, and the words for each."""
    _ = env._
    return {
        # names
        r"no such host": _("no such host"),
        r"the name cannot be resolved": _("the name cannot be resolved"),
        r"the name is not resolved within (\S+) s": _("the name is not resolved within %s s"),
        r"no answer from DNS in time": _("no answer from DNS in time"),
        r"DNS cannot answer": _("DNS cannot answer"),
        r"not an IP address": _("not an IP address"),
        r"not an address on the public internet": _("not an address on the public internet"),
        r"not a host name": _("not a host name"),
        # connections
        r"refuses connections": _("refuses connections"),
        r"no connection": _("no connection"),
        r"no TLS connection": _("no encrypted connection"),
        r"no valid certificate": _("no valid certificate"),
        r"no valid certificate \((.*)\)": _("no valid certificate (%s)"),
        r"no answer within (\S+) s": _("no answer within %s s"),
        r"no answer in time": _("no answer in time"),
        r"no server answered": _("no server answered"),
        r"closed the connection": _("closed the connection"),
        # web
        r"HTTP status (\d+)": _("HTTP status %s"),
        r"a web page instead of settings": _("a web page instead of settings"),
        r"a redirect": _("a redirect"),
        r"redirects from https to (\S+)": _("redirects from https to %s"),
        r"more than (\d+) redirects": _("more than %s redirects"),
        r"redirects to nowhere": _("redirects to nowhere"),
        r"leads nowhere": _("leads nowhere"),
        r"not https": _("not https"),
        r"not a plain URL of the web": _("not a plain URL of the web"),
        r"compressed without being asked to": _("compressed without being asked to"),
        r"more than (\d+) kB": _("more than %s kB"),
        r"not a web server's answer": _("not the answer of a web server"),
        # mail servers
        r"not a port of mail servers": _("not a port of mail servers"),
        r"does not offer STARTTLS": _("does not offer STARTTLS"),
        r"refuses (STARTTLS|STLS)": _("refuses %s"),
        r"unencrypted data where TLS was to begin": _("unencrypted data where TLS was to begin"),
        r"takes mail from other servers only": _("takes mail from other servers only"),
        r"does not speak (\w+)": _("does not speak %s"),
        r"not now \((\d*)\)": _("not now (%s)"),
        r"an overlong line": _("an overlong line"),
        r"an endless answer": _("an endless answer"),
        # documents
        r"not a clientConfig document": _("not a clientConfig document"),
        r"not an Autodiscover document": _("not an Autodiscover document"),
        r"not a PACC document": _("not a PACC document"),
        r"no usable server": _("no usable server"),
        r"no account": _("no account"),
        r"does not know the address": _("does not know the address"),
        r"did not understand the request": _("did not understand the request"),
        r"has no settings for mail programs": _("has no settings for mail programs"),
        r"answers with an error": _("answers with an error"),
        r"redirects to what is no address": _("redirects to what is no address"),
        r"redirects to the same address": _("redirects to the same address"),
        r"redirects to what is no https URL": _("redirects to what is no https URL"),
        r"the document does not match the digest in DNS": _("the document does not match the digest in DNS"),
        r"the document has no digest in DNS": _("the document has no digest in DNS"),
        r"has too many parts": _("has too many parts"),
        r"has too many elements": _("has too many parts"),
        r"says something twice": _("says something twice"),
        r"wrong character encoding": _("wrong character encoding"),
        r"unknown character encoding": _("unknown character encoding"),
        r"not JSON": _("not JSON"),
        r"not a JSON object": _("not a JSON object"),
        r"has a document type declaration": _("has a document type declaration"),
        r"not well-formed XML": _("not well-formed XML"),
        r"nothing published": _("nothing published"),
        # sources
        r"no server that suits every mailbox": _("no server that suits every mailbox"),
        r"(\S+) is a customer of Microsoft": _("%s is a customer of Microsoft"),
    }
