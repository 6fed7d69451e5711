// @ts-check
/** @import { Content } from '@edgelog/runtime/page/element.js' */
/** @import { Place } from './location.js' */
import { h } from '@edgelog/runtime/page/element.js';
import { formatCount } from '@edgelog/runtime/page/format.js';
import { hashOf, placeWith } from './location.js';

/** Pages that the hub tells of. */
const PAGES_MAX = 200;

/**
 * @param {Place} place
 * @param {string} name Of the parameter, which the hub counts from 1.
 * @param {{ readonly matching: number, readonly page: number }} rows
 * @param {number} pageRows
 */
export function pager(place, name, { matching, page }, pageRows) {
  const pages = Math.min(PAGES_MAX, Math.ceil(matching / pageRows));
  if (pages <= 1 && page === 0) return null;
  /** @type {(number: number, text: string) => Content} */
  const link = (number, text) =>
    number < 1 || number > pages
      ? h('span', { class: 'off' }, text)
      : h('a', { href: hashOf(placeWith(place, { [name]: number === 1 ? '' : String(number) })) }, text);
  return h(
    'nav',
    { class: 'pager', 'aria-label': 'Pages' },
    link(page, 'Previous'),
    h('span', {}, `Page ${formatCount(page + 1)} of ${formatCount(pages)}, ${formatCount(matching)} in all`),
    link(page + 2, 'Next'),
  );
}

/**
 * @param {Place} place
 * @param {'topics' | 'groups' | 'gateways'} name
 */
export function searchBar(place, name) {
  return h(
    'div',
    { class: 'search' },
    h('label', { for: `search-${name}` }, `Search ${name}`),
    h('input', {
      id: `search-${name}`,
      type: 'search',
      autocomplete: 'off',
      spellcheck: 'false',
      'data-parameter': name,
      value: place.parameters[name] ?? '',
    }),
    h(
      'label',
      { class: 'check' },
      h('input', {
        id: `problems-${name}`,
        type: 'checkbox',
        'data-parameter': 'problems',
        checked: place.parameters.problems === '1',
      }),
      'only what needs a look',
    ),
  );
}
