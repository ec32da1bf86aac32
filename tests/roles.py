"""The users of the tests about rights, and an account of each kind."""

from odoo.tests import new_test_user

from odoo.addons.mail.tests.common import mail_new_test_user

from .common import DOMAIN, PASSWORD

USER = "base.group_user,base.group_partner_manager,base.group_allow_export"
MANAGE = "email_account.group_email_account_manage"
# of one company, but for the last
ROLES = {
    "portal": "base.group_portal",
    "employee": USER,
    "allowed": USER,  # the account is limited to him
    "member": USER,  # and to a group of his
    "owner": USER,
    "manager": f"{USER},{MANAGE}",
    "settings": f"{USER},base.group_system",
    "elsewhere": f"{USER},{MANAGE}",
}


def create_users(env, create=new_test_user, **values):
    """Return role -> user; the last one is in another company."""
    company = env["res.company"].create({"name": "Elsewhere"})
    elsewhere = {"company_id": company.id, "company_ids": [(6, 0, company.ids)]}
    return {
        role: create(
            env, login=f"ea_{role}", groups=groups, **(elsewhere if role == "elsewhere" else {}), **values
        )
        for role, groups in ROLES.items()
    }


class RolesMixin:
    @classmethod
    def create_accounts(cls, **values):
        """Create users and accounts; ``accounts`` are by the letters of the table."""
        cls.users = create_users(cls.env, mail_new_test_user)
        cls.group = cls.env["res.groups"].create({"name": "Sales", "user_ids": [(4, cls.users["member"].id)]})
        Account = cls.env["email.account"]
        names = {"s": "shared", "l": "limited", "p": "personal"}
        cls.accounts = {
            letter: Account.create({**values, "email": f"{name}@{DOMAIN}", "password": PASSWORD})
            for letter, name in names.items()
        }
        cls.accounts["l"].write(
            {
                "allowed_user_ids": [(4, cls.users["allowed"].id)],
                "allowed_group_ids": [(4, cls.group.id)],
            }
        )
        cls.accounts["p"].user_id = cls.users["owner"]
        for account in cls.accounts.values():
            account._set_state()

    def as_role(self, role, records):
        user = self.users[role]
        return records.with_user(user).with_context(allowed_company_ids=user.company_ids.ids)
