def uninstall_hook(env):
    """Leave working stock servers behind and nothing else."""
    env["email.account"].with_context(active_test=False).search([])._release_servers()
    env["ir.config_parameter"].search([("key", "=like", "email_account.%")]).unlink()
