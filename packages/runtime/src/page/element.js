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

/** What shows nothing or turns the text around it: a name could pass for another one. Line ends and tabs are mere space. */
const UNSEEN = /(?![\t\n\r])[\p{Cc}\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]/gu;

/** @param {string} text */
function visible(text) {
  return text.replace(UNSEEN, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/**
 * @param {readonly Content[]} content
 * @returns {(Element | string)[]}
 */
export function flat(content) {
  return content.flatMap((one) => {
    if (one === null || one === false || one === '') return [];
    if (Array.isArray(one)) return flat(one);
    if (typeof one === 'number') return [String(one)];
    return [typeof one === 'string' ? visible(one) : /** @type {Element} */ (one)];
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
