import { EdgelogError } from '@edgelog/base';
import { AgentConnection } from './hub/connection.ts';
import { createIntake, settleIntake } from './hub/intake.ts';
import { listen } from './hub/listener.ts';
import { createRegistry, handleRegistry, type RegistryEvent } from './hub/registry.ts';
import { gatewayStatus } from './hub/status.ts';
import { INTAKE_BYTES, MAX_FRAME_BYTES, MAX_STREAMS_PER_SESSION, SESSION_CREDIT_BYTES } from './limits.ts';
import { OneLinePerCause } from './log.ts';
import type { SyncServer, SyncServerOptions, SyncServerStatus, SyncServerTuning } from './server-types.ts';

const DEFAULTS: SyncServerTuning = {
  creditBytes: SESSION_CREDIT_BYTES,
  maxFrameBytes: MAX_FRAME_BYTES,
  intakeBytes: INTAKE_BYTES,
  handshakeTimeoutMs: 10_000,
  pingIntervalMs: 5_000,
  missedPingsMax: 2,
  probeTimeoutMs: 5_000,
  connectionsMax: 10_000,
};

const TICK_MS = 250;

/** Listens for agents. Rejects with EdgelogError ADDRESS_IN_USE or CONFIG_INVALID. */
export async function startSyncServer(options: SyncServerOptions): Promise<SyncServer> {
  const { hub, log } = options;
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
  let lastId = 0;

  const tell = (event: RegistryEvent) => {
    for (const effect of handleRegistry(registry, event, Date.now()).effects) {
      const connection = connections.get(effect.connection);
      if (connection === undefined) continue;
      const { gateway, remote } = connection;
      const { instance } = connection.link.session;
      switch (effect.type) {
        case 'admit':
          log.info('agent connected', { gateway, instance, remote });
          connection.link.admitted();
          break;
        case 'refuse':
          rejected.refused++;
          log.error('two live agents under one name', { gateway, message: effect.message });
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
        register: ({ gateway, remote }, instance) =>
          tell({ type: 'claim', gateway, claim: { connection: id, instance, remote } }),
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
        closed: ({ gateway, remote }) => {
          connections.delete(id);
          settle(id, 0);
          if (gateway === '') return;
          log.info('agent disconnected', { gateway, remote });
          tell({ type: 'gone', gateway, connection: id });
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
    async close() {
      clearInterval(ticker);
      for (const connection of [...connections.values()]) {
        connection.dismiss('shutting-down', 'the hub stops');
      }
      await listener.close();
    },
  };
}
