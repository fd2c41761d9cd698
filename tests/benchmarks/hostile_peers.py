"""What hostile logging calls do to each logger: raised into the program, lost, or broken JSON.

``python tests/benchmarks/hostile_peers.py`` prints the table that README shows. Every call is
made in a process of its own, so that one that kills its process costs nothing but itself.
"""

from __future__ import annotations

import json
import subprocess
import sys

CALLS = {
    "lone surrogate in the message": "log('a \\ud800 b')",
    "lone surrogate in a value": "log('m', k='a \\ud800 b')",
    "value whose str() raises": "log('m', k=Raising())",
    "argument whose str() raises": "log('%s', args=(Raising(),))",
    "wrong arguments": "log('%d %d', args=('x',))",
    "cycle": "d = {}; d['d'] = d; log('m', k=d)",
    "5,000 levels": "log('m', k=deep(5000))",
    "NaN": "log('m', k=float('nan'))",
    "integer of 200 bits": "log('m', k=1 << 200)",
    "bytes": "log('m', k=b'\\xff\\x00')",
    "tuple key": "log('m', k={(1, 2): 3})",
    "key named like an attribute": "log('m', name='n', args=1)",
    "set and object": "log('m', k={1}, o=object())",
    "8 MB message": "log('x' * 8_000_000)",
    "generator": "log('m', k=(n for n in range(3)))",
    "line break and colour": "log('a\\nINFO forged \\x1b[31mred')",
    "level of the wrong type": "log('m', level=20.5)",
    "exception whose str() raises": "fail(Unprintable())",
    "group of itself": "fail(looped())",
    "mapping that changes": "log('m', k=Changing({'a': 1}))",
}

COMMON = '''
import json, logging, sys
class Raising:
    def __str__(self): raise ValueError("no")
    __repr__ = __str__
class Unprintable(Exception):
    def __str__(self): raise ValueError("no")
class Changing(dict):
    def items(self): raise RuntimeError("changed size")
def deep(n):
    value = "end"
    for _ in range(n): value = {"d": value}
    return value
def looped():
    error = ValueError("loop"); error.__cause__ = error; return error
def fail(error):
    try: raise error
    except Exception: log("failed", exc_info=True)
def log(msg, args=None, level=logging.INFO, exc_info=None, **extra):
    if "args" in extra or not isinstance(args, (tuple, type(None))): extra["args"], args = args, None
    send(msg, args or (), level, exc_info, extra)
'''

STDLIB = '''
def send(msg, args, level, exc_info, extra):
    logging.getLogger("app").log(level, msg, *args, exc_info=exc_info, extra=extra or None)
'''

LOGGERS = {
    "fm_otel": COMMON + "import fm_otel; fm_otel.configure(format='json')\n" + STDLIB,
    "python-json-logger": COMMON + STDLIB + '''
from pythonjsonlogger.json import JsonFormatter
handler = logging.StreamHandler(sys.stdout); handler.setFormatter(JsonFormatter())
logging.basicConfig(level=logging.INFO, handlers=[handler])
''',
    "OpenTelemetry handler": COMMON + STDLIB + '''
import atexit
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider, ReadableLogRecord
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
exporter = InMemoryLogRecordExporter(); provider = LoggerProvider()
provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
logging.basicConfig(level=logging.INFO, handlers=[LoggingHandler(logger_provider=provider)])
def out():
    for data in exporter.get_finished_logs():
        for scope in encode_logs([data]).resource_logs[0].scope_logs:
            for record in scope.log_records: record.SerializeToString(); print("{}")
atexit.register(out)
''',
    "loguru": COMMON + '''
from loguru import logger
logger.remove(); logger.add(sys.stdout, serialize=True)
def send(msg, args, level, exc_info, extra):
    bound = logger.bind(**extra)
    bound.opt(exception=exc_info).log(level, msg % args if args else msg)
''',
}

CALL = '''
try:
    {call}
except Exception:
    print("RAISED")
'''


def outcome(setup: str, call: str) -> str:
    """Return what became of one call: ok, raised, lost or broken."""
    done = subprocess.run(
        [sys.executable, "-c", setup + CALL.format(call=call)], capture_output=True, timeout=120,
    )
    lines = [line for line in done.stdout.decode(errors="replace").splitlines()
             if '"faultmaven.process"' not in line]
    if "RAISED" in lines:
        return "raised"
    if not lines:
        return "lost"
    try:
        for line in lines:
            json.loads(line, parse_constant=_refuse)
    except ValueError:
        return "broken"
    return "ok" if len(lines) == 1 else "broken"


def _refuse(constant: str) -> None:
    raise ValueError(constant)


def main() -> None:
    """Print the table, with a progress line on a terminal."""
    table = {}
    for name, setup in LOGGERS.items():
        table[name] = []
        for number, call in enumerate(CALLS.values(), 1):
            if sys.stderr.isatty():
                print(f"\r{name}: {number} of {len(CALLS)}  ", end="", file=sys.stderr)
            table[name].append(outcome(setup, call))
    print("| call | " + " | ".join(table) + " |")
    print("| --- |" + " --- |" * len(table))
    for place, what in enumerate(CALLS):
        print(f"| {what} | " + " | ".join(row[place] for row in table.values()) + " |")
    counts = (str(row.count("ok")) for row in table.values())
    print(f"| **arrived, of {len(CALLS)}** | " + " | ".join(counts) + " |")


if __name__ == "__main__":
    main()
