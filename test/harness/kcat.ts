import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

export interface ConsumedRecord {
  partition: number;
  offset: number;
  key: string;
  headers: string;
  value: string;
}

const FORMAT = '%p\t%o\t%k\t%h\t%s\n';
const TIMEOUT_MS = 300_000;

/** Everything in a topic that nobody writes to, read with the CRC check on, in the order of offsets per partition. */
export async function consumeAll(bootstrap: string, topic: string): Promise<ConsumedRecord[]> {
  return collect(consumeEach(bootstrap, topic));
}

/** As `consumeAll`, one after the other: for more than fits into memory. */
export function consumeEach(bootstrap: string, topic: string): AsyncIterable<ConsumedRecord> {
  return consume(bootstrap, topic, ['-e']);
}

/** The first `count` records that come: of a topic that is written to, whose end kcat may never see. */
export function consumeFirst(bootstrap: string, topic: string, count: number): Promise<ConsumedRecord[]> {
  return collect(consume(bootstrap, topic, ['-c', String(count)]));
}

async function collect(records: AsyncIterable<ConsumedRecord>): Promise<ConsumedRecord[]> {
  const all: ConsumedRecord[] = [];
  for await (const record of records) all.push(record);
  return all;
}

async function* consume(
  bootstrap: string,
  topic: string,
  until: readonly string[],
): AsyncGenerator<ConsumedRecord> {
  const from = ['-b', bootstrap, '-C', '-t', topic, '-o', 'beginning', '-q', '-X', 'check.crcs=true'];
  const kcat = spawn('kcat', [...from, ...until, '-f', FORMAT], { stdio: ['ignore', 'pipe', 'pipe'] });
  const ended = once(kcat, 'exit');
  const timer = setTimeout(() => kcat.kill('SIGKILL'), TIMEOUT_MS);
  let stderr = '';
  kcat.stderr.on('data', (text: Buffer) => {
    stderr += text.toString();
  });
  try {
    for await (const line of createInterface({ input: kcat.stdout })) if (line !== '') yield parse(line);
    const [code] = await ended;
    if (code !== 0) throw new Error(`kcat ended with ${code}: ${stderr}`);
  } finally {
    clearTimeout(timer);
    kcat.kill();
  }
}

function parse(line: string): ConsumedRecord {
  const [partition, offset, key, headers, ...value] = line.split('\t');
  return {
    partition: Number(partition),
    offset: Number(offset),
    key: key!,
    headers: headers!,
    value: value.join('\t'),
  };
}
