import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

/**
 * Below the range from which the kernel takes the ports of outgoing connections: a client that tries to reach a server
 * which is down must not be given the server's own port.
 */
const [FIRST, END] = [20_000, 32_000];

/**
 * Ports on loopback that nobody listens on and that no other test takes: for processes that must come back on the same ports. They are kept
 * for as long as this process lives by names of the kernel (abstract sockets) that end with it.
 */
export async function freePorts(count: number): Promise<number[]> {
  const ports: number[] = [];
  while (ports.length < count) {
    const port = randomInt(FIRST, END);
    if ((await claim(`port-${port}`)) && (await isFree(port))) ports.push(port);
  }
  return ports;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer().listen(port, '127.0.0.1');
  const isFree = await listens(server);
  server.close();
  return isFree;
}

async function listens(server: Server): Promise<boolean> {
  try {
    await once(server, 'listening');
    return true;
  } catch {
    return false;
  }
}

/** Whether no other test on this machine has claimed the name; from then on this process has it, to its end. */
export async function claim(name: string): Promise<boolean> {
  const claimed = createServer().listen(`\0edgelog-test-${name}`);
  const isOurs = await listens(claimed);
  claimed.unref();
  return isOurs;
}
