import { reportFatal } from '@edgelog/runtime';
import { serialCommand } from './command.ts';

process.exit(await serialCommand(process.argv.slice(2)).catch(reportFatal));
