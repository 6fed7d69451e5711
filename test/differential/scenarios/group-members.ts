import type { ResponseOutput } from '@edgelog/wire';
import { type Scenario, versionsOf } from '../scenario.ts';
import { anonymous, join, ready, stable } from './group-setup.ts';

const errorOf = (response: ResponseOutput<'leaveGroup'> | undefined) =>
  response?.members.map(({ errorCode }) => ({ errorCode }));

const coordinators: Scenario = {
  name: 'groups: find coordinator',
  async run(peer, see) {
    await ready(peer, `${peer.prefix}find`);
    for (const version of versionsOf('findCoordinator')) {
      const ask = async (label: string, keys: string[], keyType = 0) => {
        const body =
          version < 4
            ? { key: keys[0] ?? '', ...(version > 0 ? { keyType } : {}) }
            : { keyType, coordinatorKeys: keys };
        see(`v${version} ${label}`, await peer.ask('findCoordinator', version, body as never));
      };
      await ask('one', ['a']);
      await ask('empty key', ['']);
      if (version >= 1) for (const type of [2, 3, -1]) await ask(`key type ${type}`, ['a'], type);
      if (version < 4) continue;
      await ask('several', ['a', 'b', '']);
      await ask('twice', ['a', 'a']);
      await ask('none', []);
    }
  },
};

const joins: Scenario = {
  name: 'groups: join, sync, heartbeat, leave in wrong states',
  deliberate: [[/^v[789] /, 'no protocol is an empty name in failures, as before version 7']],
  async run(peer, see) {
    const group = `${peer.prefix}joins`;
    await ready(peer, group);
    for (const version of versionsOf('joinGroup')) {
      const groupId = `${group}-${version}`;
      const ask = async (label: string, over: object, own = groupId) =>
        see(`v${version} ${label}`, anonymous(await peer.ask('joinGroup', version, join(own, over))));
      await ask('empty group id', {}, '');
      await ask('session too short', { sessionTimeoutMs: 10 });
      await ask('session 0', { sessionTimeoutMs: 0 });
      await ask('session negative', { sessionTimeoutMs: -1 });
      await ask('session too long', { sessionTimeoutMs: 2_000_000_000 });
      await ask('no protocols', { protocols: [] });
      await ask('no protocol type', { protocolType: '' });
      await ask('unknown member', { memberId: 'nobody' });
      if (version >= 1 && version !== 0)
        await ask('negative rebalance time-out', { rebalanceTimeoutMs: -5, memberId: 'nobody' });
      if (version < 4) continue;
      const first = await peer.must('joinGroup', version, join(groupId));
      see(`v${version} first`, anonymous(first));
      await ask('with its id', { memberId: first.memberId });
      if (version < 5) continue;
      await ask(
        'unknown static member with an id',
        { memberId: 'nobody', groupInstanceId: 'i' },
        `${groupId}-s`,
      );
      await ask('static', { groupInstanceId: 'i' }, `${groupId}-s`);
      await ask('static, known, other id', { memberId: 'nobody', groupInstanceId: 'i' }, `${groupId}-s`);
      await ask('empty instance id', { groupInstanceId: '' }, `${groupId}-t`);
      await ask('bad instance id', { groupInstanceId: 'a/b' }, `${groupId}-u`);
      await ask('long instance id', { groupInstanceId: 'x'.repeat(250) }, `${groupId}-v`);
    }
    const groupId = `${group}-stable`;
    const { memberId, generationId } = await stable(peer, groupId);
    see(
      'another protocol type',
      anonymous(await peer.ask('joinGroup', 5, join(groupId, { protocolType: 'connect' }))),
    );
    see(
      'no common protocol',
      anonymous(
        await peer.ask(
          'joinGroup',
          5,
          join(groupId, { protocols: [{ name: 'other', metadata: Buffer.alloc(0) }] }),
        ),
      ),
    );
    see(
      'unknown member in a stable group',
      anonymous(await peer.ask('joinGroup', 5, join(groupId, { memberId: 'nobody' }))),
    );
    for (const version of versionsOf('syncGroup')) {
      const ask = async (label: string, over: object) =>
        see(
          `sync v${version} ${label}`,
          await peer.ask('syncGroup', version, {
            groupId,
            generationId,
            memberId,
            assignments: [],
            ...over,
          } as never),
        );
      await ask('again', {});
      await ask('stale generation', { generationId: generationId - 1 });
      await ask('future generation', { generationId: generationId + 1 });
      await ask('generation -1', { generationId: -1 });
      await ask('unknown member', { memberId: 'nobody' });
      await ask('empty member', { memberId: '' });
      await ask('unknown group', { groupId: 'nowhere' });
      await ask('empty group', { groupId: '' });
      if (version >= 3) await ask('instance id that it has not', { groupInstanceId: 'i' });
      if (version < 5) continue;
      await ask('protocol it has', { protocolType: 'consumer', protocolName: 'range' });
      await ask('other protocol type', { protocolType: 'connect', protocolName: 'range' });
      await ask('other protocol name', { protocolType: 'consumer', protocolName: 'other' });
      await ask('protocol name alone', { protocolName: 'range' });
    }
    for (const version of versionsOf('heartbeat')) {
      const ask = async (label: string, over: object) =>
        see(
          `heartbeat v${version} ${label}`,
          await peer.ask('heartbeat', version, { groupId, generationId, memberId, ...over } as never),
        );
      await ask('well', {});
      await ask('stale generation', { generationId: generationId - 1 });
      await ask('future generation', { generationId: generationId + 1 });
      await ask('generation -1', { generationId: -1 });
      await ask('unknown member', { memberId: 'nobody' });
      await ask('unknown group', { groupId: 'nowhere' });
      await ask('empty group', { groupId: '' });
      if (version >= 3) await ask('instance id that it has not', { groupInstanceId: 'i' });
    }
    for (const version of versionsOf('leaveGroup')) {
      const ask = async (label: string, own: string, ids: object[]) => {
        const body =
          version < 3
            ? { groupId: own, memberId: (ids[0] as { memberId: string } | undefined)?.memberId ?? '' }
            : { groupId: own, members: ids };
        see(`leave v${version} ${label}`, await peer.ask('leaveGroup', version, body as never));
      };
      await ask('unknown member', groupId, [{ memberId: 'nobody' }]);
      await ask('empty member', groupId, [{ memberId: '' }]);
      await ask('unknown group', 'nowhere', [{ memberId: 'nobody' }]);
      await ask('empty group', '', [{ memberId: 'nobody' }]);
      if (version < 3) continue;
      await ask('nobody', groupId, []);
      await ask('nobody of an unknown group', 'nowhere', []);
      await ask('unknown instance', groupId, [{ memberId: '', groupInstanceId: 'i' }]);
      await ask('member twice', `${groupId}`, [{ memberId: 'nobody' }, { memberId: 'nobody' }]);
    }
    see('it leaves', errorOf(await peer.ask('leaveGroup', 3, { groupId, members: [{ memberId }] } as never)));
    see(
      'it leaves again',
      errorOf(await peer.ask('leaveGroup', 3, { groupId, members: [{ memberId }] } as never)),
    );
    see(
      'heartbeat of an empty group',
      await peer.ask('heartbeat', 3, { groupId, generationId, memberId } as never),
    );
    see(
      'sync of an empty group',
      await peer.ask('syncGroup', 3, { groupId, generationId, memberId, assignments: [] } as never),
    );
  },
};

export const memberScenarios = [coordinators, joins];
