// @ts-check
/** @import { Element } from '@edgelog/runtime/page/element.js' */
/** @import { Status } from './view.js' */
import { h } from '@edgelog/runtime/page/element.js';
import { formatBytes, formatCount } from '@edgelog/runtime/page/format.js';
import { badge, table } from '@edgelog/runtime/page/tables.js';

/** @typedef {string | { readonly base64: string } | null} Text */
/**
 * A line of /streams/TOPIC.
 * @typedef {{ readonly offset: number, readonly timestamp: number, readonly key: Text, readonly value: Text, readonly valueBytes?: number, readonly headers: readonly { readonly key: string, readonly value: Text }[] }} RecordLine
 * @typedef {RecordLine | { readonly lost: { readonly from: number, readonly to: number, readonly reason: string } }} Line
 */

/**
 * @param {Status} status
 * @param {readonly Line[]} records Newest first.
 * @param {string | undefined} topic
 * @returns {Element[]}
 */
export function recordsView({ streams }, records, topic) {
  if (topic === undefined) return [];
  const links = streams.map((one) =>
    h(
      'a',
      { href: `#/?stream=${encodeURIComponent(one.topic)}`, 'aria-current': one.topic === topic && 'true' },
      one.topic,
    ),
  );
  return [
    h('h2', { id: 'records' }, `Newest records of ${topic}`),
    ...(streams.length > 1 ? [h('nav', { class: 'streams', 'aria-label': 'Streams' }, links)] : []),
    table({
      caption: `Newest records of ${topic}`,
      columns: [
        {
          title: 'Offset',
          cell: (/** @type {Line} */ line) => formatCount('lost' in line ? line.lost.from : line.offset),
        },
        { title: 'Time (UTC)', cell: (line) => ('lost' in line ? '–' : timeOf(line.timestamp)) },
        { title: 'Key', cell: (line) => ('lost' in line ? '–' : textOf(line.key)) },
        {
          title: 'Value',
          cell: (line) =>
            'lost' in line
              ? h(
                  'span',
                  { class: 'lost' },
                  badge('bad', `to ${formatCount(line.lost.to - 1)}: ${line.lost.reason}`),
                )
              : h('span', { class: 'value' }, valueText(line)),
        },
        { title: 'Source', cell: (line) => ('lost' in line ? '–' : sourceOf(line)) },
      ],
      rows: records,
      empty: 'None is here: the hub has all, and they were freed.',
    }),
  ];
}

/** @param {number} ms */
function timeOf(ms) {
  return new Date(ms).toISOString().replace('T', ' ').slice(0, 23);
}

/** @param {RecordLine} line */
function sourceOf({ headers }) {
  return textOf(headers.find(({ key }) => key === 'edgelog.source')?.value ?? null);
}

/** @param {RecordLine} line */
function valueText({ value, valueBytes }) {
  return valueBytes === undefined ? textOf(value) : `${textOf(value)}… (${formatBytes(valueBytes)})`;
}

/** @param {Text} text */
function textOf(text) {
  if (text === null) return '–';
  return typeof text === 'string' ? text : `base64 ${text.base64}`;
}
