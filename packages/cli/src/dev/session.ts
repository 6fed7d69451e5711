import { createInterface } from 'node:readline';
import type { ReadStream, WriteStream } from 'node:tty';
import { describeError } from '@edgelog/runtime';
import type { Child } from './child.ts';
import { hasProgram } from './has-program.ts';
import { type Command, commandOfKey, commandOfLine, commands } from './input.ts';
import { Monitor, type Snapshot } from './monitor.ts';
import { plainLine } from './plain.ts';
import type { DevPlan } from './ports.ts';
import { Screen } from './screen.ts';
import { setUplinkPaused } from './status.ts';
import { DEMO_TOPIC } from './topic.ts';
import { Tree } from './tree.ts';
import { renderView, type ViewModel } from './view.ts';
import { watchNpm } from './watch-npm.ts';

const POLL_MS = 1_000;
const PLAIN_EVERY_POLLS = 5;
/** Two signals this close together are one Ctrl-C, which npm forwards. */
const SIGNAL_REPEAT_MS = 500;

/** One run of `edgelog dev`: the tree, what is shown of it, and what the user asks for. */
export class DevSession {
  readonly #plan: DevPlan;
  readonly #tree: Tree;
  readonly #monitor: Monitor;
  readonly #startedAt = performance.now();
  readonly #quit = Promise.withResolvers<void>();
  #screen: Screen | undefined;
  #snapshot: Snapshot | undefined;
  #notice = '';
  #isReady = false;
  /** What the user asked for; an agent that starts anew knows nothing of it. */
  #isCut = false;
  #quitAt: number | undefined;

  constructor(plan: DevPlan) {
    this.#plan = plan;
    this.#tree = new Tree({
      plan,
      onMessage: (message) => this.#monitor.onMessage(message),
      onChange: (child) => this.#onChange(child),
    });
    this.#monitor = new Monitor(plan, this.#tree);
  }

  /** Resolves with the exit status: 0 after a clean end, 1 when a process could not start. */
  async run(): Promise<number> {
    const onSignal = () => this.#askToQuit();
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'disconnect'] as const) process.on(signal, onSignal);
    process.stdout.on('error', onSignal);
    const watch = watchNpm(onSignal);
    try {
      process.stdout.write(
        `starting ${this.#hubs}, agent and devices; their logs are in ${this.#tree.logDir}\n`,
      );
      await Promise.race([this.#tree.start(), this.#quit.promise]);
      if (this.#quitAt === undefined) await this.#watchOver();
      return 0;
    } catch (error) {
      process.stderr.write(`edgelog dev: ${error instanceof Error ? error.message : describeError(error)}\n`);
      return 1;
    } finally {
      clearInterval(watch);
      await this.#tree.stop();
    }
  }

  async #watchOver(): Promise<void> {
    const { settings, hubs } = this.#plan;
    const { mqtt, plain } = settings;
    const kafka = hubs.map((hub) => hub.kafka).join(',');
    const { stdin, stdout } = process;
    const isLive = stdin.isTTY && stdout.isTTY && !plain;
    for (const [label, command] of this.#consumeCommands()) stdout.write(`${label.padEnd(12)}${command}\n`);
    for (const hint of this.#hints()) stdout.write(`${hint}\n`);
    if (!isLive) stdout.write(`commands on stdin: ${commands(hubs.length).join(', ')}\n`);
    stdout.write(`ready dev kafka=${kafka} mqtt=${mqtt}\n`);
    this.#isReady = true;
    const stopInput = isLive ? this.#readKeys(stdin) : this.#readLines();
    if (isLive) this.#screen = new Screen(stdout as WriteStream, () => this.#draw());
    let polls = 0;
    let isPolling = false;
    const poll = async () => {
      if (isPolling) return;
      isPolling = true;
      try {
        this.#snapshot = await this.#monitor.poll();
      } catch (error) {
        return this.#say(`a status cannot be read: ${describeError(error)}`);
      } finally {
        isPolling = false;
      }
      if (this.#screen) this.#draw();
      else if (polls++ % PLAIN_EVERY_POLLS === 0) this.#say(plainLine(this.#snapshot));
    };
    const timer = setInterval(() => void poll(), POLL_MS);
    void poll();
    await this.#quit.promise;
    clearInterval(timer);
    stopInput();
    this.#screen?.close();
    this.#screen = undefined;
    stdout.write(`stopping devices, agent and ${this.#hubs}\n`);
  }

  #consumeCommands(): ViewModel['consumeCommands'] {
    const { hubs } = this.#plan;
    const kcat = `kcat -b ${hubs.map(({ kafka }) => kafka).join(',')}`;
    return [
      ['read all', `${kcat} -C -t ${DEMO_TOPIC} -o beginning -f '%k %s\\n'`],
      ['follow', `${kcat} -C -t ${DEMO_TOPIC} -o end -f '%k %s\\n'`],
      ['in a group', `${kcat} -G demo -f '%k %s\\n' ${DEMO_TOPIC}`],
      ['page', `http://${hubs[0]!.http}/`],
    ];
  }

  #hints(): string[] {
    const hints = this.#tree.serialMissing === undefined ? [] : [this.#tree.serialMissing];
    return hasProgram('kcat') ? hints : [...hints, 'kcat is not installed (apt-get install kcat)'];
  }

  #readKeys(stdin: ReadStream): () => void {
    const hubs = this.#tree.hubs.length;
    const isDown = (name: string) => this.#hub(name)?.state === 'down';
    stdin.setRawMode(true);
    stdin.setEncoding('utf8');
    const onData = (keys: string) => {
      for (const key of keys) {
        const command = commandOfKey(key, hubs, isDown);
        if (command !== undefined) void this.#obey(command);
      }
    };
    stdin.on('data', onData);
    return () => {
      stdin.off('data', onData);
      stdin.setRawMode(false);
      stdin.pause();
    };
  }

  #readLines(): () => void {
    const lines = createInterface(process.stdin);
    lines.on('line', (line) => {
      const { command, problem } = commandOfLine(line, this.#tree.hubs.length);
      if (problem !== undefined) this.#say(problem);
      if (command !== undefined) void this.#obey(command);
    });
    return () => lines.close();
  }

  async #obey(command: Command): Promise<void> {
    const { agentHttp } = this.#plan.settings;
    switch (command) {
      case 'quit':
        return this.#askToQuit();
      case 'cut':
      case 'restore': {
        this.#isCut = command === 'cut';
        const isDone = await setUplinkPaused(agentHttp, this.#isCut);
        const done =
          command === 'cut' ? 'uplink cut: the backlog grows' : 'uplink restored: the backlog drains';
        return this.#say(isDone ? done : 'the agent does not answer');
      }
      case 'kill agent':
        return this.#restart(this.#tree.agent);
      case 'kill hub':
        return this.#restart(this.#tree.hubs[0]!);
      case 'start': {
        const down = this.#tree.children.filter(({ state }) => state === 'down');
        await Promise.all(down.map((child) => this.#restart(child)));
        return;
      }
      default: {
        const [verb, name] = command.split(' ');
        const hub = this.#hub(name!)!;
        if (verb === 'kill') this.#kill(hub);
        else if (hub.state === 'down') await this.#restart(hub);
      }
    }
  }

  /** "hub", or what there is instead. */
  get #hubs(): string {
    return this.#plan.etcd === undefined ? 'hub' : `etcd, ${this.#plan.hubs.length} brokers`;
  }

  #hub(name: string): Child | undefined {
    return this.#tree.hubs.find((hub) => hub.name === name);
  }

  /** A broker of a cluster stays down, so that one sees the others take over. */
  #kill(broker: Child): void {
    if (broker.state !== 'up' || this.#quitAt !== undefined) return;
    const { name, pid } = broker;
    broker.kill();
    this.#say(`${name} killed with SIGKILL (pid ${pid}): the others take over; start ${name} brings it back`);
  }

  async #restart(child: Child): Promise<void> {
    if (child.state === 'starting' || this.#quitAt !== undefined) return;
    const what = child.state === 'down' ? 'was down' : `killed with SIGKILL (pid ${child.pid})`;
    this.#say(`${child.name} ${what}, starting again`);
    const since = performance.now();
    try {
      await child.restart();
      if (child === this.#tree.agent && this.#isCut)
        await setUplinkPaused(this.#plan.settings.agentHttp, true);
      this.#say(`${child.name} ${what}, ready again after ${Math.round(performance.now() - since)} ms`);
    } catch (error) {
      this.#say(`${child.name} did not start: ${describeError(error)}`);
    }
  }

  #onChange(child: Child): void {
    if (child.state === 'down' && this.#isReady && !this.#screen) {
      this.#say(`${child.name} is down (${child.exit}); its log: ${child.logPath}`);
    }
    this.#draw();
  }

  #say(text: string): void {
    this.#notice = text;
    if (this.#screen) this.#draw();
    else if (this.#quitAt === undefined)
      process.stdout.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
  }

  #draw(): void {
    const screen = this.#screen;
    if (screen === undefined) return;
    const model: ViewModel = {
      snapshot: this.#snapshot,
      children: this.#tree.children,
      consumeCommands: this.#consumeCommands(),
      dataDir: this.#plan.settings.dataDir,
      uptimeMs: performance.now() - this.#startedAt,
      notice: this.#notice || this.#hints().join('; '),
    };
    screen.draw(renderView(model, screen.columns, screen.height));
  }

  /** The first time cleanly, the second at once. */
  #askToQuit(): void {
    const now = performance.now();
    if (this.#quitAt === undefined) {
      this.#quitAt = now;
      this.#quit.resolve();
    } else if (now - this.#quitAt > SIGNAL_REPEAT_MS) this.#tree.kill();
  }
}
