"""pytest plugin: a warning that the addon logs fails the run; in CI a skipped test does too.

Whether a warning is the addon's is told by the file that logs it, or by its text naming the addon, one of
its models or its files. A test that provokes one expects it (``assertLogs``, ``mute_logger``).
"""
import logging
import os
import re

import pytest

# not a folder above Odoo that happens to be called like the addon
OURS = re.compile(r"addons[./]email_account\b|(?<![\w./-])email_account\b|email\.(account|provider)\b")
NOT_OURS = re.compile(
    # said by Odoo's own partner form in the browser of our tours, where partner_autocomplete is not installed
    r"Missing widget: res_partner_many2one"
    # asyncio in debug mode, when the machine is busy: no test depends on time
    r"|^Executing <(Task|Handle|TimerHandle) .* took \d"
)


class Collector(logging.Handler):
    """Keeps what the addon logs at WARNING and above, with the test that ran."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.test = "outside of a test"
        self.found = []

    def emit(self, record):
        text = record.getMessage()
        if any(map(OURS.search, (record.name, record.pathname, text))) and not NOT_OURS.search(text):
            self.found.append(f"{self.test}: {record.levelname} {record.name}: {text}")


class Strict:
    def __init__(self):
        self.collector = Collector()
        self.skipped = []

    def pytest_sessionstart(self):
        logging.captureWarnings(True)
        logging.getLogger().addHandler(self.collector)

    def pytest_runtest_logstart(self, nodeid):
        self.collector.test = nodeid

    def pytest_runtest_logreport(self, report):
        if report.skipped and not hasattr(report, "wasxfail"):
            self.skipped.append(report.nodeid)

    def pytest_collectreport(self, report):
        if report.skipped:
            self.skipped.append(report.nodeid)

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        if session.exitstatus == pytest.ExitCode.OK and (self.collector.found or self._skips_count()):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        if self.collector.found:
            terminalreporter.section("warnings logged by the addon", red=True)
            for line in self.collector.found:
                terminalreporter.line(line)
        if self._skips_count():
            terminalreporter.section("skipped tests fail in CI", red=True)
            for nodeid in self.skipped:
                terminalreporter.line(nodeid)

    def _skips_count(self):
        return bool(os.environ.get("CI") and self.skipped)


def pytest_configure(config):
    config.pluginmanager.register(Strict(), "strict")
