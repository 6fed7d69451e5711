/** @import { Element as Wanted } from './element.js' */

/**
 * Makes `parent` hold what is wanted, and leaves what is there already as it is: focus, selection and scrolling stay. All
 * text, also that of names which clients chose, becomes text nodes and attribute values and is never parsed.
 * @param {Element} parent
 * @param {readonly (Wanted | string)[]} wanted
 */
export function patch(parent, wanted) {
  wanted.forEach((one, at) => {
    const node = parent.childNodes[at];
    if (node === undefined) parent.append(create(one));
    else if (!update(node, one)) node.replaceWith(create(one));
  });
  while (parent.childNodes.length > wanted.length) parent.lastChild.remove();
}

/** False when the node cannot become this. */
function update(node, one) {
  if (typeof one === 'string') {
    if (node.nodeType !== Node.TEXT_NODE) return false;
    if (node.data !== one) node.data = one;
    return true;
  }
  if (node.nodeType !== Node.ELEMENT_NODE || node.localName !== one.tag) return false;
  if (node.id !== (one.attributes.id ?? '')) return false;
  setAttributes(node, one.attributes);
  patch(node, one.children);
  return true;
}

function create(one) {
  if (typeof one === 'string') return document.createTextNode(one);
  const element = document.createElement(one.tag);
  setAttributes(element, one.attributes);
  patch(element, one.children);
  return element;
}

function setAttributes(element, attributes) {
  for (const name of element.getAttributeNames()) {
    if (!Object.hasOwn(attributes, name)) element.removeAttribute(name);
  }
  for (const [name, value] of Object.entries(attributes)) {
    if (element.getAttribute(name) !== value) element.setAttribute(name, value);
  }
  if (element.localName !== 'input' || element === document.activeElement) return;
  // What was typed has gone its own way since; the place in the address says what it should be.
  if (element.type === 'checkbox') element.checked = Object.hasOwn(attributes, 'checked');
  else element.value = attributes.value ?? '';
}
