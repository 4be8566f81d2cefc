/**
 * What the provider remembers, in memory: its signing keys and what it issued. It outlives a restart in a file.
 *
 * `oidc-provider` has such a store of its own, which forgets all but the last thousand.
 */

import { generateKeyPairSync } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const MODULUS_BITS = 2048;

export class Store {
  #file;

  constructor(file) {
    this.#file = file;
    const kept = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : { keys: [signingKey()], issued: [] };
    /** Private JWKs; the first one signs. */
    this.keys = kept.keys;
    this.issued = new Map(kept.issued);
  }

  /** A new key signs from now on; the ones before it stay published. */
  rotate() {
    this.keys.unshift(signingKey());
  }

  /** Only the key that signs stays published. */
  dropOldKeys() {
    this.keys.length = 1;
  }

  keep() {
    writeFileSync(this.#file, JSON.stringify({ keys: this.keys, issued: [...this.issued] }));
  }

  /** The adapter of `oidc-provider` for one kind of thing. */
  adapter(kind) {
    const { issued } = this;
    const place = (id) => `${kind}:${id}`;
    return {
      async upsert(id, payload) {
        issued.set(place(id), payload);
      },
      async find(id) {
        return issued.get(place(id));
      },
      async destroy(id) {
        issued.delete(place(id));
      },
    };
  }
}

function signingKey() {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: MODULUS_BITS });
  return { ...privateKey.export({ format: 'jwk' }), use: 'sig', alg: 'RS256' };
}
