import type { BenchOptions } from '../report.ts';
import { benchBacklog } from './backlog.ts';
import { benchFlash } from './flash.ts';
import { benchLoad } from './load.ts';
import { benchSessions } from './sessions.ts';
import { benchUplinkBytes } from './uplink-bytes.ts';

const PARTS = {
  load: benchLoad,
  flash: benchFlash,
  backlog: benchBacklog,
  uplink: benchUplinkBytes,
  sessions: benchSessions,
};

/** The agent beside other MQTT brokers, and what a gateway costs: all parts, or the one that `--only` names. */
export async function benchAgent(options: BenchOptions): Promise<void> {
  for (const [name, part] of Object.entries(PARTS)) {
    if (options.only === 'all' || options.only === name) await part(options);
  }
}
