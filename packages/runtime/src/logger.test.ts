import { EdgelogError } from '@edgelog/base';
import { expect, test } from 'vitest';
import { createLogger } from './logger.ts';

function lines(level: 'debug' | 'info' | 'warn' | 'error', pretty = false) {
  const written: string[] = [];
  return {
    written,
    log: createLogger({ component: 'hub', level, pretty, write: (line) => written.push(line) }),
  };
}

test('one JSON object per line, below the level nothing', () => {
  const { written, log } = lines('warn');
  log.info('quiet');
  log.warn('topic created', { topic: 'a\nb', bytes: 12n });
  expect(written).toHaveLength(1);
  expect(JSON.parse(written[0]!)).toMatchObject({
    level: 'warn',
    component: 'hub',
    event: 'topic created',
    topic: 'a\nb',
    bytes: '12',
  });
  expect(written[0]!.indexOf('\n')).toBe(written[0]!.length - 1);
});

test('an operating fault shows code and cause, a bug its stack', () => {
  const { written, log } = lines('info');
  log.error('e', { error: new EdgelogError('STORE_FAILED', 'flush failed', { cause: new Error('ENOSPC') }) });
  log.error('e', { error: new TypeError('bug') });
  expect(JSON.parse(written[0]!).error).toMatchObject({
    code: 'STORE_FAILED',
    message: 'flush failed',
    cause: { message: 'ENOSPC' },
  });
  expect(JSON.parse(written[1]!).error.stack).toContain('logger.test.ts');
});

test('fields that cannot be serialised do not take the process down', () => {
  const { written, log } = lines('info');
  const circular: Record<string, unknown> = {};
  circular.self = circular;
  log.info('e', circular);
  expect(written[0]).toContain('cannot be serialised');
});

test('text for people keeps one line per event', () => {
  const { written, log } = lines('info', true);
  log.info('listening', { address: '127.0.0.1:9092', note: 'two words' });
  expect(written[0]).toContain('hub: listening address=127.0.0.1:9092 note="two words"');
});
