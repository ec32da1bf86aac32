"""What becomes of a mail beside a message, while the mail gateway is at it. No model."""


class MailOutcome:
    """In the context of a mail that an account receives (``email_account_outcome``); one a mail.

    What the gateway notes about a mail has to be stored together with the mail that is kept: so nothing is
    raised, which would take the note back.

    :param ReceivedMail mail: what is being processed
    :param bool was_noted: what there is to note about it was noted before
    :ivar kept: a `NotProcessed`: why the mail is kept too; None if it is not
    :ivar bool is_noted: what it reports was noted; it must not be counted again
    :ivar bool is_told: its sender was told that it is refused
    :ivar bool is_done: nothing has to be there afterwards, as what the mail was about shows it
    :ivar list refusals: what the gateway wants to tell the sender: address, body, message, values
    """

    def __init__(self, mail, was_noted=False):
        self.mail, self.was_noted = mail, was_noted
        self.kept = None
        self.is_noted = self.is_told = self.is_done = False
        self.refusals = []
