"""Loki's file against what Loki's documentation defines for the sections it uses.

Loki itself runs only as an image; its strict parser refuses to start on an unknown key, so the
keys are written down here.
"""

from __future__ import annotations

from typing import Any, Final

import pytest
import yaml
from queries import COLLECTOR, ROOT

CONFIG: Final = yaml.safe_load((COLLECTOR / "loki.yaml").read_text("utf-8"))

SCALAR: Final = None
ANYTHING: Final = object()
KVSTORE: Final = {"store": SCALAR, "prefix": SCALAR}
RING: Final = {
    "kvstore": KVSTORE, "heartbeat_period": SCALAR, "heartbeat_timeout": SCALAR,
    "replication_factor": SCALAR, "instance_id": SCALAR, "instance_addr": SCALAR,
    "instance_port": SCALAR, "instance_interface_names": SCALAR, "tokens_file_path": SCALAR,
}
ATTRIBUTES: Final = [{"action": SCALAR, "attributes": [SCALAR], "regex": SCALAR}]

# "Grafana Loki configuration parameters", the blocks used here and their neighbours.
DOCUMENTED: Final[dict[str, Any]] = {
    "target": SCALAR,
    "auth_enabled": SCALAR,
    "server": {
        "http_listen_address": SCALAR, "http_listen_port": SCALAR, "grpc_listen_address": SCALAR,
        "grpc_listen_port": SCALAR, "log_level": SCALAR, "log_format": SCALAR,
        "http_server_read_timeout": SCALAR, "http_server_write_timeout": SCALAR,
        "grpc_server_max_recv_msg_size": SCALAR, "grpc_server_max_send_msg_size": SCALAR,
        "graceful_shutdown_timeout": SCALAR,
    },
    "common": {
        "path_prefix": SCALAR, "replication_factor": SCALAR, "persist_tokens": SCALAR,
        "instance_addr": SCALAR, "instance_interface_names": SCALAR, "compactor_address": SCALAR,
        "compactor_grpc_address": SCALAR, "scratch_path": SCALAR, "ring": RING,
        "storage": {"filesystem": {"chunks_directory": SCALAR, "rules_directory": SCALAR}},
    },
    "schema_config": {
        "configs": [{
            "from": SCALAR, "store": SCALAR, "object_store": SCALAR, "schema": SCALAR,
            "row_shards": SCALAR,
            "index": {"path_prefix": SCALAR, "prefix": SCALAR, "period": SCALAR, "tags": SCALAR},
            "chunks": {"prefix": SCALAR, "period": SCALAR, "tags": SCALAR},
        }],
    },
    "limits_config": {
        "ingestion_rate_strategy": SCALAR, "ingestion_rate_mb": SCALAR,
        "ingestion_burst_size_mb": SCALAR, "max_label_name_length": SCALAR,
        "max_label_value_length": SCALAR, "max_label_names_per_series": SCALAR,
        "reject_old_samples": SCALAR, "reject_old_samples_max_age": SCALAR,
        "creation_grace_period": SCALAR, "max_line_size": SCALAR, "max_line_size_truncate": SCALAR,
        "increment_duplicate_timestamp": SCALAR, "discover_service_name": SCALAR,
        "discover_log_levels": SCALAR, "log_level_fields": SCALAR,
        "log_level_from_json_max_depth": SCALAR, "max_streams_per_user": SCALAR,
        "max_global_streams_per_user": SCALAR, "per_stream_rate_limit": SCALAR,
        "per_stream_rate_limit_burst": SCALAR, "max_chunks_per_query": SCALAR,
        "max_query_series": SCALAR, "max_query_lookback": SCALAR, "max_query_length": SCALAR,
        "max_query_range": SCALAR, "max_query_parallelism": SCALAR,
        "max_entries_limit_per_query": SCALAR, "query_timeout": SCALAR,
        "split_queries_by_interval": SCALAR, "volume_enabled": SCALAR, "volume_max_series": SCALAR,
        "deletion_mode": SCALAR, "retention_period": SCALAR,
        "retention_stream": [{"selector": SCALAR, "priority": SCALAR, "period": SCALAR}],
        "shard_streams": {
            "enabled": SCALAR, "time_sharding_enabled": SCALAR, "logging_enabled": SCALAR,
            "desired_rate": SCALAR,
        },
        "allow_structured_metadata": SCALAR, "max_structured_metadata_size": SCALAR,
        "max_structured_metadata_entries_count": SCALAR,
        "otlp_config": {
            "resource_attributes": {"ignore_defaults": SCALAR, "attributes_config": ATTRIBUTES},
            "scope_attributes": ATTRIBUTES, "log_attributes": ATTRIBUTES,
            "severity_text_as_label": SCALAR,
        },
    },
    "compactor": {
        "working_directory": SCALAR, "compaction_interval": SCALAR,
        "apply_retention_interval": SCALAR, "retention_enabled": SCALAR,
        "retention_delete_delay": SCALAR, "retention_delete_worker_count": SCALAR,
        "delete_request_store": SCALAR, "delete_request_cancel_period": SCALAR,
        "compactor_ring": RING,
    },
    "analytics": {"reporting_enabled": SCALAR, "usage_stats_url": SCALAR},
}
INDEXED: Final = ["service.name", "service.namespace", "deployment.environment.name"]


def unknown(value: Any, documented: Any, path: str = "") -> list[str]:  # noqa: ANN401 - any YAML
    """List the keys that the documentation does not define."""
    if documented is ANYTHING:
        return []
    if isinstance(value, dict):
        if not isinstance(documented, dict):
            return [path]
        return [
            found
            for key, inner in value.items()
            for found in (
                unknown(inner, documented[key], f"{path}.{key}")
                if key in documented
                else [f"{path}.{key}"]
            )
        ]
    if isinstance(value, list) and isinstance(documented, list):
        return [found for item in value for found in unknown(item, documented[0], f"{path}[]")]
    return [path] if isinstance(documented, dict) else []


def test_every_key_is_documented() -> None:
    """Loki starts: it refuses a file with a key that it does not know."""
    assert unknown(CONFIG, DOCUMENTED) == []


@pytest.mark.parametrize(
    ("change", "found"),
    [
        ({"limit_config": {}}, ".limit_config"),
        ({"limits_config": {"retention": "1h"}}, ".limits_config.retention"),
        ({"limits_config": {"otlp_config": {"resource_attributes": {"attributes_config": [
            {"action": "index_label", "names": ["a"]}]}}}},
         ".limits_config.otlp_config.resource_attributes.attributes_config[].names"),
        ({"server": 3100, "common": {"ring": "inmemory"}}, ".common.ring"),
    ],
)
def test_a_key_that_is_not_documented_is_found(change: dict[str, Any], found: str) -> None:
    """The table above can fail."""
    assert found in unknown(change, DOCUMENTED)


def test_only_three_attributes_become_labels() -> None:
    """One stream per service and environment: ids and instances would open one per process."""
    resource = CONFIG["limits_config"]["otlp_config"]["resource_attributes"]
    assert resource["ignore_defaults"] is True
    assert resource["attributes_config"] == [{"action": "index_label", "attributes": INDEXED}]


def test_structured_metadata_is_possible() -> None:
    """Attributes are kept beside the line, which needs the tsdb index of schema v13."""
    newest = CONFIG["schema_config"]["configs"][-1]
    assert (newest["store"], newest["schema"]) == ("tsdb", "v13")
    assert newest["index"]["period"] == "24h"
    assert CONFIG["limits_config"]["allow_structured_metadata"] is True


def test_retention_is_carried_out() -> None:
    """A retention period alone deletes nothing: the compactor must be told and given a store."""
    assert CONFIG["limits_config"]["retention_period"] == "168h"
    assert CONFIG["compactor"]["retention_enabled"] is True
    assert CONFIG["compactor"]["delete_request_store"] == newest_store()


def newest_store() -> str:
    """Give the object store in force."""
    return str(CONFIG["schema_config"]["configs"][-1]["object_store"])


def test_one_batch_fits_the_limits() -> None:
    """The largest batch that the collector sends is below the burst, in all and per stream."""
    exporter = yaml.safe_load((COLLECTOR / "otelcol.yaml").read_text("utf-8"))["exporters"]
    sizes = [
        queue["batch"]["max_size"]
        for name, settings in exporter.items()
        if name.startswith("otlp_http") and "batch" in (queue := settings["sending_queue"])
    ]
    assert sizes
    limits = CONFIG["limits_config"]
    assert max(sizes) < limits["ingestion_burst_size_mb"] * 1_000_000
    assert limits["per_stream_rate_limit_burst"] == "32MB"


def test_loki_listens_where_the_collector_sends() -> None:
    """The address in the compose file is Loki's OTLP path on its own port."""
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
    address = compose["services"]["otelcol"]["environment"]["FM_LOGSTORE"]
    assert address == f"http://loki:{CONFIG['server']['http_listen_port']}/otlp"


def test_loki_tells_nobody_about_itself() -> None:
    """No usage reports leave the machine."""
    assert CONFIG["analytics"]["reporting_enabled"] is False
