import type { TopicPolicies } from '@edgelog/edge';
import type { Surroundings } from '../processes.ts';

/** What a gateway is given in a world, and what its surroundings are like now. */
export interface GatewaySurroundings extends Surroundings {
  readonly settings: {
    readonly batchBytes: number;
    readonly lingerMs: number;
    readonly maxReadingBytes: number;
    readonly replayBytes: number;
    readonly maxDiskBytes: number;
    readonly segmentBytes: number;
    /** How long making a batch may take, off the main thread. */
    readonly sealMsMax: number;
  };
  readonly policies: TopicPolicies;
  /** Lanes are opened beside any backlog, not only where it pays. */
  readonly eagerLanes: boolean;
  /** The hub cannot be reached. */
  isOffline: boolean;
  /** Only what is urgent may travel. */
  isWindowClosed: boolean;
  /** Timers are so much late: machines that are left alone for days need not be watched closely. */
  timerLagMs: number;
}
