import { apis, ErrorCode, saslApis } from '@edgelog/wire';
import { expect, onTestFinished, test } from 'vitest';
import { Connection } from '../connection.ts';
import type { KafkaSecurity } from '../security.ts';
import { type Answer, type Asked, ScriptedBroker } from '../testing/scripted-broker.ts';

const security: KafkaSecurity = { sasl: { mechanism: 'plain', user: 'gateway', password: 'p' } };
const options = { clientId: 'test', timeoutMs: 30_000, security };
const accepted = (sessionLifetimeMs: number): Answer => ({
  ...{ errorCode: 0, errorMessage: null },
  ...{ authBytes: Buffer.alloc(0), sessionLifetimeMs },
});
const greeting: Answer = { errorCode: 0, mechanisms: ['PLAIN'] };

async function brokerOf(script: (asked: Asked) => Answer | Promise<Answer>): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start(script);
  onTestFinished(() => broker.stop());
  return broker;
}

async function connectionTo(broker: ScriptedBroker): Promise<Connection> {
  const connection = await Connection.open(broker.address, options);
  onTestFinished(() => connection.close());
  return connection;
}

test('a session that ends is begun anew over the same connection: nothing comes between, and what waits leaves in its order', async () => {
  const broker = await brokerOf(async ({ api }) => {
    if (api === saslApis.saslHandshake) return greeting;
    if (api !== saslApis.saslAuthenticate) return { errorCode: 0, groups: [] };
    await new Promise((resolve) => setTimeout(resolve, 5));
    return accepted(40);
  });
  const connection = await connectionTo(broker);
  const sent: Promise<unknown>[] = [];
  while (broker.of(saslApis.saslHandshake).length < 4) {
    for (let i = 0; i < 3; i++) {
      const statesFilter = [String(sent.length)];
      sent.push(connection.request(apis.listGroups, { statesFilter, typesFilter: [] }));
    }
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await Promise.all(sent);
  expect(broker.connections).toBe(1);
  const order = broker.asked.map(({ api }) => api.name);
  order.forEach((api, i) => {
    if (api === 'SaslHandshake') expect(order[i + 1] ?? 'SaslAuthenticate').toBe('SaslAuthenticate');
  });
  const numbers = broker
    .of(apis.listGroups)
    .map(({ body }) => (body as { statesFilter: string[] }).statesFilter[0]);
  expect(numbers).toEqual(sent.map((_, i) => String(i)));
});

test('credentials that are not good any more end the connection, and all who wait are told why', async () => {
  let authentications = 0;
  const broker = await brokerOf(({ api }) => {
    if (api === saslApis.saslHandshake) return greeting;
    if (api !== saslApis.saslAuthenticate) return { errorCode: 0, groups: [] };
    if (authentications++ === 0) return accepted(1);
    return {
      ...{ errorCode: ErrorCode.SASL_AUTHENTICATION_FAILED, errorMessage: 'gone' },
      ...{ authBytes: Buffer.alloc(0), sessionLifetimeMs: 0 },
    };
  });
  const connection = await connectionTo(broker);
  await expect
    .poll(
      () =>
        connection.request(apis.listGroups, {}).then(
          () => undefined,
          (error: Error) => error,
        ),
      {
        timeout: 30_000,
      },
    )
    .toMatchObject({
      code: 'AUTHENTICATION_FAILED',
      message: `SASL PLAIN as gateway failed at ${broker.server}: gone`,
    });
  expect(connection.isOpen).toBe(false);
});

test.each<[string, Answer, string]>([
  [
    'a mechanism that is not offered',
    { errorCode: 33, mechanisms: ['SCRAM-SHA-256', 'GSSAPI'] },
    'the broker takes SCRAM-SHA-256, GSSAPI here',
  ],
  [
    'a listener without SASL',
    { errorCode: 34, mechanisms: [] },
    'this listener of the broker asks for no SASL',
  ],
])('%s is named', async (_, answer, message) => {
  const broker = await brokerOf(() => answer);
  await expect(Connection.open(broker.address, options)).rejects.toMatchObject({
    code: 'AUTHENTICATION_FAILED',
    message: expect.stringContaining(message),
  });
});
