import type { Client } from 'aedes';
import { IDENTIFIER_REJECTED, LoginRefused } from './access/index.ts';
import type { Access } from './access.ts';
import type { Owner } from './persistence/owner.ts';

export interface ClientIdOwnersDeps {
  readonly access: Pick<Access, 'hasUsers' | 'hasUser'>;
  /** Users may be proven by certificates, too. */
  readonly hasCertificates: boolean;
  /** Who has connected, undefined where nobody was asked. */
  ownerOf(client: Client): Owner | undefined;
  /** Whose the session of this client id is, or a will that a crash left. */
  storedOwner(clientId: string): Owner | undefined;
  /** Who is connected under it. */
  named(clientId: string): Client | undefined;
  endSession(clientId: string): Promise<void>;
}

/**
 * Whose a client id is: the user's who is connected with it, is about to be, or has its session or will there. Another one, or somebody who was not asked
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
    const { access, hasCertificates, ownerOf, storedOwner, named, endSession } = this.#deps;
    const { id } = client;
    const user = ownerOf(client)?.user;
    if (user === undefined && !access.hasUsers && !hasCertificates) return;
    const stored = storedOwner(id);
    const others = [this.#arriving.get(id), named(id)].map((other) => other && ownerOf(other));
    const owner = [stored, ...others].find((one) => one !== undefined && one.user !== user && this.#is(one));
    if (owner !== undefined) {
      const reason = 'the client id is that of another user';
      onRefused(owner.user, reason);
      throw new LoginRefused(IDENTIFIER_REJECTED, reason);
    }
    this.#arriving.set(id, client);
    if (stored !== undefined && stored.user !== user) await endSession(id);
  }

  /** The client is connected, or will not be. */
  settled(client: Client): void {
    if (this.#arriving.get(client.id) === client) this.#arriving.delete(client.id);
  }

  /** Whether he could come again: with a certificate he need not be in the users file. */
  #is({ user, byCertificate = true }: Owner): boolean {
    const { access, hasCertificates } = this.#deps;
    return (byCertificate && hasCertificates) || (access.hasUsers && access.hasUser(user));
  }
}
