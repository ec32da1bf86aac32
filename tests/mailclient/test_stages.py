"""What a caller is told while a connection is made."""

from odoo.addons.email_account.mailclient import Certificate

from .common import LOGIN, PROTOCOLS, MailCase, connect, failure, mail_server

SECURITIES = ("tls", "starttls", "none")


class TestStages(MailCase):
    def test_each_one_is_told_as_it_ends(self):
        for protocol in PROTOCOLS:
            for security in SECURITIES:
                with (
                    self.subTest(protocol, security=security),
                    mail_server(protocol, security, clear=True) as server,
                ):
                    told = []
                    connect(
                        server,
                        protocol,
                        security,
                        safe_logon=False,
                        on_stage=lambda *stage, told=told: told.append(stage),
                    ).close()
                    address = ("127.0.0.1", server.port)
                    self.assertEqual(told[:2], [("resolve", [address]), ("connect", address)])
                    self.assertEqual(told[-1], ("login", "PLAIN"))
                    between = told[2:-1]
                    self.assertEqual([stage for stage, _detail in between], ["tls"] * (security != "none"))
                    for _stage, detail in between:
                        self.assertIsInstance(detail, Certificate)

    def test_none_is_told_after_a_failure_or_twice_for_a_look(self):
        for protocol in PROTOCOLS:
            for mode in ("tls", "starttls"):
                with self.subTest(protocol, mode=mode), mail_server(protocol, mode, "wrong_name") as server:
                    told = []
                    failure(
                        server, protocol, mode, on_stage=lambda stage, _detail, told=told: told.append(stage)
                    )
                    self.assertEqual(told, ["resolve", "connect"])

    def test_own_commands_by_their_names(self):
        for protocol, name in (("imap", "LOGIN"), ("pop3", "USER")):
            with self.subTest(protocol), mail_server(protocol, mechanisms=("USER",)) as server:
                told = {}
                connect(server, protocol, on_stage=told.__setitem__).close()
                self.assertEqual(told["login"], name)

    def test_no_login_no_stage(self):
        with mail_server("smtp") as server:
            told = {}
            connect(server, "smtp", login=None, on_stage=told.__setitem__).close()
            self.assertEqual(list(told), ["resolve", "connect", "tls"])

    def test_who_raises_ends_the_connection(self):
        for protocol in PROTOCOLS:
            for security in ("tls", "starttls"):
                for error in (ValueError("enough"), OSError("enough"), KeyError("enough")):
                    for stage in ("resolve", "connect", "tls", "login"):
                        with (
                            self.subTest(protocol, security=security, stage=stage, error=error),
                            mail_server(protocol, security) as server,
                        ):

                            def stop(at, _detail, stage=stage, error=error):
                                if at == stage:
                                    raise error

                            with self.assertRaises(type(error)) as caught:
                                connect(server, protocol, security, LOGIN, on_stage=stop)
                            self.assertIs(caught.exception, error)
                            self.assertEqual(server.saw_secret(), stage == "login")
