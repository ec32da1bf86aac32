"""A command that Ctrl-C ends with success.

``make`` itself dies of Ctrl-C, and says so, whatever the command returns. So the command runs in a process
group of its own, which is the terminal's foreground group meanwhile, as a shell runs its jobs.
"""
import os
import signal
import sys


def in_foreground(function, *arguments):
    """Call a function, in the foreground of the terminal if there is one; return its exit status.

    Where there is a terminal the function runs in a child process.
    """
    terminal = _terminal()
    if terminal is None:
        return function(*arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if not child:
        os.setpgid(0, 0)
        _give(terminal, os.getpgrp())
        os.close(terminal)
        os._exit(_status_of(function, *arguments))
    try:
        return _wait(child, terminal)
    finally:
        _give(terminal, os.getpgrp())
        os.close(terminal)


def _terminal():
    """File descriptor of the terminal, when we are in its foreground; else None."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR)
    except OSError:
        return None
    try:
        if os.tcgetpgrp(terminal) == os.getpgrp():
            return terminal
    except OSError:
        pass
    os.close(terminal)
    return None


def _give(terminal, group):
    """Make a process group the one in the foreground."""
    before = signal.signal(signal.SIGTTOU, signal.SIG_IGN)  # we may be in the background ourselves
    try:
        os.tcsetpgrp(terminal, group)
    except OSError:  # the terminal has gone, or the group has
        pass
    finally:
        signal.signal(signal.SIGTTOU, before)


def _status_of(function, *arguments):
    try:
        status = function(*arguments)
    except SystemExit as error:
        status = error.code
        if isinstance(status, str):
            print(status, file=sys.stderr)
            status = 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    sys.stdout.flush()
    sys.stderr.flush()
    return status or 0


def _wait(child, terminal):
    """Wait for the child; hand on signals, and stop when it is stopped (Ctrl-Z)."""
    def hand_on(number, frame):
        try:
            os.kill(child, number)
        except ProcessLookupError:
            pass

    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        signal.signal(number, hand_on)
    while True:
        _pid, status = os.waitpid(child, os.WUNTRACED)
        if not os.WIFSTOPPED(status):
            return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
        group = os.getpgrp()
        _give(terminal, group)
        os.killpg(group, signal.SIGSTOP)  # make too: the shell sees it stopped; "fg" goes on here
        _give(terminal, child)
        os.killpg(child, signal.SIGCONT)
