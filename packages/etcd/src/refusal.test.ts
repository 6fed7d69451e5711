import { expect, test } from 'vitest';
import { refusalOf } from './refusal.ts';

/** Bodies as etcd 3.4.23 and 3.7.3 sent them. */
test.each([
  [
    '{"error":"etcdserver: mvcc: required revision has been compacted","message":"etcdserver: mvcc: required revision has been compacted","code":11}',
    'COMPACTED',
    'notApplied',
  ],
  [
    '{"code":11,"message":"etcdserver: mvcc: required revision is a future revision"}',
    'FUTURE_REVISION',
    'notApplied',
  ],
  [
    '{"error":"etcdserver: no leader","message":"etcdserver: no leader","code":14}',
    'UNAVAILABLE',
    'notApplied',
  ],
  [
    '{"error":{"grpc_code":14,"http_code":503,"message":"etcdserver: no leader","http_status":"Service Unavailable"}}',
    'UNAVAILABLE',
    'notApplied',
  ],
  ['{"error":{"code":14,"message":"etcdserver: no leader"}}', 'UNAVAILABLE', 'notApplied'],
  [
    '{"error":"etcdserver: request timed out","message":"etcdserver: request timed out","code":14}',
    'UNAVAILABLE',
    'unknown',
  ],
  ['{"code":14,"message":"etcdserver: leader changed"}', 'UNAVAILABLE', 'unknown'],
  ['{"code":2,"message":"raft proposal dropped"}', 'UNAVAILABLE', 'unknown'],
  ['{"code":3,"message":"etcdserver: request is too large"}', 'TOO_LARGE', 'notApplied'],
  [
    '{"code":8,"message":"grpc: received message larger than max (3000008 vs. 2097152)"}',
    'TOO_LARGE',
    'notApplied',
  ],
  ['{"code":8,"message":"etcdserver: mvcc: database space exceeded"}', 'NO_SPACE', 'notApplied'],
  ['{"code":3,"message":"etcdserver: duplicate key given in txn request"}', 'REFUSED', 'notApplied'],
  ['{"code":16,"message":"etcdserver: invalid auth token"}', 'TOKEN_INVALID', 'notApplied'],
  ['<html>502 Bad Gateway</html>', 'UNAVAILABLE', 'unknown'],
  ['', 'UNAVAILABLE', 'unknown'],
])('%s', (body, reason, outcome) => {
  expect(refusalOf(body, 'etcd')).toMatchObject({ reason, outcome });
});
