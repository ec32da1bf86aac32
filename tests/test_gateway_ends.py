from pathlib import Path
from unittest.mock import patch

from odoo.tests import tagged
from odoo.tools import mute_logger

from odoo.addons import mail
from odoo.addons.mail.models.mail_thread import MailThread

from .common import ADDRESS, DOMAIN
from .gateway_ends import find_ends, find_overrides
from .receiving import MAIL, ReceivingCase
from .reports import block, report

# where Odoo's gateway ends -> what leads there (methods of the test below); the same end may stand twice
ENDS = [
    ("message_process", "existing_msg_ids", "return False", ["known_message_id"]),
    ("message_process", "self._detect_loop_headers(msg_dict)", "return", ["answer_to_refusal"]),
    ("message_process", "self._detect_loop_sender(message, msg_dict, routes)", "return", ["too_many"]),
    ("message_process", "", "return thread_id", ["mail"]),
    ("message_route", "not isinstance(message, EmailMessage)", "raise TypeError", ["mail"]),
    (
        "message_route",
        "message_dict.get('is_bounce')",
        "return []",
        ["report", "unknown_report", "report_of_contact"],
    ),
    ("message_route", "route", "return [route]", ["reply"]),
    ("message_route", "route is False", "return []", ["refused_reply"]),
    ("message_route", "self._detect_write_to_catchall(message_dict)", "return []", ["catchall"]),
    ("message_route", "dest_aliases", "return routes", ["alias", "refused", "refused_by_addon"]),
    ("message_route", "route", "return [route]", ["fallback_model"]),
    (
        "message_route",
        "rcpt_tos_list and self.with_context(mail_catchall_write_any_to=True)."
        "_detect_write_to_catchall(message_dict)",
        "return []",
        ["catchall_and_others"],
    ),
    ("message_route", "", "raise ValueError", ["mail"]),
    (
        "_message_route_process",
        "not (thread_id and hasattr(Model, 'message_update') or hasattr(Model, 'message_new'))",
        "raise ValueError",
        ["route_to_nothing"],
    ),
    ("_message_route_process", "except Exception", "raise", ["error_of_record"]),
    ("_message_route_process", "", "return thread_id", ["mail", "lost_by_addon"]),
    ("_routing_check_route", "not model", "return ()", ["no_model"]),
    ("_routing_check_route", "model not in self.env", "return ()", ["reply_to_missing_model"]),
    (
        "_routing_check_route",
        "not thread_id and model and (not hasattr(record_set, 'message_new'))",
        "return ()",
        ["alias_of_dumb_model"],
    ),
    ("_routing_check_route", "error", "return False", ["refused", "refused_reply"]),
    (
        "_routing_check_route",
        "",
        "return (model, thread_id, route[2], route[3], route[4])",
        ["alias", "reply"],
    ),
]
# what addons change of it, and what shows that it loses nothing
OVERRIDES = {
    # a bill without a file, a group that is closed: the sender is told, there is no route
    ("account", "AccountMove", "_routing_check_route"): "refused_by_addon",
    ("mail_group", "MailGroup", "_routing_check_route"): "refused_by_addon",
    # further policies
    ("mail", "Base", "_alias_get_error"): "refused",
    ("hr", "Base", "_alias_get_error"): "refused",
    ("mail_group", "MailGroup", "_alias_get_error"): "refused",
    ("mail", "MailAlias", "_alias_bounce_incoming_email"): "refused",
    # counts answers and bounces of mailings: tests/test_mass_mailing.py
    ("mass_mailing", "MailThread", "_message_route_process"): "reply",
    ("mass_mailing", "MailThread", "_routing_handle_bounce"): "report",
}
PARTNER = "carol@customer.example"


@tagged("post_install", "-at_install")
class TestGatewayEnds(ReceivingCase):
    """Wherever Odoo's gateway gives a mail no route: afterwards there is a message, the mail is kept, or what
    it reports is to be seen on what it is about."""

    def setUp(self):
        super().setUp()
        self.domain = self.env["mail.alias.domain"].create(
            {"name": DOMAIN, "bounce_alias": "bounce", "catchall_alias": "jane"}
        )
        self.project = self.env["res.partner"].create({"name": "Project"})
        self.sent = self.project.message_post(body="?", message_id=f"<sent@{DOMAIN}>")

    def test_ends_are_known(self):
        """A new way of ending in another version of Odoo has to be looked at."""
        names = dict.fromkeys(name for name, *_end in ENDS)
        found = [end for name in names for end in find_ends(getattr(MailThread, name))]
        self.assertEqual(found, [end[:3] for end in ENDS])

    def test_overrides_are_known(self):
        """So have other addons of Odoo that have a say in it."""
        found = find_overrides([Path(mail.__file__).parents[1]])
        host = {each for each in found if each[:2] == ("mail", "MailThread")}
        self.assertEqual(found - host, set(OVERRIDES))

    def test_nothing_is_lost(self):
        names = {name for *_end, scenarios in ENDS for name in scenarios} | set(OVERRIDES.values())
        for name in sorted(names):
            with self.subTest(name), self.env.cr.savepoint() as savepoint:
                mails = self.env["mail.mail"].sudo().search([])
                expected = getattr(self, f"drive_{name}")()
                self.assertEqual(self.get_flags(), ["S"] * len(self.in_mailbox()))
                self.env.invalidate_all()
                last = self.env["mail.message"].search([("message_id", "=like", "<last@%")])
                kept = self.get_unprocessed().filtered(lambda mail: "last" in (mail.message_id or ""))
                self.assertEqual(len(last) + len(kept), 0 if expected == "noted" else 1)
                found = kept.reason or (last and f"on {last.record_name}") or "noted"
                self.assertEqual(found, expected)
                if expected != "refused":
                    told = self.env["mail.mail"].sudo().search([]) - mails
                    self.assertFalse(told.filtered("email_to"))
                savepoint.rollback()
                self.env.invalidate_all()
                self.empty_folders(ADDRESS)

    def send(self, mail=MAIL, number="last", to=ADDRESS, **headers):
        lines = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
        source = (lines + mail).format(to=to, subject="In blue?", id=number)
        self.hosts.mail.deliver(source.encode(), ADDRESS)
        with mute_logger("odoo.addons.mail.models.mail_mail"):
            self.account._receive()

    def create_alias(self, name="support", model="res.partner", **values):
        return self.env["mail.alias"].create(
            {
                "alias_name": name,
                "alias_domain_id": self.domain.id,
                "alias_model_id": self.env["ir.model"]._get_id(model),
                **values,
            }
        )

    # each returns the reason of the mail that is kept, "on …" for a message, or "noted"

    def drive_mail(self):
        self.domain.catchall_alias = "catchall"
        self.send()
        return "on Carol Customer"

    def drive_known_message_id(self):
        """Another mail with the Message-Id of one that Odoo has sent."""
        self.sent.message_id = "<last@customer.example>"
        self.send()
        last = self.env["mail.message"].search([("email_account_id", "=", self.account.id)])
        self.assertTrue(last.message_id.endswith("@email-account.invalid>"))
        self.sent.message_id = f"<sent@{DOMAIN}>"
        last.message_id = "<last@customer.example>"
        return "on Carol Customer"

    def drive_answer_to_refusal(self):
        self.send(In_Reply_To="<1-loop-detection-bounce-email@acme.example>")
        return "loop"

    def drive_too_many(self):
        self.domain.catchall_alias = "catchall"
        self.create_alias("jane")
        self.env["ir.config_parameter"].set_param("mail.gateway.loop.threshold", 1)
        self.send(number="first")
        self.send()
        return "loop"

    def drive_report(self):
        bob = self.env["res.partner"].create({"name": "Bob", "email": "bob@customer.example"})
        sent = self.project.message_post(body="Hello", partner_ids=bob.ids)
        self.send(report("last", block("bob@customer.example"), original=sent.message_id).decode())
        self.assertEqual(sent.notification_ids.notification_status, "bounce")
        self.assertIn("550 5.1.1 No such user", sent.notification_ids.failure_reason)
        return "noted"

    def drive_unknown_report(self):
        self.send(report("last", block("nobody@customer.example"), original="<phone@acme.example>").decode())
        return "report"

    def drive_report_of_contact(self):
        bob = self.env["res.partner"].create({"name": "Bob", "email": "bob@customer.example"})
        self.send(report("last", block("bob@customer.example"), original="<phone@acme.example>").decode())
        self.assertEqual(bob.message_bounce, 1)
        return "report"

    def drive_reply(self):
        self.send(In_Reply_To=self.sent.message_id)
        return "on Project"

    def drive_refused_reply(self):
        """An alias may refuse answers too."""
        self.create_alias(alias_contact="followers")
        self.send(to=f"support@{DOMAIN}", In_Reply_To=self.sent.message_id)
        return "refused"

    def drive_catchall(self):
        self.send()
        return "on Carol Customer"

    def drive_catchall_and_others(self):
        self.send(to=f"{ADDRESS}, someone@elsewhere.example")
        return "on Carol Customer"

    def drive_alias(self):
        self.create_alias()
        self.send(to=f"support@{DOMAIN}")
        return "on In blue?"

    def drive_refused(self):
        self.create_alias(alias_contact="partners")
        self.send(to=f"support@{DOMAIN}")
        return "refused"

    def drive_refused_by_addon(self):
        """As of a closed group, or of a bill without a file."""
        self.create_alias()

        def refuse(threads, message, message_dict, _route, raise_exception=True):
            threads._routing_create_bounce_email(message_dict["from"], "<p>No.</p>", message)
            return ()

        with patch.object(self.env.registry["res.partner"], "_routing_check_route", refuse):
            self.send(to=f"support@{DOMAIN}")
        return "refused"

    def drive_fallback_model(self):
        self.account.write(
            {"incoming_action": "create", "incoming_model_id": self.env["ir.model"]._get_id("res.partner")}
        )
        self.send()
        return "on In blue?"

    def rerouted(self, model):
        """A route that leads to something else."""
        check = MailThread._routing_check_route

        def change(threads, message, message_dict, route, raise_exception=True):
            check(threads, message, message_dict, (model, *route[1:]), raise_exception)
            return (model, *route[1:])

        return patch.object(self.env.registry["res.partner"], "_routing_check_route", change)

    def drive_route_to_nothing(self):
        self.create_alias()
        route = ("res.currency", False, {}, self.env.uid, None)
        with patch.object(
            self.env.registry["res.partner"], "_routing_check_route", lambda *_args, **_options: route
        ):
            self.send(to=f"support@{DOMAIN}")
        return "error"

    def drive_error_of_record(self):
        alias = self.create_alias()
        with patch.object(self.env.registry["res.partner"], "message_new", side_effect=KeyError("x")):
            self.send(to=f"support@{DOMAIN}")
        self.assertNotEqual(alias.alias_status, "invalid")
        return "error"

    def drive_lost_by_addon(self):
        """An addon that takes the mail and stores nothing."""
        with patch.object(self.env.registry["res.partner"], "message_post", lambda thread, **_values: None):
            self.send()
        return "dropped"

    def drive_no_model(self):
        self.create_alias()
        with self.rerouted(False):
            self.send(to=f"support@{DOMAIN}")
        return "on Carol Customer"

    def drive_reply_to_missing_model(self):
        self.sent.flush_recordset()
        self.env.cr.execute("UPDATE mail_message SET model = 'no.model' WHERE id = %s", [self.sent.id])
        self.env.invalidate_all()
        self.send(In_Reply_To=self.sent.message_id)
        return "on Carol Customer"

    def drive_alias_of_dumb_model(self):
        self.create_alias(model="res.currency")
        self.send(to=f"support@{DOMAIN}")
        return "on Carol Customer"
