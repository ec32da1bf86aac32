"""What one discovery knows while it runs, and how others see it: no model, see `email.account.discovery`."""

import asyncio
import contextlib

import psycopg2.errors

from odoo import api

from .. import autoconfig

# seconds between two looks at whether the user has cancelled; progress is written as often
INTERVAL = 0.2


class DiscoveryCancelled(Exception):
    """The user has cancelled: nothing that he would see may be written any more."""


class DiscoveryLog:
    """Notes the progress of one discovery in transactions of its own.

    So the user's next request, be it answered by another worker, sees each line at once, and nothing is
    pending in the transaction of the request while the network is waited for. A context manager: what was
    not ended when its block is left is ended then.

    :param env: the environment of the request; its transaction is not used
    :param int discovery_id: the `email.account.discovery` that was started, running
    :ivar dict lines: key -> values of `email.account.discovery.step`
    """

    def __init__(self, env, discovery_id, lines=()):
        self._env = env
        self.id = discovery_id
        self.lines = dict(lines)
        self._ids = {}
        self._changed = set()
        self._ended = False

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        if not self._ended:
            with contextlib.suppress(DiscoveryCancelled):
                self.end()

    @contextlib.contextmanager
    def _transaction(self):
        """Yield the discovery in a transaction that is committed at the end of the block."""
        with self._env.registry.cursor() as cr:
            # sudo: users only read what happened
            yield (
                api.Environment(cr, self._env.uid, self._env.context)["email.account.discovery"]
                .sudo()
                .browse(self.id)
            )

    def put(self, key, sequence=0, **values):
        """Note a line, or what has become of it; it is written with the next ``check``."""
        self.lines[key] = {"sequence": sequence, **self.lines.get(key, {}), **values}
        self._changed.add(key)

    def check(self):
        """Write what was noted.

        :raises DiscoveryCancelled: the user has cancelled
        """
        with self._transaction() as discovery:
            self._write_lines(discovery)
            if discovery.state != "running":
                self._ended = True
                raise DiscoveryCancelled

    def end(self, **values):
        """Write the rest and the outcome; from here on it is too late to cancel.

        :param values: of `email.account.discovery`
        :raises DiscoveryCancelled: the user has cancelled
        """
        self._ended = True
        if not self._claim(values) and not self._claim(values):
            raise DiscoveryCancelled

    def _claim(self, values):
        """End the discovery unless it has ended; return whether this did it."""
        try:
            with self._transaction() as discovery:
                discovery.env.cr.execute(
                    "UPDATE email_account_discovery SET state = 'done' WHERE id = %s AND state = 'running'",
                    [self.id],
                    log_exceptions=False,
                )
                if not discovery.env.cr.rowcount:
                    return False
                self._write_lines(discovery)
                discovery.write(values)
                return True
        except psycopg2.errors.SerializationFailure:  # cancelled in the same moment
            return False

    def _write_lines(self, discovery):
        for key in sorted(self._changed, key=lambda key: self.lines[key]["sequence"]):
            step = discovery.step_ids.browse(self._ids.get(key))
            if step:
                step.write(self.lines[key])
            else:
                self._ids[key] = step.create({"discovery_id": discovery.id, **self.lines[key]}).id
        self._changed.clear()

    # ------------------------------------------------------------
    # Sources
    # ------------------------------------------------------------

    def discover(self, address, sources, **options):
        """Run `autoconfig.discover` and note each step.

        :raises DiscoveryCancelled: the user has cancelled; nothing of it runs any more
        """
        sources = sorted(sources, key=lambda source: source.rank)
        ranks = {source.name: position for position, source in enumerate(sources)}

        def on_step(step):
            self.put(
                step.source,
                ranks.get(step.source, len(ranks)),
                source=step.source,
                result=step.result,
                detail=step.detail,
                elapsed_ms=step.elapsed_ms,
            )

        return asyncio.run(
            self._watch(autoconfig.discover(address, sources=sources, on_step=on_step, **options))
        )

    async def _watch(self, coroutine):
        task = asyncio.ensure_future(coroutine)
        try:
            while not (await asyncio.wait({task}, timeout=INTERVAL))[0]:
                self.check()
            return task.result()
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
