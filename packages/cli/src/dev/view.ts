import type { Child } from './child.ts';
import { formatBytes, formatCount, formatDuration, formatRate, sparkline } from './format.ts';
import { breakText, type Line, renderLine, type Style, segment } from './line.ts';
import { type HubFigures, type Snapshot, sum } from './monitor.ts';

export interface ViewModel {
  readonly snapshot: Snapshot | undefined;
  readonly children: readonly Pick<Child, 'name' | 'state' | 'exit' | 'restarts' | 'logPath' | 'tail'>[];
  readonly consumeCommands: readonly (readonly [label: string, command: string])[];
  readonly dataDir: string;
  readonly uptimeMs: number;
  /** What happened last. */
  readonly notice: string;
}

const KEYS = [
  ['c', 'cut uplink', 'cut'],
  ['r', 'restore', 'restore'],
  ['k', 'kill -9 agent', 'kill agent'],
] as const;
const HUB_KEY = ['h', 'kill -9 hub', 'kill hub'] as const;
const QUIT_KEY = ['q', 'quit', 'quit'] as const;
const START_KEY = ['s', 'start what is down', 'start'] as const;

const NARROW_COLUMNS = 72;
const TAIL_LINES = 4;

/** The live view as rows of text, never more than `rows` nor wider than `columns`. */
export function renderView(model: ViewModel, columns: number, rows: number): string[] {
  const head = [
    titleLine(model, columns),
    [],
    ...processLines(model, columns),
    ...clusterLine(model, columns),
    [],
  ];
  const foot = [...commandLines(model, columns), [], noticeLine(model), keyLine(model, columns)];
  const body = [...streamLines(model, columns), ...groupLines(model)];
  const space = rows - head.length - foot.length;
  const shown = body.length <= space ? body : body.slice(0, Math.max(0, space));
  const lines = [...head, ...shown, ...foot];
  // The keys stay, whatever else does not fit.
  const fitting = lines.length <= rows ? lines : [...lines.slice(0, rows - 1), lines.at(-1)!];
  return fitting.map((line) => renderLine(line, columns));
}

function titleLine({ dataDir, uptimeMs }: ViewModel, columns: number): Line {
  const right = columns < NARROW_COLUMNS ? '' : `data and logs in ${dataDir}   `;
  return [segment('Edgelog dev', 'bold'), segment(`   ${right}up ${formatDuration(uptimeMs)}`, 'dim')];
}

function processLines({ children, snapshot }: ViewModel, columns: number): Line[] {
  return children.flatMap((child) => {
    const { name, state, exit, restarts } = child;
    const isUp = state === 'up';
    const style: Style = isUp ? 'green' : state === 'down' ? 'red' : 'yellow';
    const mark = segment(`${state === 'down' ? '✗' : '●'} `, style);
    const title = segment(name.padEnd(8), 'bold');
    const again = restarts > 0 ? [segment(`  restarted ${restarts}×`, 'dim')] : [];
    if (isUp) return [[mark, title, ...processFigures(name, snapshot, columns), ...again]];
    if (state !== 'down') return [[mark, title, segment(state, style)]];
    const hint = keyOf(name);
    return [
      [mark, title, segment(`down (${exit}); ${hint} starts it again; its last lines:`, 'red')],
      ...child.tail(TAIL_LINES).map((text): Line => [segment(`    ${text}`, 'dim')]),
    ];
  });
}

function processFigures(name: string, snapshot: Snapshot | undefined, columns: number): Line {
  if (snapshot === undefined) return [];
  const isNarrow = columns < NARROW_COLUMNS;
  const { agent, fleet } = snapshot;
  const hub = snapshot.hubs[name];
  if (hub?.broker !== undefined) return brokerFigures(hub, hub.broker, isNarrow);
  switch (name) {
    case 'fleet': {
      const connected = `${fleet?.connected ?? '–'} of ${fleet?.devices ?? '–'} connected`;
      const acked = isNarrow
        ? ''
        : `   ${formatCount(fleet?.acked)} acknowledged, slowest ${formatDuration(fleet?.ackLatencyMaxMs)}`;
      return [segment(`${formatRate(snapshot.fleetPerSecond)} acked   ${connected}${acked}`)];
    }
    case 'agent':
      return [
        segment(`${formatRate(snapshot.agentPerSecond)} in   uplink `),
        uplinkSegment(agent),
        ...(isNarrow ? [] : [segment(`   memory ${formatBytes(snapshot.agentPrivateBytes)}`, 'dim')]),
        ...(agent !== undefined && agent.alarms.length > 0
          ? [segment(`   ${agent.alarms.length} alarms`, 'red')]
          : []),
      ];
    case 'hub':
      return [
        segment(
          `${formatRate(snapshot.hubPerSecond)} in   ${formatBytes(snapshot.sentBytesPerSecond)}/s out`,
        ),
        ...(isNarrow
          ? []
          : [
              segment(`   ${formatCount(hub?.kafkaConnections)} Kafka connections`),
              segment(`   memory ${formatBytes(hub?.privateBytes)}`, 'dim'),
            ]),
      ];
    case 'serial':
      return [segment('a scale that writes lines')];
    case 'etcd':
      return [segment('metadata of the cluster; one member, so not to be relied on', 'dim')];
    default:
      return [];
  }
}

function brokerFigures(
  { kafkaConnections, privateBytes }: HubFigures,
  { leaders, replicas, outOfSync, isController, state }: NonNullable<HubFigures['broker']>,
  isNarrow: boolean,
): Line {
  return [
    segment(`leads ${leaders} of ${replicas}`),
    ...(outOfSync > 0 ? [segment(`   ${outOfSync} out of sync`, 'yellow')] : []),
    ...(state === 'up' ? [] : [segment(`   ${state}`, 'yellow')]),
    ...(isController ? [segment('   controller', 'cyan')] : []),
    ...(isNarrow
      ? []
      : [
          segment(`   ${formatCount(kafkaConnections)} Kafka connections`),
          segment(`   memory ${formatBytes(privateBytes)}`, 'dim'),
        ]),
  ];
}

/** What all brokers of a cluster do together. */
function clusterLine({ snapshot }: ViewModel, columns: number): Line[] {
  if (snapshot?.cluster === undefined) return [];
  const { partitions, underReplicated, offline } = snapshot.cluster;
  const isNarrow = columns < NARROW_COLUMNS;
  return [
    [
      segment('  cluster '),
      segment(
        `${formatRate(snapshot.hubPerSecond)} in   ${formatBytes(snapshot.sentBytesPerSecond)}/s out   `,
      ),
      ...(isNarrow ? [] : [segment(`${formatCount(partitions)} partitions, `)]),
      segment(`${formatCount(underReplicated)} under-replicated`, underReplicated > 0 ? 'yellow' : 'plain'),
      segment(`, ${formatCount(offline)} without leader`, offline > 0 ? 'red' : 'plain'),
    ],
  ];
}

/** The key that starts a process again. */
function keyOf(name: string): string {
  if (name === 'agent') return 'k';
  if (name === 'hub') return 'h';
  return /^hub-(\d)$/.exec(name)?.[1] ?? 's';
}

function uplinkSegment(agent: Snapshot['agent']) {
  const state = agent?.uplink.state;
  if (state === undefined) return segment('–', 'dim');
  if (state === 'live') return segment('live', 'green');
  if (state === 'paused') return segment('CUT', 'red');
  return segment(state, 'yellow');
}

function streamLines({ snapshot }: ViewModel, columns: number): Line[] {
  const streams = snapshot?.agent?.streams ?? [];
  const lag = sum(snapshot?.agent?.streams, ({ lagRecords }) => lagRecords);
  const bytes = sum(snapshot?.agent?.streams, ({ lagBytes }) => lagBytes);
  const graph = sparkline(snapshot?.lagHistory ?? [], Math.max(10, Math.min(60, columns - 45)));
  const lines: Line[] = [
    [
      segment('backlog ', 'bold'),
      segment(`${formatCount(lag)} records, ${formatBytes(bytes)}`, (lag ?? 0) > 1_000 ? 'yellow' : 'plain'),
      segment(`  ${graph}`, 'cyan'),
    ],
  ];
  const isNarrow = columns < NARROW_COLUMNS;
  const header = isNarrow
    ? ['stream', 'end', 'lag', 'oldest']
    : ['stream', 'log start', 'acknowledged', 'end', 'lag', 'bytes', 'oldest'];
  const rows = streams.map((stream) => {
    const name = stream.partition === null ? stream.topic : `${stream.topic}/${stream.partition}`;
    const [start, acked, end, behind, size, oldest] = [
      formatCount(stream.logStartOffset),
      formatCount(stream.ackedOffset),
      formatCount(stream.endOffset),
      formatCount(stream.lagRecords),
      formatBytes(stream.lagBytes),
      formatDuration(stream.oldestUnackedMs),
    ];
    return isNarrow ? [name, end, behind, oldest] : [name, start, acked, end, behind, size, oldest];
  });
  return [...lines, ...tableLines(header, rows), []];
}

function groupLines({ snapshot }: ViewModel): Line[] {
  const groups = snapshot?.groups ?? [];
  if (groups.length === 0) return [[segment('no consumer group yet', 'dim')], []];
  const rows = groups.map(({ groupId, state, members, lag }) => [
    groupId,
    state,
    formatCount(members.length),
    formatCount(lag),
  ]);
  return [...tableLines(['group', 'state', 'members', 'lag'], rows), []];
}

/** The first column flush left, figures flush right, at least as wide as keeps them from jumping about. */
function tableLines(header: readonly string[], rows: readonly (readonly string[])[]): Line[] {
  const widths = header.map((title, i) =>
    Math.max(title.length, i === 0 ? 14 : 8, ...rows.map((row) => row[i]!.length)),
  );
  const format = (row: readonly string[]) =>
    row.map((text, i) => (i === 0 ? text.padEnd(widths[i]!) : text.padStart(widths[i]!))).join('  ');
  return [[segment(format(header), 'dim')], ...rows.map((row): Line => [segment(format(row))])];
}

function commandLines({ consumeCommands }: ViewModel, columns: number): Line[] {
  return consumeCommands.flatMap(([label, command]): Line[] => {
    const prefix = label.padEnd(12);
    if (prefix.length + command.length <= columns)
      return [[segment(prefix, 'dim'), segment(command, 'cyan')]];
    return [
      [segment(label, 'dim')],
      ...breakText(command, columns).map((text): Line => [segment(text, 'cyan')]),
    ];
  });
}

function noticeLine({ notice }: ViewModel): Line {
  return [segment(notice, 'yellow')];
}

function keyLine({ children }: ViewModel, columns: number): Line {
  const isDown = children.some(({ state }) => state === 'down');
  const brokers = children.filter(({ name }) => name.startsWith('hub-')).length;
  const digits = brokers > 2 ? `1…${brokers}` : '1 2';
  const hubKey = brokers > 0 ? ([digits, 'kill -9 a broker, start it again', 'broker'] as const) : HUB_KEY;
  const keys = [...KEYS, hubKey, QUIT_KEY, ...(isDown ? [START_KEY] : [])];
  const isNarrow = columns < NARROW_COLUMNS;
  return keys.flatMap(([key, meaning, short]) => [
    segment(key, 'bold'),
    segment(isNarrow ? ` ${short} ` : ` ${meaning}   `, 'dim'),
  ]);
}
