import contextlib
import os
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import config

KEY_FILE = "email_account.key"


class EmailAccountSecret(models.AbstractModel):
    """Passwords that can be written but never read back.

    The clear text given to ``create`` and ``write`` is replaced by a Fernet token before it reaches
    the cache or the database, so that no read, export, ``copy`` or onchange can return it. The key lives
    outside the database: ``email_account_key`` in the configuration file, the environment variable
    ``EMAIL_ACCOUNT_KEY``, or a file of mode 0600 in the data directory that is made when first needed.
    Several keys, separated by commas, allow rotation: the first encrypts, all decrypt.
    """

    _name = "email.account.secret"
    _description = "Write-only Passwords"

    _secret_fields = ("password", "outgoing_password")

    password = fields.Char(
        compute="_compute_password",
        readonly=False,
        exportable=False,
        help="Can be entered, never read back.",
    )
    password_encrypted = fields.Char(copy=False, groups=fields.NO_ACCESS, prefetch=False)
    password_date = fields.Datetime("Password set on", copy=False, readonly=True)
    password_set = fields.Boolean(compute="_compute_password_set", compute_sudo=True)
    outgoing_password = fields.Char(
        compute="_compute_password",
        readonly=False,
        exportable=False,
        help="Only where it differs from the password above. Can be entered, never read back.",
    )
    outgoing_password_encrypted = fields.Char(copy=False, groups=fields.NO_ACCESS, prefetch=False)
    outgoing_password_date = fields.Datetime("Outgoing password set on", copy=False, readonly=True)
    outgoing_password_set = fields.Boolean(compute="_compute_password_set", compute_sudo=True)

    def _compute_password(self):
        self.password = False
        self.outgoing_password = False

    @api.depends("password_encrypted", "outgoing_password_encrypted")
    def _compute_password_set(self):
        for record in self:
            record.password_set = bool(record.password_encrypted)
            record.outgoing_password_set = bool(record.outgoing_password_encrypted)

    @api.model_create_multi
    def create(self, vals_list):
        secrets = [self._extract_secrets(vals) for vals in vals_list]
        records = super().create([self._strip_secrets(vals) for vals in vals_list])
        for record, values in zip(records, secrets, strict=True):
            record._store_secrets(values)
        return records

    def write(self, vals):
        result = super().write(self._strip_secrets(vals))
        self._store_secrets(self._extract_secrets(vals))
        return result

    @api.model
    def _strip_secrets(self, vals):
        """Return ``vals`` without secrets in any form.

        The stored form is nobody's to write: it could be moved to an account with another server.
        """
        return {
            name: value
            for name, value in vals.items()
            if name not in self._secret_fields and name.removesuffix("_encrypted") not in self._secret_fields
        }

    @api.model
    def _extract_secrets(self, vals):
        """Return the values to store for the clear-text secrets in ``vals``."""
        values = {}
        for field in self._secret_fields:
            if field in vals:
                secret = vals[field]
                values[f"{field}_encrypted"] = (
                    self._get_fernet().encrypt(secret.encode()).decode() if secret else False
                )
                values[f"{field}_date"] = fields.Datetime.now() if secret else False
        return values

    def _store_secrets(self, values):
        if values:
            # sudo: the stored form is readable and writable by nobody; the record itself was just written
            # past the overrides, which let nobody write it
            models.BaseModel.write(self.sudo(), values)

    def _get_secret(self, field):
        """Return the clear text of the secret ``field``, '' where none is set.

        :raises UserError: the key is missing or another one; the password has to be entered again
        """
        self.ensure_one()
        # sudo: the stored form is readable by nobody; callers hand the result to a login, never to a user
        token = self._origin.sudo()[f"{field}_encrypted"]
        if not token:
            return ""
        try:
            return self._get_fernet().decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise UserError(
                self.env._(
                    "The password of %s was stored with a key that is not there any more. "
                    "Enter the password again, or ask the administrator to restore the key.",
                    self.display_name,
                )
            ) from error

    @api.model
    def _get_fernet(self):
        """Return the cipher made of the configured keys (`cryptography.fernet.MultiFernet`)."""
        keys = config.get("email_account_key") or os.environ.get("EMAIL_ACCOUNT_KEY") or self._get_key_file()
        try:
            return MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
        except ValueError as error:
            raise UserError(
                self.env._(
                    "The key for the passwords of email accounts is not valid. Ask the administrator to "
                    "correct email_account_key in Odoo's configuration file."
                )
            ) from error

    @api.model
    def _get_key_file(self):
        """Return the key kept in the data directory; make it if there is none yet."""
        path = Path(config["data_dir"]) / KEY_FILE
        if not path.exists():
            # written aside and linked: complete from its first moment, and no worker replaces another's key
            with tempfile.NamedTemporaryFile("w", dir=path.parent) as file:
                file.write(Fernet.generate_key().decode())
                file.flush()
                with contextlib.suppress(FileExistsError):
                    os.link(file.name, path)
        return path.read_text()
