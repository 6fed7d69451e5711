import { SEQUENCE_MODULUS } from '@edgelog/wire';
import type { Prng } from '../prng.ts';

/**
 * `lossy`: requests and answers are lost, late, refused for a moment; `elect`: another leader, with or without what was not committed;
 * `forget`: producers of old records are forgotten; `kill`: of a process with a sink; `trim`: retention; `recreate`: the topic is deleted and
 * made anew; `clone`: two gateways are one.
 */
export const KAFKA_FAULTS = ['lossy', 'elect', 'forget', 'kill', 'trim', 'recreate', 'clone'] as const;
export type KafkaFault = (typeof KAFKA_FAULTS)[number];

/** What a world draws before it begins. */
export interface Plan {
  readonly faults: readonly KafkaFault[];
  readonly gateways: number;
  /** Share of requests that are lost, refused for the moment, or slow. */
  readonly lossy: number;
  readonly isAppendTime: boolean;
  /** Share of records that are a month old: their producers are forgotten at any moment. */
  readonly oldShare: number;
  readonly firstOffset: number;
  /** Batches of each gateway. */
  readonly batches: number;
  /** Every second gateway has the same run as the one before it, and the same batches up to this one. */
  readonly clonedAfter: number | undefined;
}

export function drawPlan(prng: Prng, given: readonly KafkaFault[] | undefined): Plan {
  const faults = given ?? drawFaults(prng);
  const isCloned = faults.includes('clone');
  return {
    faults,
    gateways: isCloned ? 2 * prng.between(1, 2) : prng.between(1, 4),
    lossy: faults.includes('lossy') ? prng.pick([0.01, 0.05]) : 0,
    isAppendTime: !isCloned && prng.chance(0.3),
    oldShare: faults.includes('forget') ? prng.pick([0.5, 1]) : 0,
    firstOffset: isCloned ? 0 : prng.pick([0, 17, SEQUENCE_MODULUS - 40, 5 * SEQUENCE_MODULUS - 3]),
    batches: prng.pick([80, 160, 300]),
    clonedAfter: isCloned ? prng.between(0, 40) : undefined,
  };
}

function drawFaults(prng: Prng): readonly KafkaFault[] {
  const isRare = (fault: KafkaFault) => fault === 'clone' || fault === 'recreate';
  const drawn = KAFKA_FAULTS.filter((fault) => prng.chance(isRare(fault) ? 0.3 : 0.7));
  if (!drawn.includes('clone')) return drawn;
  // Of a run with a double nothing is to be said once data was deleted.
  return drawn.filter((fault) => fault !== 'trim' && fault !== 'recreate');
}
