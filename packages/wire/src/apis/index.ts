import type { Api, DecodedMessage, EncodableMessage } from '../schema/message.ts';
import { produce } from './00-produce.ts';
import { fetch } from './01-fetch.ts';
import { listOffsets } from './02-list-offsets.ts';
import { metadata } from './03-metadata.ts';
import { offsetCommit } from './08-offset-commit.ts';
import { offsetFetch } from './09-offset-fetch.ts';
import { findCoordinator } from './10-find-coordinator.ts';
import { joinGroup } from './11-join-group.ts';
import { heartbeat } from './12-heartbeat.ts';
import { leaveGroup } from './13-leave-group.ts';
import { syncGroup } from './14-sync-group.ts';
import { describeGroups } from './15-describe-groups.ts';
import { listGroups } from './16-list-groups.ts';
import { saslHandshake } from './17-sasl-handshake.ts';
import { apiVersions } from './18-api-versions.ts';
import { createTopics } from './19-create-topics.ts';
import { deleteTopics } from './20-delete-topics.ts';
import { deleteRecords } from './21-delete-records.ts';
import { initProducerId } from './22-init-producer-id.ts';
import { offsetForLeaderEpoch } from './23-offset-for-leader-epoch.ts';
import { describeConfigs } from './32-describe-configs.ts';
import { alterConfigs } from './33-alter-configs.ts';
import { describeLogDirs } from './35-describe-log-dirs.ts';
import { saslAuthenticate } from './36-sasl-authenticate.ts';
import { createPartitions } from './37-create-partitions.ts';
import { describeDelegationToken } from './41-describe-delegation-token.ts';
import { deleteGroups } from './42-delete-groups.ts';
import { electLeaders } from './43-elect-leaders.ts';
import { incrementalAlterConfigs } from './44-incremental-alter-configs.ts';
import { alterPartitionReassignments } from './45-alter-partition-reassignments.ts';
import { listPartitionReassignments } from './46-list-partition-reassignments.ts';
import { offsetDelete } from './47-offset-delete.ts';
import { describeClientQuotas } from './48-describe-client-quotas.ts';
import { describeUserScramCredentials } from './50-describe-user-scram-credentials.ts';
import { describeQuorum } from './55-describe-quorum.ts';
import { describeCluster } from './60-describe-cluster.ts';
import { describeProducers } from './61-describe-producers.ts';
import { unregisterBroker } from './64-unregister-broker.ts';
import { consumerGroupHeartbeat } from './68-consumer-group-heartbeat.ts';
import { consumerGroupDescribe } from './69-consumer-group-describe.ts';
import { listConfigResources } from './74-list-config-resources.ts';
import { describeTopicPartitions } from './75-describe-topic-partitions.ts';
import { replicaSnapshot } from './20000-replica-snapshot.ts';
import { openRun } from './20010-open-run.ts';
import { appendRuns } from './20011-append-runs.ts';
import { challengeGateway } from './20012-challenge-gateway.ts';

/** Every API that brokers of Edgelog serve, by its name. */
export const apis = {
  produce,
  fetch,
  listOffsets,
  metadata,
  offsetCommit,
  offsetFetch,
  findCoordinator,
  joinGroup,
  heartbeat,
  leaveGroup,
  syncGroup,
  describeGroups,
  listGroups,
  apiVersions,
  createTopics,
  deleteTopics,
  deleteRecords,
  initProducerId,
  offsetForLeaderEpoch,
  describeConfigs,
  alterConfigs,
  describeLogDirs,
  createPartitions,
  describeDelegationToken,
  deleteGroups,
  electLeaders,
  incrementalAlterConfigs,
  alterPartitionReassignments,
  listPartitionReassignments,
  offsetDelete,
  describeClientQuotas,
  describeUserScramCredentials,
  describeQuorum,
  describeCluster,
  describeProducers,
  unregisterBroker,
  consumerGroupHeartbeat,
  consumerGroupDescribe,
  listConfigResources,
  describeTopicPartitions,
  replicaSnapshot,
  openRun,
  appendRuns,
  challengeGateway,
} satisfies Record<string, Api>;

/** What clients ask of other brokers only. */
export const saslApis = { saslHandshake, saslAuthenticate } satisfies Record<string, Api>;

export type ApiName = keyof typeof apis;

type ApiRef = Api | ApiName;
type Resolve<A extends ApiRef> = A extends ApiName ? (typeof apis)[A] : A;

/** A request as the broker reads it: every field, with defaults for those that the version lacks. */
export type RequestOf<A extends ApiRef> = DecodedMessage<Extract<Resolve<A>, Api>['request']>;
/** A response as the broker writes it: fields with a default may be left out. */
export type ResponseOf<A extends ApiRef> = EncodableMessage<Extract<Resolve<A>, Api>['response']>;
/** A request as a client writes it. */
export type RequestInput<A extends ApiRef> = EncodableMessage<Extract<Resolve<A>, Api>['request']>;
/** A response as a client reads it. */
export type ResponseOutput<A extends ApiRef> = DecodedMessage<Extract<Resolve<A>, Api>['response']>;

/**
 * One handler per API; a missing one is a compile error. What a handler does before its first `await` is phase one, done
 * before the connection's next request is read; the promise is phase two. `undefined` means that no response is sent
 * (Produce with acks 0).
 */
export type Handlers<Context, Served extends Record<string, Api> = typeof apis> = {
  readonly [N in keyof Served]: (
    request: RequestOf<Served[N]>,
    context: Context,
  ) => ResponseOf<Served[N]> | undefined | Promise<ResponseOf<Served[N]> | undefined>;
};

const byKey = new Map<number, Api>(Object.values(apis).map((api) => [api.key, api]));

/** The API with this key, if brokers of Edgelog serve it. */
export function apiByKey(key: number): Api | undefined {
  return byKey.get(key);
}
