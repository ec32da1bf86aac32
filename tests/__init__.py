from . import test_email_account
from . import test_email_account_access
from . import test_email_account_check
from . import test_email_account_create
from . import test_email_account_secret
from . import test_fetchmail_server
from . import test_ir_mail_server
from . import test_tours
