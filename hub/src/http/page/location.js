// @ts-check

/**
 * Where the page stands: one of the views, and what is searched and chosen in it, as the part of the address behind `#` has it.
 * @typedef {'brokers' | 'topics' | 'groups' | 'gateways'} ViewName
 * @typedef {{ readonly view: ViewName, readonly parameters: Readonly<Record<string, string>> }} Place
 */

/** @type {readonly ViewName[]} */
export const VIEWS = ['brokers', 'topics', 'groups', 'gateways'];

/** What the hub is asked with; anything else in an address is nothing of ours. */
const PARAMETERS = [
  'topics',
  'topicsPage',
  'topic',
  'partitionsPage',
  'groups',
  'groupsPage',
  'group',
  'gateways',
  'gatewaysPage',
  'problems',
];

/**
 * @param {string} hash With its `#`, or empty.
 * @returns {Place}
 */
export function placeOf(hash) {
  const [name = '', query = ''] = hash.replace(/^#\/?/, '').split(/\?(.*)/s);
  const view = VIEWS.find((one) => one === name) ?? 'brokers';
  const given = new URLSearchParams(query);
  /** @type {Record<string, string>} */
  const parameters = {};
  for (const key of PARAMETERS) {
    const value = given.get(key);
    if (value !== null && value !== '') parameters[key] = value;
  }
  return { view, parameters };
}

/**
 * @param {Place} place
 * @returns {string} The address of it, `#…`.
 */
export function hashOf({ view, parameters }) {
  const query = new URLSearchParams(parameters).toString();
  return query === '' ? `#/${view}` : `#/${view}?${query}`;
}

/**
 * The place with other parameters; an empty one goes.
 * @param {Place} place
 * @param {Readonly<Record<string, string>>} changed
 * @returns {Place}
 */
export function placeWith({ view, parameters }, changed) {
  const merged = Object.entries({ ...parameters, ...changed }).filter(([, value]) => value !== '');
  return { view, parameters: Object.fromEntries(merged) };
}
