import { agentCommand } from '../index.ts';

process.exitCode = await agentCommand(process.argv.slice(2));
