import { hubCommand } from '../../src/index.ts';

process.exit(await hubCommand(process.argv.slice(2)));
