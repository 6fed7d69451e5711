import { type Api, apis, ErrorCode } from '@edgelog/wire';
import type { Handler } from './handler.ts';

const apiKeys = Object.values<Api>(apis)
  .filter(({ isInternal }) => !isInternal)
  .map(({ key, advertised: [minVersion, maxVersion] }) => ({ apiKey: key, minVersion, maxVersion }));

/** What every ApiVersions response says, errors too: librdkafka and Java retry with a version they find in it. */
export const servedVersions = { apiKeys };

/**
 * ApiVersions: the APIs served, derived from those that have a codec, each of which has a handler. The dispatcher answers an
 * unknown version of this request itself, in version 0 with error 35 and these ranges [KIP-511].
 *
 * From 3 on the client tells its name and version; an ill-formed one is INVALID_REQUEST, as in Kafka. Left out: features.
 */
export const apiVersions: Handler<'apiVersions'> = (request, { apiVersion, client }) => {
  const { clientSoftwareName: name, clientSoftwareVersion: version } = request;
  if (apiVersion >= 3) {
    if (!isSoftwareName(name) || !isSoftwareName(version)) {
      return { errorCode: ErrorCode.INVALID_REQUEST, ...servedVersions };
    }
    client.software = `${name} ${version}`;
  }
  return { errorCode: ErrorCode.NONE, ...servedVersions };
};

function isSoftwareName(text: string): boolean {
  return /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/.test(text);
}
