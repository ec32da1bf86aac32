"""The memory that one large mail takes, in an Odoo that has done nothing else: run by ``receive``."""

import gc
import json

from memory import forget_peak, peak
from receive_odoo import Receiving


def main(env, world, side):
    """Receive a small mail, so that everything is loaded, then the large one; print what it took.

    :param str side: "own" or "stock"
    """
    receiving = Receiving(env, world)
    for name in (f"{side}-warm-large", f"{side}-large"):
        if side == "own":
            receive = receiving.accounts([name], "near")._receive
        else:
            receive = receiving.servers([name], "near")._fetch_mail
        gc.collect()
        forget_peak()
        idle = peak()
        receive()
        env.cr.commit()
        outcome = {"bytes": peak() - idle, "count": receiving.count(name)}
    print(json.dumps(outcome), flush=True)
