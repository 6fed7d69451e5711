import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { hubSettings, startHub } from '@edgelog/hub';
import { silentLogger } from '@edgelog/runtime';
import { apis } from '@edgelog/wire';
import { dispatch } from './dispatch.ts';
import { openCluster } from './kafka/client-settings.ts';
import type { Ended } from './run-cli.ts';

export interface OperatedHub {
  /** HOST:PORT of its Kafka listener. */
  readonly server: string;
  readonly dataDir: string;
  readonly syncPort: number;
  /** Runs an operator's command against it, in this process; one at a time, since its output is caught. */
  operate(command: string, ...args: string[]): Promise<Ended>;
  /** Takes the records of a partition before `offset` away, as retention does. */
  deleteRecords(topic: string, partition: number, offset: number): Promise<void>;
  /** Stops the hub and leaves its data. */
  stop(): Promise<void>;
  /** Stops the hub and starts it at the same address. */
  restart(): Promise<void>;
  /** Stops the hub, if it runs, and removes its data. */
  remove(): Promise<void>;
}

/** For tests: a hub in this process, with a data directory of its own. */
export async function startOperatedHub(settings: { advertise?: string } = {}): Promise<OperatedHub> {
  const dataDir = mkdtempSync(join(tmpdir(), 'edgelog-operate-'));
  const any = '127.0.0.1:0';
  const start = (kafka: string) =>
    startHub(hubSettings.parse({ dataDir, kafka, sync: any, http: any, offsetsPartitions: 4, ...settings }), {
      log: silentLogger,
    });
  let hub = await start(any);
  const server = `127.0.0.1:${hub.kafkaPort}`;
  return {
    server,
    dataDir,
    syncPort: hub.syncPort,
    operate: (command, ...args) =>
      catchOutput(() => dispatch([command, '--bootstrap-server', server, ...args])),
    deleteRecords: async (name, partitionIndex, offset) => {
      const cluster = await openCluster([server], 10_000);
      const topics = [{ name, partitions: [{ partitionIndex, offset }] }];
      await cluster.toController(apis.deleteRecords, { topics, timeoutMs: 10_000 });
      cluster.close();
    },
    stop: () => hub.stop(),
    restart: async () => {
      await hub.stop();
      hub = await start(server);
    },
    remove: async () => {
      await hub.stop();
      rmSync(dataDir, { recursive: true });
    },
  };
}

/** For tests: as `runCli`, without the cost of a process. */
export async function catchOutput(run: () => Promise<number>): Promise<Ended> {
  const output = { stdout: '', stderr: '' };
  const restore = (['stdout', 'stderr'] as const).map((name) => {
    const stream = process[name];
    const { write } = stream;
    stream.write = (chunk: string | Uint8Array) => {
      output[name] += typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString();
      return true;
    };
    return () => {
      stream.write = write;
    };
  });
  try {
    return { code: await run(), ...output };
  } finally {
    for (const undo of restore) undo();
  }
}
