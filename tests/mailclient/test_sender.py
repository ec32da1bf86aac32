"""May this address send here?  Asked without sending."""

from .common import MailCase, connect, mail_server


class TestSender(MailCase):
    def open(self, **script):
        server = mail_server("smtp", **script)
        server.__enter__()
        self.addCleanup(server.__exit__)
        client = connect(server, "smtp")
        self.addCleanup(client.close)
        return server, client

    def refusal(self, client, address):
        with self.assertRaises(Exception) as caught:
            client.try_sender(address)
        self.assertEqual((caught.exception.stage, caught.exception.refused), ("sender", False))
        return caught.exception

    def test_accepted_and_taken_back(self):
        server, client = self.open()
        client.try_sender("jane@example.org")
        self.assertTrue(
            server.seen.lower().endswith(b"mail from:<jane@example.org>\r\nrset\r\n"), server.seen
        )
        self.assertNotIn(b"rcpt", server.seen)

    def test_refused(self):
        reply = "553 5.7.1 Sender address rejected: not owned by user jane"
        _server, client = self.open(answers={"MAIL": [reply]})
        problem = self.refusal(client, "bob@example.org")
        self.assertEqual((problem.raw, problem.cause), (reply, "send_as_denied"))
        self.assertEqual(client.noop()[0], 250)

    def test_server_that_leaves(self):
        _server, client = self.open(answers={"MAIL": ["421 4.3.2 shutting down"]})
        self.assertEqual(self.refusal(client, "bob@example.org").cause, "server_busy")
        self.assertEqual(self.refusal(client, "bob@example.org").cause, "connection_closed")

    def test_silence(self):
        _server, client = self.open(answers={"MAIL": []})
        self.assertEqual(self.refusal(client, "bob@example.org").cause, "timeout")

    def test_internationalized_address(self):
        server, client = self.open(extra=("SMTPUTF8",))
        client.try_sender("jäne@bücher.example")
        self.assertIn("mail from:<jäne@bücher.example> smtputf8\r\nrset\r\n".encode(), server.seen.lower())
        client.try_sender("jane@example.org")
        self.assertIn(b"mail from:<jane@example.org>\r\n", server.seen.lower())

    def test_internationalized_domain_alone(self):
        server, client = self.open()
        client.try_sender("jane@bücher.example")
        self.assertIn(b"mail from:<jane@xn--bcher-kva.example>\r\n", server.seen.lower())

    def test_internationalized_address_where_the_server_knows_none(self):
        server, client = self.open()
        self.assertEqual(self.refusal(client, "jäne@example.org").cause, "smtputf8_unsupported")
        self.assertNotIn(b"mail ", server.seen)
        client.try_sender("jane@example.org")

    def test_address_without_a_form_to_send(self):
        server, client = self.open()
        self.refusal(client, "jane@b..ü")
        self.assertNotIn(b"mail ", server.seen)
