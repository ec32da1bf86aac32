from odoo.exceptions import UserError
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import PASSWORD
from .test_email_account_attack import AttackCase


@tagged("post_install", "-at_install")
class TestTemplates(AttackCase):
    """Templates and code of server actions run methods, but none that gives a password away."""

    CALLS = (
        "accounts._get_secret__('password')",
        "accounts._get_login__('incoming').password",
        "accounts._get_fernet__().decrypt(accounts.password_encrypted.encode()).decode()",
        "accounts._get_keys__()[0].decrypt(accounts.password_encrypted.encode()).decode()",
        "accounts._get_placed_keys__()[0][1].decrypt(accounts.password_encrypted.encode()).decode()",
        "accounts._decrypt__(accounts.password_encrypted, accounts._get_keys__())",
        "accounts._open__('password', accounts._get_keys__())",
        "accounts._get_released_password__('incoming')",
        "accounts._release_servers__() or accounts.env['ir.mail_server'].search([]).mapped('smtp_pass')",
        "[each.__closure__ for each in accounts._connecting__('incoming')]",
    )

    @mute_logger("odoo.addons.mail.models.mail_render_mixin", "odoo.addons.base.models.ir_qweb")
    def test_template_of_an_employee(self):
        user = self.users["employee"]
        user.group_ids += self.env.ref("mail.group_mail_template_editor")
        account = f"object.env['email.account'].sudo().browse({self.personal.id})"
        values = {"name": "x", "model_id": self.env["ir.model"]._get_id("res.partner")}
        rendered = []
        for expression in ("accounts.email", *self.CALLS):
            text = expression.replace("accounts", account)
            for name, value in (("subject", f"{{{{ {text} }}}}"), ("body_html", f'<t t-out="{text}" />')):
                with self.subTest(expression, field=name), self.env.cr.savepoint() as savepoint:
                    try:
                        template = self.env["mail.template"].with_user(user).create(values | {name: value})
                        result = template._render_field(name, user.partner_id.ids)
                    except (UserError, ValueError, NameError) as error:
                        result = error
                    savepoint.rollback()
                    self.assertNotIn(PASSWORD, str(result))
                    rendered.append(str(result))
        # Odoo lets templates read what superuser may read: so it is the methods that count
        self.assertIn(self.personal.email, rendered[0])

    @mute_logger("odoo.addons.base.models.ir_actions")
    def test_server_action(self):
        values = {"name": "x", "model_id": self.env["ir.model"]._get_id("res.partner"), "state": "code"}
        code = "accounts = env['email.account'].sudo().browse(%s)\nraise UserError(str(%s))"
        results = []
        for expression in ("accounts.email", *self.CALLS):
            with self.subTest(expression), self.env.cr.savepoint() as savepoint:
                try:
                    actions = self.as_role("settings", self.env["ir.actions.server"])
                    actions.create(values | {"code": code % (self.personal.id, expression)}).run()
                    result = ""
                except (UserError, ValueError, NameError) as error:
                    result = str(error)
                savepoint.rollback()
                self.assertNotIn(PASSWORD, result)
                self.assertTrue(result)
                results.append(result)
        self.assertIn(self.personal.email, results[0])
