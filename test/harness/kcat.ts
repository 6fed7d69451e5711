import { run } from './process.ts';

export interface ConsumedRecord {
  partition: number;
  offset: number;
  key: string;
  headers: string;
  value: string;
}

const FORMAT = '%p\t%o\t%k\t%h\t%s\n';

/** Everything in a topic, read by kcat with its CRC check on, in the order of offsets per partition. */
export async function consumeAll(
  bootstrap: string,
  topic: string,
  timeoutMs = 60_000,
): Promise<ConsumedRecord[]> {
  const { code, stdout, stderr } = await run(
    'kcat',
    [
      '-b',
      bootstrap,
      '-C',
      '-t',
      topic,
      '-o',
      'beginning',
      '-e',
      '-q',
      '-X',
      'check.crcs=true',
      '-f',
      FORMAT,
    ],
    { timeoutMs },
  );
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
