import json
from dataclasses import dataclass
from types import MappingProxyType

from odoo import SUPERUSER_ID, api, models
from odoo.exceptions import UserError

from .own_hand import is_code_of_database

DIRECTIONS = ("outgoing", "incoming")
# at the end of a place that is on the page before its user, who has not gone on yet
SHOWN = "shown"
# of each server: what its user sees and confirms
PLACE_FIELDS = ("host", "port", "security", "safe_logon", "fingerprint")
# what a password is entered for, beside the servers
PURPOSE_FIELDS = ("email", "method", "account_id", "user_id")
# set by this code alone, see `Found`
FOUND = "email_account_found"


@dataclass(frozen=True)
class Found:
    """The servers that a discovery has found in this very request. In a context, where nobody else can put
    one: neither a request nor code from the database makes an object of this class."""

    wizard_id: int
    places: MappingProxyType
    """direction -> tuple of (host, port, exposure, fingerprint); code that sees the context changes none"""

    @classmethod
    def of(cls, wizard, ways):
        """:param dict ways: direction -> list of `Way`, all of them encrypted"""
        return cls(
            wizard.id,
            MappingProxyType(
                {
                    direction: tuple((way.host, way.port, 0, "") for way in ways.get(direction, ()))
                    for direction in DIRECTIONS
                }
            ),
        )


class EmailAccountCreate(models.TransientModel):
    """What the password of the wizard is for, from the moment at which it is typed.

    Encrypted together with it are the domain of the address, whose account it becomes, and each server that
    its user has named or has seen on its page, or that a discovery has found for the domain in his own
    request. A server that came to stand in the row by another way gets no password; nor does code from the
    database (server actions, rules, templates) name one or have one looked for.
    """

    _inherit = "email.account.create"

    @api.depends(*PURPOSE_FIELDS, *(f"{side}_{name}" for side in DIRECTIONS for name in PLACE_FIELDS))
    def _compute_is_key_missing(self):
        return super()._compute_is_key_missing()

    def _get_secret_use(self, field):
        purpose = self._get_purpose()
        places = {direction: [self._get_place(direction)] for direction in self._get_directions_of(field)}
        return [*super()._get_secret_use(field), purpose, places]

    def _get_purpose(self, vals=()):
        """Return what a password is for beside the servers; as it is, or as it shall be with ``vals``."""
        wanted = dict(vals)
        return [
            self._get_email_domain(wanted.get("email", self.email)),
            wanted.get("method", self.method),
            wanted.get("account_id", self.account_id._origin.id) or False,
            wanted.get("user_id", self.user_id._origin.id) or False,
        ]

    def _get_directions_of(self, field):
        """Return the directions to whose servers the secret ``field`` may go."""
        return ["outgoing"] if field == "outgoing_password" else list(DIRECTIONS)

    def _get_place(self, direction, vals=()):
        """Return the server of ``direction`` as it is, or as it shall be with ``vals``."""
        names = {name: f"{direction}_{name}" for name in PLACE_FIELDS}
        wanted = {name: self[name] for name in names.values()} | dict(vals)
        host = self._normalize_settings({names["host"]: wanted[names["host"]]})[names["host"]]
        return [
            host or "",
            wanted[names["port"]],
            self.env["email.account"]._get_exposure_of(wanted, direction),
            wanted[names["fingerprint"]] or "",
        ]

    def _is_secret_use(self, field, stored):
        """Also where a server was not seen yet, to which it does not go before: see `_get_login__`."""
        *known, places = self._get_secret_use(field)
        return stored[:-1] == known and bool(
            self._get_found()  # each server is looked at before the login
            or all(self._is_among(place, stored[-1].get(name)) for name, [place] in places.items())
        )

    def _is_among(self, place, allowed):
        """Whether a server (`_get_place`) is one of ``allowed``; None: not seen yet."""
        host, port, exposure, fingerprint = place
        return (
            not host
            or allowed is None
            or any(
                [host, port] == list(known[:2]) and exposure <= known[2] and fingerprint in ("", known[3])
                for known in allowed
            )
        )

    def _is_seen(self, place, allowed):
        """Whether a server is one of ``allowed`` whose page its user has left, or that was found."""
        return allowed is not None and self._is_among(place, [each for each in allowed if SHOWN not in each])

    def _get_found(self):
        """Return the `Found` of this wizard in the context, None without one."""
        found = self.env.context.get(FOUND)
        return found if isinstance(found, Found) and found.wizard_id == self._origin.id else None

    def _get_login__(self, direction):
        """Refuse servers that nobody has seen."""
        found = self._get_found()
        _secret, places = self._open_places__(self._get_field_of_login(direction))
        allowed = (found.places if found else places).get(direction)
        if self.password_set and not self._is_seen(self._get_place(direction), allowed):
            raise UserError(self._get_other_use_message())
        return super()._get_login__(direction)

    def _may_go_to__(self, ways):
        """Whether the passwords are for all these servers (direction -> list of `Way`)."""
        for direction, offered in ways.items():
            _secret, places = self._open_places__(self._get_field_of_login(direction))
            allowed = places.get(direction)
            unsafe = 1 if self[f"{direction}_safe_logon"] else 2
            for way in offered:
                place = [way.host, way.port, unsafe if way.security == "none" else 0, ""]
                if not self._is_seen(place, allowed):
                    return False
        return True

    def _get_field_of_login(self, direction):
        """Return which secret logs in to the server of ``direction``."""
        return "outgoing_password" if direction == "outgoing" and self.outgoing_password_set else "password"

    def _open_places__(self, field):
        """Return the secret ``field`` and the servers that it is for, direction -> list of places; both empty
        where it is for something else than what is on the wizard."""
        secret, problem = self._open__(field, self._get_keys__())
        if problem or not secret:
            return "", {}
        # sudo: see `_open__`
        sealed = self._decrypt__(self._origin.sudo()[f"{field}_encrypted"], self._get_keys__())
        return secret, json.loads(sealed)[0][-1]

    def _get_other_use_message(self):
        return self.env._(
            "The password was entered for other servers than those that are set here now, and is sent to no "
            "other ones: enter it again, and look at the servers."
        )

    # ------------------------------------------------------------
    # What the user names and sees
    # ------------------------------------------------------------

    def _is_own_hand(self):
        """Whether the user of the wizard is at work."""
        user = self._origin.sudo().create_uid  # sudo: users do not read all users
        is_himself = not self.env.su or user.id == SUPERUSER_ID
        return self.env.uid == user.id and is_himself and not is_code_of_database()

    def write(self, vals):
        named = [
            direction
            for direction in DIRECTIONS
            if not vals.keys().isdisjoint(f"{direction}_{name}" for name in PLACE_FIELDS)
        ]
        shown = vals.get("step") if vals.get("step") in DIRECTIONS else None
        if not (named or shown) and vals.keys().isdisjoint({*PURPOSE_FIELDS, *self._secret_fields}):
            return super().write(vals)
        for wizard in self:
            # before others see the write, such as rules with code of their own
            known = {field: wizard._open_places__(field) for field in wizard._get_openable()}
            purpose = wizard._get_purpose(vals)
            wanted = {name: wizard._get_place(name, vals) for name in DIRECTIONS}
            super(EmailAccountCreate, wizard).write(vals)
            if not wizard._is_own_hand():
                continue
            now = wizard._get_purpose()
            if now != purpose and now != [*purpose[:2], False, *purpose[3:]]:  # the next account is another
                continue
            places = {name: wizard._get_place(name) for name in DIRECTIONS}
            places = {name: place for name, place in places.items() if self._is_among(place, [wanted[name]])}
            seen = {name: [place] for name, place in places.items() if name in named or not place[0]}
            found = wizard._get_found()
            wizard._bind_secrets__(vals, known, seen | (dict(found.places) if found else {}))
            if shown in places:
                wizard._show_place__(shown, places[shown])
        return True

    def _get_openable(self):
        """Return the secrets, none where a key is not valid: then there is nothing to open."""
        try:
            self._get_keys__()
        except UserError:
            return ()
        return self._secret_fields

    def _bind_secrets__(self, vals, known, seen):
        """Encrypt the passwords for what is on the wizard now.

        :param dict vals: what was written
        :param dict known: field -> what `_open_places__` has said before
        :param dict seen: direction -> places that its user has seen, or that were found
        """
        tokens = {}
        for field, (secret, before) in known.items():
            secret = vals.get(field) or secret
            # sudo: see `_open__`
            if not secret or not self.sudo()[f"{field}_encrypted"]:
                continue
            *use, now = self._get_secret_use(field)
            places = {name: seen.get(name, before.get(name)) for name in now}
            sealed = json.dumps([[*use, places], secret])
            tokens[f"{field}_encrypted"] = self._get_fernet__().encrypt(sealed.encode()).decode()
        if tokens:
            self._store_tokens__(tokens)

    def _show_place__(self, direction, place):
        """Note the server that comes to stand before the user, unless he has seen it already."""
        known = {field: self._open_places__(field) for field in self._get_openable()}
        fresh = {field: each for field, each in known.items() if each[0] and each[1].get(direction) is None}
        self._bind_secrets__({}, fresh, {direction: [[*place, SHOWN]]})

    def _see__(self, direction, known):
        """The user has seen the server on its page, and goes on.

        :param dict known: field -> what `_open_places__` has said when he did so
        """
        for field, (_secret, places) in known.items():
            if places.get(direction):
                seen = [[part for part in place if part != SHOWN] for place in places[direction]]
                self._bind_secrets__({}, {field: self._open_places__(field)}, {direction: seen})

    def _turn_page(self, distance):
        page = self.step
        known = {field: self._open_places__(field) for field in self._get_openable() if page in DIRECTIONS}
        action = super()._turn_page(distance)
        if distance > 0 and self.step != page and known and self._is_own_hand():
            self._see__(page, known)
        return action

    def _check_own_hand(self):
        """:raises UserError: it is not the user of the wizard who has servers looked for or confirms them"""
        if self.method == "automatic" and not self._is_own_hand():
            raise UserError(
                self.env._("Only who has entered the password can have servers looked for and confirm them.")
            )
