import { readdirSync, readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Metrics } from './metrics.ts';

export interface MemoryUse {
  /** Resident memory, with the pages of mapped files. */
  readonly rssBytes: number;
  /** Private memory (RssAnon): what the process really costs. Equals `rssBytes` where the system does not tell. */
  readonly rssAnonBytes: number;
}

/** Memory of a process, from /proc/PID/status; of this one from Node where there is no /proc. */
export function readMemory(pid: number | 'self' = 'self'): MemoryUse {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'latin1');
    const bytes = (field: string) =>
      Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) * 1024;
    return { rssBytes: bytes('VmRSS'), rssAnonBytes: bytes('RssAnon') };
  } catch {
    const rssBytes = pid === 'self' ? process.memoryUsage.rss() : 0;
    return { rssBytes, rssAnonBytes: rssBytes };
  }
}

/** How often the event loop is asked whether it is late: each time wakes a process that has nothing to do. */
const LOOK_MS = 100;

function countOpenFiles(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return Number.NaN;
  }
}

/** Registers what every process of Edgelog tells about itself. Returns a function that stops the measuring. */
export function registerProcessMetrics(metrics: Metrics): () => void {
  const delay = monitorEventLoopDelay({ resolution: LOOK_MS });
  delay.enable();
  metrics.gauge('process_resident_memory_bytes', 'Resident memory.', () => readMemory().rssBytes);
  metrics.gauge('process_private_memory_bytes', 'Private memory (RssAnon).', () => readMemory().rssAnonBytes);
  metrics.gauge('process_open_fds', 'Open file descriptors.', countOpenFiles);
  metrics.gauge('process_uptime_seconds', 'Seconds since the process started.', () => process.uptime());
  metrics.counterFrom('process_cpu_seconds_total', 'User and system CPU time.', () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1e6;
  });
  metrics.gauge('process_event_loop_delay_seconds', 'Event loop delay since the last reading.', () => {
    // Node counts from one look to the next.
    const seconds = (nanoseconds: number) => Math.max(0, nanoseconds / 1e9 - LOOK_MS / 1000);
    const samples = [
      { labels: { quantile: '0.5' }, value: seconds(delay.percentile(50)) },
      { labels: { quantile: '0.99' }, value: seconds(delay.percentile(99)) },
      { labels: { quantile: '1' }, value: seconds(delay.max) },
    ];
    delay.reset();
    return samples;
  });
  return () => {
    delay.disable();
  };
}
