import { dispatch } from './dispatch.ts';

process.exit(await dispatch(process.argv.slice(2)));
