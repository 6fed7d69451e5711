import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { kafkaJars } from '../setup/kafka-jars.ts';
import { onPath } from '../setup/programs.ts';

const CLIENTS = join(import.meta.dirname, 'clients');
const CACHE = join(import.meta.dirname, '../../node_modules/.cache/edgelog/interop');
const OLD_JAVA = '2.8.2';

export const PYTHON = join(CACHE, 'venv/bin/python');
export const goProgram = (name: string): string => join(CACHE, 'go', name);

/** The class path of `Client.java` for one version of Kafka's clients: its classes and that version's jars. */
export type JavaVersion = '4.1' | '2.8';
export const javaClassPath = (version: JavaVersion): string =>
  [javaClasses(version), join(version === '4.1' ? kafkaJars() : oldJars(), '*')].join(':');

const javaClasses = (version: JavaVersion): string => join(CACHE, `java-${version}`);
const oldJars = (): string => join(CACHE, 'kafka-clients-2.8');

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>edgelog</groupId><artifactId>kafka-clients-2.8</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-clients</artifactId><version>${OLD_JAVA}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

/** Fails with the command to type if a program is missing. */
function needProgram(program: string, packages: string): void {
  if (!onPath(program))
    throw new Error(`${program} is not installed. Run: sudo apt-get install -y ${packages}`);
}

const execute = promisify(execFile);

async function command(program: string, args: readonly string[], cwd?: string): Promise<void> {
  try {
    await execute(program, args, { cwd, maxBuffer: 64 * 1024 * 1024 });
  } catch (cause) {
    const { stderr = '' } = cause as { stderr?: string };
    throw new Error(`${program} ${args.join(' ')} failed:\n${stderr}`, { cause });
  }
}

/** A virtual environment with the Python clients, made again when `requirements.txt` changed. */
export async function installPython(): Promise<void> {
  needProgram('python3', 'python3 python3-venv');
  const requirements = join(CLIENTS, 'python/requirements.txt');
  const wanted = readFileSync(requirements, 'utf8');
  const done = join(CACHE, 'venv/installed.txt');
  if (existsSync(done) && readFileSync(done, 'utf8') === wanted) return;
  await command('python3', ['-m', 'venv', join(CACHE, 'venv')]);
  await command(PYTHON, ['-m', 'pip', 'install', '-q', '-r', requirements]);
  writeFileSync(done, wanted);
}

/** Both Go programs; Go's own cache makes this quick when nothing changed. */
export async function installGo(): Promise<void> {
  needProgram('go', 'golang-go');
  mkdirSync(goProgram(''), { recursive: true });
  await command('go', ['build', '-o', goProgram(''), './franz', './sarama'], join(CLIENTS, 'go'));
}

/** `Client.java` compiled against one version of Kafka's clients. */
export async function installJava(version: JavaVersion): Promise<void> {
  needProgram('javac', 'default-jdk-headless maven');
  if (version === '2.8' && !existsSync(join(oldJars(), `kafka-clients-${OLD_JAVA}.jar`))) {
    needProgram('mvn', 'default-jdk-headless maven');
    mkdirSync(oldJars(), { recursive: true });
    const pom = join(oldJars(), 'pom.xml');
    writeFileSync(pom, POM);
    const copy = ['dependency:copy-dependencies', `-DoutputDirectory=${oldJars()}`];
    await command('mvn', ['-q', '-B', '-f', pom, ...copy]);
  }
  const source = join(CLIENTS, 'java/Client.java');
  await command('javac', ['-d', javaClasses(version), '-cp', javaClassPath(version), source]);
}

export const installKcat = async (): Promise<void> => needProgram('kcat', 'kcat');
