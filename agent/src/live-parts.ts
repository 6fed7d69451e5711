import type { Alarms, TopicPolicies } from '@edgelog/edge';
import type { Uplink } from '@edgelog/sync';
import { type RoutedIngest, type SwitchedIngest, TOPICS_ALARM } from './ingest/index.ts';
import type { LivePart } from './live-settings.ts';
import type { MqttAccess } from './mqtt/access/index.ts';
import type { AgentSettings } from './settings.ts';
import { limitsOf } from './uplink/start.ts';

export interface RunningParts {
  readonly ingestOf: (settings: AgentSettings) => RoutedIngest;
  readonly routed: SwitchedIngest;
  readonly access: MqttAccess;
  readonly uplink: Uplink;
  readonly policies: TopicPolicies;
  readonly alarms: Alarms;
}

/** What of a running agent takes other settings, beside what it looks up each time. */
export function liveParts(parts: RunningParts): LivePart[] {
  const { ingestOf, routed, access, uplink, policies, alarms } = parts;
  return [
    {
      keys: ['routes', 'topic', 'unrouted', 'maxRoutedTopics'],
      prepare: (next) => {
        const ingest = ingestOf(next);
        return () => {
          alarms.clear(TOPICS_ALARM);
          routed.switchTo(ingest);
        };
      },
    },
    { keys: ['acl'], prepare: ({ acl }) => access.prepareRules(acl) },
    {
      keys: ['uplinkMaxBytesPerSecond', 'uplinkWindows', 'uplinkZone', 'uplinkUrgentPriority'],
      prepare: (next) => {
        const limits = limitsOf(next);
        return () => uplink.setLimits(limits);
      },
    },
    {
      keys: ['topics'],
      prepare:
        ({ topics }) =>
        () => {
          policies.set(topics);
          uplink.notify();
        },
    },
    { keys: ['httpHosts'], prepare: () => () => {} },
  ];
}
