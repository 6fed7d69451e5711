import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printTable } from './report.ts';

const ROOT = join(import.meta.dirname, '../..');
const FOLDER = join(ROOT, 'node_modules/.cache/edgelog/profiles');
const TOP = 15;

/** The parts of V8's .cpuprofile that are read here. */
interface CpuProfile {
  nodes: { id: number; callFrame: { functionName: string; url: string } }[];
  samples: number[];
  /** Microseconds before each sample. */
  timeDeltas: number[];
}

/** Environment that makes a node process write a CPU profile into a fresh folder when it ends. */
export function profiled(): { env: NodeJS.ProcessEnv; folder: string } {
  mkdirSync(FOLDER, { recursive: true });
  const folder = mkdtempSync(join(FOLDER, 'run-'));
  return { env: { ...process.env, NODE_OPTIONS: `--cpu-prof --cpu-prof-dir=${folder}` }, folder };
}

/** Prints where the time of the profiled process went: functions by their own time, idle time left out. */
export function printProfile(title: string, folder: string): void {
  const files = existsSync(folder) ? readdirSync(folder).map((file) => join(folder, file)) : [];
  const profiles = files.map((file) => JSON.parse(readFileSync(file, 'utf8')) as CpuProfile);
  const longest = profiles.sort((a, b) => b.samples.length - a.samples.length)[0];
  if (longest === undefined) throw new Error(`no profile in ${folder}`);
  const names = new Map(longest.nodes.map(({ id, callFrame }) => [id, nameOf(callFrame)]));
  const own = new Map<string, number>();
  let busy = 0;
  let total = 0;
  for (const [index, id] of longest.samples.entries()) {
    const name = names.get(id)!;
    const time = longest.timeDeltas[index]!;
    total += time;
    if (name === '(idle)') continue;
    busy += time;
    own.set(name, (own.get(name) ?? 0) + time);
  }
  const rows = [...own]
    .sort((a, b) => b[1] - a[1])
    .slice(0, TOP)
    .map(([name, time]) => [name, `${((100 * time) / busy).toFixed(1)} %`]);
  printTable(
    `${title}: main thread ${((100 * busy) / total).toFixed(0)} % busy, of which`,
    ['function', 'own time'],
    rows,
  );
}

function nameOf({ functionName, url }: { functionName: string; url: string }): string {
  const place = url.startsWith('file:') ? relative(ROOT, fileURLToPath(url)) : url;
  return `${functionName === '' ? '(anonymous)' : functionName}${place === '' ? '' : ` · ${place}`}`;
}
