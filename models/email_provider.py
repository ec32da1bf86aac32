from odoo import api, fields, models, tools
from odoo.fields import Domain

from .. import autoconfig
from ..autoconfig.providers import domain_keys
from ..guide import get_provider_url

AUTHENTICATION = [
    ("password", "Password"),
    ("app_password", "App password"),
    ("oauth", "Sign-in in the browser (OAuth)"),
    ("oauth_or_app_password", "App password, or sign-in in the browser (OAuth)"),
    ("bridge", "A program of the provider on your own computer"),
    ("impossible", "Cannot be connected: the provider has no access for mail programs"),
]
SECURITY = [("tls", "SSL/TLS"), ("starttls", "STARTTLS")]


class EmailProvider(models.Model):
    """What is known of a provider of mailboxes: servers, login, and what its users must do first.

    The data file ``data/email.provider.csv`` is read by ``autoconfig`` too, so that discovery knows the
    same providers without a database; here an administrator or another addon can add more.
    """

    _name = "email.provider"
    _description = "Email Provider"
    _inherit = "email.account.cached"
    _order = "name, id"

    name = fields.Char(required=True)
    active = fields.Boolean(default=True)
    domains = fields.Text(
        help="Domains of its addresses, separated by spaces. "
        "*.example.com stands for all sub-domains of example.com."
    )
    mx_patterns = fields.Text(
        "MX Hosts",
        help="Endings of the names of its mail exchangers, separated by spaces: they tell who runs a domain.",
    )
    mx_decides = fields.Boolean(
        "MX Decides",
        help="The domains of its customers publish no settings of their own. Whoever has one of its mail "
        "exchangers has a mailbox there, whatever a web host publishes for the domain.",
    )
    imap_host = fields.Char("IMAP Server")
    imap_port = fields.Integer("IMAP Port", default=993)
    imap_security = fields.Selection(SECURITY, "IMAP Secure Connection", default="tls")
    pop3_host = fields.Char("POP Server")
    pop3_port = fields.Integer("POP Port", default=995)
    pop3_security = fields.Selection(SECURITY, "POP Secure Connection", default="tls")
    smtp_host = fields.Char("SMTP Server")
    smtp_port = fields.Integer("SMTP Port", default=465)
    smtp_security = fields.Selection(SECURITY, "SMTP Secure Connection", default="tls")
    username = fields.Char(
        "User Name",
        default="%EMAILADDRESS%",
        help="%EMAILADDRESS%, %EMAILLOCALPART% and %EMAILDOMAIN% stand for the address and its parts.",
    )
    outgoing_username = fields.Char("Outgoing User Name", help="Only where it differs from the user name.")
    authentication = fields.Selection(AUTHENTICATION, default="password", required=True)
    guidance = fields.Text(translate=True, help="What its users must do first; shown beside the password.")
    guide_url = fields.Char("User Guide", compute="_compute_guide_url")
    link = fields.Char("Help Page")
    link_checked = fields.Date("Checked on", help="The day the help page was last looked at.")
    sending_limit = fields.Char(translate=True)

    def _compute_guide_url(self):
        xml_ids = self._get_external_ids()
        for provider in self:
            urls = map(get_provider_url, xml_ids.get(provider.id, ()))
            provider.guide_url = next(filter(None, urls), False)

    def write(self, vals):
        """Keep what an administrator changes: updates of the addon pass over such a provider from then on."""
        result = super().write(vals)
        if not self.env.context.get("install_mode"):
            # sudo: who manages accounts need not be allowed to see external identifiers
            data = self.env["ir.model.data"].sudo()
            data.search([("model", "=", self._name), ("res_id", "in", self.ids)]).noupdate = True
        return result

    @api.model
    @tools.ormcache()
    def _get_known_providers(self):
        """Return all active providers as `autoconfig.Provider`, for discovery."""
        # sudo: discovery needs what is public knowledge anyway
        providers = self.sudo().search([("active", "=", True)])
        return tuple(autoconfig.Provider.from_row(row) for row in providers.read(load="_classic_read"))

    @api.model
    def _find_by_domain(self, domain):
        """Return the provider of addresses in ``domain``, an empty record if it is not known.

        As in discovery, its own name comes first, then the longest wildcard.
        """
        names = list(domain_keys(domain.lower()))
        # the text is searched for candidates only: part of a longer name does not count
        candidates = self.search(Domain.OR([("domains", "ilike", name)] for name in names))
        owners = {
            name: provider
            for provider in reversed(candidates)
            for name in (provider.domains or "").lower().split()
        }
        return next((owners[name] for name in names if name in owners), candidates[:0])

    @api.model
    def _find_by_host(self, hosts):
        """Return the provider that has one of these servers, an empty record if it is not known.

        Servers shared by several products say nothing of one of them.
        """
        for host in hosts:
            providers = self.search(
                Domain.OR([(f"{protocol}_host", "=", host)] for protocol in ("imap", "pop3", "smtp"))
            )
            if len(providers) == 1:
                return providers
        return self.browse()
