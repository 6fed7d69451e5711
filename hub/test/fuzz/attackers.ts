import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Prng } from '@edgelog/sim';
import { apis, encodeRequest } from '@edgelog/wire';
import { mutate, randomBytes, randomMessage, realRequest, TARGET } from './frames.ts';

/** Connections left in the middle of a request at once, and in the middle of responses: the oldest goes when there are more. */
const HALF_SENT_MAX = 50;
/** Each makes the hub hold some megabytes, which is allowed. */
const HALF_READ_MAX = 6;
const ANSWER_MS_MAX = 300;

export const ATTACKS = ['mutated', 'random message', 'random bytes', 'slow', 'half-open', 'dropped'] as const;
export type Attack = (typeof ATTACKS)[number];

/** Clients that misbehave, one connection for each attack. */
export class Attackers {
  readonly #port: number;
  readonly #halfSent: Socket[] = [];
  readonly #halfRead: Socket[] = [];
  readonly counts: Record<Attack, number>;

  constructor(port: number) {
    this.#port = port;
    this.counts = Object.fromEntries(ATTACKS.map((attack) => [attack, 0])) as Record<Attack, number>;
  }

  /** Attacks one after the other until `isOver`, with `first` first however soon that is. */
  async run(first: Attack, prng: Prng, isOver: () => boolean): Promise<void> {
    for (let attack = first; ; attack = prng.pick(ATTACKS)) {
      await this.#attack(attack, prng);
      this.counts[attack] += 1;
      if (isOver()) return;
    }
  }

  close(): void {
    for (const socket of [...this.#halfSent, ...this.#halfRead]) socket.destroy();
  }

  async #attack(attack: Attack, prng: Prng): Promise<void> {
    const socket = connect(this.#port, '127.0.0.1');
    socket.on('error', () => {});
    const answered = new Promise<void>((resolve) => {
      socket.once('data', () => resolve());
      socket.once('close', () => resolve());
    });
    await Promise.race([new Promise((resolve) => socket.once('connect', resolve)), answered]);
    switch (attack) {
      case 'mutated':
      case 'random message':
      case 'random bytes':
        for (let times = prng.between(1, 8); times > 0; times--) socket.write(bytesFor(attack, prng));
        break;
      case 'slow':
        await writeSlowly(socket, realRequest(prng), prng);
        break;
      case 'half-open':
        this.#leaveOpen(socket, prng);
        return;
      case 'dropped':
        socket.write(bigFetch());
        break;
    }
    await Promise.race([answered, sleep(prng.between(1, ANSWER_MS_MAX))]);
    if (attack === 'dropped') socket.resetAndDestroy();
    else socket.destroy();
  }

  /** Part of a request and nothing after it, or requests whose responses are never read. */
  #leaveOpen(socket: Socket, prng: Prng): void {
    if (prng.chance(0.8)) {
      const frame = realRequest(prng);
      socket.write(frame.subarray(0, prng.between(0, frame.length - 1)));
      keep(this.#halfSent, socket, HALF_SENT_MAX);
    } else {
      socket.pause();
      for (let i = 0; i < 20; i++) socket.write(bigFetch());
      keep(this.#halfRead, socket, HALF_READ_MAX);
    }
  }
}

function keep(sockets: Socket[], socket: Socket, max: number): void {
  sockets.push(socket);
  if (sockets.length > max) sockets.shift()!.destroy();
}

function bytesFor(attack: 'mutated' | 'random message' | 'random bytes', prng: Prng): Buffer {
  switch (attack) {
    case 'mutated':
      return mutate(realRequest(prng), prng);
    case 'random message':
      return randomMessage(prng);
    case 'random bytes':
      return randomBytes(prng, prng.between(1, 2000));
  }
}

async function writeSlowly(socket: Socket, frame: Buffer, prng: Prng): Promise<void> {
  for (let at = 0; at < frame.length && !socket.destroyed; ) {
    const end = at + prng.between(1, Math.ceil(frame.length / 10));
    socket.write(frame.subarray(at, end));
    at = end;
    await sleep(prng.between(0, 20));
  }
}

function bigFetch(): Buffer {
  const partitions = [0, 1, 2, 3].map((partition) => ({
    partition,
    fetchOffset: 0,
    partitionMaxBytes: 3_000_000,
  }));
  const topics = [{ topic: TARGET, partitions }];
  const body = { maxWaitMs: 0, minBytes: 1, maxBytes: 3_000_000, topics };
  return encodeRequest(apis.fetch, 6, { correlationId: 1, clientId: 'fuzz' }, body);
}
