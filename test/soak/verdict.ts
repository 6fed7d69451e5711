/** One interval of the run. */
export interface Interval {
  seconds: number;
  producedMibPerSecond: number;
  /** Of the hub. */
  cpuSeconds: number;
  privateMib: number;
  physicalBytes: number;
  liveBytes: number;
  /** Appended in this interval. */
  appendedBytes: number;
}

export interface VerdictOptions {
  segmentBytes: number;
  /** Share of a segment that may be dead. */
  deadShare: number;
  /** Between two looks for what has expired. */
  retentionCheckSeconds: number;
}

/** How fast the last third must be, compared with the beginning. */
const THROUGHPUT_SHARE_MIN = 0.8;
/** What memory may grow by from the second third to the last: the collector's own moods. */
const GROWTH_SHARE_MAX = 0.1;
const GROWTH_MIB_MAX = 16;
/** What expired is to be off the disk within this, besides the time until it is looked for. */
export const FREED_WITHIN_SECONDS = 60;
/** The active segment, the one made ahead, and one that is being copied. */
export const SEGMENTS_BESIDES = 3;

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;
const gib = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(2)} GiB`;

export interface Finding {
  isMet: boolean;
  text: string;
}

/** The throughput of the last third against the first minutes, the memory of the last third against the one before, and the disk. */
export function judge(intervals: readonly Interval[], options: VerdictOptions): Finding[] {
  const third = Math.max(1, Math.floor(intervals.length / 3));
  const [first, middle, last] = [
    intervals.slice(0, third),
    intervals.slice(third, -third),
    intervals.slice(-third),
  ];
  return [
    throughput(first, last),
    memory(middle.length > 0 ? middle : first, last),
    disk(intervals, options),
  ];
}

/** The first minutes: before anything was deleted, or the first third where that is shorter. */
const FIRST_SECONDS = 180;

function throughput(first: readonly Interval[], last: readonly Interval[]): Finding {
  let seconds = 0;
  const beginning = first.filter((interval) => {
    const isBeginning = seconds < FIRST_SECONDS;
    seconds += interval.seconds;
    return isBeginning;
  });
  const before = mean(beginning.map((interval) => interval.producedMibPerSecond));
  const after = mean(last.map((interval) => interval.producedMibPerSecond));
  const rates = `produced in the last third ${after.toFixed(0)} MiB/s, in the beginning ${before.toFixed(0)}: ${((100 * after) / before).toFixed(0)} %`;
  const text = `${rates}; CPU seconds per GiB ${cpuPerGib(last)} and ${cpuPerGib(beginning)}`;
  return { isMet: after >= THROUGHPUT_SHARE_MIN * before, text };
}

/** What a busy machine distorts less than it does rates. */
function cpuPerGib(intervals: readonly Interval[]): string {
  const gibProduced = mean(intervals.map((one) => (one.producedMibPerSecond * one.seconds) / 1024));
  return (mean(intervals.map(({ cpuSeconds }) => cpuSeconds)) / gibProduced).toFixed(1);
}

function memory(before: readonly Interval[], last: readonly Interval[]): Finding {
  const [was, is] = [before, last].map((part) => mean(part.map(({ privateMib }) => privateMib))) as [
    number,
    number,
  ];
  const isMet = is <= was * (1 + GROWTH_SHARE_MAX) + GROWTH_MIB_MAX;
  return { isMet, text: `private memory in the last third ${is.toFixed(0)} MiB, before ${was.toFixed(0)}` };
}

/**
 * At no time more on disk than twice what lives (where half of a segment may be dead), what was written in the time that freeing
 * may take, and a few segments.
 */
function disk(intervals: readonly Interval[], options: VerdictOptions): Finding {
  const { segmentBytes, deadShare, retentionCheckSeconds } = options;
  const boundOf = (at: number): number => {
    let seconds = FREED_WITHIN_SECONDS + retentionCheckSeconds;
    let fresh = 0;
    for (let i = at; i >= 0 && seconds > 0; i--) {
      fresh += intervals[i]!.appendedBytes;
      seconds -= intervals[i]!.seconds;
    }
    return intervals[at]!.liveBytes / (1 - deadShare) + fresh + SEGMENTS_BESIDES * segmentBytes;
  };
  const beyond = intervals.filter(({ physicalBytes }, at) => physicalBytes > boundOf(at));
  const most = Math.max(...intervals.map(({ physicalBytes }) => physicalBytes));
  const text = `at most ${gib(most)} on disk; ${beyond.length} of ${intervals.length} times beyond the bound`;
  return { isMet: beyond.length === 0, text };
}
