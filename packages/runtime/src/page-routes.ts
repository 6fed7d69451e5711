import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { OpsHandler } from './ops-server.ts';

/** What all pages share: how they look, elements, figures. */
const SHARED_DIRECTORY = join(import.meta.dirname, 'page');
const SHARED_FILES = ['page.css', 'patch.js', 'element.js', 'format.js', 'tables.js'];
/** How a page's scripts name the shared ones; to a browser all lie in one folder. */
const SHARED_IMPORT = "'@edgelog/runtime/page/";

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** Names are whatever clients and devices call themselves: were one ever taken for markup, it could load and run nothing. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** A page of static files: `index.html` of the directory at /, its other files and the shared ones below /page/. Read when first asked for and kept. */
export function staticPage(directory: string, files: readonly string[]): Record<string, OpsHandler> {
  const own = files.map((file) => [`GET /page/${file}`, serve(join(directory, file))]);
  const shared = SHARED_FILES.map((file) => [`GET /page/${file}`, serve(join(SHARED_DIRECTORY, file))]);
  return { 'GET /': serve(join(directory, 'index.html')), ...Object.fromEntries([...shared, ...own]) };
}

function serve(path: string): OpsHandler {
  let response: ReturnType<OpsHandler> | undefined;
  return () => {
    response ??= read(path);
    return response;
  };
}

function read(path: string): ReturnType<OpsHandler> {
  const body = readFileSync(path, 'utf8').replaceAll(SHARED_IMPORT, "'./");
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  const headers = { ...SECURITY_HEADERS, etag, 'cache-control': 'no-cache' };
  return { body, contentType: TYPES[extname(path)]!, headers };
}
