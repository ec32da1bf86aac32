from odoo import api, fields, models
from odoo.exceptions import UserError

# what `odoo neutralize` sets in a copy of a database, see odoo/addons/base/data/neutralize.sql
NEUTRALIZED = "database.is_neutralized"


class EmailAccountSettings(models.AbstractModel):
    """A neutralized copy of a database connects to no server.

    ``data/neutralize.sql`` switches the accounts of a copy off and drops their passwords. That may have
    happened with an earlier version of the addon, or not at all: so it is asked before each connection too.
    """

    _inherit = "email.account.settings"

    is_neutralized = fields.Boolean(
        "Neutralized Copy",
        compute="_compute_is_neutralized",
        help="The database is a copy for tests: its email accounts connect to no server.",
    )

    def _compute_is_neutralized(self):
        self.is_neutralized = self._is_neutralized()

    @api.model
    def _is_neutralized(self):
        """Whether the database is a neutralized copy, as Odoo understands it: the parameter has any value."""
        # sudo: users do not read system parameters. Not `get_param`, which remembers what it has found: the
        # command and the database manager write past running servers
        parameters = self.env["ir.config_parameter"].sudo()
        return bool(
            parameters.search_count([("key", "=", NEUTRALIZED), ("value", "not in", (False, ""))], limit=1)
        )

    @api.model
    def _check_may_connect(self):
        """Ask this before every connection and every look-up: nothing leaves a neutralized copy.

        :raises UserError: the database is one; says what to do
        """
        if self._is_neutralized():
            raise UserError(
                self.env._(
                    "This database is a neutralized copy: its email accounts connect to no server. Nothing "
                    "is sent, fetched or looked up. To make them work here anyway, delete the system "
                    "parameter “%s”, then enter the passwords again and check the accounts.",
                    NEUTRALIZED,
                )
            )
