from . import email_account_create
from . import email_account_create_step
from . import mail_compose_message
