import { array, bool, int16, int32, int64, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Which APIs and versions the broker speaks. The response header is version 0 always, and a request of an unknown version
 * is answered with version 0, UNSUPPORTED_VERSION and the ranges [KIP-511]. 3 is flexible.
 */
export const apiVersions = api({
  name: 'ApiVersions',
  key: 18,
  versions: [0, 4],
  flexible: 3,
  request: {
    clientSoftwareName: string({ since: 3, ignorable: true }),
    clientSoftwareVersion: string({ since: 3, ignorable: true }),
  },
  response: {
    errorCode: int16(),
    apiKeys: array({
      apiKey: int16(),
      minVersion: int16(),
      maxVersion: int16(),
    }),
    throttleTimeMs: int32({ since: 1, ignorable: true }),
    supportedFeatures: array(
      {
        name: string(),
        minVersion: int16(),
        maxVersion: int16(),
      },
      { tagged: { tag: 0, since: 3 }, ignorable: true },
    ),
    finalizedFeaturesEpoch: int64({ tagged: { tag: 1, since: 3 }, default: -1, ignorable: true }),
    finalizedFeatures: array(
      {
        name: string(),
        maxVersionLevel: int16(),
        minVersionLevel: int16(),
      },
      { tagged: { tag: 2, since: 3 }, ignorable: true },
    ),
    zkMigrationReady: bool({ tagged: { tag: 3, since: 3 }, default: false, ignorable: true }),
  },
});
