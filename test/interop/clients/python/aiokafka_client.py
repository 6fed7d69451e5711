import asyncio

import aiokafka
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from contract import GROUP_TIMES_MS, Assignment, Stop, arguments, headers, messages, record, say

args = arguments()


def emit(message):
    record(message.partition, message.offset, message.key, message.headers, message.value)


def consumer(*topics, **extra):
    return AIOKafkaConsumer(
        *topics, bootstrap_servers=args.bootstrap, auto_offset_reset="earliest", check_crcs=True, **extra
    )


async def produce():
    codec = None if args.codec == "none" else args.codec
    producer = AIOKafkaProducer(
        bootstrap_servers=args.bootstrap, enable_idempotence=True, compression_type=codec, linger_ms=5
    )
    async with producer:
        sent = [await producer.send(args.topic, value, key, headers=headers(args)) for key, value in messages(args)]
        await asyncio.gather(*sent)


async def read(timestamp=None):
    async with consumer(args.topic, enable_auto_commit=False) as source:
        if timestamp is not None:
            found = await source.offsets_for_times({partition: timestamp for partition in source.assignment()})
            for partition, at in found.items():
                if at:
                    source.seek(partition, at.offset)
                else:
                    await source.seek_to_end(partition)
        for _ in range(args.count):
            emit(await source.getone())


async def group():
    member = consumer(
        args.topic,
        group_id=args.group,
        auto_commit_interval_ms=GROUP_TIMES_MS["commit"],
        session_timeout_ms=GROUP_TIMES_MS["session"],
        heartbeat_interval_ms=GROUP_TIMES_MS["heartbeat"],
    )
    assignment, stop = Assignment(), Stop()
    async with member:
        while not stop.asked:
            batches = await member.getmany(timeout_ms=100)
            assignment.now(p.partition for p in member.assignment())
            for batch in batches.values():
                for message in batch:
                    emit(message)


async def admin(call):
    client = AIOKafkaAdminClient(bootstrap_servers=args.bootstrap)
    await client.start()
    try:
        return await call(client)
    finally:
        await client.close()


async def listed():
    for topic in await admin(lambda client: client.list_topics()):
        say("topic", topic)


async def succeed(call):
    response = await admin(call)
    errors = getattr(response, "topic_errors", None) or getattr(response, "topic_error_codes", [])
    for topic, code, *rest in errors:
        if code != 0:
            raise RuntimeError(f"{topic}: error {code} {rest}")


if args.verb == "version":
    say("version", aiokafka.__version__)
elif args.verb == "create":
    asyncio.run(succeed(lambda client: client.create_topics([NewTopic(args.topic, args.partitions, 1)])))
elif args.verb == "delete":
    asyncio.run(succeed(lambda client: client.delete_topics([args.topic])))
elif args.verb == "list":
    asyncio.run(listed())
elif args.verb == "produce":
    asyncio.run(produce())
elif args.verb == "consume":
    asyncio.run(read())
elif args.verb == "seek":
    asyncio.run(read(args.timestamp))
elif args.verb == "group":
    asyncio.run(group())
