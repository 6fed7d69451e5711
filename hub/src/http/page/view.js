// @ts-check
/** @import { Overview } from '../overview/overview.ts' */
/** @import { Content, Element } from '@edgelog/runtime/page/element.js' */
/** @import { Place, ViewName } from './location.js' */
import { h } from '@edgelog/runtime/page/element.js';
import { formatAge, formatBytes, formatCount, formatDuration } from '@edgelog/runtime/page/format.js';
import { badge, table } from '@edgelog/runtime/page/tables.js';
import { hashOf, placeWith, VIEWS } from './location.js';
import { pager, searchBar } from './rows.js';

/** @type {Readonly<Record<ViewName, string>>} */
const TITLES = { brokers: 'Brokers', topics: 'Topics', groups: 'Groups', gateways: 'Gateways' };

/**
 * @param {Overview | undefined} overview
 * @param {Place} place
 * @returns {Element[]}
 */
export function headerView(overview, place) {
  return [
    h('h1', {}, 'Edgelog', overview !== undefined && h('small', {}, ` ${nameOf(overview)}`)),
    h(
      'nav',
      { 'aria-label': 'Views' },
      VIEWS.map((view) =>
        h(
          'a',
          { href: hashOf({ view, parameters: {} }), 'aria-current': view === place.view && 'page' },
          TITLES[view],
        ),
      ),
    ),
  ];
}

/** @param {Overview} overview */
function nameOf({ isCluster, clusterId, brokerId, brokers }) {
  return isCluster
    ? `cluster ${clusterId}, ${brokers.length} brokers, seen by broker ${brokerId}`
    : `hub ${clusterId}`;
}

/**
 * What there is to say of the connection to the hub; nothing while it is well.
 * @param {number | undefined} answeredAtMs When it answered last.
 * @param {number | undefined} failedSinceMs
 * @param {number} nowMs
 */
export function noticeView(answeredAtMs, failedSinceMs, nowMs) {
  if (failedSinceMs === undefined) return answeredAtMs === undefined ? 'Asking the hub …' : '';
  const shown =
    answeredAtMs === undefined ? '' : ` What is shown is ${formatDuration(nowMs - answeredAtMs)} old.`;
  return `The hub does not answer.${shown} Trying again every 2 seconds.`;
}

/**
 * @param {Overview} overview
 * @param {Place} place
 * @returns {Element[]}
 */
export function contentView(overview, place) {
  return [totalsView(overview), ...VIEW[place.view](overview, place)];
}

/** @type {Readonly<Record<ViewName, (overview: Overview, place: Place) => Element[]>>} */
const VIEW = { brokers: brokersView, topics: topicsView, groups: groupsView, gateways: gatewaysView };

/** @param {Overview} overview */
function totalsView({ totals, brokers, damage, isCluster }) {
  const up = brokers.filter(({ state, reasons }) => state !== 'gone' && reasons.length === 0).length;
  /** @type {(title: string, text: string, isBad: boolean) => Element} */
  const figure = (title, text, isBad) =>
    h('div', { class: isBad && 'bad' }, h('dt', {}, title), h('dd', {}, text, isBad && h('b', {}, ' !')));
  return h(
    'dl',
    { class: 'totals', 'aria-label': 'In all' },
    isCluster && figure('brokers', `${up} of ${brokers.length}`, up < brokers.length),
    figure('topics', formatCount(totals.topics), false),
    figure('partitions', formatCount(totals.partitions), false),
    isCluster && figure('under-replicated', formatCount(totals.underReplicated), totals.underReplicated > 0),
    isCluster && figure('without leader', formatCount(totals.offline), totals.offline > 0),
    figure('gateways connected', formatCount(totals.gatewaysLive), false),
    figure('records declared lost', formatCount(totals.lostRecords), totals.lostRecords > 0),
    figure('damaged ranges', formatCount(damage.matching), damage.matching > 0),
  );
}

/**
 * @param {Overview} overview
 * @returns {Element[]}
 */
function brokersView({ brokers, brokerId, isCluster, damage }) {
  /** @typedef {Overview['brokers'][number]} Row */
  /** @type {(row: Row) => Content} */
  const state = ({ state, isController, fault, reasons }) => [
    state === 'up'
      ? badge(
          reasons.length > 0 ? 'bad' : fault === null ? 'good' : 'warn',
          reasons.length > 0 ? 'unhealthy' : 'up',
        )
      : badge(state === 'gone' ? 'bad' : 'warn', state),
    isController && isCluster && ' controller',
    [fault ?? '', ...reasons].map((text) => text !== '' && h('small', {}, ` ${text}`)),
  ];
  const columns = [
    {
      title: 'Broker',
      cell: (/** @type {Row} */ { id }) => [
        `${id}`,
        id === brokerId && isCluster && h('small', {}, ' this one'),
      ],
    },
    { title: 'State', cell: state },
    ...(isCluster ? [{ title: 'Rack', cell: (/** @type {Row} */ { rack }) => rack ?? '–' }] : []),
    { title: 'Address', cell: (/** @type {Row} */ { kafka }) => kafka ?? '–' },
    { title: 'Leads', isNumber: true, cell: (/** @type {Row} */ { leaders }) => formatCount(leaders) },
    { title: 'Replicas', isNumber: true, cell: (/** @type {Row} */ { replicas }) => formatCount(replicas) },
    ...(isCluster
      ? [
          {
            title: 'Out of sync',
            isNumber: true,
            cell: (/** @type {Row} */ { outOfSync }) =>
              outOfSync > 0 ? badge('warn', formatCount(outOfSync)) : '0',
          },
        ]
      : []),
    {
      title: 'Kafka connections',
      isNumber: true,
      cell: (/** @type {Row} */ { connections }) => formatCount(connections?.kafka),
    },
    {
      title: 'Agents',
      isNumber: true,
      cell: (/** @type {Row} */ { connections }) => formatCount(connections?.sync),
    },
    {
      title: 'Memory',
      isNumber: true,
      cell: (/** @type {Row} */ { memoryBytes }) => formatBytes(memoryBytes),
    },
    {
      title: 'Disk',
      isNumber: true,
      cell: (/** @type {Row} */ { disk }) =>
        disk === null ? '–' : `${formatBytes(disk.physicalBytes)}, ${formatBytes(disk.freeBytes)} free`,
    },
    {
      title: 'Up for',
      isNumber: true,
      cell: (/** @type {Row} */ { uptimeMs }) => formatDuration(uptimeMs),
    },
  ];
  return [
    h('h2', {}, 'Brokers'),
    table({ caption: 'Brokers', columns, rows: brokers, empty: 'No broker.' }),
    ...(damage.matching === 0 ? [] : damageView(damage)),
  ];
}

/** @param {Overview['damage']} damage */
function damageView({ matching, rows }) {
  return [
    h('h2', {}, 'Damage'),
    h('p', {}, `Stored batches that could not be read: ${formatCount(matching)} ranges of offsets.`),
    table({
      caption: 'Damaged ranges of offsets',
      columns: [
        { title: 'Partition', cell: ({ topic, partition }) => `${topic}-${partition}` },
        { title: 'Broker', isNumber: true, cell: ({ broker }) => `${broker}` },
        {
          title: 'Offsets',
          isNumber: true,
          cell: ({ firstOffset, nextOffset }) =>
            `${formatCount(firstOffset)} to ${formatCount(nextOffset - 1)}`,
        },
        { title: 'Reason', cell: ({ reason }) => reason },
      ],
      rows,
      empty: '',
    }),
  ];
}

/**
 * @param {Overview} overview
 * @param {Place} place
 * @returns {Element[]}
 */
function topicsView(overview, place) {
  const { topic, topics, pageRows } = overview;
  if (place.parameters.topic !== undefined) return topicView(topic, place, pageRows, overview.isCluster);
  const { isCluster } = overview;
  return [
    h('h2', {}, 'Topics'),
    searchBar(place, 'topics'),
    table({
      caption: 'Topics',
      columns: [
        {
          title: 'Topic',
          cell: ({ name, internal }) => [
            h('a', { href: hashOf(placeWith(place, { topic: name })) }, name),
            internal && h('small', {}, ' internal'),
          ],
        },
        {
          title: 'State',
          cell: ({ offline, underReplicated }) =>
            offline > 0
              ? badge('bad', `${formatCount(offline)} without leader`)
              : underReplicated > 0
                ? badge('warn', `${formatCount(underReplicated)} under-replicated`)
                : badge('good', 'good'),
        },
        { title: 'Partitions', isNumber: true, cell: ({ partitions }) => formatCount(partitions) },
        {
          title: 'Records',
          isNumber: true,
          cell: ({ records, isPartial }) => `${isPartial && isCluster ? '≥ ' : ''}${formatCount(records)}`,
        },
      ],
      rows: topics.rows,
      empty: nothing(place, 'topics', 'There is no topic.'),
    }),
    ...present(pager(place, 'topicsPage', topics, pageRows)),
  ];
}

/**
 * @param {Overview['topic']} topic
 * @param {Place} place
 * @param {number} pageRows
 * @param {boolean} isCluster
 * @returns {Element[]}
 */
function topicView(topic, place, pageRows, isCluster) {
  const back = h(
    'p',
    {},
    h('a', { href: hashOf(placeWith(place, { topic: '', partitionsPage: '' })) }, 'All topics'),
  );
  if (topic === null) return [back, h('p', {}, `There is no topic ${place.parameters.topic}.`)];
  /** @typedef {typeof topic.rows[number]} Row */
  /** @type {(ids: readonly number[]) => string} */
  const list = (ids) => (ids.length === 0 ? '–' : ids.join(', '));
  const settings = Object.entries(topic.configs);
  const columns = [
    { title: 'Partition', cell: (/** @type {Row} */ { partition }) => `${partition}` },
    {
      title: 'Leader',
      isNumber: true,
      cell: (/** @type {Row} */ { leader }) => (leader < 0 ? badge('bad', 'none') : `${leader}`),
    },
    ...(isCluster
      ? [
          {
            title: 'In sync',
            isNumber: true,
            cell: (/** @type {Row} */ { isr, replicas, adding }) =>
              isr.length < replicas.length - adding.length ? badge('warn', list(isr)) : list(isr),
          },
          {
            title: 'Replicas',
            isNumber: true,
            cell: (/** @type {Row} */ { replicas, adding, removing }) => [
              list(replicas),
              adding.length > 0 && h('small', {}, ` adding ${list(adding)}`),
              removing.length > 0 && h('small', {}, ` removing ${list(removing)}`),
            ],
          },
          {
            title: 'Epoch',
            isNumber: true,
            cell: (/** @type {Row} */ { leaderEpoch }) => formatCount(leaderEpoch),
          },
        ]
      : []),
    {
      title: 'First offset',
      isNumber: true,
      cell: (/** @type {Row} */ { log }) => formatCount(log?.startOffset),
    },
    {
      title: 'High watermark',
      isNumber: true,
      cell: (/** @type {Row} */ { log }) => formatCount(log?.endOffset),
    },
    {
      title: 'Size',
      isNumber: true,
      cell: (/** @type {Row} */ { log }) => formatBytes(log?.sizeBytes),
    },
  ];
  return [
    back,
    h('h2', {}, topic.name),
    h(
      'p',
      {},
      `${formatCount(topic.partitions)} partitions, ${formatCount(topic.records)} records. `,
      settings.length === 0
        ? 'All settings are defaults.'
        : `Set: ${settings.map(([key, value]) => `${key}=${value}`).join(', ')}.`,
    ),
    table({ caption: `Partitions of ${topic.name}`, columns, rows: topic.rows, empty: 'No partition.' }),
    ...present(pager(place, 'partitionsPage', topic, pageRows)),
  ];
}

/**
 * @param {Overview} overview
 * @param {Place} place
 * @returns {Element[]}
 */
function groupsView({ groups, group, pageRows, isCluster }, place) {
  if (place.parameters.group !== undefined) return groupView(group, place);
  /** @typedef {typeof groups.rows[number]} Row */
  const columns = [
    {
      title: 'Group',
      cell: (/** @type {Row} */ { groupId }) =>
        h(
          'a',
          { href: hashOf(placeWith(place, { group: groupId })) },
          groupId === '' ? '(no name)' : groupId,
        ),
    },
    { title: 'State', cell: (/** @type {Row} */ { state }) => state },
    { title: 'Members', isNumber: true, cell: (/** @type {Row} */ { members }) => formatCount(members) },
    {
      title: 'Lag',
      isNumber: true,
      cell: (/** @type {Row} */ { lag, isLagPartial }) => `${isLagPartial ? '≥ ' : ''}${formatCount(lag)}`,
    },
    {
      title: 'Protocol',
      cell: (/** @type {Row} */ { protocolType, protocol }) => protocol || protocolType || '–',
    },
    ...(isCluster
      ? [
          {
            title: 'Coordinator',
            isNumber: true,
            cell: (/** @type {Row} */ { coordinator }) => `${coordinator}`,
          },
        ]
      : []),
  ];
  return [
    h('h2', {}, 'Consumer groups'),
    searchBar(place, 'groups'),
    table({
      caption: 'Consumer groups',
      columns,
      rows: groups.rows,
      empty: nothing(place, 'groups', 'There is no consumer group.'),
    }),
    ...present(pager(place, 'groupsPage', groups, pageRows)),
  ];
}

/**
 * @param {Overview['group']} group
 * @param {Place} place
 * @returns {Element[]}
 */
function groupView(group, place) {
  const back = h('p', {}, h('a', { href: hashOf(placeWith(place, { group: '' })) }, 'All groups'));
  if (group === null)
    return [back, h('p', {}, `No broker that answers coordinates group ${place.parameters.group}.`)];
  return [
    back,
    h('h2', {}, group.groupId),
    table({
      isCaptionShown: true,
      caption: `Committed offsets of ${group.groupId}, greatest lag first`,
      columns: [
        { title: 'Partition', cell: ({ topic, partition }) => `${topic}-${partition}` },
        { title: 'Committed', isNumber: true, cell: ({ committedOffset }) => formatCount(committedOffset) },
        { title: 'High watermark', isNumber: true, cell: ({ endOffset }) => formatCount(endOffset) },
        { title: 'Lag', isNumber: true, cell: ({ lag }) => formatCount(lag) },
      ],
      rows: group.offsets,
      empty: 'It has committed nothing.',
    }),
    ...more(group.offsets.length, group.offsetCount),
    table({
      isCaptionShown: true,
      caption: `Members of ${group.groupId}`,
      columns: [
        { title: 'Member', cell: ({ memberId }) => memberId },
        { title: 'Client', cell: ({ clientId }) => clientId },
        { title: 'Host', cell: ({ clientHost }) => clientHost },
      ],
      rows: group.members,
      empty: 'It has no members.',
    }),
    ...more(group.members.length, group.memberCount),
  ];
}

/**
 * @param {Overview} overview
 * @param {Place} place
 * @returns {Element[]}
 */
function gatewaysView({ gateways, pageRows, nowMs, isCluster }, place) {
  /** @typedef {typeof gateways.rows[number]} Row */
  const columns = [
    { title: 'Gateway', cell: (/** @type {Row} */ { gateway }) => gateway },
    {
      title: 'State',
      cell: (/** @type {Row} */ { state, problem }) => [
        state === 'absent'
          ? badge('warn', 'absent')
          : badge(
              problem === null && state === 'live' ? 'good' : 'warn',
              state === 'live' ? 'connected' : state,
            ),
        problem !== null && h('small', {}, ` ${problem}`),
      ],
    },
    {
      title: 'Last seen',
      isNumber: true,
      cell: (/** @type {Row} */ { lastSeenAtMs }) => formatAge(lastSeenAtMs, nowMs),
    },
    {
      title: 'Backlog',
      isNumber: true,
      cell: (/** @type {Row} */ { backlogRecords }) => formatCount(backlogRecords),
    },
    {
      title: 'Declared lost',
      isNumber: true,
      cell: (/** @type {Row} */ { lostRecords }) =>
        lostRecords > 0 ? badge('bad', formatCount(lostRecords)) : '0',
    },
    { title: 'Streams', isNumber: true, cell: (/** @type {Row} */ { streams }) => formatCount(streams) },
    ...(isCluster
      ? [{ title: 'Broker', isNumber: true, cell: (/** @type {Row} */ { broker }) => formatCount(broker) }]
      : []),
    { title: 'From', cell: (/** @type {Row} */ { remote }) => remote ?? '–' },
  ];
  return [
    h('h2', {}, 'Gateways'),
    searchBar(place, 'gateways'),
    table({
      isCaptionShown: true,
      caption: 'Backlog: of what a gateway had when it connected, what is not here yet.',
      columns,
      rows: gateways.rows,
      empty: nothing(place, 'gateways', 'No gateway has been here yet.'),
    }),
    ...(gateways.isPartial
      ? [
          h(
            'p',
            {},
            'A broker has more sessions than it tells of: search to see whether a gateway is connected.',
          ),
        ]
      : []),
    ...present(pager(place, 'gatewaysPage', gateways, pageRows)),
  ];
}

/**
 * @param {Place} place
 * @param {string} name
 * @param {string} none
 */
function nothing({ parameters }, name, none) {
  if (parameters.problems === '1') return 'Nothing needs a look.';
  return parameters[name] === undefined ? none : `Nothing has ${parameters[name]} in its name.`;
}

/**
 * @param {number} shown
 * @param {number} count
 * @returns {Element[]}
 */
function more(shown, count) {
  return shown < count ? [h('p', {}, `The first ${formatCount(shown)} of ${formatCount(count)}.`)] : [];
}

/**
 * @param {Element | null} element
 * @returns {Element[]}
 */
function present(element) {
  return element === null ? [] : [element];
}
