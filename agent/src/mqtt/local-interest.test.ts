import { Aedes } from 'aedes';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { LocalInterest, matches } from './local-interest.ts';

test('a topic concerns somebody from the moment that somebody subscribes until the last one has left', async () => {
  const broker = await Aedes.createBroker();
  onTestFinished(() => new Promise<void>((resolve) => broker.close(resolve)));
  const interest = new LocalInterest(broker);
  const settled = async (topic: string) => {
    interest.has(topic);
    await new Promise((resolve) => setImmediate(resolve));
    return interest.has(topic);
  };
  const listener = (_: object, done: () => void) => done();
  const change = (does: 'subscribe' | 'unsubscribe', filter: string) =>
    new Promise<void>((resolve) => broker[does](filter, listener, resolve));
  expect(interest.has('hall/temp')).toBe(true);
  expect(await settled('hall/temp')).toBe(false);
  await change('subscribe', 'hall/#');
  expect(interest.has('hall/temp')).toBe(true);
  expect(await settled('hall/temp')).toBe(true);
  expect(await settled('yard/temp')).toBe(false);
  await change('unsubscribe', 'hall/#');
  expect(await settled('hall/temp')).toBe(false);
});

const level = fc.constantFrom('a', 'b', '');
const topic = fc.array(level, { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'));

test('a filter made from a topic matches it, and another literal topic does not', () => {
  fc.assert(
    fc.property(topic, topic, fc.infiniteStream(fc.boolean()), (one, other, coin) => {
      const flip = () => coin.next().value === true;
      const filter = one
        .split('/')
        .map((part) => (flip() ? '+' : part))
        .join('/');
      expect(matches(filter, one)).toBe(true);
      expect(matches(`${one}/#`, one)).toBe(true);
      expect(matches('#', one)).toBe(true);
      expect(matches(one, other)).toBe(one === other);
    }),
  );
});
