"""Nothing acknowledged is lost: store away, collector killed, disk full, file rotating."""

from __future__ import annotations

import secrets
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING, Final

import pytest
import yaml
from conftest import lines_of
from otlp_requests import line, post, request_of, send_http
from stack_parts import COLLECTOR, Collector, Jaeger, LogStore, eventually
from test_jaeger import trace_of
from test_logstore import now, queried
from test_second_line import span_request

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.stack

BATCH: Final = 50


class Client:
    """Sends batches one after the other, again until acknowledged, and remembers which were."""

    def __init__(self, base: str, service: str) -> None:
        """Keep the address."""
        self.base, self.service = base, service
        self.acknowledged: list[str] = []
        self.refused = 0

    def batch(self) -> bool:
        """Send one batch; like an SDK, resend it after a pause while it is refused."""
        records = [
            line(service=self.service, timestamp=now(), seq=n, message="m" * 300)
            for n in range(BATCH)
        ]
        request = request_of(*records)
        deadline = time.monotonic() + 20
        while (status := send_http(self.base, request)) != 200:
            self.refused += 1
            if time.monotonic() > deadline or 400 <= status < 500:
                return False
            time.sleep(0.05)
        self.acknowledged += [record["record_id"] for record in records]
        return True

    def until(self, done: Event) -> None:
        """Send until told to stop."""
        while not done.is_set():
            assert self.batch()


def stored(store: LogStore, service: str) -> Counter[str]:
    """Count the records of a service in the store by record id."""
    query = f'{{service.name="{service}"}} | fields log.record.uid'
    return Counter(row["log.record.uid"] for row in queried(store, query))


def test_store_away_and_collector_killed_twice(
    tmp_path: Path, start_collector: Callable[..., Collector]
) -> None:
    """What was acknowledged is in the file at once and in the store when it is back."""
    store = LogStore(tmp_path)
    collector = start_collector(logstore=store.otlp)
    service, done = f"durable-{secrets.token_hex(4)}", Event()
    clients = [Client(collector.http, service) for _ in range(2)]
    with ThreadPoolExecutor(len(clients)) as pool:
        sending = [pool.submit(client.until, done) for client in clients]
        try:
            for _ in range(2):
                time.sleep(0.8)
                collector.kill()
                collector.start()
            time.sleep(0.5)
        finally:
            done.set()
        for future in sending:
            future.result()
    acknowledged = {record for client in clients for record in client.acknowledged}
    assert len(acknowledged) > 10 * BATCH
    in_file = Counter(each["record_id"] for each in lines_of(collector.file))
    assert acknowledged <= in_file.keys()
    store.start()
    try:
        eventually(lambda: acknowledged <= stored(store, service).keys(), 40, 0.3)
        in_store = stored(store, service)
    finally:
        store.stop()
    assert acknowledged <= in_store.keys()
    # A batch in flight at a kill may come twice; the record id tells.
    for seen in (in_file, in_store):
        assert sum(seen.values()) - len(seen) <= 2 * 2 * BATCH


def test_restart_delivers_what_waited(
    tmp_path: Path, start_collector: Callable[..., Collector]
) -> None:
    """A plain stop keeps the queue; the next start empties it."""
    store = LogStore(tmp_path)
    collector = start_collector(logstore=store.otlp)
    client = Client(collector.http, f"waiting-{secrets.token_hex(4)}")
    assert client.batch()
    collector.stop()
    store.start()
    try:
        collector.start()
        wanted = Counter(client.acknowledged)
        eventually(lambda: stored(store, client.service) == wanted, 20, 0.2)
        assert stored(store, client.service) == wanted
    finally:
        store.stop()


def test_spans_wait_for_jaeger(
    tmp_path: Path, start_collector: Callable[..., Collector]
) -> None:
    """Jaeger away and the collector killed: the trace is there afterwards."""
    jaeger = Jaeger(tmp_path)
    collector = start_collector(jaeger=jaeger.otlp)
    trace = secrets.token_hex(16)
    payload = span_request("late", trace, "s", "b").SerializeToString()
    assert post(f"{collector.http}/v1/traces", payload) == 200
    collector.kill()
    jaeger.start()
    try:
        collector.start()
        assert eventually(lambda: trace_of(jaeger, trace).get("spans"), 20)
    finally:
        jaeger.stop()


def overlay(folder: Path, text: str) -> Path:
    """Write settings to lay over the shipped ones."""
    path = folder / f"overlay-{secrets.token_hex(4)}.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_full_queue_pushes_back(
    tmp_path: Path, start_collector: Callable[..., Collector]
) -> None:
    """With the queue full senders are told to try again; what was taken arrives, all of it."""
    small = overlay(tmp_path, """
exporters:
  otlp_http/logstore:
    sending_queue: {queue_size: 150000, batch: {min_size: 1000, max_size: 60000}}
""")
    store = LogStore(tmp_path)
    collector = start_collector(["otelcol.yaml", small], logstore=store.otlp)
    service = f"full-{secrets.token_hex(4)}"
    taken: list[str] = []
    statuses: Counter[int] = Counter()
    for _ in range(60):
        records = [line(service=service, timestamp=now()) for _ in range(BATCH)]
        status = send_http(collector.http, request_of(*records))
        statuses[status] += 1
        if status == 200:
            taken += [record["record_id"] for record in records]
    assert set(statuses) == {200, 503}
    store.start()
    try:
        eventually(lambda: set(taken) <= stored(store, service).keys(), 40, 0.3)
        assert set(taken) <= stored(store, service).keys()
    finally:
        store.stop()


def test_memory_limiter_is_first_everywhere() -> None:
    """No pipeline that receives does any work before the memory limit is looked at."""
    for name in ("otelcol", "agent", "gateway", "agent-kafka", "gateway-kafka"):
        document = yaml.safe_load((COLLECTOR / f"{name}.yaml").read_text(encoding="utf-8"))
        receiving = [
            pipeline["processors"][0]
            for pipeline in document["service"]["pipelines"].values()
            if {"otlp", "kafka"} & set(pipeline["receivers"])
        ]
        assert receiving
        assert set(receiving) == {"memory_limiter"}


def test_memory_limit_refuses_for_now(start_collector: Callable[..., Collector]) -> None:
    """Beyond the limit senders are told to try again, and the collector stays up."""
    collector = start_collector(environment={"FM_MEMORY_MIB": "12", "FM_MEMORY_SPIKE_MIB": "2"})
    refused = eventually(
        lambda: send_http(collector.http, request_of(line())) == 503, 10, 0.1
    )
    assert refused
    assert not collector.ended


def test_rotation_under_load_tears_no_line(
    tmp_path: Path, start_collector: Callable[..., Collector]
) -> None:
    """While files rotate and the collector restarts, each file holds whole objects only."""
    often = overlay(tmp_path, """
exporters:
  file/flat: {rotation: {max_megabytes: 1, max_backups: 100}}
""")
    collector = start_collector(["otelcol.yaml", often])
    service = f"rotating-{secrets.token_hex(4)}"
    clients = [Client(collector.http, service) for _ in range(4)]

    def send(client: Client) -> None:
        for _ in range(40):
            assert client.batch()

    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(send, clients))
    collector.stop()
    collector.start()
    assert clients[0].batch()
    acknowledged = Counter(record for client in clients for record in client.acknowledged)
    assert len(list(collector.file.parent.glob("app*.ndjson"))) >= 3
    assert Counter(each["record_id"] for each in lines_of(collector.file)) == acknowledged


def test_too_large_a_request_is_told_so(collector: Collector) -> None:
    """A request beyond the receiver's limit is refused for good, not resent for ever."""
    # A little beyond 20 MiB: the receiver reads no more than 256 KiB of what it has refused, and
    # a client that is still sending then may find the connection gone before it sees the answer.
    huge = request_of(line(message="x" * (20 * 1024 * 1024 + 64 * 1024)))
    status = send_http(collector.http, huge, seconds=30)
    assert status == 400
