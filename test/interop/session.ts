import { run, TestProcess } from '../harness/process.ts';
import type { Client } from './clients.ts';

/** One `record` line of a client's output. */
export interface ReadRecord {
  partition: number;
  offset: number;
  key: string;
  headers: string;
  value: string;
}

/** Flags of the contract, without their dashes. */
export type Flags = Readonly<Record<string, string | number>>;

const TIMEOUT_MS = 90_000;

function argv(client: Client, verb: string, flags: Flags): [program: string, args: string[]] {
  const [program, ...before] = client.command();
  return [
    program,
    [...before, verb, ...Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)])],
  ];
}

/** Runs one verb of a client to its end; fails with what it said if it does not end with status 0 in time. */
export async function perform(client: Client, verb: string, flags: Flags): Promise<string> {
  const [program, args] = argv(client, verb, flags);
  const { code, stdout, stderr } = await run(program, args, { timeoutMs: TIMEOUT_MS });
  if (code !== 0) {
    const ending = code === null ? `is not done after ${TIMEOUT_MS / 1_000} s` : `ended with ${code}`;
    const read = recordsIn(stdout).length;
    throw new Error(
      `${client.name} ${verb} ${JSON.stringify(flags)} ${ending} (${read} records):\n${stderr.slice(-2_000)}`,
    );
  }
  return stdout;
}

/** The fields of every line of `kind`. */
export function linesOf(stdout: string, kind: string): string[][] {
  return stdout
    .slice(0, stdout.lastIndexOf('\n') + 1)
    .split('\n')
    .map((line) => line.split('\t'))
    .filter((fields) => fields[0] === kind)
    .map((fields) => fields.slice(1));
}

export function recordsIn(stdout: string): ReadRecord[] {
  return linesOf(stdout, 'record').map(([partition, offset, key, headers, value]) => ({
    partition: Number(partition),
    offset: Number(offset),
    key: key!,
    headers: headers!,
    value: value!,
  }));
}

/** A member of a group: a process that prints what it reads, until it is stopped. */
export class Member {
  readonly process: TestProcess;

  constructor(client: Client, name: string, flags: Flags) {
    const [program, args] = argv(client, 'group', flags);
    this.process = new TestProcess(`${client.name} member ${name}`, program, args);
  }

  /** Partitions that it has now. */
  get assigned(): number[] {
    this.#checkAlive();
    const last = linesOf(this.process.stdout, 'assigned').at(-1)?.[0] ?? '';
    return last === '' ? [] : last.split(',').map(Number);
  }

  get records(): ReadRecord[] {
    this.#checkAlive();
    return recordsIn(this.process.stdout);
  }

  /** What it said but for the records, which are counted: for a failure. */
  story(): string {
    const lines: string[] = [];
    let count = 0;
    for (const line of this.process.stdout.split('\n')) {
      if (line.startsWith('record\t')) count++;
      else lines.push(`${count} records; ${line}`);
    }
    return [`--- ${this.process.name}`, ...lines, this.process.stderr.slice(0, 2_000)].join('\n');
  }

  #checkAlive(): void {
    if (!this.process.alive && this.process.child.exitCode !== 0 && !this.process.child.killed)
      throw new Error(`${this.process.name} ended:\n${this.process.stderr.slice(-2_000)}`);
  }
}
