// @ts-check
/** @import { Content, Element } from '@edgelog/runtime/page/element.js' */
/** @import { Rates } from './rates.js' */
/** @import { Line } from './records.js' */
import { h } from '@edgelog/runtime/page/element.js';
import { formatAge, formatBytes, formatCount, formatDuration } from '@edgelog/runtime/page/format.js';
import { badge, table } from '@edgelog/runtime/page/tables.js';
import { formatRate } from './rates.js';
import { recordsView } from './records.js';
import { HERE_MS, serialView, sourcesView, subscriptionsView } from './sources.js';
import { verdictOf } from './verdict.js';

/** @typedef {ReturnType<typeof import('../../status.ts').agentStatus>} Status */

/**
 * @param {number | undefined} answeredAtMs
 * @param {number | undefined} failedSinceMs
 * @param {number} nowMs
 */
export function noticeView(answeredAtMs, failedSinceMs, nowMs) {
  if (failedSinceMs === undefined) return '';
  const since =
    answeredAtMs === undefined ? '' : ` What is shown is ${formatDuration(nowMs - answeredAtMs)} old.`;
  return `The agent does not answer.${since}`;
}

/**
 * @param {Status | undefined} status
 * @returns {Element[]}
 */
export function headerView(status) {
  if (status === undefined) return [h('h1', {}, 'Edgelog gateway')];
  const { level, word, text } = verdictOf(status);
  return [
    h('h1', {}, status.gateway, h('small', {}, ' Edgelog gateway')),
    h('p', { class: 'verdict' }, badge(level, word), ' ', text),
  ];
}

/**
 * @param {{ readonly status: Status, readonly rates: Rates | null, readonly records: readonly Line[], readonly topic: string | undefined }} shown
 * @returns {Element[]}
 */
export function contentView({ status, rates, records, topic }) {
  const nowMs = Date.parse(status.time);
  return [
    totals(status, rates, nowMs),
    ...alarms(status, nowMs),
    ...streamsView(status, rates),
    ...sourcesView(status, nowMs),
    ...serialView(status),
    ...subscriptionsView(status),
    ...uplinkView(status, nowMs),
    ...diskView(status),
    ...gapsView(status),
    ...recordsView(status, records, topic),
  ];
}

/**
 * @param {Status} status
 * @param {Rates | null} rates
 * @param {number} nowMs
 */
function totals({ streams, sources, disk, uplink }, rates, nowMs) {
  const records = streams.reduce((sum, { lagRecords }) => sum + lagRecords, 0);
  const bytes = streams.reduce((sum, { lagBytes }) => sum + lagBytes, 0);
  const oldestMs = Math.max(0, ...streams.map(({ oldestUnackedMs }) => oldestUnackedMs));
  const here = sources.list.filter(({ lastAt }) => nowMs - Date.parse(lastAt) < HERE_MS).length;
  const waits = records > 0 && uplink.state !== 'live' && 'warn';
  /** @type {[string, string, string | false][]} */
  const all = [
    ['Coming in', formatRate(rates?.came), false],
    [uplink.kafka === null ? 'Taken by the hub' : 'Taken by Kafka', formatRate(rates?.left), false],
    ['Backlog', formatCount(records), waits],
    ['Backlog bytes', formatBytes(bytes), waits],
    ['Oldest waiting', records === 0 ? '–' : formatDuration(oldestMs), waits],
    ['Devices, last 5 min', formatCount(here), false],
    ['Disk used', `${Math.round((100 * disk.usedBytes) / disk.maxBytes)} %`, disk.isFull && 'bad'],
  ];
  return h(
    'dl',
    { class: 'totals' },
    all.map(([title, value, level]) => h('div', { class: level }, h('dt', {}, title), h('dd', {}, value))),
  );
}

/**
 * @param {Status} status
 * @param {number} nowMs
 * @returns {Element[]}
 */
function alarms({ alarms }, nowMs) {
  if (alarms.length === 0) return [];
  return [
    h('h2', {}, `Alarms (${alarms.length})`),
    h(
      'ul',
      { class: 'alarms' },
      alarms.map(({ name, message, since }) =>
        h(
          'li',
          {},
          badge('bad', name),
          h('small', {}, ` for ${formatDuration(nowMs - Date.parse(since))}`),
          h('br', {}),
          message,
        ),
      ),
    ),
  ];
}

/**
 * @param {Status} status
 * @param {Rates | null} rates
 * @returns {Element[]}
 */
function streamsView({ streams, uplink }, rates) {
  /** @typedef {Status['streams'][number]} Row */
  return [
    h('h2', {}, 'Streams'),
    h(
      'div',
      { class: 'compact' },
      table({
        caption: 'Streams, one for each Kafka topic',
        columns: [
          { title: 'Topic', cell: (/** @type {Row} */ { topic }) => topic },
          { title: 'State', cell: (/** @type {Row} */ row) => streamState(row, uplink.state === 'live') },
          { title: 'In', isNumber: true, cell: ({ topic }) => formatRate(rates?.streams.get(topic)?.came) },
          { title: 'Out', isNumber: true, cell: ({ topic }) => formatRate(rates?.streams.get(topic)?.left) },
          { title: 'Backlog', isNumber: true, cell: ({ lagRecords }) => formatCount(lagRecords) },
          { title: 'Bytes', isNumber: true, cell: ({ lagBytes }) => formatBytes(lagBytes) },
          {
            title: 'Oldest',
            isNumber: true,
            cell: ({ lagRecords, oldestUnackedMs }) =>
              lagRecords === 0 ? '–' : formatDuration(oldestUnackedMs),
          },
          {
            title: 'Kept here',
            isNumber: true,
            cell: ({ logStartOffset, endOffset }) => formatCount(endOffset - logStartOffset),
          },
          { title: 'Next offset', isNumber: true, cell: ({ endOffset }) => formatCount(endOffset) },
        ],
        rows: streams,
        empty: 'No reading has come yet.',
      }),
    ),
  ];
}

/**
 * @param {Status['streams'][number]} stream
 * @param {boolean} isLive
 */
function streamState({ uplink, lagRecords }, isLive) {
  if (uplink === 'refused') return badge('bad', 'refused');
  if (!isLive) return lagRecords === 0 ? 'all sent' : badge('warn', 'waiting');
  return lagRecords === 0 ? badge('good', 'all sent') : badge('good', 'sending');
}

/**
 * @param {Status} status
 * @param {number} nowMs
 * @returns {Element[]}
 */
function uplinkView({ uplink, clock, mqtt }, nowMs) {
  const listeners = mqtt.listeners.map(({ name, host, port }) => `${name} ${host}:${port}`).join(', ');
  return [
    h('h2', {}, 'Uplink and listeners'),
    facts([
      ['Uplink', `${uplink.state}, for ${formatDuration(nowMs - uplink.since)}`],
      [uplink.url?.startsWith('kafka') ? 'Kafka' : 'Hub', uplink.url ?? '–'],
      ...kafkaFacts(uplink.kafka),
      ['Last acknowledgement', formatAge(uplink.lastAckAt, nowMs)],
      uplink.state !== 'live' && uplink.lastError !== undefined && ['Last error', uplink.lastError],
      ['Clock', clock.trusted ? `trusted, by ${clock.source}` : 'not confirmed yet: records say so'],
      ['MQTT', `${formatCount(mqtt.clients)} clients at ${listeners}`],
      mqtt.refused > 0 && ['Messages refused', formatCount(mqtt.refused)],
      mqtt.access.failedLogins > 0 && ['Logins refused', formatCount(mqtt.access.failedLogins)],
    ]),
  ];
}

/**
 * @param {Status['uplink']['kafka']} kafka
 * @returns {[string, string][]}
 */
function kafkaFacts(kafka) {
  if (kafka === null) return [];
  const { clusterId, inFlightBytes, positionsBehind, positionsBehindMs, scans } = kafka;
  const behind =
    positionsBehind === 0
      ? 'written'
      : `of ${formatCount(positionsBehind)} runs to be written, for ${formatDuration(positionsBehindMs)}`;
  return [
    ['Cluster', clusterId],
    ['Without an answer yet', formatBytes(inFlightBytes)],
    ['Positions', behind],
    ...scans.map(
      ({ topic, partition, offset, end }) =>
        /** @type {[string, string]} */ ([
          `Looking in ${topic}-${partition}`,
          `at ${formatCount(offset)} of ${formatCount(end)}`,
        ]),
    ),
  ];
}

/**
 * @param {Status} status
 * @returns {Element[]}
 */
function diskView({ disk, wear }) {
  const { usedBytes, maxBytes, freeBytes } = disk;
  const written = wear.deviceBytesWritten ?? wear.logBytesWritten;
  const byWhom =
    wear.deviceBytesWritten === null ? 'by the log' : 'to the card or disk, by all of this machine';
  const { amplification, estimatedYears } = wear;
  // With few readings it would only tell what else the machine writes.
  const isTelling = amplification !== null && wear.ingestedBytes >= 1e6;
  return [
    h('h2', {}, 'Disk and wear'),
    h('meter', {
      min: 0,
      max: maxBytes,
      value: usedBytes,
      high: maxBytes * 0.8,
      'aria-label': 'Disk budget used',
    }),
    facts([
      ['Used', `${formatBytes(usedBytes)} of ${formatBytes(maxBytes)}`],
      ['Free on the file system', formatBytes(freeBytes)],
      ['Written since the start', `${formatBytes(written)} ${byWhom}`],
      isTelling && ['For each byte of readings', `${formatFew(amplification)} bytes written`],
      estimatedYears !== null && [
        'A new card would last',
        `${formatFew(estimatedYears)} years at this pace, if it may be written ${formatBytes(wear.cardBytes)}`,
      ],
    ]),
  ];
}

/** @param {number} value */
function formatFew(value) {
  return value >= 10 ? formatCount(value) : value.toFixed(1);
}

/**
 * @param {Status} status
 * @returns {Element[]}
 */
function gapsView({ gaps, damage, setAside }) {
  if (gaps.length === 0 && damage.length === 0 && setAside.length === 0) return [];
  const rows = [
    ...gaps.map(({ topic, from, to, reason }) => ({ topic, from, to, what: `lost: ${reason}` })),
    ...damage.map(({ partition, baseOffset, endOffset, reason }) => ({
      topic: partition,
      from: baseOffset,
      to: endOffset,
      what: `damaged: ${reason}`,
    })),
    ...setAside.map(({ topic, firstOffset, lastOffset, message }) => ({
      topic,
      from: firstOffset,
      to: lastOffset + 1,
      what: `set aside, it is refused: ${message}`,
    })),
  ];
  return [
    h('h2', {}, 'Gaps and what was set aside'),
    table({
      isCaptionShown: true,
      caption: 'Offsets that a hub does not get. Gaps are listed until it has noted them.',
      columns: [
        { title: 'Topic', cell: ({ topic }) => topic },
        {
          title: 'Offsets',
          isNumber: true,
          cell: ({ from, to }) => `${formatCount(from)} to ${formatCount(to - 1)}`,
        },
        { title: 'Records', isNumber: true, cell: ({ from, to }) => formatCount(to - from) },
        { title: 'Reason', cell: ({ what }) => what },
      ],
      rows,
      empty: '',
    }),
  ];
}

/** @param {readonly (readonly [string, Content] | false)[]} pairs */
function facts(pairs) {
  return h(
    'dl',
    { class: 'facts' },
    pairs.flatMap((pair) => (pair === false ? [] : [h('dt', {}, pair[0]), h('dd', {}, pair[1])])),
  );
}
