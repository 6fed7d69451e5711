import type { Hub } from '../hub.ts';
import type { RunTool, ToolEnded } from './runner.ts';

/** One of Kafka's own tools, run unchanged. */
export interface ToolScenario {
  name: string;
  run: (tools: Toolbox) => Promise<void>;
}

const PACKAGE = 'org.apache.kafka.tools';
const CLASSES = {
  topics: `${PACKAGE}.TopicCommand`,
  configs: 'kafka.admin.ConfigCommand',
  groups: `${PACKAGE}.consumer.group.ConsumerGroupCommand`,
  allGroups: `${PACKAGE}.GroupsCommand`,
  getOffsets: `${PACKAGE}.GetOffsetShell`,
  deleteRecords: `${PACKAGE}.DeleteRecordsCommand`,
  logDirs: `${PACKAGE}.LogDirsCommand`,
  consoleConsumer: `${PACKAGE}.consumer.ConsoleConsumer`,
  consoleProducer: `${PACKAGE}.ConsoleProducer`,
  verifiableConsumer: `${PACKAGE}.VerifiableConsumer`,
  verifiableProducer: `${PACKAGE}.VerifiableProducer`,
  transactions: `${PACKAGE}.TransactionsCommand`,
  clientMetrics: `${PACKAGE}.ClientMetricsCommand`,
  features: `${PACKAGE}.FeatureCommand`,
  streamsResetter: `${PACKAGE}.StreamsResetter`,
  brokerApiVersions: `${PACKAGE}.BrokerApiVersionsCommand`,
  cluster: `${PACKAGE}.ClusterTool`,
  reassign: `${PACKAGE}.reassign.ReassignPartitionsCommand`,
  elections: `${PACKAGE}.LeaderElectionCommand`,
  quorum: `${PACKAGE}.MetadataQuorumCommand`,
} as const;
export type ToolName = keyof typeof CLASSES;

/** Where the command comes before its options. */
const COMMAND_FIRST: ReadonlySet<ToolName> = new Set(['cluster']);
const SHOWN = 2_000;

/** Kafka's tools, told where the hub is. */
export class Toolbox {
  readonly hub: Hub;
  /** For files that tools read. */
  readonly dir: string;
  readonly #run: RunTool;

  constructor(hub: Hub, dir: string, run: RunTool) {
    this.hub = hub;
    this.dir = dir;
    this.#run = run;
  }

  /** What it printed on stdout. Throws with its output when it failed, or named an exception anywhere. */
  async ok(tool: ToolName, args: readonly string[], input?: string): Promise<string> {
    const ended = await this.end(tool, args, input);
    if (ended.code !== 0 || /Exception/.test(textOf(ended)))
      throw new Error(
        `${tool} ${args.join(' ')} ended with ${ended.code}:\n${textOf(ended).slice(0, SHOWN)}`,
      );
    return ended.stdout;
  }

  /** All that it printed. Throws unless it failed, by its status or by naming an exception. */
  async refused(tool: ToolName, args: readonly string[]): Promise<string> {
    const ended = await this.end(tool, args);
    if (ended.code === 0 && !/Exception/.test(textOf(ended)))
      throw new Error(`${tool} ${args.join(' ')} was not refused:\n${textOf(ended).slice(0, SHOWN)}`);
    return textOf(ended);
  }

  /** How it ended, well or not. */
  end(tool: ToolName, args: readonly string[], input?: string): Promise<ToolEnded> {
    const server = ['--bootstrap-server', this.hub.bootstrap];
    const all = COMMAND_FIRST.has(tool) ? [...args, ...server] : [...server, ...args];
    return this.#run(CLASSES[tool], all, input);
  }
}

export const textOf = ({ stdout, stderr }: ToolEnded): string => `${stdout}${stderr}`;

/** Fails with the whole output unless it matches. */
export function expectMatch(output: string, ...patterns: readonly RegExp[]): void {
  for (const pattern of patterns)
    if (!pattern.test(output)) throw new Error(`no ${pattern} in:\n${output.slice(0, SHOWN)}`);
}

/** Fails with the whole output where it matches. */
export function expectNoMatch(output: string, ...patterns: readonly RegExp[]): void {
  for (const pattern of patterns)
    if (pattern.test(output)) throw new Error(`${pattern} in:\n${output.slice(0, SHOWN)}`);
}

/** Fails unless both have the same text as JSON. */
export function expectEqual(what: string, found: unknown, expected: unknown): void {
  const [a, b] = [found, expected].map((value) => JSON.stringify(value));
  if (a !== b) throw new Error(`${what}: ${a} where ${b} should be`);
}

/** The lines that are not empty, each cut at white space. */
export const rowsOf = (output: string): string[][] =>
  output
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => line.trim().split(/\s+/));

export const sum = (numbers: readonly number[]): number => numbers.reduce((total, one) => total + one, 0);
