"""Each limit, tried by sixteen at once: threads and processes, with transactions as workers have them."""

import contextlib
import os
import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import patch
from uuid import uuid4

from odoo import api, sql_db
from odoo.exceptions import UserError
from odoo.tests import TransactionCase, tagged

from .. import mailclient
from ..models import email_account_attempt, email_account_discovery
from ..models.email_account_refusal import LIMIT, TOTAL_LIMIT, Guesser

MANY, PROCESSES = 16, 4
PLACE = mailclient.Endpoint("imap", "imap.example.org", 993, "tls")


@tagged("post_install", "-at_install")
class TestLimitsAtOnce(TransactionCase):
    def setUp(self):
        super().setUp()
        self.domain, self.name = f"{uuid4()}.example", f"{uuid4()}@example.org"
        self.addCleanup(self.forget)
        self.forget()
        self.ways = (self.by_threads, self.by_processes)

    @contextlib.contextmanager
    def worker(self):
        with self.registry.cursor() as cr:
            yield api.Environment(cr, self.uid, {})

    def forget(self):
        with self.worker() as env:
            env["email.account.attempt"].search([("user_id", "=", self.uid)]).unlink()
            env["email.account.discovery"].search([("user_id", "=", self.uid)]).unlink()
            refusals = env["email.account.refusal"]
            refusals._get_rows(refusals._get_keys__(PLACE, mailclient.Login(self.name, ""))).unlink()

    # ------------------------------------------------------------
    # Ways to be many
    # ------------------------------------------------------------

    def by_threads(self, function, count=MANY):
        """Call ``function(env, number)`` so often at the same moment; return what it returns, for each."""
        together = threading.Barrier(count)

        def work(number):
            together.wait(60)
            with self.worker() as env:
                env.cr.execute("SELECT 1")  # its view of the database begins here
                return function(env, number)

        with ThreadPoolExecutor(count) as pool:
            return list(pool.map(work, range(count)))

    def by_processes(self, function, count=MANY):
        """The same by processes, each with some threads."""
        share = count // PROCESSES
        start, go = os.pipe()
        pipes = []
        for number in range(PROCESSES):
            reading, writing = os.pipe()
            child = os.fork()
            if not child:
                os.close(go)
                self.be_a_process(
                    start, writing, lambda env, i, n=number: function(env, n * share + i), share
                )
            os.close(writing)
            pipes.append((child, reading))
        os.close(start)
        os.close(go)  # all of them see the end of it
        results = []
        for child, reading in pipes:
            with open(reading, "rb") as file:
                answer = file.read()
            os.waitpid(child, 0)
            self.assertTrue(answer, "a process has died")
            results += pickle.loads(answer)
        self.assertEqual(len(results), share * PROCESSES)
        return results

    def be_a_process(self, start, writing, function, count):
        try:
            # connections of the parent are its own; they are kept, as letting go of one ends its session
            self.connections = sql_db._Pool, self.registry._db
            sql_db._Pool = None
            self.registry._db = sql_db.db_connect(self.registry.db_name)
            os.read(start, 1)
            answer = pickle.dumps(self.by_threads(function, count))
            with open(writing, "wb") as file:
                file.write(answer)
        finally:
            os._exit(0)

    # ------------------------------------------------------------
    # Limits
    # ------------------------------------------------------------

    def test_connections_by_hand(self):
        def press(env, number):
            try:
                env["email.account.attempt"]._note(1 + number % 2)
            except UserError:
                return 0
            return 1 + number % 2

        for way in self.ways:
            with self.subTest(way.__name__):
                self.forget()
                with self.worker() as env:
                    env["email.account.attempt"]._note(email_account_attempt.LIMIT - 5)
                allowed = way(press)
                self.assertLessEqual(sum(allowed), 5)
                self.assertGreaterEqual(sum(allowed), 4)  # or one of two was too many for the last one
                with self.worker() as env:
                    notes = env["email.account.attempt"].search_count([("user_id", "=", self.uid)])
                self.assertEqual(notes, email_account_attempt.LIMIT - 5 + sum(allowed))

    def look(self, env, _number):
        try:
            env["email.account.discovery"]._start(f"jane@{self.domain}", "automatic").end()
        except UserError:
            return False
        return True

    def test_look_ups(self):
        """Of a user, of a user and a domain, of a domain."""
        for limit, others in (
            (5, {}),
            (10, {"USER_LIMIT": 100}),
            (12, {"USER_LIMIT": 100, "DOMAIN_USER_LIMIT": 100, "DOMAIN_LIMIT": 12}),
        ):
            for way in self.ways:
                with (
                    self.subTest(limit, way=way.__name__),
                    patch.multiple(email_account_discovery, **others) if others else contextlib.nullcontext(),
                ):
                    self.forget()
                    self.assertEqual(way(self.look).count(True), limit)

    def guess(self, env, number, guesser):
        """Log in with another password each; return whether it was sent."""
        refusals, who = env["email.account.refusal"], mailclient.Login(self.name, str(number))
        try:
            while not (refusal_id := refusals._take(PLACE, who, guesser=guesser)):
                time.sleep(0.05)
            with refusals._settling(refusal_id, PLACE, who, guesser):
                raise mailclient.MailFailure(PLACE, "login", "NO", "wrong_password", refused=True)
        except mailclient.MailFailure as failure:
            return failure.refused

    def test_refused_logins(self):
        for name, limit, get_guesser in (
            ("one user", LIMIT, lambda _number: Guesser(1000)),
            ("users", TOTAL_LIMIT, lambda number: Guesser(1000 + number)),
            ("shared accounts", LIMIT, lambda number: Guesser(1000 + number, is_shared=True)),
            ("scheduled actions", LIMIT, lambda _number: Guesser(1, is_shared=True)),
        ):
            for way in self.ways:
                with self.subTest(name, way=way.__name__):
                    self.forget()
                    sent = way(lambda env, number, who=get_guesser: self.guess(env, number, who(number)))
                    self.assertEqual(sent.count(True), limit)

    def test_users_do_not_use_up_the_tries_of_shared_accounts(self):
        for way in self.ways:
            with self.subTest(way.__name__):
                self.forget()
                sent = way(
                    lambda env, number: self.guess(env, number, Guesser(1000 + number // 2, bool(number % 2)))
                )
                self.assertEqual((sent[0::2].count(True), sent[1::2].count(True)), (8, LIMIT))

    def test_what_has_worked_is_not_held_back(self):
        with self.worker() as env:
            for number in range(30):
                self.guess(env, number, Guesser(1000 + number, bool(number % 2)))
            self.assertFalse(self.guess(env, 30, Guesser(2000)))
            self.assertTrue(self.guess(env, 31, Guesser(2000, is_proved=True)))
            self.assertFalse(self.guess(env, 31, Guesser(2000, is_proved=True)))  # its own refusal
