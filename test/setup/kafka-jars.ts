import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onPath } from './programs.ts';

const VERSION = '4.1.1';
const DIR = join(import.meta.dirname, '../../node_modules/.cache/edgelog/kafka');
const LIBS = join(DIR, 'libs');

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>edgelog</groupId><artifactId>kafka-peers</artifactId><version>1</version>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${VERSION}</version></dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
`;

const JAVA_HINT = 'apt-get install -y default-jdk-headless maven';

/** Whether Kafka's own tools can run on this machine. */
export function hasJava(): boolean {
  return onPath('java') && (existsSync(LIBS) || onPath('mvn'));
}

/** Whether to skip tests that need Java, saying which and why. In CI they are never skipped: there they fail without it. */
export function skipWithoutJava(tests: string): boolean {
  const skip = !hasJava() && process.env.CI !== 'true';
  if (skip) process.stderr.write(`skipping ${tests}: no Java or Maven here (sudo ${JAVA_HINT})\n`);
  return skip;
}

/** Folder with the jars of Kafka and its tools, fetched by Maven on first use. */
export function kafkaJars(): string {
  if (existsSync(LIBS) && readdirSync(LIBS).some((file) => file === `kafka-tools-${VERSION}.jar`))
    return LIBS;
  if (!onPath('java') || !onPath('mvn'))
    throw new Error(`Kafka's tools need Java and Maven. Run: sudo ${JAVA_HINT}`);
  mkdirSync(DIR, { recursive: true });
  writeFileSync(join(DIR, 'pom.xml'), POM);
  execFileSync('mvn', ['-q', '-B', 'dependency:copy-dependencies', `-DoutputDirectory=${LIBS}`], {
    cwd: DIR,
    stdio: 'pipe',
  });
  return LIBS;
}

/** Arguments for `java` that run `mainClass` of Kafka's jars. */
export function kafkaTool(mainClass: string, ...args: string[]): string[] {
  return ['-Dorg.slf4j.simpleLogger.defaultLogLevel=warn', '-cp', `${kafkaJars()}/*`, mainClass, ...args];
}
