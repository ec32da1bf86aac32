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
    return {
        # names
        r"no such host": env._("no such host"),
        r"the name cannot be resolved": env._("the name cannot be resolved"),
        r"the name is not resolved within (\S+) s": env._("the name is not resolved within %s s"),
        r"no answer from DNS in time": env._("no answer from DNS in time"),
        r"DNS cannot answer": env._("DNS cannot answer"),
        r"not an IP address": env._("not an IP address"),
        r"not an address on the public internet": env._("not an address on the public internet"),
        r"not a host name": env._("not a host name"),
        # connections
        r"refuses connections": env._("refuses connections"),
        r"no connection": env._("no connection"),
        r"no TLS connection": env._("no encrypted connection"),
        r"no valid certificate": env._("no valid certificate"),
        r"no valid certificate \((.*)\)": env._("no valid certificate (%s)"),
        r"no answer within (\S+) s": env._("no answer within %s s"),
        r"no answer in time": env._("no answer in time"),
        r"no server answered": env._("no server answered"),
        r"closed the connection": env._("closed the connection"),
        # web
        r"HTTP status (\d+)": env._("HTTP status %s"),
        r"a web page instead of settings": env._("a web page instead of settings"),
        r"a redirect": env._("a redirect"),
        r"redirects from https to (\S+)": env._("redirects from https to %s"),
        r"more than (\d+) redirects": env._("more than %s redirects"),
        r"redirects to nowhere": env._("redirects to nowhere"),
        r"leads nowhere": env._("leads nowhere"),
        r"not https": env._("not https"),
        r"not a plain URL of the web": env._("not a plain URL of the web"),
        r"compressed without being asked to": env._("compressed without being asked to"),
        r"more than (\d+) kB": env._("more than %s kB"),
        r"not a web server's answer": env._("not the answer of a web server"),
        # mail servers
        r"not a port of mail servers": env._("not a port of mail servers"),
        r"does not offer STARTTLS": env._("does not offer STARTTLS"),
        r"refuses (STARTTLS|STLS)": env._("refuses %s"),
        r"unencrypted data where TLS was to begin": env._("unencrypted data where TLS was to begin"),
        r"takes mail from other servers only": env._("takes mail from other servers only"),
        r"does not speak (\w+)": env._("does not speak %s"),
        r"not now \((\d*)\)": env._("not now (%s)"),
        r"an overlong line": env._("an overlong line"),
        r"an endless answer": env._("an endless answer"),
        # documents
        r"not a clientConfig document": env._("not a clientConfig document"),
        r"not an Autodiscover document": env._("not an Autodiscover document"),
        r"not a PACC document": env._("not a PACC document"),
        r"no usable server": env._("no usable server"),
        r"no account": env._("no account"),
        r"does not know the address": env._("does not know the address"),
        r"did not understand the request": env._("did not understand the request"),
        r"has no settings for mail programs": env._("has no settings for mail programs"),
        r"answers with an error": env._("answers with an error"),
        r"redirects to what is no address": env._("redirects to what is no address"),
        r"redirects to the same address": env._("redirects to the same address"),
        r"redirects to what is no https URL": env._("redirects to what is no https URL"),
        r"the document does not match the digest in DNS": env._(
            "the document does not match the digest in DNS"
        ),
        r"the document has no digest in DNS": env._("the document has no digest in DNS"),
        r"has too many parts": env._("has too many parts"),
        r"has too many elements": env._("has too many parts"),
        r"says something twice": env._("says something twice"),
        r"wrong character encoding": env._("wrong character encoding"),
        r"unknown character encoding": env._("unknown character encoding"),
        r"not JSON": env._("not JSON"),
        r"not a JSON object": env._("not a JSON object"),
        r"has a document type declaration": env._("has a document type declaration"),
        r"not well-formed XML": env._("not well-formed XML"),
        r"nothing published": env._("nothing published"),
        # sources
        r"no server that suits every mailbox": env._("no server that suits every mailbox"),
        r"(\S+) is a customer of Microsoft": env._("%s is a customer of Microsoft"),
    }
