import { patch } from '@edgelog/runtime/page/patch.js';
import { contentView, headerView, noticeView } from './view.js';

const POLL_MS = 2_000;
const TIMEOUT_MS = 5_000;

const header = document.getElementById('header');
const notice = document.getElementById('notice');
const content = document.getElementById('content');

let status;
let answeredAtMs;
let failedSinceMs;
let timer;

async function poll() {
  clearTimeout(timer);
  try {
    const response = await fetch('status', { signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error(`it answers ${response.status}`);
    status = await response.json();
    answeredAtMs = performance.now();
    failedSinceMs = undefined;
  } catch {
    failedSinceMs ??= performance.now();
  }
  const text = noticeView(answeredAtMs, failedSinceMs, performance.now());
  if (notice.textContent !== text) notice.textContent = text;
  document.body.classList.toggle('gone', failedSinceMs !== undefined);
  patch(header, headerView(status));
  if (status !== undefined) patch(content, contentView(status));
  if (!document.hidden) timer = setTimeout(poll, POLL_MS);
}

document.addEventListener('visibilitychange', () => {
  if (!document.hidden) poll();
});

poll();
