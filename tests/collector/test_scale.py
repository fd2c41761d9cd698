"""The scale path: agents spread over gateways, a gateway dies, Kafka bridges an absence."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import struct
import subprocess
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from threading import Thread
from typing import TYPE_CHECKING, Final

import pytest
import stack_tools
from conftest import lines_of
from stack_parts import Collector, Part, eventually, free_port
from test_durability import BATCH, Client
from test_metrics import total

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.stack

GATEWAYS: Final = ("127.0.0.1", "127.0.0.2")
KAFKA: Final = ("org.apache.kafka:kafka_2.13:4.1.0", "org.slf4j:slf4j-simple:1.7.36")


class Names:
    """A name server that knows one name: the addresses of the gateways."""

    def __init__(self, addresses: tuple[str, ...]) -> None:
        """Start answering."""
        self.addresses = addresses
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        """Answer until the socket is closed."""
        while True:
            try:
                question, sender = self.socket.recvfrom(4096)
            except OSError:
                return
            if not question:
                return
            self.socket.sendto(self.answer(question), sender)

    def answer(self, question: bytes) -> bytes:
        """Give all addresses to a question for A records, nothing to any other."""
        end = question.index(b"\0", 12) + 5
        wanted = question[end - 4:end] == b"\0\1\0\1"
        records = [
            b"\xc0\x0c\0\1\0\1" + struct.pack(">IH", 1, 4) + socket.inet_aton(address)
            for address in (self.addresses if wanted else ())
        ]
        head = question[:2] + struct.pack(">HHHHH", 0x8180, 1, len(records), 0, 0)
        return head + question[12:end] + b"".join(records)

    def close(self) -> None:
        """Stop answering."""
        self.socket.sendto(b"", self.socket.getsockname())
        self.thread.join(5)
        self.socket.close()


@pytest.fixture
def names() -> Iterator[Names]:
    """Run the name server."""
    server = Names(GATEWAYS)
    yield server
    server.close()


def gateway_total(gateways: list[Collector], service: str) -> float:
    """Add the gateways' derived counters up, as sum() does."""
    return sum(
        total(each.metrics, "faultmaven_log_records_total", service_name=service)
        for each in gateways if not each.ended
    )


def written(gateways: list[Collector], service: str) -> Counter[str]:
    """Count the lines of a service in all gateways' files."""
    return Counter(
        each["record_id"]
        for gateway in gateways
        for each in lines_of(gateway.file)
        if each.get("service") == service
    )


def start_agents(
    start: Callable[..., Collector], configs: list[str], environment: dict[str, str]
) -> list[Collector]:
    """Start two agents."""
    return [start(configs, name=f"agent-{n}", environment=environment) for n in range(2)]


def send_all(agents: list[Collector], service: str, batches: int) -> list[str]:
    """Send from one client per agent and give what was acknowledged."""
    clients = [Client(agent.http, service) for agent in agents]

    def send(client: Client) -> None:
        for _ in range(batches):
            assert client.batch()

    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(send, clients))
    return [record for client in clients for record in client.acknowledged]


def test_agents_spread_over_gateways_and_one_dies(
    start_collector: Callable[..., Collector], names: Names
) -> None:
    """Both gateways get a share; with one killed the other takes all; nothing acknowledged lost."""
    port = free_port()
    gateways = [
        start_collector(["otelcol.yaml", "gateway.yaml"], name=f"gateway-{n}",
                        environment={"FM_OTLP_GRPC": f"{address}:{port}"})
        for n, address in enumerate(GATEWAYS)
    ]
    agents = start_agents(start_collector, ["agent.yaml"], {
        "FM_GATEWAY": f"dns://127.0.0.1:{names.port}/gateways.test:{port}",
        "FM_GATEWAY_PLAINTEXT": "true",
    })
    service = f"scaled-{secrets.token_hex(4)}"
    acknowledged = send_all(agents, service, 20)
    wanted = len(acknowledged)
    eventually(lambda: gateway_total(gateways, service) == wanted, 20, 0.2)
    assert gateway_total(gateways, service) == wanted
    assert written(gateways, service) == Counter(acknowledged)
    assert all(written([gateway], service) for gateway in gateways)
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send_all, agents, service, 40)
        time.sleep(0.3)
        gateways[1].kill()
        acknowledged += sending.result()
    eventually(lambda: set(acknowledged) <= written(gateways, service).keys(), 30, 0.3)
    seen = written(gateways, service)
    assert set(acknowledged) <= seen.keys()
    # A request in flight at the kill may have been written before its answer was lost.
    assert sum(seen.values()) - len(seen) <= 20 * BATCH


@pytest.fixture(scope="module")
def kafka_jars() -> Path:
    """Fetch the broker's jars with Maven, once for this machine."""
    if not (shutil.which("java") and shutil.which("mvn")):
        missing = "the Kafka test needs Java 17 and Maven on PATH"
        if os.environ.get("CI") == "true":
            pytest.fail(missing)
        pytest.skip(missing)
    return stack_tools.jars("kafka", KAFKA)


@pytest.fixture
def kafka(tmp_path: Path, kafka_jars: Path) -> Iterator[str]:
    """Run a broker of one node and give its address."""
    broker, controller = free_port(), free_port()
    properties = tmp_path / "kafka.properties"
    properties.write_text(f"""
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{broker},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{broker}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={tmp_path / "kafka"}
offsets.topic.replication.factor=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
num.partitions=4
""", encoding="utf-8")
    java = ["java", "-Xmx256m", "-cp", f"{kafka_jars}/*"]
    cluster = "".join(secrets.choice("ABCDEFGHIJKLMNOPQRSTUVWXYZ") for _ in range(21)) + "A"
    subprocess.run(
        [*java, "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)],
        check=True, capture_output=True, timeout=60,
    )
    part = Part("kafka", [*java, "kafka.Kafka", str(properties)], "", tmp_path)
    part.launch()
    try:
        assert eventually(lambda: accepts(broker), 60, 0.2), part.log.read_text()[-2000:]
        yield f"127.0.0.1:{broker}"
    finally:
        part.kill()


def accepts(port: int) -> bool:
    """Tell whether somebody listens."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def test_kafka_bridges_a_gateway_that_is_away(
    start_collector: Callable[..., Collector], kafka: str
) -> None:
    """Agents write to a real broker while no gateway runs; a later one stores and counts all."""
    environment = {"FM_KAFKA": f"[{kafka}]"}
    configs = ["otelcol.yaml", "gateway.yaml", "gateway-kafka.yaml"]
    agents = start_agents(start_collector, ["agent.yaml", "agent-kafka.yaml"], environment)
    service = f"kafka-{secrets.token_hex(4)}"
    acknowledged = send_all(agents, service, 10)
    gateway = start_collector(configs, name="gateway-kafka", environment=environment)
    eventually(lambda: set(acknowledged) <= written([gateway], service).keys(), 40, 0.3)
    assert written([gateway], service) == Counter(acknowledged)
    gateway.stop()
    acknowledged += send_all(agents, service, 10)
    gateway.start()
    eventually(lambda: set(acknowledged) <= written([gateway], service).keys(), 40, 0.3)
    seen = written([gateway], service)
    assert set(acknowledged) == seen.keys()
    assert sum(seen.values()) - len(seen) <= 10 * BATCH
    # Since its restart it has counted what it has stored since.
    wanted = sum(seen.values()) - len(acknowledged) // 2
    eventually(lambda: gateway_total([gateway], service) == wanted, 10, 0.2)
    assert gateway_total([gateway], service) == wanted
