import { loadSettings } from '@edgelog/runtime';
import { expect, test } from 'vitest';
import { hubSettings } from './settings.ts';

const load = (...flags: string[]) =>
  loadSettings({
    command: 'edgelog hub',
    summary: '',
    schema: hubSettings,
    argv: ['--data-dir=d', ...flags],
    env: {},
  });

test('a broker of a cluster is told what it lacks, by the flag that mends it', () => {
  const etcd = '--etcd=http://a:2379,http://b:2379';
  expect(load(etcd, '--broker-id=3')).toMatchObject({
    etcd: ['http://a:2379', 'http://b:2379'],
    brokerId: 3,
  });
  expect(() => load(etcd)).toThrow('--broker-id: required with --etcd');
  expect(() => load('--etcd=a:2379', '--broker-id=3')).toThrow('expected http://HOST:PORT');
  expect(() => load(etcd, '--broker-id=3', '--kafka=0.0.0.0:9092')).toThrow(
    '--advertise: required with --etcd',
  );
  expect(() => load(etcd, '--broker-id=3', '--kafka=[::]:9092')).toThrow('--advertise: required with --etcd');
  expect(load(etcd, '--broker-id=3', '--kafka=0.0.0.0:9092', '--advertise=b3:9092').advertise).toBe(
    'b3:9092',
  );
  expect(() => load('--etcd-user=u')).toThrow('--etcd-user and --etcd-password go together');
  expect(() => load('--etcd-key=k')).toThrow('--etcd-cert and --etcd-key go together');
  expect(() => load('--etcd-prefix=edgelog')).toThrow('expected /NAME');
});

test('a standalone broker needs none of it', () => {
  expect(load()).toMatchObject({ etcd: [], replication: 3, brokerSessionMs: 6_000 });
  expect(load('--kafka=0.0.0.0:9092').brokerId).toBeUndefined();
  for (const flags of [
    ['--etcd-prefix=/plant'],
    ['--etcd-user=u', '--etcd-password=p'],
    ['--etcd-ca=ca.pem'],
  ])
    expect(() => load(...flags)).toThrow('of no use without --etcd');
});
