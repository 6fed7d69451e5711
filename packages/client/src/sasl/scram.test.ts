import { expect, test } from 'vitest';
import { scramExchange } from './scram.ts';

/** The example of RFC 7677, section 3. */
const NONCE = 'rOprNGfwEbeRWgbNEkqO';
const SERVER_FIRST = `r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096`;
const CLIENT_FINAL = `c=biws,r=${NONCE}%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=`;
const SERVER_FINAL = 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=';

/** Says these in turn; answers what was said to it. */
async function talk(answers: readonly string[], user = 'user'): Promise<string[]> {
  const said: string[] = [];
  const left = [...answers];
  await scramExchange(
    'scram-sha-256',
    user,
    'pencil',
    NONCE,
  )(async (message) => {
    said.push(message.toString());
    return Buffer.from(left.shift() ?? '');
  });
  return said;
}

test('the example of RFC 7677', async () => {
  expect(await talk([SERVER_FIRST, SERVER_FINAL])).toEqual([`n,,n=user,r=${NONCE}`, CLIENT_FINAL]);
});

test.each([
  ['a broker that does not know the password', [SERVER_FIRST, 'v=AAAA'], 'its signature is wrong'],
  ['a broker that says nothing in the end', [SERVER_FIRST, ''], 'its signature is wrong'],
  ['an error of the broker', [SERVER_FIRST, 'e=other-error'], 'it says other-error'],
  ['a nonce of its own', ['r=other,s=AAAA,i=4096'], 'does not follow from what was sent'],
  ['a nonce with nothing added', [`r=${NONCE},s=AAAA,i=4096`], 'does not follow from what was sent'],
  [
    'too few iterations, which would give the password away',
    [`r=${NONCE}x,s=AAAA,i=1`],
    'it wants 1 iterations',
  ],
  ['iterations without end', [`r=${NONCE}x,s=AAAA,i=4000000000`], 'it wants 4000000000 iterations'],
  ['iterations that are no number', [`r=${NONCE}x,s=AAAA,i=x`], 'it wants x iterations'],
])('%s is not trusted', async (_, answers, message) => {
  await expect(talk(answers)).rejects.toMatchObject({
    code: 'AUTHENTICATION_FAILED',
    message: expect.stringContaining(message),
  });
});

test('commas and equal signs in a user name are written as RFC 5802 wants them', async () => {
  const said: string[] = [];
  const talking = scramExchange(
    'scram-sha-512',
    'a=b,c',
    'x',
    'n',
  )(async (message) => {
    said.push(message.toString());
    return Buffer.alloc(0);
  });
  await expect(talking).rejects.toThrow();
  expect(said).toEqual(['n,,n=a=3Db=2Cc,r=n']);
});
