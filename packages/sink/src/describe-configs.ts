import { EdgelogError } from '@edgelog/base';
import { check, type KafkaCluster } from '@edgelog/client';
import { apis, ErrorCode } from '@edgelog/wire';
import { asking } from './asking.ts';
import { isUnauthorized } from './refusal.ts';

const TOPIC = 2;
const BROKER = 4;

/** What is set of a topic, defaults with it; undefined where this user may not be told. */
export async function topicConfigs(
  kafka: KafkaCluster,
  topic: string,
): Promise<Map<string, string> | undefined> {
  try {
    return await describe(kafka, TOPIC, topic);
  } catch (error) {
    if (isUnauthorized(error)) return undefined;
    throw error;
  }
}

/** What is set of a broker, any one: all are held to be set alike. Undefined where it would not say. */
export async function brokerConfigs(kafka: KafkaCluster): Promise<Map<string, string> | undefined> {
  const [node] = kafka.brokerIds;
  if (node === undefined) return undefined;
  try {
    return await describe(kafka, BROKER, String(node), node);
  } catch (error) {
    if (error instanceof EdgelogError && error.code === 'REFUSED') return undefined;
    throw error;
  }
}

async function describe(
  kafka: KafkaCluster,
  resourceType: number,
  resourceName: string,
  node?: number,
): Promise<Map<string, string>> {
  const body = { resources: [{ resourceType, resourceName, configurationKeys: null }] };
  const { describeConfigs } = apis;
  const answer = await asking(
    node === undefined ? kafka.toAny(describeConfigs, body) : kafka.toBroker(node, describeConfigs, body),
  );
  const [found] = answer.results;
  await asking(async () =>
    check(found?.errorCode ?? ErrorCode.NONE, `configuration of ${resourceName}`, found?.errorMessage),
  );
  return new Map(found?.configs.flatMap(({ name, value }) => (value === null ? [] : [[name, value]])));
}
