import type { GatewayStatus } from '@edgelog/sync';
import type { Gaps } from '../../sync/gaps.ts';
import type { Run, Runs } from '../../sync/runs.ts';
import type { HubView } from '../status.ts';
import { type OverviewQuery, PAGE_ROWS } from './query.ts';
import type { BrokerReport, GatewaySession } from './report-schema.ts';
import { contains, firstByName, pageOf } from './rows.ts';

/** Sessions that one report tells of. */
export const SESSIONS_MAX = 2_000;

/** The gateways that have a session with this broker. */
export function gatewaySessions({ sync }: Pick<HubView, 'sync'>, search: string) {
  const { gateways, duplicates } = sync.status();
  const twice = new Set(duplicates.map(({ gateway }) => gateway));
  const text = search.toLowerCase();
  const found = gateways.filter(({ gateway }) => contains(gateway, text));
  const { matching, first } = firstByName(found, ({ gateway }) => gateway, SESSIONS_MAX);
  const row = (session: GatewayStatus): GatewaySession => ({
    gateway: session.gateway,
    state: session.state,
    lastSeenAtMs: session.lastSeenAt,
    remote: session.remote,
    streams: session.streams.length,
    backlogRecords: backlogOf(session),
    problem: problemOf(session) ?? (twice.has(session.gateway) ? 'another agent claims this name' : null),
  });
  return { live: gateways.length, matching, first: first.map(row) };
}

function backlogOf({ streams }: GatewayStatus): number {
  return streams.reduce(
    (sum, { sealedEndAtOpen, committedNext, receivedNext }) =>
      sum + Math.max(0, sealedEndAtOpen - (committedNext ?? receivedNext)),
    0,
  );
}

function problemOf({ streams }: GatewayStatus): string | undefined {
  for (const { topic, refusal, divergence } of streams) {
    // What cannot be taken for a moment is opened again by itself.
    if (refusal !== undefined && refusal.code !== 'not-available')
      return `${topic}: ${refusal.code}, ${refusal.message}`;
    if (divergence !== undefined) return `${topic}: ${divergence}`;
  }
  return undefined;
}

/** Gateways with a session at any broker, and those that only left batches, which every broker knows of. */
export function gatewaysPage(
  { runs, gaps }: Pick<HubView, 'runs' | 'gaps'>,
  reports: readonly BrokerReport[],
  query: OverviewQuery,
) {
  const live = new Map(
    reports.flatMap(({ nodeId, sessions }) =>
      sessions.first.map((session) => [session.gateway, { ...session, broker: nodeId }] as const),
    ),
  );
  const own = Map.groupBy(runs.all(), ({ gateway }) => gateway);
  const lost = lostRecords(gaps);
  const text = query.gateways.toLowerCase();
  function* matching() {
    for (const gateway of new Set([...own.keys(), ...live.keys()])) {
      if (!contains(gateway, text)) continue;
      const session = live.get(gateway);
      const isFine = session !== undefined && session.problem === null && !lost.has(gateway);
      if (!query.problems || !isFine) yield gateway;
    }
  }
  const row = (gateway: string) => {
    const session = live.get(gateway);
    return {
      ...(session ?? absent(gateway, runs, own.get(gateway) ?? [])),
      /** Records that it declared lost. */
      lostRecords: lost.get(gateway) ?? 0,
    };
  };
  const { matching: count, first } = firstByName(
    matching(),
    (gateway) => gateway,
    (query.gatewaysPage + 1) * PAGE_ROWS,
  );
  const { rows, ...page } = pageOf(first, count, query.gatewaysPage);
  return {
    ...page,
    rows: rows.map(row),
    /** A broker has more sessions than it told of: some that have one may look absent. */
    isPartial: reports.some(({ sessions }) => sessions.matching > sessions.first.length),
  };
}

function absent(gateway: string, runs: Runs, own: readonly Run[]) {
  const seen = own.map((run) => lastBatchAtMs(runs, run)).filter((atMs) => atMs !== undefined);
  return {
    gateway,
    state: 'absent' as const,
    /** Its last batch; null where no replica here has any. */
    lastSeenAtMs: seen.length === 0 ? null : Math.max(...seen),
    remote: null,
    streams: new Set(own.map(({ topic }) => topic)).size,
    backlogRecords: null,
    problem: null,
    broker: null,
  };
}

function lastBatchAtMs(runs: Runs, run: Run): number | undefined {
  const replica = runs.partitionOf(run)?.replica;
  return replica && (replica.producer(run.producerId)?.lastAppendTime ?? run.openedAtMs);
}

function lostRecords(gaps: Gaps): Map<string, number> {
  const lost = new Map<string, number>();
  for (const { gateway, from, to } of gaps.all()) lost.set(gateway, (lost.get(gateway) ?? 0) + to - from);
  return lost;
}
