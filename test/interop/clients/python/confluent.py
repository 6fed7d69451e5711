import confluent_kafka
from confluent_kafka import Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic
from contract import GROUP_TIMES_MS, Assignment, Stop, arguments, headers, messages, record, say

args = arguments()
servers = {"bootstrap.servers": args.bootstrap}


def consumer(**extra):
    settings = {"group.id": args.group or "unused", "check.crcs": True, "auto.offset.reset": "earliest"}
    return Consumer(servers | settings | {name.replace("_", "."): value for name, value in extra.items()})


def emit(message):
    if message.error():
        raise RuntimeError(message.error())
    record(message.partition(), message.offset(), message.key(), message.headers(), message.value())


def produce():
    failures = []
    producer = Producer(servers | {"enable.idempotence": True, "compression.type": args.codec, "linger.ms": 5})
    for key, value in messages(args):
        producer.produce(args.topic, value, key, headers=headers(args), on_delivery=lambda e, _: e and failures.append(e))
    producer.flush(30)
    if failures:
        raise RuntimeError(failures[0])


def read(timestamp=None):
    source = consumer(enable_auto_commit=False)
    partitions = source.list_topics(args.topic, 10).topics[args.topic].partitions
    wanted = [TopicPartition(args.topic, p, 0 if timestamp is None else timestamp) for p in partitions]
    source.assign(wanted if timestamp is None else source.offsets_for_times(wanted, 10))
    for _ in range(args.count):
        message = None
        while message is None:
            message = source.poll(1)
        emit(message)
    source.close()


def group():
    times = {"auto_commit_interval_ms": GROUP_TIMES_MS["commit"]}
    if args.group_protocol == "consumer":
        times["group_protocol"] = "consumer"
    else:
        times |= {"session_timeout_ms": GROUP_TIMES_MS["session"], "heartbeat_interval_ms": GROUP_TIMES_MS["heartbeat"]}
    member, assignment, stop = consumer(**times), Assignment(), Stop()
    member.subscribe([args.topic])
    while not stop.asked:
        message = member.poll(0.1)
        assignment.now(p.partition for p in member.assignment())
        if message is not None:
            emit(message)
    member.close()


def admin(call):
    client = AdminClient(servers)
    for future in call(client).values():
        future.result(30)


if args.verb == "version":
    say("version", f"{confluent_kafka.__version__} (librdkafka {confluent_kafka.libversion()[0]})")
elif args.verb == "create":
    admin(lambda client: client.create_topics([NewTopic(args.topic, args.partitions, 1)]))
elif args.verb == "delete":
    admin(lambda client: client.delete_topics([args.topic]))
elif args.verb == "list":
    for name in AdminClient(servers).list_topics(timeout=10).topics:
        say("topic", name)
elif args.verb == "produce":
    produce()
elif args.verb == "consume":
    read()
elif args.verb == "seek":
    read(args.timestamp)
elif args.verb == "group":
    group()
