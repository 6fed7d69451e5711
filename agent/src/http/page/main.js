import { patch } from '@edgelog/runtime/page/patch.js';
import { ratesOf } from './rates.js';
import { contentView, headerView, noticeView } from './view.js';

const POLL_MS = 2_000;
const TIMEOUT_MS = 5_000;
const NEWEST = 20;
const VALUE_BYTES = 160;

const header = document.getElementById('header');
const notice = document.getElementById('notice');
const content = document.getElementById('content');

let status;
let askedAtMs;
let rates = null;
let records = [];
let answeredAtMs;
let failedSinceMs;
let timer;
let asked = 0;

/** The stream whose records are shown: the one in the address, else the first. */
function topicShown(streams) {
  const topic = new URLSearchParams(location.hash.replace(/^#\/?/, '')).get('stream');
  return streams.find((one) => one.topic === topic)?.topic ?? streams[0]?.topic;
}

async function get(path) {
  const response = await fetch(path, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  if (!response.ok) throw new Error(`the agent answers ${response.status}`);
  return response;
}

async function newestOf(topic) {
  if (topic === undefined) return [];
  const text = await (
    await get(`streams/${encodeURIComponent(topic)}?offset=-${NEWEST}&valueBytes=${VALUE_BYTES}`)
  ).text();
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line))
    .reverse();
}

async function poll() {
  clearTimeout(timer);
  asked += 1;
  const mine = asked;
  const atMs = performance.now();
  try {
    const next = await (await get('status')).json();
    const newest = await newestOf(topicShown(next.streams)).catch(() => []);
    if (mine !== asked) return;
    const measured = status && ratesOf(status, next, atMs - askedAtMs);
    if (measured !== null || status === undefined || status.instance !== next.instance) {
      rates = measured ?? null;
      status = next;
      askedAtMs = atMs;
    }
    records = newest;
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
  const text = noticeView(answeredAtMs, failedSinceMs, performance.now());
  if (notice.textContent !== text) notice.textContent = text;
  document.body.classList.toggle('gone', failedSinceMs !== undefined);
  patch(header, headerView(status));
  if (status === undefined) return;
  document.title = `${status.gateway}: Edgelog gateway`;
  patch(content, contentView({ status, rates, records, topic: topicShown(status.streams) }));
}

addEventListener('hashchange', () => {
  if (location.hash !== '#content') poll();
});

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) poll();
});

render();
poll();
