import type { StreamSet } from '@edgelog/edge';
import type { Incoming, Ingest, Taken } from './incoming.ts';

export interface IngestOptions {
  streams: Pick<StreamSet, 'append'>;
  /** Kafka topic of what no route matches. */
  topic: string;
}

export function createIngest({ streams, topic }: IngestOptions): Ingest {
  return {
    take({ name, value, headers, properties }: Incoming, alongside?: () => void): Taken {
      const all = properties === undefined ? headers : [...headers, ...properties];
      return streams.append(topic, { key: name, value, headers: all }, alongside);
    },
  };
}
