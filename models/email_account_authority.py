import base64
import binascii

from odoo import api, fields, models, tools
from odoo.exceptions import ValidationError

from .certificates import (
    get_fingerprint,
    get_label,
    get_pem,
    get_validity,
    is_authority,
    read_certificates,
)


class EmailAccountAuthority(models.Model):
    """A certificate authority that an administrator trusts beside the system's ones, such as a company's own.

    Each record holds one certificate, so that each shows how long it is valid and can be archived by itself;
    a bundle becomes several records.
    """

    _name = "email.account.authority"
    _description = "Certificate Authority"
    _inherit = "email.account.cached"
    _order = "name, id"

    name = fields.Char(
        compute="_compute_certificate_values", store=True, readonly=False, precompute=True, required=True
    )
    active = fields.Boolean(default=True)
    file = fields.Binary(
        store=False, help="A certificate in the format PEM or DER, or a bundle of them (PEM)."
    )
    certificate = fields.Text(required=True, help="In the format PEM.")
    certificate_count = fields.Integer(compute="_compute_certificate_count")
    subject = fields.Char("Issued to", compute="_compute_certificate_values", store=True, precompute=True)
    issuer = fields.Char("Issued by", compute="_compute_certificate_values", store=True, precompute=True)
    not_before = fields.Datetime(
        "Valid from", compute="_compute_certificate_values", store=True, precompute=True
    )
    not_after = fields.Datetime(
        "Valid until", compute="_compute_certificate_values", store=True, precompute=True
    )
    fingerprint = fields.Char(
        "Fingerprint (SHA-256)",
        compute="_compute_certificate_values",
        store=True,
        precompute=True,
        help="Compare it with what the authority publishes before you trust it.",
    )
    expired = fields.Boolean(compute="_compute_expired")

    _unique_fingerprint = models.Constraint(
        "UNIQUE(fingerprint)", "This certificate authority is there already; it may be archived."
    )

    @api.depends("certificate")
    def _compute_certificate_values(self):
        for authority in self:
            try:
                certificate = read_certificates((authority.certificate or "").encode())[0]
            except ValueError:  # while it is typed: what is stored was read before
                authority.update(
                    dict.fromkeys(("subject", "issuer", "not_before", "not_after", "fingerprint"))
                )
                continue
            authority.subject = certificate.subject.rfc4514_string()
            authority.issuer = certificate.issuer.rfc4514_string()
            authority.not_before, authority.not_after = get_validity(certificate)
            authority.fingerprint = get_fingerprint(certificate)
            authority.name = authority.name or get_label(certificate.subject)

    @api.depends("certificate")
    def _compute_certificate_count(self):
        for authority in self:
            try:
                authority.certificate_count = len(read_certificates((authority.certificate or "").encode()))
            except ValueError:
                authority.certificate_count = 0

    @api.depends("not_after")
    def _compute_expired(self):
        now = fields.Datetime.now()
        for authority in self:
            authority.expired = bool(authority.not_after and authority.not_after < now)

    @api.onchange("file")
    def _onchange_file(self):
        if self.file:
            self.certificate = "".join(map(get_pem, self._read({"file": self.file})))

    # ------------------------------------------------------------
    # What is stored
    # ------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):
        """Create the authorities; of a bundle, the first is returned and those not yet known are made too."""
        found = [self._read(vals) for vals in vals_list]
        vals_list = [
            self._get_values(vals, certificates[0])
            for vals, certificates in zip(vals_list, found, strict=True)
        ]
        authorities = super().create(vals_list)
        others = {get_fingerprint(each): get_pem(each) for certificates in found for each in certificates[1:]}
        known = self.with_context(active_test=False).search([("fingerprint", "in", list(others))])
        for fingerprint in known.mapped("fingerprint"):
            del others[fingerprint]
        super().create([{"certificate": certificate} for certificate in others.values()])
        return authorities

    def write(self, vals):
        if "certificate" in vals or "file" in vals:
            certificates = self._read(vals)
            if len(certificates) > 1:
                raise ValidationError(
                    self.env._("The file holds several certificates: add it with “New” instead.")
                )
            vals = self._get_values(vals, certificates[0])
        return super().write(vals)

    @api.model
    def _read(self, vals):
        """Return the certificates that ``vals`` bring.

        :return: list of `cryptography.x509.Certificate`, all of authorities
        :raises ValidationError: there are none, or not only those of authorities
        """
        try:
            data = base64.b64decode(vals.get("file") or "") or (vals.get("certificate") or "").encode()
            certificates = read_certificates(data)
        except (binascii.Error, ValueError) as error:
            raise ValidationError(
                self.env._("There is no certificate in it. Choose a file in the format PEM or DER.")
            ) from error
        for certificate in certificates:
            if is_authority(certificate):
                continue
            name = get_label(certificate.subject)
            if certificate.subject == certificate.issuer:
                raise ValidationError(
                    self.env._(
                        "“%s” is the certificate of one server, which has signed it itself, and not of a "
                        "certificate authority. Check an account on that server instead, and trust the "
                        "certificate from the report of the check.",
                        name,
                    )
                )
            raise ValidationError(
                self.env._(
                    "“%(name)s” is not the certificate of a certificate authority. Add the one of "
                    "“%(issuer)s”, who has issued it.",
                    name=name,
                    issuer=get_label(certificate.issuer),
                )
            )
        return certificates

    @api.model
    def _get_values(self, vals, certificate):
        """Return ``vals`` with the certificate as it is stored."""
        kept = {name: value for name, value in vals.items() if name != "file"}
        return {**kept, "certificate": get_pem(certificate)}

    # ------------------------------------------------------------
    # Use
    # ------------------------------------------------------------

    @api.model
    @tools.ormcache()
    def _get_authorities(self):
        """Return the certificates to trust beside the system's ones: a tuple of PEM texts."""
        # sudo: everybody connects under what the administrator trusts
        return tuple(self.sudo().search([("active", "=", True)]).mapped("certificate"))
