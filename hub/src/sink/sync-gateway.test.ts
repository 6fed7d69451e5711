import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { silentLogger } from '@edgelog/runtime';
import { textOf } from '@edgelog/runtime/page/element.js';
import { agentStore, silent, until } from '@edgelog/sim';
import { startUplink } from '@edgelog/sync';
import { expect, onTestFinished, test } from 'vitest';
import { hubCommandSettings, modeOf } from '../command-settings.ts';
import { startHub } from '../hub.ts';
import { hubSettings } from '../settings.ts';
import { contentView, headerView, noticeView } from './page/view.js';
import type { gatewayStatus } from './status.ts';
import { startSyncGateway } from './sync-gateway.ts';

type Status = ReturnType<typeof gatewayStatus>;
const any = '127.0.0.1:0';

/** A broker of ours in the place of Kafka, and a sync gateway into it. */
async function started() {
  const dataDir = mkdtempSync(join(tmpdir(), 'edgelog-sync-gateway-'));
  const kafka = await startHub(hubSettings.parse({ dataDir, kafka: any, sync: any, http: any }), {
    log: silentLogger,
  });
  onTestFinished(async () => {
    await kafka.stop();
    rmSync(dataDir, { recursive: true });
  });
  const sink = `kafka://127.0.0.1:${kafka.kafkaPort}`;
  const { gateway: settings } = modeOf(hubCommandSettings.parse({ sink, sync: any, http: any }));
  const gateway = await startSyncGateway(settings!, { log: silentLogger });
  onTestFinished(() => gateway.stop());
  const get = (path: string) => fetch(`http://127.0.0.1:${gateway.httpPort}/${path}`);
  return { gateway, get, status: async () => (await (await get('status')).json()) as Status };
}

test('agents send through it into the cluster; status, page and metrics show it', async () => {
  const { gateway, get, status } = await started();
  const store = agentStore({ gateway: '<b>gw</b>' });
  for (let n = 0; n < 10; n++) await store.ingest(0, [n]);
  const urls = [`ws://127.0.0.1:${gateway.syncPort}`];
  const uplink = startUplink({ urls, port: store, log: silent, tuning: { backoffMinMs: 10 } });
  onTestFinished(() => uplink.stop());
  await until(() => store.stored()[0]!.drained, 'everything is acknowledged');
  const now = await status();
  expect(now).toMatchObject({
    role: 'sync-gateway',
    kafka: { isReached: true, sink: { committedRecords: 10 } },
  });
  expect(textOf(headerView(now))).toMatch(/connected .*cluster .* at kafka:\/\//);
  const page = textOf(contentView(now));
  expect(page).toMatch(/Records taken 10/);
  expect(page).toContain('<b>gw</b>');
  expect(page).toMatch(/retention.ms=604800000/);
  expect(await (await get('metrics')).text()).toMatch(/edgelog_sink_committed_records_total\{.*\} 10/);
  expect((await get('healthz')).status).toBe(200);
  for (const path of ['', 'page/main.js', 'page/view.js']) expect((await get(path)).status).toBe(200);
});

test('without its cluster, or told to end, the page says so', async () => {
  const now = await (await started()).status();
  const away = { ...now, kafka: { ...now.kafka, isReached: false, problem: 'is it running?' } };
  expect(textOf(headerView(away))).toMatch(/no Kafka .*Agents keep.*\. is it running\?/);
  expect(textOf(headerView({ ...now, isDraining: true }))).toMatch(/stopping/);
  expect(textOf(headerView(undefined))).toMatch(/Edgelog/);
  expect(noticeView(0, 1, 60_000)).toMatch(/does not answer.*old/);
  expect(noticeView(0, undefined, 1)).toBe('');
});
