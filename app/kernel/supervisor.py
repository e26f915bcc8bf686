"""Keeps processes running: starts them again when they end, merges their output into one log, stops them all.

As embedded.py, for run.py, which has to stay small: import nothing of the application here.
"""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import psutil  # type: ignore[import-untyped]

import config
from app.kernel import embedded

# In the environment of every descendant, so that none is forgotten, whatever its parent or group.
MARK = "STRATIKEY_SUPERVISOR"
LONGEST_LINE = 64 * 1024


@dataclass
class Child:
    """A process that is started again when it ends."""

    name: str
    spawn: Callable[[], subprocess.Popen[bytes]]
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    failures: int = 0
    start_at: float = 0.0


@dataclass
class Log:
    """Where a child's output comes in, with the beginning of its next line."""

    name: str
    pending: bytes = b""


class Supervisor:
    """Starts processes, merges their output into one log, starts the dead again, stops them all."""

    def __init__(
        self,
        env: Mapping[str, str],
        mark: str,
        *,
        grace: float = 15.0,
        healthy: float = 60.0,
        delays: Sequence[float] = (1, 2, 4, 8, 16, 30),
    ) -> None:
        self.env = {**env, MARK: mark, "PYTHONUNBUFFERED": "1", "MALLOC_ARENA_MAX": "2"}
        self.env["FLASK_SKIP_DOTENV"] = "1"  # or commands would have settings that the web server has not
        self.mark, self.grace, self.healthy, self.delays = mark, grace, healthy, delays
        self.stopping = False
        self._logs = selectors.DefaultSelector()
        self._say_lock = threading.Lock()

    def request_stop(self, *_signal: Any) -> None:
        """Ends supervise(); asked for twice, it no longer waits for the children's own clean end."""
        if self.stopping:
            self.grace = 0.0
        self.stopping = True

    def say(self, text: str, name: str = "run") -> None:
        """Adds the lines of ``text`` to the log."""
        lines = "".join(f"{name:<9} | {line}\n" for line in text.splitlines() or [""])
        with self._say_lock:
            try:
                sys.stdout.write(lines)
                sys.stdout.flush()
            except OSError:  # nobody reads the log any more
                os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
                self.stopping = True

    def run(self, name: str, argv: Sequence[str]) -> int:
        """Runs one command to its end, or to the request to stop; returns its status."""
        child = Child(name, partial(self._popen, name, argv))
        child.process = process = child.spawn()
        while process.poll() is None and not self.stopping:
            self._pump(0.1)
        self._end([child])
        return process.returncode

    def supervise(self, commands: Mapping[str, Sequence[str]], servers: Sequence[embedded.Server] = ()) -> None:
        """Keeps ``commands`` and the already running ``servers`` alive until asked to stop.

        Stops the commands, and leaves the servers to whoever started them.
        """
        children = [Child(name, partial(self._popen, name, argv)) for name, argv in commands.items()]
        now = time.monotonic()
        watched = [Child(server.name, server.spawn, server.process, now) for server in servers]
        while not self.stopping:
            for child in (*watched, *children):
                self._keep_alive(child)
            self._pump(0.2)
        self.say("Stopping …")
        self._end(children)
        end_marked(self.mark, min(self.grace, 5.0))
        for key in list(self._logs.get_map().values()):
            self._close(key.fileobj)
        self._logs.close()

    def _popen(self, name: str, argv: Sequence[str]) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            argv,
            cwd=config.ROOT,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C in the terminal is for the supervisor alone
            preexec_fn=embedded.die_with_parent(signal.SIGTERM),
        )
        self._logs.register(process.stdout, selectors.EVENT_READ, Log(name))  # type: ignore[arg-type]
        return process

    def _keep_alive(self, child: Child) -> None:
        now = time.monotonic()
        if child.process is not None:
            status = child.process.poll()
            if status is None:
                return
            child.process = None
            how = f"by signal: {signal.strsignal(-status)}" if status < 0 else f"with status {status}"
            self._schedule(child, f"ended {how}", healthy=now - child.started >= self.healthy)
        elif now >= child.start_at:
            try:
                child.process, child.started = child.spawn(), now
            except OSError as error:
                self._schedule(child, f"cannot start: {error.strerror}", healthy=False)

    def _schedule(self, child: Child, why: str, *, healthy: bool) -> None:
        child.failures = 0 if healthy else child.failures
        delay = self.delays[min(child.failures, len(self.delays) - 1)]
        child.failures += 1
        child.start_at = time.monotonic() + delay
        self.say(f"{child.name} {why}; next start in {delay:g} s")

    def _end(self, children: Sequence[Child]) -> None:
        """SIGTERM to the groups of ``children``, SIGKILL to what is left of them after the grace time."""
        processes = [child.process for child in children if child.process is not None]
        for process in processes:
            self._signal(process, signal.SIGTERM)
        asked = time.monotonic()
        while any(process.poll() is None for process in processes):
            if time.monotonic() - asked > self.grace:
                for process in processes:
                    self._signal(process, signal.SIGKILL)
                    process.kill()
            self._pump(0.05)
        while self._logs.get_map() and self._logs.select(0):
            self._pump(0)

    @staticmethod
    def _signal(process: subprocess.Popen[bytes], number: int) -> None:
        with suppress(OSError):  # gone in between
            if process.poll() is None:
                os.killpg(process.pid, number)

    def _pump(self, timeout: float) -> None:
        """Moves what the children wrote into the log, whole lines at a time."""
        for key, _events in self._logs.select(timeout):
            log: Log = key.data
            data = os.read(key.fd, LONGEST_LINE)
            *lines, log.pending = (log.pending + data).split(b"\n")
            if log.pending and (not data or len(log.pending) > LONGEST_LINE):
                lines, log.pending = [*lines, log.pending], b""
            for line in lines:
                self.say(line.decode(errors="replace").rstrip(), log.name)
            if not data:
                self._close(key.fileobj)

    def _close(self, pipe: Any) -> None:
        self._logs.unregister(pipe)
        pipe.close()


def end_marked(mark: str, grace: float = 5.0) -> None:
    """Ends every process that descends from a supervisor of this instance and still runs."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.pid != os.getpid() and process.environ().get(MARK) == mark:
                process.terminate()
                found.append(process)
    for process in embedded.wait_for_end(found, grace):
        with suppress(psutil.Error):
            process.kill()
