import { Connection } from '@edgelog/client';
import { apis } from '@edgelog/wire';
import type { Broker } from '../brokers.ts';

const TIMEOUT_MS = 60_000;
const LATEST = -1;

/** Asks a broker over one connection how many records of a topic are committed. */
export class Arrived {
  readonly #connection: Connection;
  readonly #topic: string;
  readonly #partitions: readonly { partitionIndex: number; timestamp: number }[];

  private constructor(connection: Connection, topic: string, partitions: number) {
    this.#connection = connection;
    this.#topic = topic;
    this.#partitions = Array.from({ length: partitions }, (_, partitionIndex) => ({
      partitionIndex,
      timestamp: LATEST,
    }));
  }

  static async open({ port }: Pick<Broker, 'port'>, topic: string, partitions: number): Promise<Arrived> {
    const options = { clientId: 'bench', timeoutMs: TIMEOUT_MS };
    return new Arrived(await Connection.open({ host: '127.0.0.1', port }, options), topic, partitions);
  }

  async count(): Promise<number> {
    const topics = [{ name: this.#topic, partitions: [...this.#partitions] }];
    const body = { replicaId: -1, isolationLevel: 0, topics, timeoutMs: TIMEOUT_MS };
    const answer = await this.#connection.request(apis.listOffsets, body);
    return answer.topics[0]!.partitions.reduce((sum, { offset }) => sum + Math.max(0, offset), 0);
  }

  close(): void {
    this.#connection.close();
  }
}
