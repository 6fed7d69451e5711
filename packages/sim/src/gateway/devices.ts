import { EdgelogError } from '@edgelog/base';
import type { Stream, StreamSet } from '@edgelog/edge';
import type { Clock } from '../clock.ts';
import type { Prng } from '../prng.ts';
import type { Promised } from './checker.ts';
import type { GatewayProcess } from './process.ts';

export interface DevicesOptions {
  clock: Clock;
  topics: string[];
  /** Some readings go to all topics at once. */
  readsSeveral: boolean;
  valueBytesMax: number;
  /** A reading of the gateway itself, not of its double, was acknowledged. */
  promised(record: number, promised: Promised): void;
}

/** Whatever publishes at a gateway. Each reading carries the number of its record; what is put alongside it says its offset. */
export class Devices {
  readonly #options: DevicesOptions;
  /** Number of the record that comes next. */
  nextRecord = 0;
  /** Readings that were refused because the disk was full. */
  refused = 0;

  constructor(options: DevicesOptions) {
    this.#options = options;
  }

  /** Some readings at once, for one topic or for several. */
  publish(process: GatewayProcess, prng: Prng, isOriginal: boolean): void {
    const { topics, readsSeveral, valueBytesMax } = this.#options;
    const { core } = process;
    if (core === undefined || core.streams.pressure.isHigh) return;
    const count = prng.between(1, 5);
    for (let i = 0; i < count; i++) {
      const some = readsSeveral && prng.chance(0.2) ? topics : [prng.pick(topics)];
      this.#take(process, some, prng.between(8, valueBytesMax), isOriginal);
    }
  }

  #take(process: GatewayProcess, topics: string[], valueBytes: number, isOriginal: boolean): void {
    const { clock, promised } = this.#options;
    const { streams } = process.core!;
    const readings = topics.map((topic) => {
      const value = Buffer.alloc(valueBytes);
      const record = this.nextRecord++;
      value.writeDoubleBE(record);
      return {
        topic,
        record,
        offset: streamIn(streams, topic)?.edge.endOffset ?? 0,
        reading: { key: 'device', value, headers: [] },
      };
    });
    const mark = () => {
      for (const { topic, offset } of readings)
        process.volume.do(({ values }) => values.set(`mark/${topic}`, Buffer.from(String(offset))));
    };
    const takenAt = clock.now();
    try {
      const { durable } =
        readings.length === 1
          ? streams.append(topics[0]!, readings[0]!.reading, mark)
          : streams.appendAll(readings, mark);
      durable.then(
        () => {
          if (!isOriginal) return;
          for (const { topic, record, offset } of readings)
            promised(record, { topic, logId: streamIn(streams, topic)!.state.logId, offset, takenAt });
        },
        () => {},
      );
    } catch (error) {
      if (!(error instanceof EdgelogError)) throw error;
      this.refused += readings.length;
    }
  }
}

export const streamIn = (streams: StreamSet, topic: string): Stream | undefined =>
  [...streams.list()].find(({ state }) => state.topic === topic);
