import { join } from 'node:path';
import { type OpsHandler, staticPage } from '@edgelog/runtime';

/** The operator's page: files beside this one. */
export function pageRoutes(): Record<string, OpsHandler> {
  return staticPage(join(import.meta.dirname, 'page'), ['main.js', 'location.js', 'view.js', 'rows.js']);
}
