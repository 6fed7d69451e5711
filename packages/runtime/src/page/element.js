// @ts-check

/**
 * What the page is to show, before there is a document: so that it can be made and looked at anywhere.
 * @typedef {{ readonly tag: string, readonly attributes: Readonly<Record<string, string>>, readonly children: readonly (Element | string)[] }} Element
 * @typedef {Element | string | number | null | false | readonly Content[]} Content
 */

/**
 * @param {string} tag
 * @param {Readonly<Record<string, string | number | boolean | null>>} attributes Those that are null or false are left out.
 * @param {readonly Content[]} content Becomes text, whatever is in it, or elements made by this function.
 * @returns {Element}
 */
export function h(tag, attributes, ...content) {
  /** @type {Record<string, string>} */
  const given = {};
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== false) given[name] = value === true ? '' : String(value);
  }
  return { tag, attributes: given, children: flat(content) };
}

/**
 * @param {readonly Content[]} content
 * @returns {(Element | string)[]}
 */
export function flat(content) {
  return content.flatMap((one) => {
    if (one === null || one === false || one === '') return [];
    if (Array.isArray(one)) return flat(one);
    return typeof one === 'number' ? [String(one)] : [/** @type {Element | string} */ (one)];
  });
}

/**
 * All text of it, as a reader meets it.
 * @param {readonly (Element | string)[]} content
 * @returns {string}
 */
export function textOf(content) {
  return content.map((one) => (typeof one === 'string' ? one : textOf(one.children))).join(' ');
}
