"""The pipeline's own metrics: created, queued, delivered, lost, under upstream's names.

Names follow the OpenTelemetry semantic conventions for SDK metrics. Every reason is reported
from the first interval on, at 0, so that an alert on an increase sees the first loss.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.metrics import CallbackOptions, Observation, get_meter

from fm_otel.pipeline.accounting import REASONS, RULES, SINKS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fm_otel.engine import Engine
    from fm_otel.pipeline.queue import Queue

_COMPONENT: Final = {"otel.component.type": "fm_otel_pipeline", "otel.component.name": "fm_otel/0"}


class SelfMetrics:
    """Observes one engine's books; ``backlog`` counts records waiting for the network."""

    def __init__(self, engine: Engine, queue: Queue, backlog: Callable[[], int]) -> None:
        self._engine = engine
        self._queue = queue
        self._backlog = backlog

    def register(self) -> None:
        """Create the instruments on the global meter provider."""
        meter = get_meter("fm_otel")
        counter, gauge = meter.create_observable_counter, meter.create_observable_up_down_counter
        counter("otel.sdk.log.created", [self._created], "{log_record}",
                "Log records made, sampled-out ones included")
        counter("otel.sdk.processor.log.processed", [self._processed], "{log_record}",
                "Log records whose processing ended; error.type tells the loss")
        counter("otel.sdk.exporter.log.exported", [self._exported], "{log_record}",
                "Log records brought out, by destination")
        counter("fm_otel.log.sampled_out", [self._sampled_out], "{log_record}",
                "Log records refused at capture, by rule")
        counter("fm_otel.log.late", [self._late], "{log_record}",
                "Log records whose caller did not wait for their write")
        gauge("otel.sdk.processor.log.queue.size", [self._queued], "{log_record}",
              "Log records waiting in the queue")
        gauge("otel.sdk.processor.log.queue.capacity", [self._capacity], "{log_record}",
              "Log records the queue takes")
        gauge("otel.sdk.exporter.log.inflight", [self._inflight], "{log_record}",
              "Log records waiting for the OTLP receiver")
        gauge("fm_otel.spool.bytes", [self._spooled], "By", "Bytes in the spool")

    def _created(self, _: CallbackOptions) -> Iterable[Observation]:
        yield Observation(self._engine.created(), _COMPONENT)

    def _processed(self, _: CallbackOptions) -> Iterable[Observation]:
        accounts = self._engine.accounts
        lost = accounts.dropped_by_reason
        # As of upstream's processors: done once it is with the sinks, whatever they do with it.
        yield Observation(accounts.processed, _COMPONENT)
        for reason in dict.fromkeys((*REASONS, *lost)):
            yield Observation(lost.get(reason, 0), {**_COMPONENT, "error.type": reason})

    def _exported(self, _: CallbackOptions) -> Iterable[Observation]:
        delivered = self._engine.accounts.delivered_by_sink
        for sink in dict.fromkeys((*SINKS, *delivered)):
            yield Observation(delivered.get(sink, 0), {"otel.component.name": f"fm_otel/{sink}"})

    def _sampled_out(self, _: CallbackOptions) -> Iterable[Observation]:
        refused = self._engine.accounts.sampled_by_rule
        for rule in dict.fromkeys((*RULES, *refused)):
            yield Observation(refused.get(rule, 0), {"rule": rule})

    def _late(self, _: CallbackOptions) -> Iterable[Observation]:
        yield Observation(self._engine.accounts.late, _COMPONENT)

    def _queued(self, _: CallbackOptions) -> Iterable[Observation]:
        yield Observation(len(self._queue), _COMPONENT)

    def _capacity(self, _: CallbackOptions) -> Iterable[Observation]:
        yield Observation(self._queue.max_records, _COMPONENT)

    def _inflight(self, _: CallbackOptions) -> Iterable[Observation]:
        yield Observation(self._backlog(), _COMPONENT)

    def _spooled(self, _: CallbackOptions) -> Iterable[Observation]:
        yield Observation(0, _COMPONENT)
