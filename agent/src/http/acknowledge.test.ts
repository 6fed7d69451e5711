import { expect, test } from 'vitest';
import { temporaryDir, testAgent } from '../testing/fixture.ts';

test('POST /alarms/acknowledge says which alarms there are to end, and which end with their cause', async () => {
  const agent = await testAgent({ dataDir: temporaryDir(), mqttWs: '0.0.0.0:0' });
  const acknowledge = async (body: object) => {
    const response = await fetch(`http://127.0.0.1:${agent.httpPort}/alarms/acknowledge`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    return { status: response.status, text: await response.text() };
  };
  expect(await acknowledge({ alarm: 'open ws' })).toMatchObject({
    status: 400,
    text: expect.stringContaining('ends with its cause'),
  });
  expect(await acknowledge({ alarm: 'dropped telemetry' })).toMatchObject({
    status: 400,
    text: expect.stringContaining('no alarm'),
  });
  expect(await acknowledge({})).toMatchObject({ status: 400, text: expect.stringContaining('expected') });
});
