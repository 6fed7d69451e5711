import { EdgelogError } from '@edgelog/base';
import { ErrorCode } from '@edgelog/wire';
import { expect, test } from 'vitest';
import { standaloneLeadership } from '../partition/standalone.ts';
import { damageError } from './damage.ts';

test('a consumer hears of damage only where no other replica has what it asks for', () => {
  const damage = new EdgelogError('CORRUPT_BATCH', 'a flipped bit');
  const alone = { leadership: standaloneLeadership(1) };
  const oneOfTwo = { leadership: { ...standaloneLeadership(1), isr: [1, 2] } };
  expect(damageError(damage, alone)).toBe(ErrorCode.CORRUPT_MESSAGE);
  expect(damageError(damage, oneOfTwo)).toBe(ErrorCode.NOT_LEADER_OR_FOLLOWER);
  expect(damageError(new EdgelogError('STORE_FAILED', 'no disk'), oneOfTwo)).toBe(
    ErrorCode.KAFKA_STORAGE_ERROR,
  );
});
