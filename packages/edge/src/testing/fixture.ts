import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nodeTimers } from '@edgelog/base';
import type { LogStore } from '@edgelog/log';
import { onTestFinished } from 'vitest';
import { type AlarmLog, Alarms } from '../alarms.ts';
import { Disk } from '../disk.ts';
import { StreamSet, type StreamSetOptions } from '../stream-set.ts';

export const silentAlarmLog: AlarmLog = { info: () => {}, error: () => {} };

export function temporaryDir(): string {
  const dir = mkdtempSync(join(tmpdir(), 'edgelog-agent-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** Streams on a store in `dir` with more room than a test needs, that commit at once and never travel; `given`: what is otherwise. */
export function streamsOn(
  store: LogStore,
  dir: string,
  segmentBytes: number,
  given: Partial<StreamSetOptions> = {},
): { streams: StreamSet; alarms: Alarms } {
  const alarms = given.alarms ?? new Alarms(silentAlarmLog);
  const streams = new StreamSet({
    store,
    disk:
      given.disk ?? new Disk({ dir, maxBytes: 2 ** 30, segmentBytes, stats: () => store.stats(), alarms }),
    alarms,
    batchBytes: 1024,
    lingerMs: 0,
    compression: 'none',
    maxReadingBytes: 4096,
    replayBytes: 0,
    clock: { now: () => Date.now(), isTrusted: true, raiseFloor: () => {} },
    monotonicMs: () => performance.now(),
    timers: nodeTimers,
    isUplinkLive: () => false,
    onSealed: () => {},
    onDurable: () => {},
    onFatal: (error) => {
      throw error;
    },
    ...given,
  });
  return { streams, alarms };
}

export async function until(what: string, condition: () => boolean, timeoutMs = 120_000): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
