import { EdgelogError, type EdgelogErrorCode } from '@edgelog/base';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { ConnectPace } from './pace.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

const failed = (code: EdgelogErrorCode): ConnectPace => {
  const pace = new ConnectPace();
  pace.failed(new EdgelogError(code, 'no'));
  return pace;
};

test('a broker that is gone is looked for again within a second', () => {
  const pace = failed('CONNECTION_LOST');
  expect(pace.obstacle).toBeInstanceOf(EdgelogError);
  vi.advanceTimersByTime(1_000);
  expect(pace.obstacle).toBeUndefined();
});

test.each(['AUTHENTICATION_FAILED', 'CONFIG_INVALID'] as const)(
  '%s: a broker that turns away is left alone for half a minute to a minute',
  (code) => {
    const pace = failed(code);
    vi.advanceTimersByTime(29_000);
    expect(pace.obstacle).toMatchObject({ code });
    vi.advanceTimersByTime(31_000);
    expect(pace.obstacle).toBeUndefined();
  },
);
