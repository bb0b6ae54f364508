"""Is it up? One question for each kind of component, answered yes or no, never by an exception."""

import asyncio

import httpx
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.platform.process import Probe

PROBE_TIMEOUT_S = 2.0
HTTP_OK = 200


async def port_open(host: str, port: int) -> bool:
    """Does anything listen there?"""
    try:
        _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), PROBE_TIMEOUT_S)
    except (OSError, TimeoutError):
        return False
    writer.close()
    return True


def split_address(address: str) -> tuple[str, int]:
    """`host:port` → parts. Raises ValueError when it is not that."""
    host, separator, port = address.rpartition(":")
    if not separator or not host or not port.isdigit() or not 0 < int(port) <= 65_535:
        raise ValueError(f"{address!r} is not host:port")
    return host.strip("[]"), int(port)


async def kafka_answers(bootstrap: str) -> bool:
    """Does one of the comma-separated brokers answer a metadata request? The open port comes first: an
    unanswered connection would make the client log an error at each try."""
    addresses = [split_address(each.strip()) for each in bootstrap.split(",")]
    if not any([await port_open(host, port) for host, port in addresses]):
        return False
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=int(PROBE_TIMEOUT_S * 1000))
    try:
        await client.bootstrap()
        metadata = await client.fetch_all_metadata()
        return bool(metadata.brokers())
    except (KafkaError, OSError):
        return False
    finally:
        await client.close()


async def redis_answers(url: str) -> bool:
    client = Redis.from_url(url, socket_connect_timeout=PROBE_TIMEOUT_S, socket_timeout=PROBE_TIMEOUT_S)
    try:
        answer = client.ping()  # typed for the sync client too
        return answer if isinstance(answer, bool) else await answer
    except (RedisError, OSError):
        return False
    finally:
        await client.aclose()


async def http_answers(url: str) -> bool:
    """Does GET answer 200?"""
    try:
        async with httpx.AsyncClient(timeout=PROBE_TIMEOUT_S, trust_env=False) as client:
            return (await client.get(url)).status_code == HTTP_OK
    except (httpx.HTTPError, OSError):
        return False


def kafka_ready(bootstrap: str) -> Probe:
    return lambda: kafka_answers(bootstrap)


def redis_ready(url: str) -> Probe:
    return lambda: redis_answers(url)


def http_ready(url: str) -> Probe:
    return lambda: http_answers(url)
