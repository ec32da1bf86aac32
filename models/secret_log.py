"""Keeps the passwords that a client sends out of Odoo's log of calls.

At DEBUG Odoo logs each call of a method with its parameters (`odoo.service.model.call_kw`, which the web
client, XML-RPC and JSON-RPC go through). A filter of that logger takes out what is meant for a field in which
passwords are written. It sees a record only when the level lets it through, so other levels cost nothing; and
it looks for models that have such fields, so it does nothing in a database without the addon, or after it was
uninstalled.
"""

import logging

from odoo.models import BaseModel
from odoo.service.model import Params

REDACTED = "[redacted]"
# number of items of a condition in a domain
CONDITION = 3


class SecretFilter(logging.Filter):
    """Replaces passwords in the parameters of logged calls; lets every record through."""

    def filter(self, record):
        if isinstance(record.args, tuple):
            for arg in record.args:
                if isinstance(arg, BaseModel):
                    record.args = tuple(redact(arg, each) for each in record.args)
                    break
        return True


def redact(model, value):
    """Return ``value``, which was sent to a method of ``model``, with a mark in the place of passwords.

    :param model: recordset; its fields say what the keys of dictionaries mean
    :param value: anything that comes by RPC, or `odoo.service.model.Params`
    """
    if isinstance(value, Params):
        args = _redact_table(model, value.args)
        return Params(redact(model, args), redact(model, value.kwargs))
    if isinstance(value, dict):
        if "fields" in value and "data" in value:  # of `load`, by name
            fields, data = _redact_table(model, (value["fields"], value["data"]))
            value = {**value, "fields": fields, "data": data}
        return {key: _redact_item(model, key, item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        if len(value) == CONDITION and isinstance(value[0], str) and _is_secret(model, value[0]):
            return [*value[:2], REDACTED]
        return [redact(model, item) for item in value]
    return value


def _redact_item(model, key, item):
    if not isinstance(key, str):
        return redact(model, item)
    if _is_secret(model, key.removeprefix("default_")):
        return REDACTED if item else item
    field = model._fields.get(key)
    if field is not None and field.relational:
        model = model.env[field.comodel_name]
    return redact(model, item)


def _redact_table(model, args):
    """Redact columns of ``(fields, rows)``, the parameters of `load`; return others as they are."""
    if len(args) != 2 or not all(isinstance(arg, (list, tuple)) for arg in args):
        return args
    fields, rows = args
    secret = {
        number
        for number, path in enumerate(fields)
        if isinstance(path, str) and _is_secret(model, path.replace("/", "."))
    }
    if not secret:
        return args
    return (
        fields,
        [
            [REDACTED if number in secret else cell for number, cell in enumerate(row)]
            if isinstance(row, (list, tuple))
            else row
            for row in rows
        ],
    )


def _is_secret(model, path):
    """Whether ``path``, names of fields with dots between them, leads to a password."""
    *way, name = path.split(".")
    for step in way:
        field = model._fields.get(step)
        if field is None or not field.relational:
            return False
        model = model.env[field.comodel_name]
    return name in getattr(model, "_secret_fields", ())


logging.getLogger("odoo.service.model").addFilter(SecretFilter())
