import logging

import psycopg2
from cryptography.fernet import MultiFernet

from odoo import SUPERUSER_ID, api, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.service.model import retrying
from odoo.tools import split_every

_logger = logging.getLogger(__name__)

# records of one transaction: who writes one of them meanwhile costs a repetition of so many
ROTATED_TOGETHER = 100


class EmailAccountSecretRotation(models.AbstractModel):
    _inherit = "email.account.secret"

    @api.model
    def _rotate_keys(self):
        """Encrypt every stored password with the first key: of all companies, of archived accounts too.

        What the first key opens is left as it is, and so is what no key opens. Each part is a transaction of
        its own, begun again when somebody writes the same records; so it can be interrupted and repeated.

        :return: (how many were encrypted again, how many no key opens)
        :raises UserError: a key is not valid
        """
        self._get_keys__()  # says so before anything begins
        stored = Domain.OR(Domain(f"{field}_encrypted", "!=", False) for field in self._secret_fields)
        rotated = lost = 0
        for name in self.env.registry.descendants(["email.account.secret"], "_inherit"):
            if self.env[name]._abstract:
                continue
            # sudo: it is about the form in which passwords are stored, not about what anybody may see
            model = self.env[name].sudo().with_context(active_test=False)
            ids = model.search(stored).ids
            for part in split_every(ROTATED_TOGETHER, ids):
                more_rotated, more_lost = self._rotate_part(name, part)
                rotated, lost = rotated + more_rotated, lost + more_lost
        self.env.invalidate_all()
        return rotated, lost

    @api.model
    def _rotate_part(self, name, ids):
        """Rotate the passwords of some records; where that fails, of each by itself, so that one is no reason
        not to do so with the others. Return the two numbers."""
        try:
            with self.env.registry.cursor() as cr:
                records = self.env(cr=cr, user=SUPERUSER_ID, context={})[name].browse(ids)
                return retrying(records._rotate_secrets, records.env)
        except (UserError, psycopg2.OperationalError):  # a key, or the database: it is not about one of them
            raise
        except Exception:
            if len(ids) > 1:
                numbers = [self._rotate_part(name, [record_id]) for record_id in ids]
                return tuple(map(sum, zip(*numbers, strict=True)))
            _logger.exception("The passwords of %s %s could not be encrypted again", name, ids[0])
            return 0, 1

    def _rotate_secrets(self):
        """Do so with the passwords of these records; return the same two numbers."""
        keys = self._get_keys__()
        rotated = lost = 0
        for record in self.exists():
            values = {}
            for name in (f"{field}_encrypted" for field in self._secret_fields):
                token = record[name]
                if not token or self._decrypt__(token, keys[:1]) is not None:
                    continue
                if self._decrypt__(token, keys) is None:
                    lost += 1
                else:
                    # with the time at which it was encrypted first
                    values[name] = MultiFernet(keys).rotate(token.encode()).decode()
            record._store_tokens__(values)
            rotated += len(values)
        return rotated, lost
