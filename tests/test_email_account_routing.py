import email
from unittest.mock import patch

from odoo.tests import tagged

from .common import ADDRESS, DOMAIN, PASSWORD
from .receiving import MAIL, OTHER, ReceivingCase

CAROL = "carol@customer.example"


class RoutingCase(ReceivingCase):
    """With an alias domain, and what Odoo wants to send put aside."""

    catchall = "catchall"

    def setUp(self):
        super().setUp()
        self.domain = self.env["mail.alias.domain"].create(
            {"name": DOMAIN, "bounce_alias": "bounce", "catchall_alias": self.catchall}
        )
        self.env.company.alias_domain_id = self.domain
        self.told = []  # as the sender is told: to whom, headers, references
        mails = self.env.registry["mail.mail"]

        def send_after_commit(records):
            self.told += [(each.email_to, each.headers, each.references) for each in records]

        self.enterContext(patch.object(mails, "send_after_commit", send_after_commit))

    def send(self, number="one", to=ADDRESS, mail=MAIL, sender=CAROL, envelope=None, **headers):
        """A mail from outside; ``to`` is what its header says, ``envelope`` whom the servers know."""
        lines = "".join(f"{name.replace('_', '-')}: {value}\n" for name, value in headers.items())
        source = (lines + mail).format(to=to, subject="In blue?", id=number).replace(CAROL, sender)
        self.hosts.mail.deliver(source.encode(), ADDRESS, envelope if envelope is not None else sender)
        self.account._receive()

    def create_alias(self, name="support", **values):
        model = self.env["ir.model"]._get_id("res.partner")
        values = {"alias_name": name, "alias_domain_id": self.domain.id, "alias_model_id": model} | values
        return self.env["mail.alias"].create(values)


@tagged("post_install", "-at_install")
class TestCatchall(RoutingCase):
    """The account has the address of the catchall: mail to it is mail to the account."""

    catchall = "jane"

    def assertReceived(self, number="one", name="Carol Customer"):
        message = self.get_message(number)
        self.assertEqual((message.model, message.record_name), ("res.partner", name))
        self.assertEqual(message.email_account_id, self.account)
        self.assertFalse(self.get_unprocessed())
        self.assertFalse(self.told)
        self.assertFalse(self.env["mail.mail"].search([("email_to", "ilike", CAROL)]))

    def test_contact(self):
        self.send()
        self.assertReceived()
        self.assertEqual(self.get_flags(), ["S"])

    def test_ways_to_write_to_it(self):
        for number, to in enumerate(
            (
                f"Jane <{ADDRESS.upper()}>",
                f"{ADDRESS}, someone@elsewhere.example",
                f"someone@elsewhere.example\nCc: {ADDRESS}",
                f"someone@elsewhere.example\nDelivered-To: {ADDRESS}",
                f"undisclosed-recipients:;\nDelivered-To: {ADDRESS}",
                f"{ADDRESS}\nResent-To: {ADDRESS}",
            )
        ):
            with self.subTest(to):
                self.send(number, to=to)
                self.assertReceived(number)

    def test_catchall_that_the_mailbox_collects(self):
        """Also of another address, and of another domain."""
        self.domain.catchall_alias = "catchall"
        self.env["mail.alias.domain"].create({"name": "other.example", "catchall_alias": "all"})
        for number, to in enumerate(
            (f"catchall@{DOMAIN}", f"{ADDRESS}, catchall@{DOMAIN}", "all@other.example")
        ):
            with self.subTest(to):
                self.send(number, to=to)
                self.assertReceived(number)

    def test_record(self):
        model = self.env["ir.model"]._get("res.partner")
        self.account.write({"incoming_action": "create", "incoming_model_id": model.id})
        self.send()
        self.assertReceived(name="In blue?")

    def test_kept(self):
        self.account.incoming_action = "keep"
        self.send()
        self.assertEqual(self.get_unprocessed().reason, "kept")
        self.assertFalse(self.told)

    def test_removed_only_when_it_is_here(self):
        self.account.write({"after_receiving": "delete", "delete_after_days": 0})
        self.send()
        self.assertReceived()
        self.assertFalse(self.in_mailbox())

    def test_replies_and_aliases_come_first(self):
        project = self.env["res.partner"].create({"name": "Project"})
        question = project.message_post(body="?", message_id=f"<question@{DOMAIN}>")
        self.send(In_Reply_To=question.message_id)
        self.assertReceived(name="Project")
        self.create_alias()
        self.send("two", to=f"{ADDRESS}, support@{DOMAIN}")
        self.assertReceived("two", "In blue?")

    def test_stock_servers_refuse_as_before(self):
        source = MAIL.format(to=ADDRESS, subject="In blue?", id="stock").encode()
        with patch.object(self.env.registry["mail.mail"], "send", lambda _mails: None):
            self.env["mail.thread"].message_process(False, source)
        self.assertFalse(self.get_message("stock"))
        self.assertTrue(self.env["mail.mail"].search([("email_to", "ilike", CAROL)]))


@tagged("post_install", "-at_install")
class TestRefusal(RoutingCase):
    """An alias does not take mail from everybody: its sender is told, and the mail is kept."""

    def setUp(self):
        super().setUp()
        self.alias = self.create_alias(alias_contact="partners")
        self.to = f"support@{DOMAIN}"

    def refuse(self, number="one", **options):
        """Send a mail that is refused; return what the sender was told."""
        before = len(self.told)
        self.send(number, **({"to": self.to} | options))
        self.assertFalse(self.get_message(number))
        mails = self.get_unprocessed().filtered(
            lambda mail: mail.message_id == f"<{number}@customer.example>"
        )
        self.assertEqual([(mail.reason, mail.state) for mail in mails], [("refused", "stuck")])
        return self.told[before:]

    def test_told_and_kept(self):
        [(address, headers, references)] = self.refuse()
        self.assertEqual(address, f"<{CAROL}>")
        self.assertIn("'Auto-Submitted': 'auto-replied'", headers)
        self.assertIn("-loop-detection-bounce-email@", references)
        self.assertIn("<one@customer.example>", references)
        mail = self.get_unprocessed()
        self.assertIn("An alias rejected this mail", mail.message)
        self.assertEqual(self.get_flags(), ["S"])
        self.account._receive()
        self.assertEqual(len(self.get_unprocessed()), 1)

    def test_real_refusal(self):
        """As it arrives."""
        carol = f"carol@{DOMAIN}"
        self.hosts.mail.add_user(carol, PASSWORD)
        with patch.object(self.env.registry["mail.mail"], "send_after_commit", lambda mails: mails.send()):
            self.send(to=self.to, sender=carol)
        [source] = self.in_mailbox(address=carol)
        message = email.message_from_bytes(source)
        self.assertEqual(message["Auto-Submitted"], "auto-replied")
        self.assertEqual(message["Subject"], "Re: In blue?")
        self.assertIn("-loop-detection-bounce-email@", message["References"])

    def test_policies(self):
        project = self.env["res.partner"].create({"name": "Project"})
        model = self.env["ir.model"]._get_id("res.partner")
        followers = {
            "alias_contact": "followers",
            "alias_parent_model_id": model,
            "alias_parent_thread_id": project.id,
        }
        self.alias.write(followers)
        self.assertTrue(self.refuse("followers"))
        # one that is set up wrongly: the host notes that, and it stays noted
        self.alias.write({"alias_parent_thread_id": 0})
        self.assertTrue(self.refuse("invalid", sender="dave@customer.example"))
        self.env.invalidate_all()
        self.assertEqual(self.alias.alias_status, "invalid")

    def test_reply(self):
        project = self.env["res.partner"].create({"name": "Project"})
        question = project.message_post(body="?", message_id=f"<question@{DOMAIN}>")
        self.alias.alias_contact = "followers"
        self.assertTrue(self.refuse(In_Reply_To=question.message_id))

    def test_programs_are_not_told(self):
        for number, headers in enumerate(
            (
                {"Auto_Submitted": "auto-replied"},
                {"Auto_Submitted": "auto-generated"},
                {"Precedence": "bulk"},
                {"List_Id": "<list.customer.example>"},
                {"X_Auto_Response_Suppress": "All"},
                {"envelope": ""},
                {"sender": "no-reply@customer.example"},
                {"envelope": "no-reply@customer.example"},
                {"sender": ADDRESS},
                {"sender": f"catchall@{DOMAIN}"},
                {"sender": f"support@{DOMAIN}"},
            )
        ):
            with self.subTest(headers):
                self.assertFalse(self.refuse(f"program{number}", **headers))

    def test_two_programs_do_not_answer_each_other(self):
        """A program that does not say that it is one is told three times a day at most."""
        told = [len(self.refuse(f"loop{number}")) for number in range(6)]
        self.assertEqual(told, [1, 1, 1, 0, 0, 0])
        self.assertEqual(len(self.refuse("other", sender="dave@customer.example")), 1)

    def test_answer_to_a_refusal(self):
        [(_address, _headers, references)] = self.refuse()
        tag = references.split()[-1]
        self.send("answer", to=self.to, References=tag)
        self.send("person", In_Reply_To=tag)
        self.assertEqual(self.get_unprocessed().mapped("reason"), ["loop", "loop", "refused"])
        self.assertEqual(len(self.told), 1)

    def test_retry_does_not_tell_again(self):
        self.assertEqual(len(self.refuse()), 1)
        mail = self.get_unprocessed()
        mail.action_retry()
        self.assertEqual((mail.reason, mail.attempts, len(self.told)), ("refused", 2, 1))
        self.env["res.partner"].create({"name": "Carol", "email": CAROL})
        mail.action_retry()
        self.assertFalse(mail.exists())
        self.assertEqual(self.get_message("one").record_name, "In blue?")
        self.assertEqual(len(self.told), 1)

    def test_two_mailboxes(self):
        other = self.create_account(email=OTHER, password=PASSWORD)
        self.refuse()
        self.hosts.mail.deliver(MAIL.format(to=self.to, subject="In blue?", id="one").encode(), OTHER)
        other._receive()
        self.assertEqual((self.get_unprocessed(other).reason, len(self.told)), ("refused", 1))

    def test_one_of_two_aliases(self):
        """What one takes is not kept, and the sender is told of the other, as Odoo does it."""
        self.create_alias("sales")
        self.send(to=f"{self.to}, sales@{DOMAIN}")
        self.assertEqual(self.get_message("one").record_name, "In blue?")
        self.assertFalse(self.get_unprocessed())
        self.assertEqual(len(self.told), 1)

    def test_beside_the_account(self):
        """It is to the account too: so it has arrived."""
        self.send(to=f"{ADDRESS}\nCc: {self.to}")
        self.assertEqual(self.get_message("one").record_name, "Carol Customer")
        self.assertFalse(self.told)
        model = self.env["ir.model"]._get("res.partner")
        self.account.write({"incoming_action": "create", "incoming_model_id": model.id})
        self.send("two", to=f"{self.to}, {ADDRESS}", sender="dave@customer.example")
        self.assertEqual(self.get_message("two").record_name, "In blue?")
        self.assertFalse(self.told)
        self.assertFalse(self.get_unprocessed())

    def test_account_of_the_alias(self):
        self.alias.alias_name = "jane"
        self.assertEqual(len(self.refuse(to=ADDRESS)), 1)

    def test_conflict_tells_nobody(self):
        """What was rolled back was not said; the retry says it."""
        process = self.env.registry["mail.thread"].message_process

        def fail(threads, *arguments, **options):
            process(threads, *arguments, **options)
            raise OSError("disk")

        with patch.object(self.env.registry["mail.thread"], "message_process", fail):
            self.send(to=self.to)
        self.assertEqual(self.get_unprocessed().reason, "conflict")
        self.told.clear()  # the test's own transaction is not committed
        self.get_unprocessed().action_retry()
        self.assertEqual((self.get_unprocessed().reason, len(self.told)), ("refused", 1))


@tagged("post_install", "-at_install")
class TestKnownMessageId(RoutingCase):
    """Programs put the Message-Id of a mail into their answer; others send a mail with it again."""

    def setUp(self):
        super().setUp()
        project = self.env["res.partner"].create({"name": "Project"})
        self.own = project.message_post(
            body="?",
            subject="Offer",
            message_id="<one@customer.example>",
            email_from="Jane <jane@acme.example>",
        )

    def test_another_mail(self):
        self.send()
        message = self.env["mail.message"].search([("email_account_id", "=", self.account.id)])
        self.assertEqual(message.record_name, "Carol Customer")

    def test_own_mail_that_comes_back(self):
        for number, (sender, subject) in enumerate(
            (("jane@acme.example", "Hi"), ("notify@relay.example", "Re: Offer"), (f"bounce@{DOMAIN}", "Hi"))
        ):
            with self.subTest(sender):
                mail = MAIL.replace("{subject}", subject).replace("blue", f"blue {number}")
                self.send(mail=mail, sender=sender)
                self.assertFalse(self.account.message_count)
                self.assertFalse(self.get_unprocessed())
