import type { Client } from 'aedes';
import { IDENTIFIER_REJECTED, LoginRefused } from './access/index.ts';
import type { Access } from './access.ts';

export interface ClientIdOwnersDeps {
  readonly access: Pick<Access, 'hasUsers' | 'hasUser' | 'userOf'>;
  /** Users may be proven by certificates, too. */
  readonly hasCertificates: boolean;
  /** Whose the session of this client id is. */
  sessionOwner(clientId: string): string | undefined;
  /** Who is connected under it. */
  named(clientId: string): Client | undefined;
  endSession(clientId: string): Promise<void>;
}

/**
 * Whose a client id is: the user's who is connected with it, is about to be, or has its session. Another one, or somebody who was not asked
 * for his name, would end the first and read on in the second. Where nobody is ever asked, client ids are nobody's.
 */
export class ClientIdOwners {
  readonly #deps: ClientIdOwnersDeps;
  /** Let in, and not connected yet. */
  readonly #arriving = new Map<string, Client>();

  constructor(deps: ClientIdOwnersDeps) {
    this.#deps = deps;
  }

  /**
   * Lets a client in under its id, until `settled`. Rejects with LoginRefused, after `onRefused` with whose it is and why. The session of a user who is
   * in the users file no more is ended: nobody could continue it.
   */
  async claim(client: Client, onRefused: (owner: string, reason: string) => void): Promise<void> {
    const { access, hasCertificates, sessionOwner, named, endSession } = this.#deps;
    const { id } = client;
    const user = access.userOf(client);
    if (user === undefined && !access.hasUsers && !hasCertificates) return;
    const session = sessionOwner(id);
    const others = [this.#arriving.get(id), named(id)].map((other) => other && access.userOf(other));
    const owner = [session, ...others].find((one) => one !== undefined && one !== user && this.#is(one));
    if (owner !== undefined) {
      const reason = 'the client id is that of another user';
      onRefused(owner, reason);
      throw new LoginRefused(IDENTIFIER_REJECTED, reason);
    }
    this.#arriving.set(id, client);
    if (session !== undefined && session !== user) await endSession(id);
  }

  /** The client is connected, or will not be. */
  settled(client: Client): void {
    if (this.#arriving.get(client.id) === client) this.#arriving.delete(client.id);
  }

  /** Where there are certificates, users need not be in the file. */
  #is(user: string): boolean {
    return this.#deps.hasCertificates || this.#deps.access.hasUser(user);
  }
}
