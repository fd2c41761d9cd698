"""Grafana's dashboards, from short descriptions of their panels.

``overview`` answers the five questions, ``pipeline`` tells whether the telemetry arrives,
``errors`` has a panel for each category of the error catalogue, ``logs`` finds records.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from dashboard_parts import (
    LOGS,
    Json,
    bars,
    choice,
    dashboard,
    entry,
    lines,
    link,
    log_lines,
    log_query,
    number,
    quantile,
    query,
    rate,
    series,
    table,
    total,
)

from fm_otel.errors import CATALOGUE

if TYPE_CHECKING:
    from pathlib import Path

Band = tuple[str, list[Json]]

RECORDS: Final = "faultmaven_log_records_total"
ERRORS: Final = "faultmaven_errors_total"
BUCKETS: Final = "faultmaven_operation_duration_seconds_bucket"
CALLS: Final = "faultmaven_operation_duration_seconds_count"
SPANS: Final = "traces_span_metrics_duration_milliseconds_bucket"
TOKENS: Final = "faultmaven_tokens_total"
CACHE: Final = "faultmaven_cache_requests_total"
TRANSITIONS: Final = "faultmaven_agent_phase_transitions_total"
SECURITY: Final = "faultmaven_security_events_total"
PROCESSED: Final = "otel_sdk_processor_log_processed_total"

FAILED: Final = 'level=~"ERROR|CRITICAL"'
LOST: Final = 'error_type!=""'
HITS: Final = 'faultmaven_cache_hit="true"'
SHOWN: Final = 'faultmaven_operation=~"$operation"'

CODE: Final = "faultmaven_error_code"
OPERATION: Final = "faultmaven_operation"
BUCKET: Final = "faultmaven_user_bucket"
FROM_TO: Final = "faultmaven_agent_phase_from, faultmaven_agent_phase_to"
ARROW: Final = "{{faultmaven_agent_phase_from}} → {{faultmaven_agent_phase_to}}"

RECORDS_WITH_CODE: Final = link(
    "Records with this code", f"fm-logs?var-code=${{__field.labels.{CODE}}}",
)


def overview() -> Json:
    """Make the dashboard Grafana opens on: the five questions, then what happened last."""
    bands = [
        now(), what_alerts(), which_errors(), how_long(), whose_tokens(), do_caches_help(),
        where_are_investigations(), what_happened(), security(),
    ]
    operations = choice("operation", OPERATION, CALLS, every=".*")
    return dashboard("fm-overview", "FaultMaven overview", "Errors, durations, tokens, caches, "
                     "investigations: all from log records.", bands, operations)


def now() -> Band:
    """Show six numbers that say whether to read on."""
    given_up = "sum(increase(otelcol_exporter_send_failed_log_records[$__range]))"
    return "", [
        number("Records", "Log records per second.", rate(RECORDS), unit="cps"),
        number("Error share", "ERROR and CRITICAL among all records.",
               f"{rate(RECORDS, FAILED)} / {rate(RECORDS)}", warn=0.05, unit="percentunit"),
        number("p95 of operations", "All operations together.",
               quantile("0.95", BUCKETS, by="le", window="$__rate_interval"), warn=2, unit="s"),
        number("Cache hit rate", "Requests that a cache answered.",
               f"{rate(CACHE, HITS)} / {rate(CACHE)}", unit="percentunit"),
        number("Tokens per hour", "LLM tokens at the present rate.",
               f"3600 * {rate(TOKENS)}", warn=1_000_000),
        number("Records lost", "Dropped by applications or given up by the collector.",
               f"({total(PROCESSED, LOST)} or vector(0)) + ({given_up} or vector(0))", warn=1),
    ]


def what_alerts() -> Band:
    """Show the alerts that fire, of applications and of the pipeline."""
    firing = 'sum by (severity, alertname, service_name) (ALERTS{alertstate="firing"})'
    columns = {"firing": query(firing, instant=True)}
    return "", [
        table("Firing alerts", "Empty is good. Alertmanager has their descriptions.", columns,
              width=24, height=5),
    ]


def which_errors() -> Band:
    """Show error rates by error_code."""
    return "Which errors?", [
        lines("Error rate by error_code", "Repeats of one exception count once.",
              query(rate(ERRORS, by=CODE), f"{{{{{CODE}}}}}"),
              unit="cps", width=14, defaults={"links": [RECORDS_WITH_CODE]}),
        bars("Most frequent codes", "In the time shown.",
             query(f"topk(15, {total(ERRORS, by=CODE)})", f"{{{{{CODE}}}}}", instant=True),
             width=5),
        bars("Errors by operation", "In the time shown.",
             query(f"topk(15, {total(ERRORS, by=OPERATION)})", f"{{{{{OPERATION}}}}}",
                   instant=True), width=5),
    ]


def how_long() -> Band:
    """Show durations by operation, and the latency of spans with their traces."""
    quantiles = {"p50": "0.5", "p95": "0.95", "p99": "0.99"}
    by = f"{OPERATION}, le"
    columns = {
        name: query(quantile(q, BUCKETS, SHOWN, by=by, window="$__range"), instant=True)
        for name, q in quantiles.items()
    }
    columns["calls"] = query(total(CALLS, SHOWN, by=OPERATION), instant=True)
    return "How long do operations take?", [
        lines("Duration by operation", "p50, p95 and p99 of finished operations.",
              *(query(quantile(q, BUCKETS, SHOWN, by=by, window="$__rate_interval"),
                      f"{{{{{OPERATION}}}}} {name}") for name, q in quantiles.items()),
              unit="s", width=14),
        table("Durations by operation", "Of the time shown, in seconds.", columns, width=10),
        lines("Latency of spans", "p95 by span; each diamond is a trace: open it.",
              query(quantile("0.95", SPANS, by="span_name, le", window="$__rate_interval"),
                    "{{span_name}}", exemplar=True), unit="ms", width=24),
    ]


def whose_tokens() -> Band:
    """Show token usage: by operation as a rate, by user and by session from the records."""
    return "Who uses the tokens?", [
        lines("Tokens by operation", "Per second.",
              query(rate(TOKENS, by=OPERATION), f"{{{{{OPERATION}}}}}"), width=9),
        bars("Users", "Exact, from the records of the time shown.",
             log_query(tokens_by("user_id"), "{{user_id}}", instant=True), width=5),
        bars("Sessions", "Exact, from the records of the time shown.",
             log_query(tokens_by("session_id"), "{{session_id}}", instant=True), width=5),
        bars("User buckets", "Users spread over 256 buckets: what alerts can see.",
             query(f"topk(15, {total(TOKENS, by=BUCKET)})", f"{{{{{BUCKET}}}}}", instant=True),
             width=5),
    ]


def tokens_by(label: str) -> str:
    """Write LogQL for the twenty values of ``label`` that used the most tokens."""
    return (
        f'topk(20, sum by ({label}) (sum_over_time({LOGS} | faultmaven_tokens_used != "" '
        f'| {label} != "" | unwrap faultmaven_tokens_used [$__range])))'
    )


def do_caches_help() -> Band:
    """Show how many requests caches answer."""
    return "Do the caches help?", [
        lines("Cache hit rate by operation", "Share of requests that a cache answered.",
              query(f"{rate(CACHE, HITS, by=OPERATION)} / {rate(CACHE, by=OPERATION)}",
                    f"{{{{{OPERATION}}}}}"), unit="percentunit", defaults={"max": 1}),
        lines("Cache requests", "Hits and misses per second.",
              query(rate(CACHE, by="faultmaven_cache_hit"), "hit {{faultmaven_cache_hit}}"),
              stacked=True, unit="reqps"),
    ]


def where_are_investigations() -> Band:
    """Show transitions from phase to phase, in any order."""
    time_in_phase = (
        f'quantile_over_time(0.5, {LOGS} | event_name="faultmaven.agent.phase_transition" '
        '| faultmaven_duration_ms != "" | unwrap faultmaven_duration_ms [$__auto]) '
        "by (faultmaven_agent_phase_from)"
    )
    return "Where are the investigations?", [
        bars("Phase transitions", "From and to, in the time shown; loops back are normal.",
             query(total(TRANSITIONS, by=FROM_TO), ARROW, instant=True)),
        lines("Transitions over time", "Per second.",
              query(rate(TRANSITIONS, by=FROM_TO), ARROW), stacked=True, unit="cps"),
        lines("Time in a phase", "Median, by the phase left.",
              log_query(time_in_phase, "{{faultmaven_agent_phase_from}}"), unit="ms"),
    ]


def what_happened() -> Band:
    """Show the volume by level and the latest errors."""
    return "What happened?", [
        lines("Volume by level", "Records per second; sampled ones with their weight.",
              query(rate(RECORDS, by="level"), "{{level}}"), stacked=True, unit="cps", width=8,
              height=10),
        log_lines("Recent errors", "Open a line for its fields and its trace.",
                  f"{LOGS} | severity_number >= 17", width=16, height=10),
    ]


def security() -> Band:
    """Show what was refused, and the audit records."""
    category = "faultmaven_audit_category"
    members = ("action", "outcome", "actor", "resource", "reason")
    text = " ".join(f"{{{{.faultmaven_audit_{member}}}}}" for member in members)
    return "Security and audit", [
        lines("Refused or failed", "Authentication, authorization and security records.",
              query(rate(SECURITY, by=category), f"{{{{{category}}}}}"), unit="cps", width=8,
              height=10),
        log_lines("Audit records", "Who did what to which, and how it ended.",
                  f'{LOGS} | faultmaven_audit_action != "" | line_format "{text}"',
                  width=16, height=10),
    ]


def pipeline() -> Json:
    """Show whether the records arrive."""
    bands = [applications(), collector_logs(), derived_metrics(), resources()]
    return dashboard("fm-pipeline", "FaultMaven pipeline", "Dropped, queued, refused, spooled: "
                     "whether the telemetry itself arrives.", bands)


def applications() -> Band:
    """Show what the package counts about itself."""
    size, capacity = (
        f"sum by (service_name) ({series(f'otel_sdk_processor_log_queue_{name}')})"
        for name in ("size", "capacity")
    )
    refused = rate("fm_otel_log_sampled_out_total", by="service_name, rule")
    return "Applications", [
        lines("Created and brought out", "Records per second, by service and destination.",
              query(rate("otel_sdk_log_created_total", by="service_name"),
                    "{{service_name}} created"),
              query(rate("otel_sdk_exporter_log_exported_total",
                         by="service_name, otel_component_name"),
                    "{{service_name}} {{otel_component_name}}"), unit="cps", width=8),
        lines("Dropped", "Lost records per second, by reason; sampling is not among them.",
              query(rate(PROCESSED, LOST, by="service_name, error_type"),
                    "{{service_name}} {{error_type}}"), unit="cps", width=8),
        lines("Sampled out", "Records per second that were refused on purpose, by rule.",
              query(refused, "{{service_name}} {{rule}}"), unit="cps", width=8),
        lines("Queue", "Share of the application's queue that is full.",
              query(f"{size} / {capacity}", "{{service_name}}"),
              unit="percentunit", defaults={"max": 1}, width=8),
        lines("Waiting for the collector", "Records taken and not yet acknowledged.",
              query(f"sum by (service_name) ({series('otel_sdk_exporter_log_inflight')})",
                    "{{service_name}}"), width=8),
        lines("Spooled", "Bytes that wait on disk for the collector.",
              query(f"sum by (service_name) ({series('fm_otel_spool_bytes')})",
                    "{{service_name}}"), unit="bytes", width=8),
    ]


def of_collector(metric: str, by: str) -> str:
    """Write the rate of one of the collector's own counters."""
    return f"sum by ({by}) (rate(otelcol_{metric}[$__rate_interval]))"


def collector_logs() -> Band:
    """Show what the collector takes, refuses, sends, keeps and gives up."""
    receiver, exporter = "receiver, transport", "exporter"
    refused, crowded_out = (
        f"{of_collector(f'exporter_{what}_failed_log_records', exporter)} or vector(0)"
        for what in ("send", "enqueue")
    )
    return "Collector", [
        lines("Received", "Records per second by protocol.",
              query(of_collector("receiver_accepted_log_records", receiver),
                    "{{receiver}} {{transport}}"), unit="cps", width=8),
        lines("Refused", "No memory, or a full queue behind: senders try again.",
              query(of_collector("receiver_refused_log_records", receiver),
                    "refused {{transport}}"),
              query(of_collector("receiver_failed_log_records", receiver),
                    "failed {{transport}}"), unit="cps", width=8),
        lines("Exported", "Records per second by destination.",
              query(of_collector("exporter_sent_log_records", exporter), "{{exporter}}"),
              unit="cps", width=8),
        lines("Queues", "Share of each exporter's queue that is full.",
              query("otelcol_exporter_queue_size / otelcol_exporter_queue_capacity",
                    "{{exporter}} {{data_type}}"),
              unit="percentunit", defaults={"max": 1}, width=8),
        lines("Given up", "Refused for good by a store, or not let into a full queue.",
              query(refused, "{{exporter}} sending"),
              query(crowded_out, "{{exporter}} queueing"), unit="cps", width=8),
        lines("Spans", "Received and exported per second.",
              query(of_collector("receiver_accepted_spans", "transport"), "{{transport}}"),
              query(of_collector("exporter_sent_spans", exporter), "{{exporter}}"),
              unit="cps", width=8),
    ]


def derived_metrics() -> Band:
    """Show whether the counters derived from logs are still exact."""
    dropped = of_collector('deltatocumulative_datapoints{error!=""}', "error")
    return "Derived metrics", [
        lines("Series", "Held by the collector; new ones are dropped past 20,000.",
              query("otelcol_deltatocumulative_streams_tracked", "{{instance}}")),
        lines("Points dropped", "Above zero, counters are not exact any more.",
              query(f"{dropped} or vector(0)", "{{error}}"), unit="cps"),
        lines("Scraped", "Samples of each scrape; refused past 50,000.",
              query('scrape_samples_scraped{job=~"faultmaven|otelcol"}', "{{job}}")),
    ]


def resources() -> Band:
    """Show the collector process."""
    return "Resources", [
        lines("Memory", "Of the collector; it refuses near its limit.",
              query("otelcol_process_memory_rss", "{{instance}}"), unit="bytes"),
        lines("CPU", "Cores in use.",
              query("rate(otelcol_process_cpu_seconds[$__rate_interval])", "{{instance}}")),
        lines("Up", "1 while it can be scraped.",
              query('up{job=~"faultmaven|otelcol"}', "{{job}}"), defaults={"max": 1}),
    ]


def errors() -> Json:
    """Show one panel for each category of the error catalogue."""
    categories = dict.fromkeys(code.category for code in CATALOGUE)
    others = codes_panel("Outside the catalogue", "NONE: no code; OTHER: a code it does not know.",
                         ("NONE", "OTHER"))
    panels = [*(category_panel(category) for category in categories), others]
    return dashboard("fm-errors", "FaultMaven errors by code", "One panel for each category of "
                     "the error catalogue.", [("", panels)])


def category_panel(category: str) -> Json:
    """Show the rates of one category's codes, each with its meaning in the description."""
    codes = [code for code in CATALOGUE if code.category == category]
    meanings = "\n".join(
        f"{code.mnemonic} ({code.number}, {code.severity}): {code.description}" for code in codes
    )
    return codes_panel(category, meanings, tuple(code.mnemonic for code in codes))


def codes_panel(title: str, about: str, codes: tuple[str, ...]) -> Json:
    """Show the rates of some codes."""
    matcher = f'{CODE}=~"{"|".join(codes)}"'
    return lines(title, about, query(rate(ERRORS, matcher, by=CODE), f"{{{{{CODE}}}}}"),
                 unit="cps", width=12, defaults={"links": [RECORDS_WITH_CODE]})


def logs() -> Json:
    """Find the records of a request, case, session or code."""
    ids = {
        "trace": "trace_id", "correlation": "faultmaven_correlation_id",
        "case": "faultmaven_investigation_id", "session": "session_id", "code": CODE,
    }
    filters = " ".join(f'| {label}=~"${name}.*"' for name, label in ids.items())
    found = f'{LOGS} {filters} |~ "(?i)$text"'
    bands = [("", [
        lines("Records", "By level.",
              log_query(f"sum by (detected_level) (count_over_time({found} [$__auto]))",
                        "{{detected_level}}"), stacked=True, width=24, height=6),
        log_lines("Found", "Open a line for its fields and its trace.", found,
                  width=24, height=24),
    ])]
    names = (("trace", "Trace id"), ("correlation", "Correlation id"), ("case", "Case"),
             ("session", "Session"), ("code", "Error code"), ("text", "Text"))
    return dashboard("fm-logs", "FaultMaven records", "The records of one request, case, session "
                     "or error code.", bands, *(entry(*name) for name in names))


def files(root: Path) -> dict[Path, str]:
    """Give the text of every dashboard."""
    boards = {"overview": overview(), "pipeline": pipeline(), "errors": errors(), "logs": logs()}
    folder = root / "collector/grafana/dashboards"
    return {
        folder / f"{name}.json": json.dumps(board, indent=1, ensure_ascii=False) + "\n"
        for name, board in boards.items()
    }
