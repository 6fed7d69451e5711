import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { inflateRawSync } from 'node:zlib';

/** Tests only: Kafka's own message definitions, read from the kafka-clients jar. */

export interface OfficialField {
  name: string;
  type: string;
  versions: string;
  nullableVersions?: string;
  taggedVersions?: string;
  tag?: number;
  default?: string | number | boolean;
  ignorable?: boolean | string;
  fields?: OfficialField[];
}

export interface OfficialMessage {
  apiKey?: number;
  name: string;
  validVersions: string;
  flexibleVersions: string;
  latestVersionUnstable?: boolean;
  fields: OfficialField[];
  commonStructs?: { name: string; fields: OfficialField[] }[];
}

const root = join(import.meta.dirname, '../../../..');

/** Folders where Kafka's jars may be, in order. */
export const JAR_FOLDERS: readonly string[] = [
  process.env.EDGELOG_KAFKA_JARS,
  join(root, 'node_modules/.cache/edgelog/kafka/libs'),
].filter((folder) => folder !== undefined);

/** The kafka-clients jar in the first folder that has one. */
export function findClientsJar(): string | undefined {
  for (const folder of JAR_FOLDERS) {
    if (!existsSync(folder)) continue;
    const jar = readdirSync(folder).find((name) => /^kafka-clients-[\d.]+\.jar$/.test(name));
    if (jar) return join(folder, jar);
  }
  return undefined;
}

/** All message definitions in the jar, by name, such as `FetchRequest`. */
export function readOfficialMessages(jar: string): Map<string, OfficialMessage> {
  const messages = new Map<string, OfficialMessage>();
  for (const content of zipEntries(readFileSync(jar), /^common\/message\/.*\.json$/)) {
    const json = content.toString().replaceAll(/^\s*\/\/.*$/gm, '');
    const message = JSON.parse(json) as OfficialMessage;
    messages.set(message.name, message);
  }
  return messages;
}

/** Entries of a zip file, by its central directory (PKWARE APPNOTE 4.3.12). */
function* zipEntries(zip: Buffer, wanted: RegExp): Iterable<Buffer> {
  const end = zip.lastIndexOf(Buffer.of(0x50, 0x4b, 0x05, 0x06));
  let at = zip.readUInt32LE(end + 16);
  for (let left = zip.readUInt16LE(end + 10); left > 0; left--) {
    const nameLength = zip.readUInt16LE(at + 28);
    const name = zip.toString('utf8', at + 46, at + 46 + nameLength);
    if (wanted.test(name)) {
      const local = zip.readUInt32LE(at + 42);
      const from = local + 30 + zip.readUInt16LE(local + 26) + zip.readUInt16LE(local + 28);
      const content = zip.subarray(from, from + zip.readUInt32LE(at + 20));
      yield zip.readUInt16LE(at + 10) === 0 ? content : inflateRawSync(content);
    }
    at += 46 + nameLength + zip.readUInt16LE(at + 30) + zip.readUInt16LE(at + 32);
  }
}
