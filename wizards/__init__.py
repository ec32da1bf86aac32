from . import email_account_assign
from . import email_account_create
from . import email_account_adopt
from . import email_account_adopt_line
from . import email_account_import
from . import email_account_import_line
from . import mail_compose_message
