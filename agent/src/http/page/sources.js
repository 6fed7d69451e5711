// @ts-check
/** @import { Element } from '@edgelog/runtime/page/element.js' */
/** @import { Status } from './view.js' */
import { h } from '@edgelog/runtime/page/element.js';
import { formatAge, formatBytes, formatCount } from '@edgelog/runtime/page/format.js';
import { badge, table } from '@edgelog/runtime/page/tables.js';
import { formatRate } from './rates.js';

const SOURCES_SHOWN = 300;
/** More than this get a box of their own to scroll in, so that what stands below is not far away. */
const ROWS_UNBOXED = 15;
/** A device that was heard within this is here. */
export const HERE_MS = 5 * 60_000;

/**
 * @param {Status} status
 * @param {number} nowMs
 * @returns {Element[]}
 */
export function sourcesView({ sources: { list, forgotten } }, nowMs) {
  const rows = inOrder(list.slice(0, SOURCES_SHOWN), nowMs);
  const more = list.length - rows.length;
  return [
    h('h2', { id: 'devices' }, `Devices (${formatCount(list.length)})`),
    h(
      'div',
      rows.length > ROWS_UNBOXED
        ? { class: 'compact long', tabindex: 0, role: 'region', 'aria-labelledby': 'devices' }
        : { class: 'compact' },
      table({
        caption: 'Devices heard in the last five minutes by name, then those that have gone silent',
        columns: [
          { title: 'Source', cell: ({ source }) => source },
          { title: 'Last heard', isNumber: true, cell: ({ lastAt }) => formatAge(Date.parse(lastAt), nowMs) },
          { title: 'Rate', isNumber: true, cell: ({ rate }) => formatRate(rate) },
          { title: 'Messages', isNumber: true, cell: ({ messages }) => formatCount(messages) },
          { title: 'Bytes', isNumber: true, cell: ({ bytes }) => formatBytes(bytes) },
        ],
        rows,
        empty: 'No device has been heard since the agent started.',
      }),
    ),
    ...(more > 0
      ? [
          h(
            'p',
            {},
            `${formatCount(more)} more were heard before them${forgotten > 0 ? ', and others earlier' : ''}; `,
            h('a', { href: 'status' }, '/status'),
            ' has a thousand.',
          ),
        ]
      : []),
  ];
}

/**
 * Those that are here by name, so that rows stay where they are; behind them who has gone silent, the latest first.
 * @param {readonly Status['sources']['list'][number][]} sources Heard last first.
 * @param {number} nowMs
 */
function inOrder(sources, nowMs) {
  /** @type {(source: typeof sources[number]) => boolean} */
  const isHere = ({ lastAt }) => nowMs - Date.parse(lastAt) < HERE_MS;
  const byName = new Intl.Collator('en', { numeric: true });
  const here = sources.filter(isHere).toSorted((a, b) => byName.compare(a.source, b.source));
  return [...here, ...sources.filter((one) => !isHere(one))];
}

/**
 * @param {Status} status
 * @returns {Element[]}
 */
export function serialView({ serial, time }) {
  if (serial.length === 0) return [];
  const nowMs = Date.parse(time);
  /** @typedef {Exclude<Status['serial'][number], { readonly state: 'missing' }>} Port */
  /** @type {<T>(row: Status['serial'][number], show: (port: Port) => T) => T | string} */
  const of = (row, show) => (row.state === 'missing' ? '–' : show(row));
  return [
    h('h2', {}, 'Serial ports'),
    h(
      'div',
      { class: 'compact' },
      table({
        caption: 'Serial ports',
        columns: [
          { title: 'Port', cell: (/** @type {Status['serial'][number]} */ row) => row.path },
          {
            title: 'State',
            cell: (row) => [
              badge(row.state === 'open' ? 'good' : 'warn', row.state),
              h(
                'small',
                {},
                of(row, ({ state, lastError }) => (state === 'open' ? '' : ` ${lastError ?? ''}`)),
              ),
            ],
          },
          {
            title: 'Last heard',
            isNumber: true,
            cell: (row) =>
              of(row, ({ lastDataAt }) =>
                formatAge(lastDataAt === null ? null : Date.parse(lastDataAt), nowMs),
              ),
          },
          { title: 'Frames', isNumber: true, cell: (row) => of(row, ({ frames }) => formatCount(frames)) },
          {
            title: 'Faults',
            isNumber: true,
            cell: (row) => of(row, ({ faults }) => formatCount(sumOf(faults))),
          },
        ],
        rows: serial,
        empty: '',
      }),
    ),
  ];
}

/** @param {Readonly<Record<string, number>>} counts */
function sumOf(counts) {
  return Object.values(counts).reduce((sum, count) => sum + count, 0);
}

/**
 * @param {Status} status
 * @returns {Element[]}
 */
export function subscriptionsView({ subscriptions }) {
  if (subscriptions.length === 0) return [];
  return [
    h('h2', {}, 'Subscriptions to other brokers'),
    h(
      'div',
      { class: 'compact' },
      table({
        caption: 'Subscriptions to other brokers',
        columns: [
          { title: 'Name', cell: ({ name }) => name },
          {
            title: 'State',
            cell: ({ state, lastError }) => [
              badge(state === 'subscribed' ? 'good' : 'warn', state),
              h('small', {}, state === 'subscribed' ? '' : ` ${lastError ?? ''}`),
            ],
          },
          { title: 'Broker', cell: ({ url }) => url },
          { title: 'Messages', isNumber: true, cell: ({ messages }) => formatCount(messages) },
          { title: 'Refused', isNumber: true, cell: ({ refused }) => formatCount(refused) },
        ],
        rows: subscriptions,
        empty: '',
      }),
    ),
  ];
}
