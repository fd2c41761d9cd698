"""What the pipeline alerts look at really appears when the collector fails in each way."""

from __future__ import annotations

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Final

import pytest
from otlp_requests import line, request_of, send_http
from stack_parts import eventually
from test_metrics import exposed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from stack_parts import Collector

pytestmark = pytest.mark.stack

# One series, and a queue that holds no batch: the second record of each kind fails.
SMALL: Final = """
processors: {delta_to_cumulative: {max_streams: 1}}
"""
NARROW: Final = """
exporters: {otlp_http/logstore: {sending_queue: {queue_size: 2000, batch: {min_size: 100,
  max_size: 1000}}}}
"""


class Refusing(BaseHTTPRequestHandler):
    """A log store that takes nothing, for good."""

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        """Answer that the request is bad."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_error(400)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    """Run that log store."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def records(count: int) -> ExportLogsServiceRequest:
    """Make a request with some records, each with a duration and tokens."""
    moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())
    return request_of(
        *(line(timestamp=moment, operation="search", duration_ms=5.0, tokens_used=7)
          for _ in range(count)),
    )


def grows(collector: Collector, metric: str, **labels: str) -> bool:
    """Wait until one of the collector's own counters is above zero."""
    return eventually(
        lambda: any(
            value > 0
            for name, found, value in exposed(collector.own_metrics)
            if name == metric and labels.items() <= found.items()
        ),
        20, 0.2,
    )


def test_records_that_a_store_refuses_are_counted(
    start_collector: Callable[..., Collector], refusing: str
) -> None:
    """CollectorExportFailing sees a store that answers 400."""
    collector = start_collector(logstore=refusing)
    assert send_http(collector.http, records(3)) == 200
    assert grows(collector, "otelcol_exporter_send_failed_log_records",
                 exporter="otlp_http/logstore")


def test_records_that_no_queue_takes_are_counted(
    start_collector: Callable[..., Collector], tmp_path: Path
) -> None:
    """CollectorExportFailing and CollectorRefusing see a queue that is full."""
    narrow = written(tmp_path, NARROW)
    collector = start_collector(("otelcol.yaml", narrow), logstore="http://127.0.0.1:9")
    for _ in range(30):
        send_http(collector.http, records(5))
    assert grows(collector, "otelcol_exporter_enqueue_failed_log_records",
                 exporter="otlp_http/logstore")
    assert grows(collector, "otelcol_receiver_refused_log_records") or grows(
        collector, "otelcol_receiver_failed_log_records")


def test_points_past_the_series_limit_are_counted(
    start_collector: Callable[..., Collector], tmp_path: Path
) -> None:
    """DerivedMetricsDropped sees that counters are not exact any more."""
    collector = start_collector(("otelcol.yaml", written(tmp_path, SMALL)))
    assert send_http(collector.http, records(3)) == 200
    assert grows(collector, "otelcol_deltatocumulative_datapoints", error="limit")


def written(folder: Path, text: str) -> Path:
    """Write an overlay and give its path."""
    path = folder / "overlay.yaml"
    path.write_text(text, "utf-8")
    return path
