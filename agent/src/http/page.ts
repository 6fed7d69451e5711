import { join } from 'node:path';
import { type OpsHandler, staticPage } from '@edgelog/runtime';

/** The gateway's page: files beside this one. */
export function pageRoutes(): Record<string, OpsHandler> {
  return staticPage(join(import.meta.dirname, 'page'), [
    'main.js',
    'view.js',
    'verdict.js',
    'rates.js',
    'sources.js',
    'records.js',
    'gateway.css',
  ]);
}
