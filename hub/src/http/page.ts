import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import type { OpsHandler } from '@edgelog/runtime';

const DIRECTORY = join(import.meta.dirname, 'page');

/** Path → file. */
const FILES: Readonly<Record<string, string>> = {
  '/': 'index.html',
  '/page/page.css': 'page.css',
  '/page/main.js': 'main.js',
  '/page/location.js': 'location.js',
  '/page/patch.js': 'patch.js',
  '/page/view.js': 'view.js',
  '/page/tables.js': 'tables.js',
  '/page/element.js': 'element.js',
  '/page/format.js': 'format.js',
};

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** Names of topics, groups and gateways are whatever clients call them: were one ever taken for markup, it could load and run nothing. */
const SECURITY_HEADERS = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
};

/** The operator's page: files beside this one, read when first asked for and kept. */
export function pageRoutes(): Record<string, OpsHandler> {
  return Object.fromEntries(Object.entries(FILES).map(([path, file]) => [`GET ${path}`, serve(file)]));
}

function serve(file: string): OpsHandler {
  let response: ReturnType<OpsHandler> | undefined;
  return () => {
    response ??= read(file);
    return response;
  };
}

function read(file: string): ReturnType<OpsHandler> {
  const body = readFileSync(join(DIRECTORY, file), 'utf8');
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`;
  const headers = { ...SECURITY_HEADERS, etag, 'cache-control': 'no-cache' };
  return { body, contentType: TYPES[extname(file)]!, headers };
}
