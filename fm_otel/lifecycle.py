"""Ends and forks: how a process lets go of its records in time.

One budget covers every exit: what is queued goes to console, file and backlog first, the rest of
the time belongs to the network, for all signals together. No thread is started on the way out.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

    from fm_otel.engine import Engine

DRAIN_SHARE: Final = 0.25
"""Share of the exit budget that draining to the kernel may take before the network's turn."""

_HARD_EXIT: Final = 0.25
"""Seconds ``os._exit`` and ``os.exec*`` wait for what is to be brought out, receivers included."""

_EXITS: Final = ("_exit", "abort")
_EXECS: Final = ("execv", "execve")

_ENDING: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)
)
"""Signals whose default action we stand in for."""


class Closers:
    """Runs the slow ends of other signals side by side, on threads that exist beforehand."""

    def __init__(self, closers: list[Callable[[], object]]) -> None:
        self._closers = closers
        self._threads: list[threading.Thread] = []
        self._go = threading.Event()
        self._done: list[threading.Event] = []

    def prepare(self) -> None:
        """Start the waiting threads, if they are not there yet."""
        if self._threads or not self._closers:
            return
        self._done = [threading.Event() for _ in self._closers]
        with contextlib.suppress(RuntimeError):
            for closer, done in zip(self._closers, self._done, strict=True):
                thread = threading.Thread(
                    target=self._run, args=(closer, done), name="fm_otel-closer", daemon=True,
                )
                thread.start()
                self._threads.append(thread)

    def begin(self) -> None:
        """Let every closer run."""
        self._go.set()

    def wait(self, deadline: float) -> bool:
        """Return whether every closer ended by ``deadline``."""
        late = slice(len(self._threads), None)
        for closer, done in list(zip(self._closers, self._done, strict=False))[late]:
            # The interpreter starts no threads any more.
            self._run(closer, done)
        return all(done.wait(max(0.0, deadline - time.monotonic())) for done in self._done)

    def after_fork(self) -> None:
        """Forget threads that only the parent has."""
        self._threads = []
        self._done = []
        self._go = threading.Event()

    def _run(self, closer: Callable[[], object], done: threading.Event) -> None:
        self._go.wait()
        with contextlib.suppress(Exception):
            closer()
        done.set()


class Lifecycle:
    """Holds one engine to the end of its process and through its forks."""

    def __init__(
        self, engine: Engine, closers: Closers, *, before_fork: Callable[[], None],
        restart: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._closers = closers
        self._release = before_fork
        self._restart = restart
        self._ended = self._unanswered = False
        self._ending = 0
        self._signal = 0
        self._signals: dict[int, Any] = {}
        self._set_signal = signal.signal
        self._stand_in_set: Any = None
        self._exits: dict[str, Any] = {}
        self._forks_followed = False
        self.active = False

    def install(self) -> None:
        """Follow forks, signals and every way out of the process."""
        self.active = True
        atexit.register(self.end)
        if not self._forks_followed and hasattr(os, "register_at_fork"):
            os.register_at_fork(before=self._before_fork, after_in_child=self._in_child)
            self._forks_followed = True
        self._wrap_exits()
        self._end_with_multiprocessing()
        if self._engine.settings.signals:
            self._chain_signals()

    def remove(self) -> None:
        """Let go of signals and exits where they are still ours."""
        self.active = False
        if signal.signal is self._stand_in_set:
            signal.signal = self._set_signal
        atexit.unregister(self.end)
        for name, (original, wrapper) in self._exits.items():
            if getattr(os, name) is wrapper:
                setattr(os, name, original)
        for number, (original, handler) in self._signals.items():
            with contextlib.suppress(ValueError, TypeError):
                if signal.getsignal(number) is handler:
                    self._set_signal(number, original)
        self._exits.clear()
        self._signals.clear()

    def end(self) -> bool:
        """Bring everything out within the exit budget; later calls do nothing."""
        if self._ended or not self.active:
            return True
        self._ended = True
        self._ending = threading.get_ident()
        try:
            return self._bring_out()
        finally:
            # An interrupt may have cut the drain short; otherwise nothing is left for this one.
            self._engine.pipeline.drain(1 << 30, _HARD_EXIT)
            self._ending = 0
            if self._signal:
                self._obey(self._signal)

    def _bring_out(self) -> bool:
        deadline = time.monotonic() + self._engine.settings.exit_timeout
        pipeline = self._engine.pipeline
        pipeline.terminating()
        pipeline.drain(1 << 30, self._engine.settings.exit_timeout * DRAIN_SHARE)
        self._engine.say_goodbye()
        # A child that traced but never logged has not had them yet.
        self._closers.prepare()
        self._closers.begin()
        done = pipeline.shutdown(max(0.0, deadline - time.monotonic()))
        done = self._closers.wait(deadline) and done
        self._report_losses()
        return done

    def _report_losses(self) -> None:
        losses = self._engine.accounts.losses()
        if losses:
            told = ", ".join(f"{reason} {count}" for reason, count in losses.items())
            self._engine.report("exit", f"records not delivered: {told}")

    # ---- forks

    def _before_fork(self) -> None:
        if self.active:
            with contextlib.suppress(Exception):
                self._release()

    def _in_child(self) -> None:
        if self.active:
            self._ended = self._unanswered = False
            self._ending = self._signal = 0
            self._restart()
            self._closers.after_fork()

    def _end_with_multiprocessing(self) -> None:
        """End before a ``multiprocessing`` child does, which leaves by ``os._exit``."""
        from multiprocessing import util

        def finish(lifecycle: Lifecycle) -> None:
            util.Finalize(None, lifecycle.end, exitpriority=-100)

        util.register_after_fork(self, finish)

    # ---- hard exits

    def _wrap_exits(self) -> None:
        for names, prepare in ((_EXITS, self._before_exit), (_EXECS, self._before_exec)):
            for name in names:
                original = getattr(os, name, None)
                if original is not None and name not in self._exits:
                    wrapper = self._prepared(original, prepare)
                    self._exits[name] = (original, wrapper)
                    setattr(os, name, wrapper)

    def _prepared(self, original: Any, prepare: Callable[[], None]) -> Any:
        pid = os.getpid

        def leave(*args: Any, **kwargs: Any) -> Any:
            if self.active and self._engine.pipeline.pid == pid():
                with contextlib.suppress(Exception):
                    prepare()
            return original(*args, **kwargs)

        leave.__name__ = original.__name__
        leave.__doc__ = original.__doc__
        return leave

    def _before_exit(self) -> None:
        """Bring out what a moment allows, and tell what is lost: nobody comes after this."""
        deadline = time.monotonic() + _HARD_EXIT
        pipeline = self._engine.pipeline
        pipeline.terminating()
        # A signal handler may leave from the middle of a drain.
        pipeline.abandon_drain()
        pipeline.drain(1 << 30, _HARD_EXIT)
        if self._ended:
            return
        self._ended = True
        self._closers.begin()
        pipeline.shutdown(max(0.0, deadline - time.monotonic()))
        self._closers.wait(deadline)
        self._report_losses()

    def _before_exec(self) -> None:
        """Bring out what a moment allows; the call may fail, and search a whole path for that."""
        pipeline = self._engine.pipeline
        pipeline.abandon_drain()
        pipeline.drain(1 << 30, _HARD_EXIT)
        if not self._unanswered and not pipeline.flush(_HARD_EXIT):
            self._unanswered = True
            self._engine.report("exec", "the program is about to be replaced, "
                                f"records not delivered: {pipeline.held}")

    # ---- signals

    def _chain_signals(self) -> None:
        if threading.current_thread() is not threading.main_thread():
            return
        for number in _ENDING:
            before = signal.getsignal(number)
            if before is signal.SIG_IGN or before is None or before is signal.default_int_handler:
                continue
            handler = self._handler(before)
            self._set_signal(number, handler)
            self._signals[number] = (before, handler)
        self._stand_in()

    def _stand_in(self) -> None:
        """Stay where a server restores the default action before it ends, as gunicorn does."""
        default = self._handler(signal.SIG_DFL)
        original = self._set_signal

        def set_signal(number: int, handler: Any) -> Any:
            if self.active and handler == signal.SIG_DFL and number in _ENDING:
                handler = default
            return original(number, handler)

        set_signal.__doc__ = original.__doc__
        self._stand_in_set = set_signal
        signal.signal = set_signal  # type: ignore[assignment]  # the same call, looser types

    def _handler(self, before: Any) -> Callable[[int, FrameType | None], None]:
        def on_signal(number: int, frame: FrameType | None) -> None:
            self._engine.pipeline.terminating()
            if before is signal.SIG_DFL:
                self._leave_by(number)
            else:
                before(number, frame)

        return on_signal

    def _leave_by(self, number: int) -> None:
        """End, and let the signal do to the process what it would have done without us.

        A drain that it interrupted is finished first; so is an end, unless somebody insists.
        """
        if self._engine.pipeline.when_drained(partial(self._leave_by, number)):
            return
        insists = self._signal
        self._signal = number
        if self._ending == threading.get_ident() and not insists:
            return
        self.end()
        self._obey(number)

    def _obey(self, number: int) -> None:
        """Let a signal act by default; the first process of a container survives even that."""
        self._set_signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
