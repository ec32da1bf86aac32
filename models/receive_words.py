"""Why a mail was not processed, in the words of the user. No model."""


def describe_reason(env, failure, again=False):
    """Return sentences that say what happened and what to do.

    :param env: its language is the one of the text
    :param failure: a `received_mail.NotProcessed`
    :param bool again: it will be tried again without anybody doing something
    """
    words = {
        "kept": env._(
            "It is no reply and not to an alias: assign it to a record, or turn it into a new one."
        ),
        "no_route": env._("It says nothing of who sent it, so there is no contact to post it on: assign it."),
        "refused": env._(
            "An alias rejected this mail: its settings limit who may write to it, and what. The sender is "
            "told, unless the mail was sent by a program. Assign it to a record, or change the alias and "
            "retry."
        ),
        "report": env._(
            "This is a report or automatic reply about mail that is not known here (another program may "
            "have sent it), or it does not clearly say what happened to the mail. Read it, then assign or "
            "discard it."
        ),
        "dropped": env._(
            "The application accepted the mail, but nothing visible came of it. Assign it to a record, or "
            "turn it into a new one."
        ),
        "broken": env._("It is damaged so badly that it cannot be read. The source is here, as it came."),
        "too_large": env._(
            "It is larger than the size limit of the account, so only its header was fetched."
        ),
        "too_complex": env._(
            "It is made so that reading it takes very long, with more parts or longer headers than any "
            "program makes: it may be an attack."
        ),
        "loop": env._(
            "There were too many mails from this sender in a short time, so Odoo stopped there: it may be a "
            "program that answers automatically."
        ),
        "conflict": env._("Something else changed the same data at the same moment."),
        "crashed": env._("The server process ended while it was processed, more than once."),
        "unreadable": env._("The server lists the mail but does not hand it out."),
        "error": env._("The application could not store it."),
    }
    text = words[failure.reason]
    return env._("%s It is tried again by itself.", text) if again else text
