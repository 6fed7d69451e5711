import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

/*
 * What users of comparable products complain about, each with where it was seen. Every one has its answer here, and a test that
 * carries the complaint in its name; this table finds out when one goes missing.
 */
const COMPLAINTS = [
  'cached rows deleted before they were sent (NanoMQ)',
  'leaf never syncs what came in offline (NATS)',
  'recreated stream stalls the hub (NATS)',
  'purged offsets jumped silently (MirrorMaker 2)',
  'queue in RAM, saved every 30 min (Mosquitto)',
  'stuck after full (Mosquitto)',
  'drops by TTL nobody can count (IoT Edge)',
  'checksum mismatch stops upload for ever (IoT Edge)',
  'infinite loop after reset (Vector)',
  'manual DB deletion (OTel)',
  'full disk kills ingest, or even deletion (IoT Edge, OTel)',
  'limits not honoured (Fluent Bit)',
  'SD card dead in months (Mycodo, IoT Edge)',
  'a million-message backlog blocks live data (IoT Edge)',
  '150 MB took 12 h to resend (NanoMQ)',
  'one connection per batch over satellite (Telegraf)',
  'unresponsive for minutes while draining (Mosquitto)',
  'out of memory on or after long outage (EdgeX, Fluent Bit)',
  '"connected" but forwards nothing (HiveMQ Edge, InfluxDB)',
  'queue metric wrong offline (IoT Edge)',
  'one poison batch blocks the queue (InfluxDB)',
  'broken after certificates expired offline (IoT Edge, smallstep)',
  'clock days off, TLS fails',
  'timestamps before NTP (WaziGate, Pi kernels)',
  'old record times make the hub delete data on arrival (Kafka)',
  'identical client ids kick each other (rtl_433)',
  '18 h at 250/min and it stops (Greengrass)',
];

const ROOT = join(import.meta.dirname, '../..');
const titles = ['agent', 'devices', 'hub', 'packages', 'test']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.test.ts') && !file.includes('node_modules'))
      .map((file) => join(ROOT, folder, file)),
  )
  .filter((file) => file !== import.meta.filename)
  .flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/\btest(?:\.\w+\([^)]*\)|\.\w+)?\(\s*(['"`])(.*?)\1,/g)].map(
      (match) => match[2]!,
    ),
  );

test.each(COMPLAINTS)('%s', (complaint) => {
  expect(titles.filter((title) => title.includes(complaint))).not.toEqual([]);
});
