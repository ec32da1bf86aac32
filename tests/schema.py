"""What the addon stores: the text of ``migrations/schema.txt``. ``make schema`` runs this in Odoo's shell."""

from odoo import models

MODULE = "email_account"
# what decides how a field is stored, beside its type and whether it is required
STORED_AS = ("comodel_name", "ondelete", "relation", "column1", "column2", "index", "translate", "attachment")


def describe_schema(env):
    """Return what is stored: a sorted list of lines.

    The stored fields of the addon's models and its fields of others, its constraints and its indexes.
    """
    lines = []
    for model in env.registry.values():
        if model._abstract or not model._auto:
            continue
        for field in model._fields.values():
            if MODULE in field._modules and field.name not in models.MAGIC_COLUMNS and is_stored(field):
                lines.append(f"{model._name}.{field.name}: {describe_field(field)}")
        for name, table_object in model._table_objects.items():
            if table_object._module == MODULE:
                kind = "unique index" if getattr(table_object, "unique", False) else "index or constraint"
                definition = " ".join(table_object.get_definition(env.registry).split())
                lines.append(f"{model._name}, {kind} {name}: {definition}")
    return sorted(lines)


def is_stored(field):
    return field.store and field.type != "one2many"


def describe_field(field):
    words = [field.type]
    if field.required:
        words.append("required")
    if field.type == "selection" and isinstance(field.selection, list):
        words.append("|".join(str(value) for value, _label in field.selection))
    for name in STORED_AS:
        value = getattr(field, name, None)
        if value and not isinstance(value, dict):  # as of selections: what becomes of values that go
            words.append(f"{name}={value}")
    return " ".join(words)
