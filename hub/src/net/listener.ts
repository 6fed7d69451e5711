import { createServer, type Socket } from 'node:net';
import { type Address, type Logger, listen } from '@edgelog/runtime';
import { Connection, type ConnectionDeps } from './connection.ts';

/** How long requests in flight may take to be answered at shutdown. */
const DRAIN_MS_MAX = 2_000;

export interface KafkaListenerOptions extends Omit<ConnectionDeps, 'onClose'> {
  address: Address;
  maxConnections: number;
  /** Beyond those, kept for the other brokers of the cluster: clients that take all must not part them. */
  brokerConnections: number;
  log: Logger;
}

export interface KafkaListener {
  readonly port: number;
  readonly connectionCount: number;
  readonly inFlight: number;
  /** Takes no more connections or requests, lets those in flight be answered for a moment, closes. */
  close(): Promise<void>;
}

/** The TCP side of the Kafka protocol. */
export async function startKafkaListener(options: KafkaListenerOptions): Promise<KafkaListener> {
  const { log, maxConnections, brokerConnections } = options;
  const connections = new Set<Connection>();
  let whenEmpty: () => void = () => {};
  const onClose = (connection: Connection) => {
    connections.delete(connection);
    if (connections.size === 0) whenEmpty();
  };
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket: Socket) => {
    const isSpare = connections.size >= maxConnections;
    if (connections.size >= maxConnections + brokerConnections) {
      log.warn('connection refused: too many', { remote: socket.remoteAddress, maxConnections });
      socket.destroy();
      return;
    }
    connections.add(new Connection(socket, { ...options, onClose, isForBroker: isSpare }));
  });
  const port = await listen(server, options.address, '--kafka');
  server.on('error', (error) => log.error('Kafka listener failed', { error }));
  return {
    port,
    get connectionCount() {
      return connections.size;
    },
    get inFlight() {
      let inFlight = 0;
      for (const connection of connections) inFlight += connection.inFlight;
      return inFlight;
    },
    async close() {
      server.close();
      const empty = new Promise<void>((resolve) => {
        whenEmpty = resolve;
      });
      if (connections.size === 0) return;
      for (const connection of connections) connection.shutdown();
      const timer = setTimeout(() => {
        for (const connection of connections) connection.destroy();
      }, DRAIN_MS_MAX);
      await empty;
      clearTimeout(timer);
    },
  };
}
