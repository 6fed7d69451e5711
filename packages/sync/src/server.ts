import { setTimeout as delay } from 'node:timers/promises';
import { EdgelogError } from '@edgelog/base';
import { AgentConnection } from './hub/connection.ts';
import { createIntake, settleIntake } from './hub/intake.ts';
import { listen } from './hub/listener.ts';
import { createRegistry, handleRegistry, type RegistryEffect, type RegistryEvent } from './hub/registry.ts';
import { gatewayStatus } from './hub/status.ts';
import { INTAKE_BYTES, MAX_FRAME_BYTES, MAX_STREAMS_PER_SESSION, SESSION_CREDIT_BYTES } from './limits.ts';
import { OneLinePerCause } from './log.ts';
import type {
  NameClaim,
  SyncServer,
  SyncServerOptions,
  SyncServerStatus,
  SyncServerTuning,
} from './server-types.ts';

const DEFAULTS: SyncServerTuning = {
  creditBytes: SESSION_CREDIT_BYTES,
  maxFrameBytes: MAX_FRAME_BYTES,
  intakeBytes: INTAKE_BYTES,
  handshakeTimeoutMs: 10_000,
  pingIntervalMs: 5_000,
  missedPingsMax: 2,
  probeTimeoutMs: 5_000,
  connectionsMax: 20_000,
};

const TICK_MS = 250;
/** So many agents a second are sent elsewhere, and all within this time. */
const DRAINED_PER_MS = 1;
const DRAIN_MS_MAX = 10_000;
const DRAINS = 'this broker is about to stop; others of the hub go on';

/** Listens for agents. Rejects with EdgelogError ADDRESS_IN_USE or CONFIG_INVALID. */
export async function startSyncServer(options: SyncServerOptions): Promise<SyncServer> {
  const { hub, log, directory } = options;
  const tuning = { ...DEFAULTS, ...options.tuning };
  if (tuning.creditBytes < tuning.maxFrameBytes) {
    throw new EdgelogError(
      'CONFIG_INVALID',
      `creditBytes ${tuning.creditBytes}: at least maxFrameBytes (${tuning.maxFrameBytes}) is allowed`,
    );
  }
  const limits = {
    creditBytes: tuning.creditBytes,
    maxFrameBytes: tuning.maxFrameBytes,
    streamsMax: MAX_STREAMS_PER_SESSION,
  };
  const registry = createRegistry(tuning.probeTimeoutMs);
  const intake = createIntake(tuning.intakeBytes);
  const connections = new Map<number, AgentConnection>();
  /** Bytes read from a connection when it was last looked at, while it is being probed. */
  const probed = new Map<number, number>();
  const rejected = { http: 0, garbage: 0, handshakeTimeout: 0, oversize: 0, badFrame: 0, refused: 0 };
  const complaints = new OneLinePerCause(log);
  /** Instances at other brokers that ask for a name, by a number like a connection's. */
  const challengers = new Map<number, { gateway: string; answer: (refusal: string | undefined) => void }>();
  let lastId = 0;
  let isDraining = false;

  const tell = (event: RegistryEvent) => {
    for (const effect of handleRegistry(registry, event, Date.now()).effects) {
      const connection = connections.get(effect.connection);
      if (connection === undefined) {
        answerChallenger(effect);
        continue;
      }
      const { gateway, remote } = connection;
      const { instance } = connection.link.session;
      switch (effect.type) {
        case 'admit':
          void admit(connection);
          break;
        case 'refuse':
          rejected.refused++;
          log.error('two live agents under one name', { gateway, message: effect.message });
          tellDuplicate(gateway);
          connection.dismiss('duplicate-instance', effect.message);
          break;
        case 'replace':
          log.info('agent replaced', { gateway, instance, remote, message: effect.message });
          connection.dismiss(effect.code, effect.message);
          break;
        case 'probe':
          probed.set(connection.id, connection.bytesRead);
          connection.probe();
          break;
      }
    }
  };

  const tellDuplicate = (gateway: string) => {
    const duplicate = registry.duplicates.get(gateway);
    if (duplicate === undefined) return;
    const { holder, refused } = duplicate;
    hub.incident?.({ type: 'duplicate-gateway', gateway, holder, refused });
  };

  const admit = async (connection: AgentConnection) => {
    const { gateway, remote, link } = connection;
    const { instance } = link.session;
    const refusal = await directory?.claim(gateway, { instance, remote });
    if (refusal !== undefined) {
      rejected.refused++;
      log.error('two live agents under one name', { gateway, message: refusal });
      connection.dismiss('duplicate-instance', refusal);
    } else if (link.session.phase === 'admitting') {
      log.info('agent connected', { gateway, instance, remote });
      link.admitted();
    } else if (!registry.gateways.has(gateway)) directory?.release(gateway, instance); // it did not wait for it
  };

  /** Who is admitted has the name at its own broker from then on, and not here. */
  const answerChallenger = (effect: RegistryEffect) => {
    const challenger = challengers.get(effect.connection);
    if (challenger === undefined || effect.type === 'probe') return;
    challengers.delete(effect.connection);
    if (effect.type === 'refuse') tellDuplicate(challenger.gateway);
    challenger.answer(effect.type === 'admit' ? undefined : effect.message);
    tell({ type: 'gone', gateway: challenger.gateway, connection: effect.connection });
  };

  const settle = (id: number, uncommittedBytes: number) => {
    for (const { type, connection } of settleIntake(intake, id, uncommittedBytes)) {
      connections.get(connection)?.[type]();
    }
  };

  const lookForSigns = () => {
    for (const [id, bytesRead] of probed) {
      const connection = connections.get(id);
      const gateway = connection?.gateway ?? '';
      if (registry.gateways.get(gateway)?.probe === undefined) probed.delete(id);
      else if (connection !== undefined && connection.bytesRead > bytesRead) {
        probed.set(id, connection.bytesRead);
        tell({ type: 'seen', gateway, connection: id });
      }
    }
    tell({ type: 'tick' });
  };

  const listener = await listen(options, tuning, rejected, (ws, socket) => {
    const id = ++lastId;
    connections.set(
      id,
      new AgentConnection({
        id,
        ws,
        socket,
        hub,
        log,
        limits,
        pingIntervalMs: tuning.pingIntervalMs,
        missedPingsMax: tuning.missedPingsMax,
        handshakeTimeoutMs: tuning.handshakeTimeoutMs,
        register: (connection, instance) => {
          const { gateway, remote } = connection;
          if (isDraining) connection.dismiss('shutting-down', DRAINS);
          else tell({ type: 'claim', gateway, claim: { connection: id, instance, remote } });
        },
        uncommitted: (_connection, bytes) => settle(id, bytes),
        answered: ({ gateway }) => tell({ type: 'answered', gateway, connection: id }),
        badFrame: ({ gateway, remote }, error) => {
          rejected.badFrame++;
          complaints.warn('frame', 'bad sync frame', remote, { gateway, problem: error.message });
        },
        oversize: ({ gateway, remote }) => {
          rejected.oversize++;
          const maxBytes = tuning.maxFrameBytes;
          complaints.warn('oversize', 'sync frame too large', remote, { gateway, maxBytes });
        },
        handshakeTimedOut: ({ remote }) => {
          rejected.handshakeTimeout++;
          complaints.warn('hello', 'no hello on the sync port', remote, {});
        },
        closed: ({ gateway, remote, link }) => {
          connections.delete(id);
          settle(id, 0);
          if (gateway === '') return;
          log.info('agent disconnected', { gateway, remote });
          tell({ type: 'gone', gateway, connection: id });
          if (!registry.gateways.has(gateway)) directory?.release(gateway, link.session.instance);
        },
      }),
    );
  });
  const ticker = setInterval(lookForSigns, TICK_MS);

  return {
    port: listener.port,
    status(): SyncServerStatus {
      const gateways = [];
      for (const { holder, probe } of registry.gateways.values()) {
        const connection = connections.get(holder.connection);
        if (connection !== undefined) {
          gateways.push(gatewayStatus(connection, probe === undefined ? 'live' : 'probing'));
        }
      }
      const duplicates = [...registry.duplicates.values()];
      return { connections: connections.size, gateways, duplicates, rejected: { ...rejected } };
    },
    challenge(gateway, { instance, remote }: NameClaim) {
      if (!registry.gateways.has(gateway)) return Promise.resolve(undefined);
      return new Promise((answer) => {
        const connection = ++lastId;
        challengers.set(connection, { gateway, answer });
        tell({ type: 'claim', gateway, claim: { connection, instance, remote } });
      });
    },
    dismiss(gateway, instance, code, message) {
      const holder = registry.gateways.get(gateway)?.holder;
      if (holder?.instance === instance) connections.get(holder.connection)?.dismiss(code, message);
    },
    async drain() {
      isDraining = true;
      const withinMs = Math.min(DRAIN_MS_MAX, connections.size / DRAINED_PER_MS);
      const told = Array.from(connections.values(), async (connection) => {
        await delay(withinMs * Math.random());
        connection.dismiss('shutting-down', DRAINS);
      });
      await Promise.all(told);
    },
    async close() {
      clearInterval(ticker);
      for (const { answer } of challengers.values()) answer(undefined);
      for (const connection of [...connections.values()]) {
        connection.dismiss('shutting-down', 'the hub stops');
      }
      await listener.close();
    },
  };
}
