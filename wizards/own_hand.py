"""Whether a user is at work, or code that somebody has written into the database. No model."""

import sys

from odoo.tools.misc import Callbacks
from odoo.tools.safe_eval import safe_eval

from odoo.addons.base.models import ir_actions, ir_qweb

# server actions (scheduled ones and those of rules too), templates, expressions
_FILES = {ir_actions.__file__, ir_qweb.__file__, safe_eval.__code__.co_filename}
# by what such code could have something called when it has ended
_LATER = {Callbacks.run.__code__}


def is_code_of_database():
    """Whether this is called, however far up, by code or by an action from the database."""
    frame = sys._getframe(1)
    while frame:
        if frame.f_code.co_filename in _FILES or frame.f_code in _LATER:
            return True
        frame = frame.f_back
    return False
