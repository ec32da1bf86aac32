import json

from cryptography.fernet import InvalidToken, MultiFernet

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import config

from ..mailclient.outside import storable
from .secret_keys import KEY_FILE, OPTION, VARIABLE, InvalidKey, make_key_file, read_keys


class EmailAccountSecret(models.AbstractModel):
    """Passwords that can be written but never read back.

    The clear text given to ``create`` and ``write`` is replaced by a Fernet token before it reaches
    the cache or the database, so that no read, export, ``copy`` or onchange can return it. The key lives
    outside the database: ``email_account_key`` in the configuration file, the environment variable
    ``EMAIL_ACCOUNT_KEY``, or a file of mode 0600 in the data directory that is made when first needed.
    Several keys, separated by commas, allow rotation: the first encrypts, all that are present decrypt.

    Every user may write templates, and administrators server actions, whose code calls any method of records.
    Odoo refuses it names with two underscores: so are called the methods that return a password or a key, and
    those that put a stored one somewhere else.
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
    is_key_missing = fields.Boolean(
        compute="_compute_is_key_missing",
        compute_sudo=True,
        help="A password is stored that none of the present keys opens, or that was entered for another "
        "server.",
    )
    key_message = fields.Text(
        "Missing Key",
        compute="_compute_is_key_missing",
        compute_sudo=True,
        help="What to do about a password that is stored but cannot be used.",
    )

    def _compute_password(self):
        self.password = False
        self.outgoing_password = False

    @api.depends("password_encrypted", "outgoing_password_encrypted")
    def _compute_password_set(self):
        for record in self:
            record.password_set = bool(record.password_encrypted)
            record.outgoing_password_set = bool(record.outgoing_password_encrypted)

    @api.depends("password_encrypted", "outgoing_password_encrypted")
    @api.depends_context("lang")
    def _compute_is_key_missing(self):
        """Not stored: a key comes and goes without the database."""
        keys, problem = [], False
        try:
            keys = self._get_keys__()
        except UserError as error:
            problem = str(error)
        for record in self:
            opened = [record._open__(field, keys) for field in self._secret_fields]
            problems = [wrong for _secret, wrong in opened if wrong]
            record.is_key_missing = bool(problems)
            record.key_message = bool(problems) and (problem or problems[0])

    @api.model_create_multi
    def create(self, vals_list):
        records = super().create([self._strip_secrets(vals) for vals in vals_list])
        for record, vals in zip(records, vals_list, strict=True):
            record._store_secrets__(vals)
        return records

    @api.model
    def default_get(self, fields):
        """Leave out passwords, which a context could bring in their stored form."""
        return self._strip_secrets(super().default_get(fields))

    def write(self, vals):
        result = super().write(self._strip_secrets(vals))
        self._store_secrets__(vals)  # for the servers that were written with them
        return result

    def onchange(self, values, field_names, fields_spec):
        """Do not say again what the browser has sent: without a value, it keeps what was typed."""
        result = super().onchange(values, field_names, fields_spec)
        for field in self._secret_fields:
            if result.get("value", {}).get(field):
                del result["value"][field]
        return result

    @api.model
    def _strip_secrets(self, vals):
        """Return ``vals`` without secrets in any form, and without their dates.

        The stored form is nobody's to write: it could be moved to an account with another server.
        """
        forms = ("", "_encrypted", "_date")
        names = {f"{field}{form}" for field in self._secret_fields for form in forms}
        return {name: value for name, value in vals.items() if name not in names}

    def _store_secrets__(self, vals):
        """Encrypt and store the clear-text secrets in ``vals``, each with what it may be used for."""
        names = [field for field in self._secret_fields if field in vals]
        for record in self if names else ():
            values = {}
            for field in names:
                token = False
                if vals[field]:
                    sealed = json.dumps([record._get_secret_use(field), vals[field]])
                    token = self._get_fernet__().encrypt(sealed.encode()).decode()
                values |= {f"{field}_encrypted": token, f"{field}_date": token and fields.Datetime.now()}
            record._store_tokens__(values)

    def _store_tokens__(self, values):
        # sudo: the stored form is readable and writable by nobody; the record itself was just written
        # past the overrides, which let nobody write it
        models.BaseModel.write(self.sudo(), values)

    def _get_secret_use(self, field):
        """Return what the secret ``field`` may be used for: a list that JSON takes.

        It is encrypted together with the secret: who can write to the database, or has Odoo run code of his,
        does not get a password sent anywhere else than where it was entered for.
        """
        return [self._name, self._origin.id]

    def _is_secret_use(self, field, stored):
        """Whether this record, as it is, may use the secret ``field`` that was stored for ``stored``."""
        return stored == self._get_secret_use(field)

    def _get_secret__(self, field):
        """Return the clear text of the secret ``field``, '' where none is set.

        As all methods that give away a password or a key, it has two underscores in its name: neither the
        code of a server action nor a template can call it.

        :raises UserError: the key is missing or another one, or it was entered for something else; the
            password has to be entered again
        """
        secret, problem = self._open__(field, self._get_keys__())
        if problem:
            raise UserError(problem)
        return secret

    def _open__(self, field, keys):
        """Return the secret ``field`` and what is wrong with it, in words; each '' where there is none.

        :param keys: list of `cryptography.fernet.Fernet`
        """
        self.ensure_one()
        # sudo: the stored form is readable by nobody; callers hand the result to a login, never to a user
        token = self._origin.sudo()[f"{field}_encrypted"]
        if not token:
            return "", ""
        sealed = self._decrypt__(token, keys)
        if sealed is None:
            return "", self._get_lost_key_message()
        try:
            use, secret = json.loads(sealed)
        except (ValueError, TypeError):  # stored without a use, as it was once
            use, secret = [], ""
        if not self._is_secret_use(field, use):
            return "", self._get_other_use_message()
        if not isinstance(secret, str) or storable(secret) != secret:  # a program wrote it once
            return "", self._get_no_text_message()
        return secret, ""

    def _get_no_text_message(self):
        return self.env._("The password of %s is not text: enter it again.", self.display_name)

    def _get_lost_key_message(self):
        return self.env._(
            "The password of %s was stored with a key that is not there any more. "
            "Enter the password again, or ask the administrator to restore the key.",
            self.display_name,
        )

    def _get_other_use_message(self):
        return self.env._(
            "The password of %s was entered for another server, and is sent to no other one: enter it again.",
            self.display_name,
        )

    # ------------------------------------------------------------
    # Keys
    # ------------------------------------------------------------

    @api.model
    def _decrypt__(self, token, keys):
        """Return what ``token`` says, None if none of ``keys`` (list of `Fernet`) opens it."""
        for key in keys:
            try:
                return key.decrypt(token.encode()).decode()
            except (InvalidToken, ValueError, TypeError):  # or it is no token at all
                continue
        return None

    @api.model
    def _get_keys__(self):
        """Return the keys that are present: a list of `secret_keys.Key`, the first encrypts.

        :raises UserError: one of them is not valid; says which
        """
        return [key for _place, key in self._get_placed_keys__()]

    @api.model
    def _get_placed_keys__(self):
        """Return the same as a list of (place, key), see `secret_keys.read_keys`."""
        try:
            return read_keys(config.get(OPTION), config["data_dir"])
        except InvalidKey as error:
            raise UserError(self._get_invalid_key_message(error.place)) from None

    @api.model
    def _get_fernet__(self):
        """Return the cipher that encrypts; where no key is given, one is made in the data directory.

        :raises UserError: as of `_get_keys__`; or the key cannot be written
        """
        keys = self._get_keys__()
        if not keys:
            try:
                make_key_file(config["data_dir"])
            except InvalidKey as error:
                raise UserError(self._get_invalid_key_message(error.place)) from None
            keys = self._get_keys__()
        return MultiFernet(keys)

    @api.model
    def _get_invalid_key_message(self, place):
        """Return what to do about a key that is none, for a place of `secret_keys.InvalidKey`."""
        if place == "configuration":
            return self.env._(
                "The key for the passwords of email accounts is not valid. Ask the administrator to "
                "correct email_account_key in Odoo's configuration file."
            )
        if place == "environment":
            return self.env._(
                "The key for the passwords of email accounts is not valid. Ask the administrator to "
                "correct the environment variable %s.",
                VARIABLE,
            )
        return self.env._(
            "The key for the passwords of email accounts cannot be read. Ask the administrator to restore "
            "the file %s in Odoo's data directory and to let Odoo read it.",
            KEY_FILE,
        )
