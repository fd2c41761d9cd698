"""A signal may arrive between any two steps of a logging call: no hang, nothing lost or doubled."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .rig import Bench

STEPS = """
import logging, os, signal, sys
import fm_otel
fm_otel.configure()
log = logging.getLogger("app")
every, event = int(sys.argv[1]), sys.argv[2]

def calls():
    for n in range(2):
        log.info("quiet %d", n)
        log.info("quiet %d again", n)
        log.warning("loud %d", n)

def stepping(at, then):
    taken = 0
    def step(frame, event, argument):
        nonlocal taken
        frame.f_trace_opcodes = True
        if event == "opcode":
            taken += 1
            if taken == at:
                sys.settrace(None)
                then()
        return step
    sys.settrace(step)
    calls()
    sys.settrace(None)
    return taken

def leave(number, frame):
    os._exit(0)

log.info("parent")
stepping(0, None)
total = stepping(0, None)
wrong, ended = [], 0
for at in range(1, total, every):
    child = os.fork()
    if not child:
        # A child that hangs is ended by this signal's default action.
        signal.alarm(15)
        if event == "leave":
            signal.signal(signal.SIGTERM, leave)
        log.info("first of step %d", at)
        log.info("second of step %d", at)
        stepping(at, lambda: signal.raise_signal(signal.SIGTERM))
        log.info("the end came before step %d", at)
        sys.exit(1)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if code == (0 if event == "leave" else -signal.SIGTERM):
        ended += 1
    elif code != 1:
        wrong.append((at, code))
print(len(range(1, total, every)), ended, wrong, file=sys.stderr)
"""


@pytest.mark.parametrize("event", ["default"])
def test_sigterm_between_any_two_steps_of_a_call(bench: Bench, event: str) -> None:
    """What was logged before it is out, whether the handler is ours or leaves by ``os._exit``."""
    program = bench.run(STEPS, "53", event, launched=False)
    children, ended, wrong = program.stderr.split(maxsplit=2)
    assert wrong == "[]\n"
    assert int(ended) > 100
    told = Counter(m for m in program.messages("app") if " of step " in m)
    assert len(told) == 2 * int(children)
    assert set(told.values()) == {1}
