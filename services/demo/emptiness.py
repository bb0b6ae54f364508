"""A Kafka or Redis that runs elsewhere must be empty: the demo counts everything that is there.

Ours are, because their directory was wiped.
"""

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError
from redis.asyncio import Redis
from redis.exceptions import RedisError

from schemas.topics import all_topics
from services.demo.errors import NotEmpty
from services.demo.partitions import partitions_of
from services.platform.broker import BrokerKind
from services.platform.plan import Plan


async def require_empty(planned: Plan) -> None:
    """Raises NotEmpty. One that does not answer is left to the platform, which says so."""
    if planned.broker.kind is BrokerKind.EXTERNAL:
        await _require_empty_kafka(planned.broker.bootstrap)
    if planned.redis.executable is None:
        await _require_empty_redis(planned.redis.url)


async def _require_empty_kafka(bootstrap: str) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    try:
        await consumer.start()
        present = await consumer.topics() & all_topics().keys()
        ends = await consumer.end_offsets(await partitions_of(bootstrap, sorted(present)))
    except (KafkaError, OSError):
        return
    finally:
        await consumer.stop()
    used = sorted({partition.topic for partition, end in ends.items() if end})
    if used:
        raise NotEmpty(
            f"The Kafka at {bootstrap} holds records in {', '.join(used)} already: delete these topics, "
            "or let the demo run a Kafka of its own (--broker kafka)."
        )


async def _require_empty_redis(url: str) -> None:
    redis = Redis.from_url(url)
    try:
        size = await redis.dbsize()
    except (RedisError, OSError):
        return
    finally:
        await redis.aclose()
    if size:
        raise NotEmpty(
            f"The Redis at {url} holds {size} keys already, perhaps of mails that would count as sent: "
            "choose an empty database (redis://host:port/NUMBER), or unset TETIK_REDIS."
        )
