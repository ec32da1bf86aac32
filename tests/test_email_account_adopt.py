from unittest.mock import patch

from odoo.exceptions import AccessError, UserError, ValidationError
from odoo.tests import Form, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.mail.models.fetchmail import OdooIMAP4

from ..autoconfig import Network
from .common import ADDRESS, DOMAIN, PASSWORD
from .test_email_account_folder import FolderCase

INCOMING = {
    "name": "Jane's inbox",
    "server_type": "imap",
    "server": f"imap.{DOMAIN}",
    "port": 993,
    "is_ssl": True,
    "user": ADDRESS,
    "password": PASSWORD,
    "priority": 7,
    "original": True,
    "state": "done",
}
OUTGOING = {
    "name": "Jane's mail",
    "smtp_host": f"smtp.{DOMAIN}",
    "smtp_port": 465,
    "smtp_encryption": "ssl",
    "smtp_user": ADDRESS,
    "smtp_pass": PASSWORD,
    "from_filter": DOMAIN,
    "sequence": 3,
}
NOTED = {
    "fetchmail.server": ["active", "password", "state", *INCOMING],
    "ir.mail_server": ["active", *OUTGOING],
}


class AdoptCase(FolderCase):
    def setUp(self):
        super().setUp()
        self.account.unlink()
        # what is there besides is no matter of these tests
        self.env["fetchmail.server"].search([]).active = False
        for server in self.env["ir.mail_server"].search([]):
            if not server._active_usages_compute():
                server.active = False

    def create_incoming(self, **values):
        return self.env["fetchmail.server"].create(INCOMING | values)

    def create_outgoing(self, **values):
        return self.env["ir.mail_server"].create(OUTGOING | values)

    def open_wizard(self):
        action = self.env["email.account.adopt"].action_open()
        return self.env["email.account.adopt"].browse(action["res_id"])

    def adopt(self):
        """Adopt all that can be; return the accounts."""
        action = self.open_wizard().action_adopt()
        accounts = self.env["email.account"]
        self.account = accounts.browse(action.get("res_id")) or accounts.search(action["domain"])
        return self.account

    def get_values(self, server):
        return server.read(sorted(NOTED[server._name]), load=False)[0]


@tagged("post_install", "-at_install")
class TestAdoptPreview(AdoptCase):
    def get_pairs(self):
        lines = self.open_wizard().line_ids
        return {(line.fetchmail_server_id.name, line.mail_server_id.name): line for line in lines}

    def test_pairs(self):
        self.create_incoming(name="login in", user="Sales@acme.example")
        self.create_outgoing(name="login out", smtp_user="sales@acme.example", from_filter=False)
        self.create_incoming(name="sender in", user="info@acme.example")
        self.create_outgoing(
            name="sender out", smtp_user="key-17", from_filter="info@acme.example, x.example"
        )
        self.create_incoming(name="domain in", user="catchall@beta.example")
        self.create_outgoing(name="domain out", smtp_user="noreply@beta.example", from_filter="beta.example")
        self.create_incoming(name="single in", user="one@gamma.example")
        self.create_outgoing(
            name="single out", smtp_user="two@gamma.example", from_filter="two@gamma.example"
        )
        self.create_incoming(name="many in 1", user="one@delta.example")
        self.create_incoming(name="many in 2", user="two@delta.example")
        self.create_outgoing(name="many out", smtp_user="three@delta.example", from_filter=False)
        self.create_incoming(name="off", user="off@acme.example", active=False)
        pairs = self.get_pairs()
        self.assertEqual(
            set(pairs),
            {
                ("login in", "login out"),
                ("sender in", "sender out"),
                ("domain in", "domain out"),
                ("single in", False),
                (False, "single out"),
                ("many in 1", False),
                ("many in 2", False),
                (False, "many out"),
            },
        )
        self.assertEqual(
            {name: line.email for name, line in pairs.items() if name[1]},
            {
                ("login in", "login out"): "sales@acme.example",
                ("sender in", "sender out"): "info@acme.example",
                ("domain in", "domain out"): "catchall@beta.example",
                (False, "single out"): "two@gamma.example",
                (False, "many out"): "three@delta.example",
            },
        )
        self.assertTrue(all(line.is_chosen and not line.problem for line in pairs.values()))

    def test_what_will_be_different(self):
        self.create_incoming(is_ssl=False, port=143, state="draft")
        self.create_outgoing(from_filter=False)
        self.create_incoming(user="pop@acme.example", server_type="pop")
        self.create_outgoing(
            smtp_user="out@acme.example", from_filter="out@acme.example", smtp_encryption="none"
        )
        [pair, single, other] = self.open_wizard().line_ids
        self.assertEqual(
            (pair.incoming, pair.outgoing), ("IMAP imap.acme.example:143", "smtp.acme.example:465")
        )
        for text in (
            "Receiving: the connection stays without encryption",
            "not confirmed, so it stays switched off",
            "kept until somebody assigns it",
            "Sending: the certificate of the server is verified",
            "Senders of other domains keep their name",
        ):
            self.assertIn(text, pair.changes)
        self.assertEqual((single.incoming, single.outgoing), ("POP imap.acme.example:993", False))
        self.assertEqual(single.note, single.changes)
        self.assertIn("Receiving: the certificate of the server is verified", single.changes)
        self.assertEqual(
            other.changes, "Sending: the connection stays without encryption. Choose another afterwards."
        )

    def test_problems(self):
        self.create_incoming(user="jane")
        self.create_outgoing(smtp_user=False, smtp_pass=False, from_filter="relay@acme.example")
        self.create_incoming(user="twice@acme.example", name="first")
        self.create_incoming(user="Twice@acme.example", name="second")
        self.env["email.account"].create({"email": "known@acme.example", "active": False})
        self.create_incoming(user="known@acme.example", name="known")
        wizard = self.open_wizard()
        problems = {line.incoming and line.fetchmail_server_id.name: line.problem for line in wizard.line_ids}
        self.assertEqual(
            problems,
            {
                "Jane's inbox": "Its address is not known: enter it.",
                False: "It works without user name and password, which an account needs.",
                "first": False,
                "second": "Another line has the same address.",
                "known": "There is an account with this address already.",
            },
        )
        self.assertEqual(wizard.line_ids.filtered("is_chosen").fetchmail_server_id.name, "first")
        # an address that is entered helps
        with Form(wizard) as form:
            row = wizard.line_ids.ids.index(wizard.line_ids.filtered(lambda line: not line.email).id)
            with form.line_ids.edit(row) as line:
                line.email = "jane@acme.example"
                self.assertFalse(line.problem)
                line.is_chosen = True
        wizard.action_adopt()
        accounts = self.env["email.account"].search(
            [("email", "in", ("jane@acme.example", "twice@acme.example"))]
        )
        self.assertEqual(sorted(accounts.mapped("username"), key=str), [False, "jane"])

    def test_chosen_problem_is_said(self):
        self.create_incoming(user="jane")
        wizard = self.open_wizard()
        with self.assertRaisesRegex(UserError, "Choose at least one"):
            wizard.action_adopt()
        wizard.line_ids.is_chosen = True
        with self.assertRaisesRegex(UserError, "Its address is not known"):
            wizard.action_adopt()

    def test_token_logins_cannot_be_adopted(self):
        kinds = dict(self.env["fetchmail.server"]._fields["server_type"].selection)
        incoming, outgoing = self.create_incoming(), self.create_outgoing()
        if "gmail" not in kinds:  # as its module adds it
            self.patch(
                type(incoming)._fields["server_type"], "selection", [*kinds.items(), ("gmail", "Gmail")]
            )
        self.env.flush_all()
        self.env.cr.execute("UPDATE fetchmail_server SET server_type = 'gmail' WHERE id = %s", [incoming.id])
        incoming.invalidate_recordset()
        [line] = self.open_wizard().line_ids
        self.assertEqual((line.mail_server_id, line.is_chosen), (outgoing, False))
        self.assertIn("token of its provider", line.problem)

    def test_internal_server_is_allowed(self):
        self.create_incoming(server="127.0.0.1")
        self.create_outgoing(smtp_host="192.168.7.7")
        parameters = self.env["ir.config_parameter"]
        parameters.set_param("email_account.allowed_networks", "10.0.0.0/8")
        settings = self.env.registry["email.account.settings"]
        with patch.object(settings, "_get_network", lambda _self: Network()):
            wizard = self.open_wizard()
        self.assertIn("127.0.0.1 is in an internal network", wizard.line_ids.changes)
        self.assertIn("192.168.7.7 is in an internal network", wizard.line_ids.changes)
        wizard.action_adopt()
        self.assertEqual(
            parameters.get_param("email_account.allowed_networks"), "10.0.0.0/8,127.0.0.1,192.168.7.7"
        )

    def test_unusual_port_is_allowed(self):
        """By the administrator who adopts, and after he was told: nobody else could use the account."""
        parameters = self.env["ir.config_parameter"]
        parameters.set_param("email_account.allowed_ports", "10000-10010")
        self.create_incoming(port=20993)
        self.create_outgoing(smtp_port=20465)
        wizard = self.open_wizard()
        for port in (20993, 20465):
            self.assertIn(
                f"Port {port} is not a usual one of mail servers: it is added to",
                wizard.line_ids.note,
            )
        self.assertEqual(parameters.get_param("email_account.allowed_ports"), "10000-10010")
        with self.assertRaisesRegex(ValidationError, "20993 is not a port of mail servers.*administrator"):
            self.env["email.account"].create({"email": f"other@{DOMAIN}", "incoming_port": 20993})
        account = self.env["email.account"].browse(wizard.action_adopt()["res_id"])
        self.assertEqual(parameters.get_param("email_account.allowed_ports"), "10000-10010,20993,20465")
        self.assertEqual((account.incoming_port, account.outgoing_port), (20993, 20465))
        self.assertEqual(account.state, "ready")
        account.write({"sender_name": "Jane", "incoming_port": 20993})
        for direction in ("incoming", "outgoing"):
            endpoint = account._get_endpoint(direction)
            account._get_guard().check_port(endpoint.port, endpoint.host)

    def test_usual_ports_are_not_talked_about(self):
        """A server without a port has the usual one."""
        self.env["ir.config_parameter"].set_param("email_account.allowed_ports", "10000-10010")
        self.create_incoming(port=0)
        self.create_outgoing()
        wizard = self.open_wizard()
        self.assertNotIn("Port", wizard.line_ids.changes or "")
        account = self.env["email.account"].browse(wizard.action_adopt()["res_id"])
        self.assertEqual(account.incoming_port, 993)
        ports = self.env["ir.config_parameter"].get_param("email_account.allowed_ports")
        self.assertEqual(ports, "10000-10010")

    def test_nothing_to_adopt(self):
        self.assertFalse(self.open_wizard().line_ids)

    @mute_logger("odoo.addons.base.models.ir_model")
    def test_who_may(self):
        self.create_incoming()
        manager = new_test_user(
            self.env, "ea_adopt_manager", "base.group_user,email_account.group_email_account_manage"
        )
        wizard = self.open_wizard()
        with self.assertRaises(AccessError):
            self.env["email.account.adopt"].with_user(manager).action_open()
        with self.assertRaises(AccessError):
            wizard.with_user(manager).action_adopt()
        menu = self.env.ref("email_account.menu_email_account_adopt")
        self.assertNotIn(menu.id, self.env["ir.ui.menu"].with_user(manager)._visible_menu_ids())
        system = new_test_user(self.env, "ea_adopt_system", "base.group_user,base.group_system")
        self.assertIn(menu.id, self.env["ir.ui.menu"].with_user(system)._visible_menu_ids())
        action = self.env["email.account.adopt"].with_user(system).action_open()
        wizard = self.env["email.account.adopt"].with_user(system).browse(action["res_id"])
        wizard.action_adopt()
        self.assertTrue(self.env["email.account"].search([("email", "=", ADDRESS), ("user_id", "=", False)]))


@tagged("post_install", "-at_install")
class TestAdopt(AdoptCase):
    def test_account_of_a_pair(self):
        incoming, outgoing = self.create_incoming(), self.create_outgoing()
        template = self.env["mail.template"].create(
            {
                "name": "x",
                "model_id": self.env["ir.model"]._get_id("res.partner"),
                "mail_server_id": outgoing.id,
            }
        )
        account = self.adopt()
        self.assertEqual((account.mail_server_id, account.fetchmail_server_id), (outgoing, incoming))
        self.assertEqual(template.mail_server_id, outgoing)
        self.assertRecordValues(
            account,
            [
                {
                    "email": ADDRESS,
                    "name": "Jane's mail",
                    "sequence": 3,
                    "state": "ready",
                    "user_id": self.env["res.users"].id,
                    "username": False,
                    "incoming_protocol": "imap",
                    "incoming_host": f"imap.{DOMAIN}",
                    "incoming_port": 993,
                    "incoming_security": "tls",
                    "outgoing_host": f"smtp.{DOMAIN}",
                    "outgoing_port": 465,
                    "outgoing_security": "tls",
                    "outgoing_username": False,
                    "outgoing_password_set": False,
                    "other_addresses": f"@{DOMAIN}",
                    "use_for_notifications": False,
                    "after_receiving": "seen",
                    "incoming_action": "keep",
                }
            ],
        )
        self.assertEqual(account._get_secret__("password"), PASSWORD)
        self.assertEqual((incoming.password, outgoing.smtp_pass), (False, False))
        self.assertEqual((incoming.original, incoming.priority, incoming.state), (True, 7, "done"))
        self.assertEqual(outgoing.from_filter, f"{ADDRESS},{DOMAIN}")
        self.assertFalse(self.open_wizard().line_ids)

    def test_another_login_for_sending(self):
        self.create_incoming(user="jane.login")
        self.create_outgoing(
            smtp_user="jane.login", smtp_pass="other", from_filter=f"{ADDRESS}, bob@{DOMAIN}"
        )
        account = self.adopt()
        self.assertEqual((account.email, account.username), (ADDRESS, "jane.login"))
        self.assertEqual(
            (account.outgoing_username, account._get_secret__("outgoing_password")), (False, "other")
        )
        self.assertEqual(account.other_addresses, f"bob@{DOMAIN}")

    def test_nothing_comes_twice_and_nothing_is_lost(self):
        for number in ("fetched", "unread"):
            self.deliver(number)
        self.mark_seen("fetched")
        self.create_incoming(object_id=self.env["ir.model"]._get_id("res.partner"))
        account = self.adopt()
        self.assertEqual(
            (account.incoming_action, account.incoming_model_id.model), ("create", "res.partner")
        )
        account._receive()
        self.assertTrue(self.get_message("unread"))
        self.assertFalse(self.get_message("fetched"))
        # from now on what is read elsewhere comes too
        self.deliver("read")
        self.mark_seen("read")
        account._receive()
        self.assertTrue(self.get_message("read"))
        self.assertEqual(account.message_count, 2)

    def test_mail_that_odoo_has_fetched_already_is_not_imported_later(self):
        self.deliver("fetched")
        self.env["res.partner"].create({"name": "x"}).message_post(
            body="x", message_id="<fetched@customer.example>", email_from="carol@customer.example"
        )
        self.mark_seen("fetched")
        self.create_incoming()
        account = self.adopt()
        account._receive()
        self.env["email.account.import"].create(
            {"account_id": account.id, "scope": "everything"}
        ).action_import()
        account._receive()
        self.assertEqual(len(self.get_message("fetched")), 1)
        self.assertFalse(self.get_unprocessed(account))

    def mark_seen(self, number):
        box = self.hosts.mail.mail / ADDRESS
        for file in [*box.glob("new/*"), *box.glob("cur/*")]:
            if f"<{number}@".encode() in file.read_bytes():
                file.rename(box / "cur" / (file.name.partition(":2,")[0] + ":2,S"))

    def test_pop3_goes_on_deleting(self):
        incoming = self.create_incoming(server_type="pop", server=f"pop.{DOMAIN}", port=995)
        self.deliver("pop")
        account = self.adopt()
        self.assertEqual((account.incoming_protocol, account.after_receiving), ("pop3", "delete"))
        self.assertEqual((incoming.server_type, account.delete_after_days), ("pop", 0))
        account._receive()
        self.assertEqual(self.get_unprocessed(account).reason, "kept")
        self.assertEqual(self.in_mailbox(), [])

    def test_without_encryption(self):
        """The login goes on in clear text, as before."""
        self.create_incoming(is_ssl=False, port=143)
        account = self.adopt()
        self.assertEqual((account.incoming_security, account.incoming_safe_logon), ("none", False))

    def test_unconfirmed_servers(self):
        incoming = self.create_incoming(state="draft")
        account = self.adopt()
        self.assertEqual((account.state, incoming.state), ("draft", "draft"))

    def test_unconfirmed_incoming_server_of_a_pair_is_not_polled(self):
        incoming, outgoing = self.create_incoming(state="draft"), self.create_outgoing()
        account = self.adopt()
        self.assertEqual((account.state, account.use_for_receiving), ("ready", False))
        self.assertEqual((incoming.active, outgoing.active), (False, True))

    def test_server_for_the_rest(self):
        self.create_outgoing(from_filter="boss@acme.example", smtp_user="boss@acme.example", sequence=1)
        first = self.create_outgoing(from_filter=False, smtp_user="first@acme.example", sequence=2)
        self.create_outgoing(from_filter=False, smtp_user="second@acme.example", sequence=3)
        self.adopt()
        rest = self.env["email.account"].search([("use_for_notifications", "=", True)])
        self.assertEqual(rest.mail_server_id, first)
        self.assertEqual(rest.other_addresses, f"@{DOMAIN}")

    def test_senders_of_the_domain_keep_their_address(self):
        outgoing = self.create_outgoing()
        self.adopt()
        for sender, wanted in (
            ('"Bob" <bob@acme.example>', "bob@acme.example"),
            ('"Eve" <eve@elsewhere.example>', ADDRESS),
        ):
            with outgoing._connect__(mail_server_id=outgoing.id, smtp_from=sender) as session:
                self.assertIn(wanted, session.smtp_from)
        self.assertEqual(outgoing._find_mail_server("bob@acme.example")[0], outgoing)
        for name in ("@", "@acme example", "acme.example"):
            with self.assertRaisesRegex(ValidationError, "is not one email address"):
                self.account.other_addresses = name


@tagged("post_install", "-at_install")
class TestAdoptUndone(AdoptCase):
    def test_servers_are_as_they_were(self):
        for number, (incoming_values, outgoing_values) in enumerate(
            [
                ({}, {}),
                ({"is_ssl": False, "port": 143}, {"smtp_encryption": "none", "smtp_port": 25}),
                ({"server_type": "pop", "port": 995}, {"smtp_encryption": "starttls", "smtp_port": 587}),
                ({"state": "draft"}, {"from_filter": False}),
                ({"object_id": self.env["ir.model"]._get_id("res.partner")}, {"from_filter": ADDRESS}),
                ({"user": "jane.login"}, {"smtp_user": "jane.login", "smtp_pass": "other"}),
            ]
        ):
            with self.subTest(number):
                servers = self.create_incoming(**incoming_values), self.create_outgoing(**outgoing_values)
                if servers[0].user == "jane.login":
                    servers[1].from_filter = f"{ADDRESS},{DOMAIN}"
                before = [self.get_values(server) for server in servers]
                account = self.adopt()
                self.assertEqual(len(account), 1)
                account._release_servers__()
                self.assertEqual([self.get_values(server) for server in servers], before)
                self.assertFalse(servers[0].email_account_id or servers[1].email_account_id)
                account.unlink()
                self.assertTrue(servers[0].exists() and servers[1].exists())
                for server in servers:
                    server.active = False

    def test_what_was_changed_stays_changed(self):
        incoming, outgoing = self.create_incoming(), self.create_outgoing()
        account = self.adopt()
        account.write({"name": "Sales", "outgoing_host": "smtp2.acme.example", "password": "new"})
        account._set_state()
        account._release_servers__()
        self.assertEqual((incoming.name, outgoing.name), ("Sales", "Sales"))
        self.assertEqual((outgoing.smtp_host, outgoing.smtp_encryption), ("smtp2.acme.example", "ssl_strict"))
        self.assertEqual((incoming.password, outgoing.smtp_pass), ("new", "new"))

    def test_receiving_that_was_switched_on_stays_on(self):
        incoming = self.create_incoming(state="draft")
        self.create_outgoing()
        account = self.adopt()
        account.use_for_receiving = True
        account._release_servers__()
        self.assertEqual((incoming.active, incoming.state), (True, "done"))

    def test_odoo_fetches_nothing_again(self):
        self.deliver("before")
        incoming = self.create_incoming(object_id=self.env["ir.model"]._get_id("res.partner"))
        account = self.adopt()
        account._receive()
        self.assertEqual((len(self.get_message("before")), self.get_flags()), (1, ["S"]))
        account.after_receiving = "leave"
        self.deliver("left")
        account._receive()
        self.assertEqual(sorted(self.get_flags()), ["", "S"])
        account._release_servers__()
        self.deliver("after")
        # Odoo's own client, whose connection cannot be led to the test's hosts
        connection = self.connect()
        self.env.flush_all()
        with (
            patch.object(
                self.env.registry["fetchmail.server"], "_connect__", lambda *_args, **_options: connection
            ),
            self.env.registry.cursor() as cr,
        ):
            self.assertIsNone(incoming.with_env(self.env(cr=cr))._fetch_mail())
        for number in ("before", "left", "after"):
            self.assertEqual(len(self.get_message(number)), 1, number)

    def connect(self):
        connection = OdooIMAP4("127.0.0.1", self.hosts.mail.ports["imap"], timeout=10)
        connection.login(ADDRESS, PASSWORD)
        return connection
