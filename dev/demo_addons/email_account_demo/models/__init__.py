from . import email_account_settings
