import { setImmediate as otherWork, setTimeout as wait } from 'node:timers/promises';
import { type Stream, StreamReader, type StreamSet } from '@edgelog/edge';
import type { OpsHandler, OpsRequest, OpsResponse } from '@edgelog/runtime';
import { type ReadQuery, readQuery } from './read-query.ts';
import { recordLine } from './record-json.ts';

/** How often a follower looks for more. */
const FOLLOW_MS = 100;
/** A batch that holds the offset is between memory and disk. */
const FLUSH_MS = 5;
/** Text is handed over in pieces of about this size. */
const PIECE_CHARS = 64 * 1024;
/** Reads at once: each holds one batch. */
const READERS_MAX = 32;

/** GET /streams and /streams/TOPIC: reading on the gateway itself, whatever the uplink does. */
export function streamRoutes(streams: StreamSet): Record<string, OpsHandler> {
  let readers = 0;
  const find = (topic: string) => [...streams.list()].find(({ state }) => state.topic === topic);

  const list: OpsHandler = () => ({ body: { streams: [...streams.list()].map(described) } });

  const read: OpsHandler = ({ rest: topic, url, signal }: OpsRequest): OpsResponse => {
    const query = readQuery(url.searchParams);
    const stream = find(topic);
    if (stream === undefined) {
      const topics = [...streams.list()].map(({ state }) => state.topic);
      return { status: 404, body: { error: `no stream ${JSON.stringify(topic)} on this gateway`, topics } };
    }
    const reader = new StreamReader(stream.edge);
    const from = startOf(reader, query);
    if (from < reader.firstOffset || from > reader.nextOffset) return outOfRange(stream, reader, from);
    if (readers >= READERS_MAX) {
      return { status: 503, body: { error: `${READERS_MAX} reads are under way, try again later` } };
    }
    const { limit = Number.MAX_SAFE_INTEGER, follow } = query;
    const to = follow ? from + limit : Math.min(from + limit, reader.nextOffset);
    const lines = async function* () {
      readers++;
      try {
        yield* linesOf(reader, { from, to, query, signal });
      } finally {
        readers--;
      }
    };
    return {
      contentType: 'application/x-ndjson',
      headers: {
        'edgelog-first-offset': String(from),
        // Who follows knows it by the last line.
        ...(follow ? {} : { 'edgelog-next-offset': String(to) }),
      },
      body: lines(),
    };
  };

  return { 'GET /streams': list, 'GET /streams/*': read };
}

function described(stream: Stream) {
  const { firstOffset, nextOffset } = new StreamReader(stream.edge);
  const { topic } = stream.state;
  return { topic, firstOffset, nextOffset, ackedOffset: stream.uplink.ackedOffset };
}

function startOf(reader: StreamReader, { offset, time }: ReadQuery): number {
  if (time !== undefined) return reader.offsetAt(time);
  if (offset === undefined || offset === 'first') return reader.firstOffset;
  if (offset === 'next') return reader.nextOffset;
  if (offset.startsWith('-')) return Math.max(reader.firstOffset, reader.nextOffset + Number(offset));
  return Number(offset);
}

/** What was freed is gone from here, and is at the hub; what is still to come is not there yet. */
function outOfRange(
  { state }: Stream,
  { firstOffset, nextOffset }: StreamReader,
  asked: number,
): OpsResponse {
  const isFreed = asked < firstOffset;
  const why = isFreed
    ? `the hub has it, and it was freed here; the first offset left is ${firstOffset}`
    : `the stream ends at ${nextOffset}`;
  const error = `offset ${asked} of ${state.topic} is not on this gateway: ${why}`;
  return { status: isFreed ? 410 : 416, body: { error, firstOffset, nextOffset } };
}

interface LinesOptions {
  from: number;
  /** Behind the last offset wanted; may lie beyond the end, which is then waited for. */
  to: number;
  query: ReadQuery;
  signal: AbortSignal;
}

/** Ends at `to`, or when nobody listens any more. A range that cannot be read is a line `{"lost": …}`. */
async function* linesOf(
  reader: StreamReader,
  options: LinesOptions,
): AsyncGenerator<string, void, undefined> {
  const { to, query, signal } = options;
  for (let at = options.from; at < to && !signal.aborted; ) {
    const part = reader.read(at);
    if (part === undefined) {
      await wait(at < reader.nextOffset ? FLUSH_MS : FOLLOW_MS, undefined, { signal }).catch(() => {});
      continue;
    }
    if ('lost' in part) {
      yield `${JSON.stringify({ lost: { ...part.lost, to: Math.min(part.lost.to, to) } })}\n`;
    } else {
      let piece = '';
      for (const record of part.records) {
        if (record.offset >= to) break;
        piece += recordLine(record, query.values, query.valueBytes ?? Number.MAX_SAFE_INTEGER);
        if (piece.length < PIECE_CHARS) continue;
        yield piece;
        piece = '';
      }
      if (piece !== '') yield piece;
    }
    at = part.next;
    // Devices' messages go first.
    await otherWork();
  }
}
