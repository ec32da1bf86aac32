def uninstall_hook(env):
    """Leave working stock servers behind and nothing else."""
    env["email.account"].with_context(active_test=False).search([])._release_servers__()
    env["mail.activity"].search([("res_model", "=", "email.account")]).unlink()
    env["ir.config_parameter"].search([("key", "=like", "email_account.%")]).unlink()
    # what Odoo forgets: its notes about foreign keys, and about what other modules' mixins gave our models
    env["ir.model.constraint"].search(
        [("module.name", "=", "email_account"), ("type", "=", "f"), ("model.model", "not =like", "email.%")]
    ).unlink()
    env["ir.model.data"].search(
        [
            ("model", "in", ("ir.model.fields.selection", "ir.model.inherit")),
            ("name", "like", "__email_account__"),
            ("module", "!=", "email_account"),
        ]
    ).unlink()
