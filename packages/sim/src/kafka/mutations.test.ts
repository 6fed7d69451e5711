import type * as depth from '@edgelog/sink/depth.ts';
import type * as registration from '@edgelog/sink/registration.ts';
import type * as scanner from '@edgelog/sink/scanner.ts';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { KafkaFault } from './plan.ts';

/** The world is worth something if it finds bugs: each of these is one, put in on purpose. */

interface Modules {
  '@edgelog/sink/depth.ts': typeof depth;
  '@edgelog/sink/registration.ts': typeof registration;
  '@edgelog/sink/scanner.ts': typeof scanner;
}

vi.setConfig({ testTimeout: 120_000 });
const mutated = new Set<keyof Modules>();
beforeEach(() => vi.resetModules());
afterEach(() => {
  for (const path of mutated) vi.doUnmock(path);
  mutated.clear();
});

async function mutate<P extends keyof Modules>(
  path: P,
  change: (original: Modules[P]) => Partial<Modules[P]>,
): Promise<void> {
  const original = await vi.importActual<Modules[P]>(path);
  vi.doMock(path, () => ({ ...original, ...change(original) }));
  mutated.add(path);
}

const SEEDS = 40;

/** The first violation within some seeds. */
async function firstViolation(faults: readonly KafkaFault[], from = 1): Promise<string | undefined> {
  const { runKafka } = await import('./world.ts');
  for (let seed = from; seed < from + SEEDS; seed++) {
    // A mutant may also fail by assertion, which is as good.
    const outcome = await runKafka({ seed, faults }).catch((error: Error) => ({
      violations: [error.message],
    }));
    if (outcome.violations[0] !== undefined) {
      return outcome.violations[0];
    }
  }
  return undefined;
}

test('no search in the log for a producer that was forgotten', async () => {
  await mutate('@edgelog/sink/scanner.ts', ({ Scanner }) => ({
    Scanner: class extends Scanner {
      override search = async () => {};
    },
  }));
  expect(await firstViolation(['lossy', 'forget', 'kill'])).toMatch(/X[123]/);
});

test('batches beside each other of a producer that may be forgotten meanwhile', async () => {
  await mutate('@edgelog/sink/depth.ts', ({ hasRoom }) => ({
    hasRoom: (underWay) => hasRoom({ ...underWay, expirationMs: undefined }),
  }));
  expect(await firstViolation(['lossy', 'elect', 'forget', 'kill'], 44)).toMatch(/X[123]/);
});

test('positions of a topic that is gone', async () => {
  await mutate('@edgelog/sink/registration.ts', ({ register }) => ({
    register: async (...args) => {
      const found = await register(...args);
      if ('ok' in found) return found;
      const { position, previous, place } = found;
      const { topicId } = place;
      return {
        ...found,
        previous: previous && { ...previous, record: { ...previous.record, topicId } },
        position: position && { ...position, record: { ...position.record, topicId } },
      };
    },
  }));
  expect(await firstViolation(['recreate', 'forget', 'kill'], 35)).toMatch(/X[1234]/);
});
