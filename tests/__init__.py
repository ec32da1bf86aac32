from . import test_email_account
