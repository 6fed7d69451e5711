import { run } from './process.ts';

export interface ConsumedRecord {
  partition: number;
  offset: number;
  key: string;
  headers: string;
  value: string;
}

const FORMAT = '%p\t%o\t%k\t%h\t%s\n';

/** Everything in a topic that nobody writes to, read with the CRC check on, in the order of offsets per partition. */
export function consumeAll(bootstrap: string, topic: string): Promise<ConsumedRecord[]> {
  return consume(bootstrap, topic, ['-e']);
}

/** The first `count` records that come: of a topic that is written to, whose end kcat may never see. */
export function consumeFirst(bootstrap: string, topic: string, count: number): Promise<ConsumedRecord[]> {
  return consume(bootstrap, topic, ['-c', String(count)]);
}

async function consume(
  bootstrap: string,
  topic: string,
  until: readonly string[],
): Promise<ConsumedRecord[]> {
  const from = ['-b', bootstrap, '-C', '-t', topic, '-o', 'beginning', '-q', '-X', 'check.crcs=true'];
  const { code, stdout, stderr } = await run('kcat', [...from, ...until, '-f', FORMAT]);
  if (code !== 0) throw new Error(`kcat ended with ${code}: ${stderr}`);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [partition, offset, key, headers, ...value] = line.split('\t');
      return {
        partition: Number(partition),
        offset: Number(offset),
        key: key!,
        headers: headers!,
        value: value.join('\t'),
      };
    });
}
