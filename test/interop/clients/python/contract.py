"""The command line and the output that all interop clients share (see ../../README.md)."""
import argparse
import signal

GROUP_TIMES_MS = {"commit": 200, "session": 6000, "heartbeat": 500}


def arguments():
    parser = argparse.ArgumentParser()
    parser.add_argument("verb")
    for name in ("bootstrap", "topic", "codec", "key-prefix", "group", "group-protocol"):
        parser.add_argument("--" + name)
    for name in ("partitions", "count", "timestamp"):
        parser.add_argument("--" + name, type=int)
    return parser.parse_args()


def messages(args):
    """(key, value) of every record to produce."""
    for i in range(args.count):
        key = f"{args.key_prefix}-{i}"
        yield key.encode(), (f"{key};" * 10).encode()


def headers(args):
    return [("origin", args.key_prefix.encode())]


def say(*fields):
    print(*fields, sep="\t", flush=True)


def record(partition, offset, key, record_headers, value):
    pairs = ",".join(f"{name}={content.decode()}" for name, content in record_headers or [])
    say("record", partition, offset, key.decode(), pairs, value.decode())


class Assignment:
    """Says which partitions a member has, each time that changes."""

    def __init__(self):
        self.last = None

    def now(self, partitions):
        current = sorted(partitions)
        if current != self.last:
            self.last = current
            say("assigned", ",".join(map(str, current)))


class Stop:
    """True once SIGTERM came."""

    def __init__(self):
        self.asked = False
        signal.signal(signal.SIGTERM, self.ask)

    def ask(self, *_):
        self.asked = True
