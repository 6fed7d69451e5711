import { patch } from '@edgelog/runtime/page/patch.js';
import { hashOf, placeOf, placeWith } from './location.js';
import { contentView, headerView, noticeView } from './view.js';

const POLL_MS = 2_000;
const TIMEOUT_MS = 5_000;
/** Somebody who types is still typing. */
const TYPING_MS = 250;

const header = document.getElementById('header');
const notice = document.getElementById('notice');
const content = document.getElementById('content');

let place = placeOf(location.hash);
let overview;
let answeredAtMs;
let failedSinceMs;
let timer;
/** Only the answer to the last question counts. */
let asked = 0;

async function poll() {
  clearTimeout(timer);
  asked += 1;
  const mine = asked;
  try {
    const query = new URLSearchParams(place.parameters);
    const response = await fetch(`overview?${query}`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`the hub answers ${response.status}`);
    const answer = await response.json();
    if (mine !== asked) return;
    overview = answer;
    answeredAtMs = performance.now();
    failedSinceMs = undefined;
  } catch {
    if (mine !== asked) return;
    failedSinceMs ??= performance.now();
  }
  render();
  if (!document.hidden) timer = setTimeout(poll, POLL_MS);
}

function render() {
  patch(header, headerView(overview, place));
  const text = noticeView(answeredAtMs, failedSinceMs, performance.now());
  if (notice.textContent !== text) notice.textContent = text;
  document.body.classList.toggle('gone', failedSinceMs !== undefined);
  if (overview !== undefined) patch(content, contentView(overview, place));
}

function go(parameters) {
  place = placeWith(place, parameters);
  history.replaceState(null, '', hashOf(place));
  poll();
}

addEventListener('hashchange', () => {
  // The skip link's own.
  if (location.hash === '#content') return;
  place = placeOf(location.hash);
  render();
  poll();
});

let typing;
content.addEventListener('input', ({ target }) => {
  const { parameter } = target.dataset;
  const value = target.type === 'checkbox' ? (target.checked ? '1' : '') : target.value;
  const firstPage = { topicsPage: '', groupsPage: '', gatewaysPage: '' };
  clearTimeout(typing);
  typing = setTimeout(() => go({ ...firstPage, [parameter]: value }), TYPING_MS);
});

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) poll();
});

render();
poll();
