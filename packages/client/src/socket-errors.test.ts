import { expect, test } from 'vitest';
import { describeLoss } from './socket-errors.ts';

test.each([
  ['CERT_HAS_EXPIRED', 'has run out'],
  ['CERT_NOT_YET_VALID', 'is not valid yet'],
])('%s: the certificate or the clock of this machine is wrong', (code, what) => {
  const loss = describeLoss('no connection', Object.assign(new Error('x'), { code }), true);
  expect(loss).toMatchObject({ code: 'AUTHENTICATION_FAILED' });
  expect(loss.message).toMatch(
    new RegExp(`certificate ${what}, if this machine's clock is right: it says 20..-`),
  );
});
