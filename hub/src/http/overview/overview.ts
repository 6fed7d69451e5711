import { formatAddress } from '@edgelog/runtime';
import type { HubView } from '../status.ts';
import { brokerRows, partitionCounts, type Registered } from './brokers.ts';
import type { ClusterReports, Reported } from './cluster-reports.ts';
import { gatewaysPage } from './gateways.ts';
import { type OverviewQuery, PAGE_ROWS, reportQueryOf } from './query.ts';
import { reportOf } from './report.ts';
import type { BrokerReport, GroupRow } from './report-schema.ts';
import { compareNames, pageOf } from './rows.ts';
import { topicDetail, topicsPage } from './topics.ts';

export type Overview = Awaited<ReturnType<typeof overviewOf>>;

/**
 * The body of GET /overview: the whole cluster as this broker and those it can ask know it, as much of it as one page shows.
 * How large it is depends on the page, not on the cluster.
 */
export async function overviewOf(view: HubView, reports: ClusterReports, query: OverviewQuery) {
  const { broker, now } = view;
  const registered = registeredBrokers(view);
  const reported = await allReports(view, reports, query);
  const known = [...reported.values()].flatMap((one) => ('report' in one ? [one.report] : []));
  const { byBroker, totals } = partitionCounts(broker.topics);
  const { controllerId } = broker.cluster;
  return {
    nowMs: now(),
    brokerId: broker.nodeId,
    clusterId: broker.clusterId,
    isCluster: view.metadata !== undefined,
    controllerId,
    pageRows: PAGE_ROWS,
    totals: {
      ...totals,
      topics: broker.topics.count,
      gatewaysLive: sum(known, ({ sessions }) => sessions.live),
      lostRecords: view.gaps.lostRecords,
    },
    brokers: brokerRows(registered, byBroker, reported, controllerId),
    topics: topicsPage(broker.topics, query),
    topic: topicDetail(broker.topics, query),
    groups: groupsPage(known, query),
    group: known.find(({ group }) => group !== null)?.group ?? null,
    gateways: gatewaysPage(view, known, query),
    damage: {
      matching: sum(known, ({ damage }) => damage.matching),
      rows: known.flatMap(({ nodeId, damage }) =>
        damage.first.map((range) => ({ broker: nodeId, ...range })),
      ),
    },
  };
}

/** This broker too, though it may not be registered at the moment. */
function registeredBrokers({ broker, endpoint, metadata }: HubView): Registered[] {
  if (metadata === undefined) {
    return [{ id: broker.nodeId, kafka: formatAddress(endpoint), rack: null, draining: false }];
  }
  return Array.from(metadata.brokers(), ({ id, record: { kafka, rack, draining } }) => ({
    id,
    kafka,
    rack,
    draining,
  }));
}

async function allReports(
  view: HubView,
  reports: ClusterReports,
  query: OverviewQuery,
): Promise<Map<number, Reported>> {
  const asked = reportQueryOf(query);
  const { nodeId } = view.broker;
  const reported = new Map<number, Reported>([[nodeId, { report: reportOf(view, asked) }]]);
  const others = [...(view.metadata?.brokers() ?? [])].filter(({ id }) => id !== nodeId);
  await Promise.all(
    others.map(async ({ id, record }) => {
      reported.set(id, await reports.of({ id, http: record.http, kafka: record.kafka }, asked));
    }),
  );
  return reported;
}

/** Each group has one coordinator. */
function groupsPage(known: readonly BrokerReport[], query: OverviewQuery) {
  const rows = known
    .flatMap(({ nodeId, groups }) =>
      groups.first.map((row): GroupRow & { coordinator: number } => ({ ...row, coordinator: nodeId })),
    )
    .sort((a, b) => compareNames(a.groupId, b.groupId));
  return pageOf(
    rows,
    sum(known, ({ groups }) => groups.matching),
    query.groupsPage,
  );
}

function sum<T>(items: readonly T[], amountOf: (item: T) => number): number {
  return items.reduce((total, item) => total + amountOf(item), 0);
}
