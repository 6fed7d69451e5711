import { once } from 'node:events';
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** What no process of the network is: everybody who was not named. */
const OUTSIDE = 'outside';
/** Who connects is looked up for all new connections of so long at once: the kernel's table may be long. */
const LOOK_UP_EVERY_MS = 10;
const LISTEN_AGAIN_EVERY_MS = 20;
/** Bytes that wait out a delay, per direction of a connection. */
const DELAYED_BYTES_MAX = 1024 * 1024;

/** The state of what goes from one node to another. */
interface Link {
  cut: boolean;
  delayMs: number;
}

const OPEN: Readonly<Link> = { cut: false, delayMs: 0 };

/**
 * A network between processes on loopback that can be cut. Every port that is to be reached through it has a hop in front; who
 * connected is found out from the process that has the other end of the connection, so nobody need know of it; not before there is a
 * fault somewhere, since that takes time. A cut is one of a
 * network, not of a connection: bytes wait in the senders' buffers, closings are not heard of, connections are not made; what was
 * sent comes through when the cut is healed.
 */
export class Network {
  readonly #pids = new Map<number, string>();
  readonly #links = new Map<string, Link>();
  readonly #hops: Hop[] = [];
  #lookUp: NodeJS.Timeout | undefined;

  /** Connections of this process are from now on those of `node`. */
  attach(node: string, pid: number): void {
    for (const [known, name] of this.#pids) if (name === node) this.#pids.delete(known);
    this.#pids.set(pid, node);
  }

  /** A port that leads to `port` of `node`. */
  async hopTo(node: string, port: number): Promise<number> {
    const hop = new Hop(this, node, port);
    this.#hops.push(hop);
    return hop.open();
  }

  /** What `from` sends does not reach `to`. */
  cut(from: string, to: string): void {
    this.#set(from, to, { cut: true });
  }

  cutBothWays(one: string, other: string): void {
    this.cut(one, other);
    this.cut(other, one);
  }

  /** Everything from `from` to `to` takes so much longer. */
  delay(from: string, to: string, delayMs: number): void {
    this.#set(from, to, { delayMs });
  }

  /** All links are as good as new. */
  heal(): void {
    this.#links.clear();
    this.#update();
  }

  /** The process behind a node's hops has ended: connections to it are refused, as its machine would. */
  async refuse(node: string): Promise<void> {
    await Promise.all(this.#hopsTo(node).map((hop) => hop.refuse()));
  }

  /** Its hops listen as soon as somebody does behind them. */
  accept(node: string): void {
    for (const hop of this.#hopsTo(node)) void hop.openWhenListening();
  }

  async close(): Promise<void> {
    await Promise.all(this.#hops.map((hop) => hop.close()));
  }

  link(from: string, to: string): Readonly<Link> {
    return this.#links.get(`${from}>${to}`) ?? OPEN;
  }

  get isFaultless(): boolean {
    return this.#links.size === 0;
  }

  /** To be told soon who has connected. */
  lookUpSoon(): void {
    this.#lookUp ??= setTimeout(() => {
      this.#lookUp = undefined;
      this.#lookUpAll();
      this.#update();
    }, LOOK_UP_EVERY_MS);
  }

  /** Whose processes have the far ends of the connections that nobody is known of. */
  #lookUpAll(): void {
    const unknown = this.#hops.flatMap((hop) => hop.unknown());
    if (unknown.length === 0) return;
    const inodes = inodesByPorts();
    const nodes = new Map<string, string>();
    for (const [pid, node] of this.#pids) for (const inode of socketsOf(pid)) nodes.set(inode, node);
    for (const connection of unknown) {
      const inode = inodes.get(connection.ports);
      connection.from = (inode === undefined ? undefined : nodes.get(inode)) ?? OUTSIDE;
    }
  }

  #hopsTo(node: string): Hop[] {
    return this.#hops.filter((hop) => hop.node === node);
  }

  #set(from: string, to: string, change: Partial<Link>): void {
    this.#links.set(`${from}>${to}`, { ...this.link(from, to), ...change });
    this.#update();
  }

  #update(): void {
    if (!this.isFaultless) this.#lookUpAll();
    for (const hop of this.#hops) hop.update();
  }
}

/** The listening side in front of one port. */
class Hop {
  readonly node: string;
  readonly #network: Network;
  readonly #target: number;
  readonly #connections = new Set<Connection>();
  #server: Server | undefined;
  #port = 0;
  #closed = false;

  constructor(network: Network, node: string, target: number) {
    this.#network = network;
    this.node = node;
    this.#target = target;
  }

  async open(): Promise<number> {
    if (this.#server !== undefined || this.#closed) return this.#port;
    const server = createServer({ pauseOnConnect: true, noDelay: true }, (near) => {
      const connection = new Connection(this.#network, { to: this.node, near, port: this.#target });
      this.#connections.add(connection);
      connection.ended.then(() => this.#connections.delete(connection));
    });
    this.#server = server;
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as { port: number }).port;
    return this.#port;
  }

  async refuse(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, 'close');
    server.close();
    for (const connection of this.#connections) connection.reset();
    await closed;
  }

  async openWhenListening(): Promise<void> {
    while (!this.#closed && this.#server === undefined && !(await listens(this.#target)))
      await delay(LISTEN_AGAIN_EVERY_MS);
    await this.open();
  }

  update(): void {
    for (const connection of this.#connections) connection.update();
  }

  unknown(): Connection[] {
    return [...this.#connections].filter(({ from }) => from === undefined);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.refuse();
  }
}

interface Ends {
  readonly to: string;
  readonly near: Socket;
  readonly port: number;
}

/** One connection through a hop. The far side is connected when bytes could go both ways, as a handshake needs. */
class Connection {
  readonly ended: Promise<void>;
  /** The far end's port and this one's, as the kernel's table has them. */
  readonly ports: string;
  /** Who connected; undefined as long as nobody has looked. */
  from: string | undefined;
  readonly #network: Network;
  readonly #ends: Ends;
  #far: Socket | undefined;
  #flows: Flow[] = [];
  #end: () => void = () => {};

  constructor(network: Network, ends: Ends) {
    this.#network = network;
    this.#ends = ends;
    this.ports = `${ends.near.remotePort}>${ends.near.localPort}`;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    ends.near.on('error', () => {}).on('close', () => this.#onClose());
    this.update();
  }

  update(): void {
    const { to, near, port } = this.#ends;
    if (this.from === undefined && !this.#network.isFaultless) {
      this.#network.lookUpSoon();
      return;
    }
    const there = this.#network.link(this.from ?? OUTSIDE, to);
    const back = this.#network.link(to, this.from ?? OUTSIDE);
    if (this.#far === undefined && !there.cut && !back.cut && !near.destroyed) {
      const far = connect({ port, host: '127.0.0.1', noDelay: true });
      far.on('error', () => {}).on('close', () => this.#onClose());
      this.#far = far;
      this.#flows = [new Flow(near, far), new Flow(far, near)];
    }
    this.#flows[0]?.set(there);
    this.#flows[1]?.set(back);
  }

  reset(): void {
    this.#ends.near.resetAndDestroy();
    this.#far?.resetAndDestroy();
  }

  #onClose(): void {
    if (this.#ends.near.destroyed && (this.#far === undefined || this.#far.destroyed)) this.#end();
  }
}

/** One direction of a connection. */
class Flow {
  readonly #source: Socket;
  readonly #sink: Socket;
  #link: Readonly<Link> = { ...OPEN, cut: true };
  #waiting: { dueAt: number; bytes: Buffer }[] = [];
  #waitingBytes = 0;
  #isSourceClosed = false;
  #isClosing = false;

  constructor(source: Socket, sink: Socket) {
    this.#source = source;
    this.#sink = sink;
    source.pause();
    source.on('data', (bytes: Buffer) => this.#onData(bytes));
    source.on('close', () => {
      this.#isSourceClosed = true;
      this.#pass();
    });
    sink.on('connect', () => this.#pass()).on('drain', () => this.#pass());
  }

  set(link: Readonly<Link>): void {
    this.#link = link;
    this.#pass();
  }

  #onData(bytes: Buffer): void {
    this.#waiting.push({ dueAt: performance.now() + this.#link.delayMs, bytes });
    this.#waitingBytes += bytes.length;
    if (this.#link.delayMs > 0) setTimeout(() => this.#pass(), this.#link.delayMs + 1);
    this.#pass();
  }

  /** Hands on what is due, and what happens to the source, unless the link is cut. */
  #pass(): void {
    if (this.#link.cut || this.#sink.connecting) return void this.#source.pause();
    const now = performance.now();
    while (this.#waiting.length > 0 && this.#waiting[0]!.dueAt <= now && !this.#sink.writableNeedDrain) {
      const { bytes } = this.#waiting.shift()!;
      this.#waitingBytes -= bytes.length;
      this.#sink.write(bytes);
    }
    if (this.#isSourceClosed && this.#waiting.length === 0) this.#close();
    else if (this.#waitingBytes > DELAYED_BYTES_MAX || this.#sink.writableNeedDrain) this.#source.pause();
    else this.#source.resume();
  }

  #close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#sink.destroySoon();
  }
}

/** Whether a connection to the port is accepted. */
async function listens(port: number): Promise<boolean> {
  const socket = connect({ port, host: '127.0.0.1' });
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** Of IPv4, and of IPv6, which some programs use for both. */
const TCP_TABLES = ['/proc/net/tcp', '/proc/net/tcp6'];
/** A line of those tables: the two addresses in hexadecimal, and the inode of the socket. */
const TCP_LINE =
  /^ *\d+: [0-9A-F]+:([0-9A-F]{4}) [0-9A-F]+:([0-9A-F]{4}) \S+ \S+ \S+ \S+ +\d+ +\d+ ([1-9]\d*)/gm;

/** Inode of each socket, by its port and the one it is connected to. */
function inodesByPorts(): Map<string, string> {
  const inodes = new Map<string, string>();
  for (const table of TCP_TABLES)
    for (const [, local, remote, inode] of readFileSync(table, 'latin1').matchAll(TCP_LINE))
      inodes.set(`${Number.parseInt(local!, 16)}>${Number.parseInt(remote!, 16)}`, inode!);
  return inodes;
}

/** Inodes of a process's sockets; none when it is gone. */
function socketsOf(pid: number): string[] {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).flatMap(
      (fd) => /^socket:\[(\d+)\]$/.exec(linkOf(`${folder}/${fd}`))?.[1] ?? [],
    );
  } catch {
    return [];
  }
}

/** Where a link leads; nowhere when it is gone meanwhile. */
function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}
