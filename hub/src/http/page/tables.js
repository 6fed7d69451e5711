// @ts-check
/** @import { Content } from './element.js' */
/** @import { Place } from './location.js' */
import { h } from './element.js';
import { formatCount } from './format.js';
import { hashOf, placeWith } from './location.js';

/** Pages that the hub tells of. */
const PAGES_MAX = 200;

/**
 * The first column names its row. On narrow screens each row becomes a card, each cell has its column's title before it; the roles
 * keep it a table for who listens to it.
 * @template T
 * @param {{
 *   readonly caption: string,
 *   readonly isCaptionShown?: boolean,
 *   readonly columns: readonly { readonly title: string, readonly isNumber?: boolean, readonly cell: (row: T) => Content }[],
 *   readonly rows: readonly T[],
 *   readonly empty: string,
 * }} options
 */
export function table({ caption, isCaptionShown = false, columns, rows, empty }) {
  if (rows.length === 0) return h('p', { class: 'empty' }, empty);
  return h(
    'table',
    { role: 'table' },
    h('caption', { class: !isCaptionShown && 'unseen' }, caption),
    h(
      'thead',
      { role: 'rowgroup' },
      h(
        'tr',
        { role: 'row' },
        columns.map(({ title, isNumber = false }) =>
          h('th', { role: 'columnheader', scope: 'col', class: isNumber && 'number' }, title),
        ),
      ),
    ),
    h(
      'tbody',
      { role: 'rowgroup' },
      rows.map((row) =>
        h(
          'tr',
          { role: 'row' },
          columns.map(({ title, isNumber = false, cell }, at) =>
            at === 0
              ? h('th', { role: 'rowheader', scope: 'row' }, cell(row))
              : h(
                  'td',
                  { role: 'cell', class: isNumber && 'number', 'data-title': title },
                  h('span', {}, cell(row)),
                ),
          ),
        ),
      ),
    ),
  );
}

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

/**
 * What is well or not, in words; the colour only repeats it.
 * @param {'good' | 'bad' | 'warn'} level
 * @param {Content} content
 */
export function badge(level, content) {
  return h('span', { class: `badge ${level}` }, content);
}
