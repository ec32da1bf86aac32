"""What "make test-install" does and checks in Odoo's shell, one function a step; each is given ``env``."""
from unittest import TestCase

from odoo import fields
from odoo.exceptions import UserError
from odoo.fields import Command
from odoo.tests import Form

check = TestCase()
check.maxDiff = None
SECRET = "correct horse"
# every stock page that shows something of the addon, and what lists the servers
STOCK_MODELS = ["ir.mail_server", "fetchmail.server", "mail.compose.message", "res.config.settings"]
OWN_MODELS = [
    "email.account", "email.account.adopt", "email.account.check", "email.account.create",
    "email.account.import", "email.provider",
]
# local part -> values; what becomes of the servers when the addon goes: (active, password) of the outgoing
# one, (state, password) of the incoming one
ACCOUNTS = {
    "ready": ({}, (True, SECRET), ("done", SECRET)),
    "draft": ({}, (False, SECRET), ("draft", SECRET)),
    "own": ({"user_id": 2}, (False, False), ("draft", False)),
    "used": ({"user_id": 2}, (True, False), ("draft", False)),
    "starttls": ({"incoming_security": "starttls", "incoming_port": 143}, (True, SECRET), ("draft", False)),
    "archived": ({"active": False}, (False, SECRET), ("done", SECRET)),
}
CHANGED, ARCHIVED = "email_account.provider_gmail", "email_account.provider_gmx"


def prepare(env):
    """What is there before the addon: the list of modules with it, a language, a template and a mailing."""
    env["ir.module.module"].update_list()
    env["res.lang"]._activate_lang("de_DE")
    env["mail.template"].create({"name": "Test of servers", "model_id": env.ref("base.model_res_partner").id})
    if "mailing.mailing" in env:
        env["mailing.mailing"].create({"subject": "Test of servers", "email_from": "ready@example.org"})
    env.cr.commit()


def fill(env):
    """Accounts of all kinds, what hangs on them, and an administrator's changes to the providers."""
    for name, (values, *_released) in ACCOUNTS.items():
        create_account(env, name, **values)
    account = get_account(env, "ready")
    account.message_post(body="Hello", attachments=[("note.txt", b"Hello")])
    account.message_subscribe(env.ref("base.partner_admin").ids)
    account.activity_schedule("mail.mail_activity_data_todo", user_id=env.uid)
    step = {"stage": "login", "direction": "incoming", "result": "passed", "message": "x", "duration_ms": 1}
    env["email.account.check"]._create_report(account, [step])
    env["email.account.create"].create({"email": "new@example.org", "password": SECRET})
    env["mail.compose.message"].create({"model": "res.partner", "res_ids": "[1]", "body": "x"})
    env["email.provider"].create({"name": "Our host", "domains": "acme.example"})
    changed = env.ref(CHANGED)
    changed.write({"imap_host": "imap.acme.example", "guidance": "Ask the help desk."})
    changed.with_context(lang="de_DE").guidance = "Fragen Sie uns."
    env.ref(ARCHIVED).active = False
    env["ir.config_parameter"].set_param("email_account.allowed_networks", "acme.example")
    env["ir.default"].set("email.account", "sender_name", "Acme")
    env["ir.filters"].create(
        {
            "name": "Mine",
            "model_id": "email.account",
            "action_id": env.ref("email_account.action_email_account").id,
            "user_ids": [Command.set(env.ref("base.user_admin").ids)],
        }
    )
    used = get_account(env, "used").mail_server_id
    env["mail.template"].search([("name", "=", "Test of servers")]).mail_server_id = used
    if "mailing.mailing" in env:
        env["mailing.mailing"].search([("subject", "=", "Test of servers")]).mail_server_id = used
    env.cr.commit()


def create_account(env, name, **values):
    account = env["email.account"].with_user(env.ref("base.user_admin")).create(
        {
            "email": f"{name}@example.org",
            "password": SECRET,
            "incoming_host": "imap.example.org",
            "outgoing_host": "smtp.example.org",
            **values,
        }
    )
    if name != "draft":
        account._set_state()


def get_account(env, name):
    accounts = env["email.account"].with_context(active_test=False)
    return accounts.search([("email", "=", f"{name}@example.org")])


def check_pages(env, models):
    """All views of the models and the menus open, for an administrator."""
    env = env(user=env.ref("base.user_admin"))
    for model in models:
        kinds = {view.type for view in env["ir.ui.view"].sudo().search([("model", "=", model)])}
        check.assertIn("form", kinds, model)
        for kind in kinds & {"form", "list", "kanban", "search"}:
            env[model].get_views([(False, kind)], {"load_filters": kind == "search"})
    Form(env["res.config.settings"]).save()
    menus = env["ir.ui.menu"].load_menus(False).values()
    actions = env["ir.actions.actions"].browse({menu["action_id"] for menu in menus if menu.get("action_id")})
    check.assertEqual(actions.exists(), actions)
    return {menu.get("xmlid") or "" for menu in menus}


def check_installed(env):
    """The addon's pages and the host's ones open."""
    menus = check_pages(env, OWN_MODELS + STOCK_MODELS)
    check.assertTrue([menu for menu in menus if menu.startswith("email_account.")])
    field = env["email.account"]._fields["incoming_host"]
    german, english = (field._description_string(env(context={"lang": lang})) for lang in ("de_DE", "en_US"))
    check.assertNotEqual(german, english)


def check_updated(env):
    """What an administrator changed in the providers is as he left it, and so are the accounts."""
    check_installed(env)
    changed = env.ref(CHANGED)
    check.assertEqual((changed.imap_host, changed.guidance), ("imap.acme.example", "Ask the help desk."))
    check.assertEqual(changed.with_context(lang="de_DE").guidance, "Fragen Sie uns.")
    check.assertFalse(env.ref(ARCHIVED).active)
    check_accounts(env)


def check_accounts(env):
    """The accounts have their passwords and servers, which nobody changes but they."""
    for name in ACCOUNTS:
        account = get_account(env, name)
        check.assertEqual(account._get_secret__("password"), SECRET)
        servers = account.mail_server_ids, account.fetchmail_server_ids
        check.assertEqual([len(server) for server in servers], [1, 1])
        check.assertEqual([servers[0].smtp_pass, servers[1].password], [False, False])
    check_protection(env)
    # a change of the account still reaches the servers
    account.write({"password": SECRET, "outgoing_port": 587, "outgoing_security": "starttls"})
    check.assertEqual(account.mail_server_ids.smtp_encryption, "starttls_strict")
    env.cr.rollback()


def check_lost(env):
    """The passwords are there, but have a key that is not."""
    for name in ACCOUNTS:
        account = get_account(env, name)
        check.assertTrue(account.password_set and account.is_key_missing)
        with check.assertRaisesRegex(UserError, "Enter the password again"):
            account._get_secret__("password")


def check_protection(env):
    """An owned server cannot be turned into another kind of server, neither by its form nor otherwise."""
    account = get_account(env, "draft")  # the form of its incoming server is open to changes
    admin = env.ref("base.user_admin")
    kinds = [
        (account.mail_server_id, "smtp_authentication", "smtp_host"),
        (account.fetchmail_server_id, "server_type", "server"),
    ]
    for server, field, host in kinds:
        server = server.with_user(admin)
        before = server.read()
        for value, _label in server._fields[field]._description_selection(env):
            if value == server[field]:
                continue
            with check.assertRaisesRegex(UserError, "belongs to the email account"):
                server.write({field: value})
            server.invalidate_recordset()
        with check.assertRaisesRegex(AssertionError, f"readonly field '{field}'"):
            Form(server)[field] = "gmail"
        with check.assertRaisesRegex(UserError, "belongs to the email account"):
            server.write({host: "elsewhere.example.org"})
        server.invalidate_recordset()
        check.assertEqual(server.read(), before)


def uninstall(env):
    """Uninstall the addon as the page Apps does; its servers are Odoo's then and the host's pages open."""
    servers = {}
    for name in ACCOUNTS:
        account = get_account(env, name)
        servers[name] = account.mail_server_ids.id, account.fetchmail_server_ids.id
    uninstall_modules(env, "email_account")
    check.assertNotIn("email.account", env)
    released = {}
    for name, (outgoing_id, incoming_id) in servers.items():
        outgoing = env["ir.mail_server"].browse(outgoing_id)
        incoming = env["fetchmail.server"].browse(incoming_id)
        check.assertEqual((outgoing.smtp_host, incoming.server), ("smtp.example.org", "imap.example.org"))
        check.assertEqual((outgoing.smtp_user, incoming.user), (f"{name}@example.org",) * 2)
        check.assertEqual(outgoing.from_filter, f"{name}@example.org")
        released[name] = (outgoing.active, outgoing.smtp_pass), (incoming.state, incoming.password)
        incoming.write({"server": "imap2.example.org"})  # they are Odoo's now
        outgoing.write({"smtp_host": "smtp2.example.org"})
    check.assertEqual(released, {name: tuple(wanted) for name, (_values, *wanted) in ACCOUNTS.items()})
    template = env["mail.template"].search([("name", "=", "Test of servers")])
    check.assertEqual(template.mail_server_id.id, servers["used"][0])
    env.cr.rollback()
    menus = check_pages(env, STOCK_MODELS)
    check.assertFalse([menu for menu in menus if menu.startswith("email_account.")])


def uninstall_modules(env, *names):
    modules = env["ir.module.module"].search([("name", "in", names), ("state", "=", "installed")])
    check.assertEqual(len(modules), len(names))
    modules.button_immediate_uninstall()
    check.assertEqual(set(modules.mapped("state")), {"uninstalled"})


def use_again(env):
    """After a new installation: all providers as shipped, new accounts beside the released servers."""
    check_installed(env)
    check.assertEqual(env.ref(CHANGED).imap_host, "imap.gmail.com")
    check.assertTrue(env.ref(ARCHIVED).active)
    check.assertFalse(env["email.account"].with_context(active_test=False).search_count([]))
    for name, (values, *_released) in ACCOUNTS.items():
        create_account(env, name, **values)
    check_accounts(env)


def uninstall_others(env):
    """Other modules that know servers go again while accounts exist."""
    uninstall_modules(env, "mass_mailing", "google_gmail", "microsoft_outlook")
    check_installed(env)
    check_accounts(env)


# Servers of Odoo's own that become an account and are Odoo's again


def get_stock_values(user, password):
    return {
        "fetchmail.server": {
            "name": "Stock in", "server_type": "imap", "server": "127.0.0.1", "is_ssl": True, "user": user,
            "password": password, "state": "done", "priority": 7,
        },
        "ir.mail_server": {
            "name": "Stock out", "smtp_host": "127.0.0.1", "smtp_encryption": "ssl", "smtp_user": user,
            "smtp_pass": password, "from_filter": "acme.example", "sequence": 3,
        },
    }


def set_up_stock(env, user, password, imap_port, smtp_port):
    """A pair of stock servers; Odoo fetches what is there."""
    template = env["mail.template"].search([("name", "=", "Test of servers")])
    values = get_stock_values(user, password)
    model_id = env["ir.model"]._get_id("res.partner")
    incoming = env["fetchmail.server"].create(
        {**values["fetchmail.server"], "port": imap_port, "object_id": model_id})
    template.mail_server_id = env["ir.mail_server"].create(
        {**values["ir.mail_server"], "smtp_port": smtp_port})
    env.cr.commit()
    check_fetched(env, incoming, "one")


def check_fetched(env, server, *names):
    """After Odoo or the account has fetched, each of these mails is there once."""
    server.fetch_mail()
    env.cr.commit()
    env.invalidate_all()
    for name in names:
        found = env["mail.message"].search_count([("message_id", "=", f"<{name}@elsewhere.example>")])
        check.assertEqual(found, 1, name)
    return server


def adopt(env, authority):
    """They become an account, which receives what is new and nothing twice."""
    env["email.account.authority"].create({"name": "Test", "certificate": authority})
    env = env(user=env.ref("base.user_admin"))
    wizard = env["email.account.adopt"].browse(env["email.account.adopt"].action_open()["res_id"])
    wizard.action_adopt()
    env.cr.commit()
    account = env["email.account"].search([])
    check_fetched(env, account.fetchmail_server_id.sudo(), "one", "two")
    check.assertEqual((account.state, account.last_error, account.message_count), ("ready", False, 1))
    check.assertEqual(env["mail.template"].search([("name", "=", "Test of servers")]).mail_server_id,
                      account.mail_server_id)


def uninstall_adopted(env, user, password):
    """They are as they were."""
    uninstall_modules(env, "email_account")
    env.cr.commit()
    for model, values in get_stock_values(user, password).items():
        server = env[model].search([("name", "=", values["name"])])
        check.assertEqual({name: server[name] for name in values}, values)
    template = env["mail.template"].search([("name", "=", "Test of servers")])
    check.assertEqual(template.mail_server_id.name, "Stock out")


def fetch_again(env):
    """Odoo goes on fetching where the account has ended."""
    check_fetched(env, env["fetchmail.server"].search([("name", "=", "Stock in")]), "one", "two", "three")


def set_up_secrets(env, login, password, path):
    """A user who may export, his key for programs (written to a file), servers on this machine allowed."""
    user = env["res.users"].create(
        {
            "name": login,
            "login": login,
            "password": password,
            "group_ids": [
                Command.link(env.ref(f"base.{name}").id) for name in ("group_user", "group_allow_export")
            ],
        }
    )
    with open(path, "w", encoding="utf-8") as file:
        end = fields.Datetime.add(fields.Datetime.now(), hours=1)
        file.write(env["res.users.apikeys"].with_user(user)._generate("rpc", login, end))
    parameters = env["ir.config_parameter"]
    parameters.set_param("email_account.allowed_networks", "127.0.0.0/8, ::1")
    parameters.set_param("email_account.allowed_ports", "1024-65535")
    parameters.set_param("ir_attachment.location", "file")
    env.cr.commit()
