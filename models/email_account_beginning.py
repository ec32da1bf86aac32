from datetime import datetime, time, timezone

import pytz

from odoo import api, fields, models


class EmailAccountReceived(models.AbstractModel):
    """From which day on an account receives: of what is in the mailbox when it is looked into for the first
    time. What comes afterwards is new, whatever its date: somebody may have moved it there."""

    _inherit = "email.account.received"

    import_tz = fields.Char(
        "Time Zone of the First Day",
        readonly=True,
        copy=False,
        help="That of the user who chose the first day.",
    )

    @api.model_create_multi
    def create(self, vals_list):
        return super().create([self._with_zone(vals) for vals in vals_list])

    def write(self, vals):
        vals = self._with_zone(vals)
        earlier = self.filtered(lambda account: account._begins_earlier(vals))
        result = super().write(vals)
        for account in earlier:
            account._look_back(account.import_from)
        return result

    @api.model
    def _with_zone(self, vals):
        """Add whose day it is that is chosen."""
        return vals | {"import_tz": str(self.env.tz)} if "import_from" in vals else vals

    def _begins_earlier(self, vals):
        """Whether ``vals`` has an earlier first day: then more of what is there is wanted."""
        if "import_from" not in vals or not self.import_from:
            return False
        day = fields.Date.to_date(vals["import_from"])
        return not day or day < self.import_from

    def _look_back(self, since):
        """Receive what was passed over as too old, from the day ``since`` (date) on; False for everything."""
        # sudo: how far a folder was read is nobody's to write
        self.sudo().folder_ids._look_back(since, self._get_day_start(since) if since else None)

    def _get_day_start(self, day):
        """Return when a day (date) begins for who has chosen it: aware datetime in UTC."""
        name = self.import_tz or self.user_id.tz or self.create_uid.tz or self.company_id.partner_id.tz
        try:
            zone = pytz.timezone(name or "UTC")
        except pytz.UnknownTimeZoneError:
            zone = pytz.utc
        return zone.localize(datetime.combine(day, time.min)).astimezone(timezone.utc)
