import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLogger } from '@edgelog/runtime';
import { type HubSettings, hubSettings, type RunningHub, startHub } from '../../src/index.ts';

/** Nobody but a test moves a leader. */
const PREFERRED_DELAY_MS = 3_600_000;

/** A hub in this process on free ports, its directory, and what it logged. */
export class TestHub {
  readonly dir = mkdtempSync(join(tmpdir(), 'edgelog-hub-'));
  readonly logged: string[] = [];
  hub!: RunningHub;

  static async start(settings: Partial<HubSettings> = {}): Promise<TestHub> {
    const test = new TestHub();
    await test.start(settings);
    return test;
  }

  async start(settings: Partial<HubSettings> = {}): Promise<void> {
    const log = createLogger({
      component: 'hub',
      level: 'debug',
      write: (line) => void this.logged.push(line),
    });
    const deps = { log, preferredDelayMs: PREFERRED_DELAY_MS };
    this.hub = await startHub(testSettings(this.dir, settings), deps);
  }

  get bootstrap(): string {
    return this.hub.addresses.kafka;
  }

  /** Lines that hold `text`. */
  logLines(text: string): string[] {
    return this.logged.filter((line) => line.includes(text));
  }

  async close(): Promise<void> {
    await this.hub?.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}

export function testSettings(dataDir: string, settings: Partial<HubSettings> = {}): HubSettings {
  const free = '127.0.0.1:0';
  return hubSettings.parse({ dataDir, kafka: free, sync: free, http: free, ...settings });
}
