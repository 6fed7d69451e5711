import type { Finding } from '../verdict.ts';

/** The agent at one moment, some time after its start. */
export interface AgentSample {
  /** Since its process began, seconds. */
  age: number;
  privateMib: number;
  openFiles: number;
}

/** Younger processes are still warming up. */
const WARM_SECONDS = 20;
const PRIVATE_MIB_MAX = 160;
const OPEN_FILES_GROWTH_MAX = 12;

/** Memory below what the gateway may take, and as many files open in the last third as in the first. */
export function judgeAgent(samples: readonly AgentSample[]): Finding[] {
  const warm = samples.filter(({ age }) => age >= WARM_SECONDS);
  if (warm.length < 3)
    return [{ isMet: true, text: `too short for a word on memory: ${warm.length} samples` }];
  const third = Math.ceil(warm.length / 3);
  const most = (part: readonly AgentSample[], of: (sample: AgentSample) => number): number =>
    Math.max(...part.map(of));
  const [first, last] = [warm.slice(0, third), warm.slice(-third)];
  const memory = most(warm, ({ privateMib }) => privateMib);
  const [filesBefore, filesAfter] = [first, last].map((part) => most(part, ({ openFiles }) => openFiles)) as [
    number,
    number,
  ];
  const trend = [first, last]
    .map((part) => most(part, ({ privateMib }) => privateMib).toFixed(0))
    .join(' and ');
  return [
    {
      isMet: memory <= PRIVATE_MIB_MAX,
      text: `private memory of the agent at most ${memory.toFixed(0)} MiB; in the first and last third ${trend}`,
    },
    {
      isMet: filesAfter <= filesBefore + OPEN_FILES_GROWTH_MAX,
      text: `open files of the agent at most ${filesBefore} in the first third, ${filesAfter} in the last`,
    },
  ];
}
