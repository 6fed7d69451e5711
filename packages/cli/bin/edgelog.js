#!/usr/bin/env node
// Plain JavaScript that runs on Node 20: finds a Node that can run Edgelog, the machine's own or the packaged one.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import module, { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const MAJOR_MIN = 24;
const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const argv = process.argv.slice(2);
/** Where Node keeps what it compiled: halves the time to start. Where the folder cannot be written nothing happens. */
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL('../../../.cache/compile', import.meta.url));
/** What the command wants of V8, and of the C library, which looks at its environment once, at the start. */
const options = JSON.parse(readFileSync(new URL('../node-options.json', import.meta.url), 'utf8'));
const { flags = [], env = {} } = options[argv[0]] ?? {};
const isEnvSet = Object.keys(env).every((name) => process.env[name] !== undefined);
Object.assign(process.env, { ...env, ...process.env });

/** The binary of the optional dependency for this platform, or undefined. */
function findPackagedNode() {
  const name = `node-${process.platform}-${process.arch}`;
  try {
    return join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', 'node');
  } catch {
    return undefined;
  }
}

function fail(reason) {
  process.stderr.write(
    `edgelog: needs Node ${MAJOR_MIN} or newer; this is ${process.version}, and the packaged one ${reason}.\n` +
      'edgelog: run "npm ci" in the project (without --omit=optional), or start it with a newer node.\n',
  );
  process.exit(1);
}

/** Runs main.ts in a child that shares this terminal, ends when this process ends, and gives its exit status. */
function runWith(node) {
  // The IPC channel carries no messages: its end tells the child that this process is gone, even after kill -9.
  const child = spawn(node, [...flags, main, ...argv], {
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  const forward = (signal) => child.kill(signal);
  for (const signal of signals) process.on(signal, forward);
  child.on('error', (error) => fail(`cannot be started (${error.message})`));
  child.on('exit', (code, signal) => {
    for (const name of signals) process.removeListener(name, forward);
    if (signal === null) process.exit(code);
    process.kill(process.pid, signal);
  });
}

if (Number.parseInt(process.versions.node, 10) >= MAJOR_MIN) {
  const missing = flags.filter((flag) => !process.execArgv.includes(flag));
  if (missing.length === 0 && isEnvSet) {
    module.enableCompileCache();
    await import(main);
  } else process.execve(process.execPath, [process.execPath, ...process.execArgv, ...missing, main, ...argv]);
} else {
  const node = findPackagedNode();
  if (node === undefined) fail(`(node-${process.platform}-${process.arch}) is not installed`);
  runWith(node);
}
