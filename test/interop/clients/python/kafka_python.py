import kafka
from contract import GROUP_TIMES_MS, Assignment, Stop, arguments, headers, messages, record, say
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import NewTopic

args = arguments()


def consumer(**extra):
    return KafkaConsumer(bootstrap_servers=args.bootstrap, auto_offset_reset="earliest", check_crcs=True, **extra)


def emit(message):
    record(message.partition, message.offset, message.key, message.headers, message.value)


def produce():
    codec = None if args.codec == "none" else args.codec
    producer = KafkaProducer(bootstrap_servers=args.bootstrap, acks="all", compression_type=codec, linger_ms=5)
    sent = [producer.send(args.topic, value, key, headers(args)) for key, value in messages(args)]
    for future in sent:
        future.get(30)
    producer.close()


def read(timestamp=None):
    source = consumer(enable_auto_commit=False)
    partitions = [TopicPartition(args.topic, p) for p in source.partitions_for_topic(args.topic)]
    source.assign(partitions)
    if timestamp is None:
        source.seek_to_beginning()
    else:
        found = source.offsets_for_times({partition: timestamp for partition in partitions})
        for partition, at in found.items():
            source.seek(partition, at.offset) if at else source.seek_to_end(partition)
    for _ in range(args.count):
        emit(next(source))
    source.close()


def group():
    member = consumer(
        group_id=args.group,
        auto_commit_interval_ms=GROUP_TIMES_MS["commit"],
        session_timeout_ms=GROUP_TIMES_MS["session"],
        heartbeat_interval_ms=GROUP_TIMES_MS["heartbeat"],
    )
    assignment, stop = Assignment(), Stop()
    member.subscribe([args.topic])
    while not stop.asked:
        batches = member.poll(timeout_ms=100)
        assignment.now(p.partition for p in member.assignment())
        for batch in batches.values():
            for message in batch:
                emit(message)
    member.close()


def admin():
    return KafkaAdminClient(bootstrap_servers=args.bootstrap)


if args.verb == "version":
    say("version", kafka.__version__)
elif args.verb == "create":
    admin().create_topics([NewTopic(args.topic, args.partitions, 1)])
elif args.verb == "delete":
    admin().delete_topics([args.topic])
elif args.verb == "list":
    for topic in admin().list_topics():
        say("topic", topic)
elif args.verb == "produce":
    produce()
elif args.verb == "consume":
    read()
elif args.verb == "seek":
    read(args.timestamp)
elif args.verb == "group":
    group()
