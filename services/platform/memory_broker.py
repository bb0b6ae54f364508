"""A broker without Java: librdkafka's mock cluster, which ships inside confluent-kafka, as a process.

`python -m services.platform.memory_broker --port 9092`. For a look around on a machine without Java only: it
keeps everything in memory, forgets it at the end, compacts nothing, and is no ground for a durability claim.
The cluster chooses its own port, so the stated one is a plain forwarder: clients learn the real address from
the first answer and go there.
"""

import argparse
import asyncio
import sys

from confluent_kafka import KafkaException, Producer

LOOPBACK = "127.0.0.1"
CHUNK_BYTES = 65_536
METADATA_TIMEOUT_S = 10


def start_cluster() -> tuple[Producer, str, int]:
    """The cluster lives as long as the returned client. With it: its host and port."""
    owner = Producer({"test.mock.num.brokers": 1, "log_level": 0})
    (broker,) = owner.list_topics(timeout=METADATA_TIMEOUT_S).brokers.values()
    return owner, str(broker.host), int(broker.port)


async def forward(port: int, target_host: str, target_port: int) -> None:
    """Serves until cancelled. Raises OSError when the port is taken."""

    async def connect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far_reader, far_writer = await asyncio.open_connection(target_host, target_port)
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        except ConnectionError:
            writer.close()

    server = await asyncio.start_server(connect, LOOPBACK, port)
    async with server:
        await server.serve_forever()


async def _copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    try:
        while chunk := await source.read(CHUNK_BYTES):
            target.write(chunk)
            await target.drain()
    finally:
        target.close()


def main() -> int:
    parser = argparse.ArgumentParser(prog="services.platform.memory_broker")
    parser.add_argument("--port", type=int, required=True, help="where clients find the broker first")
    options = parser.parse_args()
    try:
        owner, host, port = start_cluster()
        print(f"memory broker on {host}:{port}, reached through port {options.port}", flush=True)
        asyncio.run(forward(options.port, host, port))
        owner.flush(0)
    except KafkaException as error:
        sys.stderr.write(f"The memory broker does not start: {error}\n")
        return 1
    except OSError as error:
        sys.stderr.write(f"The memory broker cannot listen on port {options.port}: {error.strerror}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
