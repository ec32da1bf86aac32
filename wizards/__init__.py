from . import email_account_create
from . import mail_compose_message
