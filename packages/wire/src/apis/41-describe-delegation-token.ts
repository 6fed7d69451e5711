import { array, bytes, int16, int32, int64, string } from '../schema/field.ts';
import { api } from '../schema/message.ts';

/**
 * Tokens that stand for users. 2 is flexible, 3 says who asked for a token.
 */
export const describeDelegationToken = api({
  name: 'DescribeDelegationToken',
  key: 41,
  versions: [1, 3],
  flexible: 2,
  request: {
    owners: array(
      {
        principalType: string(),
        principalName: string(),
      },
      { nullable: 0 },
    ),
  },
  response: {
    errorCode: int16(),
    tokens: array({
      principalType: string(),
      principalName: string(),
      tokenRequesterPrincipalType: string({ since: 3 }),
      tokenRequesterPrincipalName: string({ since: 3 }),
      issueTimestamp: int64(),
      expiryTimestamp: int64(),
      maxTimestamp: int64(),
      tokenId: string(),
      hmac: bytes(),
      renewers: array({
        principalType: string(),
        principalName: string(),
      }),
    }),
    throttleTimeMs: int32({ default: 0 }),
  },
});
