// @ts-check
/** @import { Content, Element } from '@edgelog/runtime/page/element.js' */
import { h } from '@edgelog/runtime/page/element.js';
import { formatAge, formatBytes, formatCount, formatDuration } from '@edgelog/runtime/page/format.js';
import { badge, table } from '@edgelog/runtime/page/tables.js';

/** @typedef {ReturnType<typeof import('../status.ts').gatewayStatus>} Status */
/** @typedef {Status['gateways'][number]} Gateway */

/**
 * @param {number | undefined} answeredAtMs
 * @param {number | undefined} failedSinceMs
 * @param {number} nowMs
 */
export function noticeView(answeredAtMs, failedSinceMs, nowMs) {
  if (failedSinceMs === undefined) return '';
  const since =
    answeredAtMs === undefined ? '' : ` What is shown is ${formatDuration(nowMs - answeredAtMs)} old.`;
  return `The sync gateway does not answer.${since}`;
}

/**
 * @param {Status | undefined} status
 * @returns {Element[]}
 */
export function headerView(status) {
  const title = h('h1', {}, 'Edgelog', h('small', {}, ' sync gateway into Kafka'));
  if (status === undefined) return [title];
  const { kafka, isDraining } = status;
  const verdict = isDraining
    ? [badge('warn', 'stopping'), ' Agents are sent elsewhere.']
    : kafka.isReached
      ? [
          badge('good', 'connected'),
          ` What agents send goes to cluster ${kafka.sink?.clusterId} at ${kafka.url}.`,
        ]
      : [badge('bad', 'no Kafka'), ` Agents keep what they have. ${kafka.problem}`];
  return [title, h('p', { class: 'verdict' }, ...verdict)];
}

/**
 * @param {Status} status
 * @returns {Element[]}
 */
export function contentView(status) {
  return [totals(status), ...topics(status), ...gateways(status), ...errors(status)];
}

/** @param {Status} status */
function totals({ gateways, kafka: { sink }, duplicateGateways }) {
  /** @type {[string, string, 'bad' | false][]} */
  const all = [
    ['Gateways here', formatCount(gateways.length), false],
    ['Records taken', formatCount(sink?.committedRecords ?? 0), false],
    ['Bytes taken', formatBytes(sink?.committedBytes ?? 0), false],
    ['Without an answer yet', formatBytes(sink?.inFlightBytes ?? 0), false],
    ['Refused batches', formatCount(sink?.refusedBatches ?? 0), (sink?.refusedBatches ?? 0) > 0 && 'bad'],
    ['Doubled names', formatCount(duplicateGateways.length), duplicateGateways.length > 0 && 'bad'],
  ];
  return h(
    'dl',
    { class: 'totals' },
    all.map(([title, value, level]) => h('div', { class: level }, h('dt', {}, title), h('dd', {}, value))),
  );
}

/**
 * @param {Status} status
 * @returns {Element[]}
 */
function topics({ kafka: { sink } }) {
  const rows = (sink?.topics ?? []).flatMap(({ topic, findings }) =>
    findings.map((finding) => ({ topic, ...finding })),
  );
  if (rows.length === 0) return [];
  /** @typedef {typeof rows[number]} Row */
  return [
    h('h2', {}, 'Settings of topics'),
    table({
      caption: 'What is set in the cluster and stands in the way',
      columns: [
        { title: 'Topic', cell: (/** @type {Row} */ { topic }) => topic },
        { title: '', cell: ({ severity }) => badge(severity === 'problem' ? 'bad' : 'warn', severity) },
        { title: 'Setting', cell: ({ setting, value }) => `${setting}=${value}` },
        { title: 'What it does', cell: ({ says }) => says },
        { title: 'What to change', cell: ({ advice }) => advice },
      ],
      rows,
      empty: '',
    }),
  ];
}

/**
 * @param {Status} status
 * @returns {Element[]}
 */
function gateways({ gateways, time }) {
  const nowMs = Date.parse(time);
  return [
    h('h2', {}, 'Gateways'),
    table({
      caption: 'Gateways with a session here',
      columns: [
        { title: 'Gateway', cell: (/** @type {Gateway} */ { gateway }) => gateway },
        { title: 'Address', cell: ({ remote }) => remote },
        { title: 'Since', cell: ({ connectedAt }) => formatAge(connectedAt, nowMs) },
        { title: 'Streams', isNumber: true, cell: ({ streams }) => formatCount(streams.length) },
        { title: 'Batches', isNumber: true, cell: ({ receivedBatches }) => formatCount(receivedBatches) },
        { title: 'Bytes', isNumber: true, cell: ({ receivedBytes }) => formatBytes(receivedBytes) },
        { title: 'State', cell: stateOf },
      ],
      rows: gateways,
      empty: 'No agent is connected to this one.',
    }),
  ];
}

/**
 * @param {Gateway} gateway
 * @returns {Content}
 */
function stateOf({ streams }) {
  const refused = streams.filter(({ state }) => state === 'refused');
  const diverged = streams.filter(({ state }) => state === 'diverged');
  if (diverged.length > 0) return badge('bad', `diverged: ${diverged.map(({ topic }) => topic).join(', ')}`);
  if (refused.length > 0) return badge('warn', `refused: ${refused.map(({ topic }) => topic).join(', ')}`);
  return badge('good', 'live');
}

/**
 * @param {Status} status
 * @returns {Element[]}
 */
function errors({ kafka: { sink }, time }) {
  const rows = (sink?.lastErrors ?? []).toReversed();
  if (rows.length === 0) return [];
  /** @typedef {typeof rows[number]} Row */
  return [
    h('h2', {}, 'Last errors'),
    table({
      caption: 'What Kafka did not do, the newest first',
      columns: [
        { title: 'When', cell: (/** @type {Row} */ { at }) => formatAge(at, Date.parse(time)) },
        { title: 'What', cell: ({ what }) => what },
        { title: 'Why', cell: ({ message }) => message },
      ],
      rows,
      empty: '',
    }),
  ];
}
