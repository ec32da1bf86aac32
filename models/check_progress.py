"""How the user sees a check while it runs: no model, see `email.account.check.progress`."""


class CheckProgress:
    """Notes what a check has done so far, in transactions of its own.

    So the user's next request, be it answered by another worker, sees each step at once, and nothing is
    pending in the transaction of the request while the network is waited for. A context manager: what was
    noted is gone when its block is left.

    :param accounts: the `email.account` records that are checked
    """

    def __init__(self, accounts):
        self._accounts = accounts
        self._env = accounts.env
        self._id = None
        self._lines = []
        steps = self._env["email.account.check.step"]._fields
        self._labels = {
            name: dict(steps[name]._description_selection(self._env)) for name in ("stage", "direction")
        }

    def __enter__(self):
        self._id = self._write(
            lambda notes: notes.create({"user_id": self._env.uid, "account_refs": self._accounts.ids}).id
        )
        return self

    def __exit__(self, *exc_info):
        self._write(lambda notes: notes.browse(self._id).unlink())

    def _write(self, function):
        with self._env.registry.cursor() as cr:
            # sudo: users only read what happens
            return function(self._env["email.account.check.progress"].with_env(self._env(cr=cr)).sudo())

    def show(self, runs):
        """Note what has happened in ``runs`` (list of `CheckRun`)."""
        lines = self._get_steps(runs[0]) if len(runs) == 1 else [self._get_summary(run) for run in runs]
        if lines != self._lines:
            self._lines = lines
            self._write(lambda notes: notes.browse(self._id).write({"lines": lines}))

    def _get_steps(self, run):
        """Return a line for each step, and one for what is being waited for."""
        lines = [
            self._get_line(step["stage"], step["direction"], step["result"], step["message"])
            | {"elapsed_ms": step["duration_ms"]}
            for step in run.steps
        ]
        if run.now and not run.ended:
            lines.append(self._get_line(*run.now, "asking", ""))
        return [line | {"id": number} for number, line in enumerate(lines)]

    def _get_line(self, stage, direction, result, message):
        names = (self._labels["direction"].get(direction), self._labels["stage"][stage])
        return {"label": ": ".join(filter(None, names)), "result": result, "detail_words": message}

    def _get_summary(self, run):
        """Return one line for a run: one of many."""
        results = {step["result"] for step in run.steps}
        result = next((name for name in ("failed", "warning") if name in results), "passed")
        messages = [step["message"] for step in run.steps if step["result"] == "failed"]
        return {
            "id": run.settings.id,
            "label": run.settings.display_name,
            "result": result if run.ended else "asking",
            "detail_words": " ".join(messages),
            "elapsed_ms": sum(step["duration_ms"] for step in run.steps),
        }
