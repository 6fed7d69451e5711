// @ts-check
/** @import { Content } from './element.js' */
import { h } from './element.js';

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
 * What is well or not, in words; the colour only repeats it.
 * @param {'good' | 'bad' | 'warn'} level
 * @param {Content} content
 */
export function badge(level, content) {
  return h('span', { class: `badge ${level}` }, content);
}
