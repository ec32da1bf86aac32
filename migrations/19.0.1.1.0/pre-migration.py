"""Indexes that are made otherwise now: Odoo leaves one of the same name as it is."""


def migrate(cr, version):
    cr.execute("DROP INDEX IF EXISTS email_account_unprocessed__account_id_index")
