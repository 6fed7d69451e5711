import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { EdgelogError } from '@edgelog/base';
import { readPassword } from '../users/password.ts';
import type { AgentAddress } from './agent-client.ts';

export interface AgentAddressSettings {
  readonly agent: string;
  readonly user?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly ca?: string | undefined;
}

/** As the flags say; asks for the password where they name a user alone. Throws CONFIG_INVALID. */
export async function agentAddress(command: string, settings: AgentAddressSettings): Promise<AgentAddress> {
  const { agent, user, passwordFile, ca } = settings;
  const refuse = (what: string) => new EdgelogError('CONFIG_INVALID', `${command}: ${what}`);
  const read = (flag: string, path: string) => {
    try {
      return readFileSync(path, 'utf8');
    } catch (cause) {
      throw refuse(`${flag} ${path} cannot be read: ${(cause as Error).message}`);
    }
  };
  const { username, password } = new URL(agent);
  if (username !== '' || password !== '')
    throw refuse('--agent holds a user: whoever lists processes sees it; give --user and --password-file');
  if (passwordFile !== undefined && user === undefined) throw refuse('--password-file needs --user NAME');
  if (ca !== undefined) trust(ca, read('--ca', ca), refuse);
  if (user === undefined) return { url: agent, authorization: undefined };
  const secret =
    passwordFile === undefined
      ? await readPassword(command, { isNew: false })
      : read('--password-file', passwordFile).split(/\r?\n/)[0]!;
  return { url: agent, authorization: `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` };
}

/** In this whole process, which asks nobody else: fetch takes no certificates of its own. */
function trust(path: string, pem: string, refuse: (what: string) => EdgelogError): void {
  try {
    // The line below takes anything.
    void new X509Certificate(pem);
    setDefaultCACertificates([...getCACertificates('default'), pem]);
  } catch (cause) {
    throw refuse(`--ca ${path} holds no certificate in PEM: ${(cause as Error).message}`);
  }
}
