import { createServer, type RequestListener, type Server } from 'node:http';
import { listen } from '@edgelog/runtime';
import { freePorts } from '@edgelog/sim';
import { afterEach, expect, test } from 'vitest';
import { ClusterReports } from './cluster-reports.ts';
import type { ReportQuery } from './query.ts';
import type { BrokerReport } from './report-schema.ts';

const query: ReportQuery = { groups: '', groupsThrough: 50, gateways: '', group: undefined, problems: false };
const report: BrokerReport = {
  nodeId: 2,
  uptimeMs: 1,
  reasons: [],
  connections: { kafka: 0, sync: 0 },
  memoryBytes: 1,
  disk: { liveBytes: 0, physicalBytes: 0, freeBytes: 0 },
  damage: { matching: 0, first: [] },
  groups: { matching: 0, first: [] },
  group: null,
  sessions: { live: 0, matching: 0, first: [] },
};
/** Of those that answer, no machine is so busy that they do not in time. */
const PATIENCE_MS = 60_000;
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});
async function serve(answer: RequestListener): Promise<number> {
  const server = createServer(answer);
  servers.push(server);
  return listen(server, { host: '127.0.0.1', port: 0 }, 'test');
}

test('another broker is asked once in two seconds for the same, however many look', async () => {
  let requests = 0;
  const port = await serve((_request, response) => {
    requests += 1;
    response.end(JSON.stringify(report));
  });
  let now = 0;
  const reports = new ClusterReports(() => now, PATIENCE_MS);
  const broker = { id: 2, http: `0.0.0.0:${port}`, kafka: '127.0.0.1:9092' };
  const all = await Promise.all([reports.of(broker, query), reports.of(broker, query)]);
  expect(all).toEqual([{ report }, { report }]);
  expect(requests).toBe(1);
  await reports.of(broker, { ...query, groups: 'other' });
  expect(requests).toBe(2);
  now += 2_001;
  await reports.of(broker, query);
  expect(requests).toBe(3);
});

test('a broker that says nothing is not waited for', async () => {
  const port = await serve(() => {});
  const broker = { id: 2, http: `127.0.0.1:${port}`, kafka: '127.0.0.1:9092' };
  expect(await new ClusterReports().of(broker, query)).toEqual({
    fault: expect.stringMatching(/no report in 1000 ms/),
  });
});

test.each<[string, RequestListener, RegExp]>([
  ['is another version', (_, response) => response.end('{"nodeId":2}'), /another version/],
  [
    'is another broker',
    (_, response) => response.end(JSON.stringify({ ...report, nodeId: 7 })),
    /broker 7 answers/,
  ],
  ['does not know the path', (_, response) => response.writeHead(404).end(), /answers 404/],
  ['talks without end', (_, response) => void response.write('x'.repeat(9 * 2 ** 20)), /larger than/],
  ['is no JSON', (_, response) => response.end('<html>'), /JSON/],
  [
    'sends elsewhere',
    (_, response) => response.writeHead(302, { location: 'http://127.0.0.1:1/' }).end(),
    /redirect/,
  ],
])('a broker that %s is told as the fault that it is', async (_name, answer, fault) => {
  const port = await serve(answer);
  const broker = { id: 2, http: `127.0.0.1:${port}`, kafka: '127.0.0.1:9092' };
  const reports = new ClusterReports(undefined, PATIENCE_MS);
  expect(await reports.of(broker, query)).toEqual({ fault: expect.stringMatching(fault) });
});

test('a broker that is gone is told', async () => {
  const [port] = await freePorts(1);
  const broker = { id: 2, http: `127.0.0.1:${port}`, kafka: '127.0.0.1:9092' };
  expect(await new ClusterReports(undefined, PATIENCE_MS).of(broker, query)).toEqual({
    fault: expect.stringMatching(/ECONNREFUSED/),
  });
});
