/**
 * What stands before the provider: it counts what a gateway asks for, and answers in the provider's place where a test
 * wants it to fail.
 */

import { setTimeout as sleep } from 'node:timers/promises';

/** What a gateway asks for; nothing else ever fails, so that a test still gets its tokens. */
const ASKED = ['/jwks', '/token/introspection'];
const GARBAGE = '<html>sign in first</html>';

export const FAULTS = ['none', 'slow', 'hang', '500', 'garbage', 'cut'];

export class Front {
  #answer;

  #fault = { kind: 'none', seconds: 0 };

  /** When each was asked for, in seconds since the Unix epoch. */
  asked = empty();

  /** @param answer the provider's own listener */
  constructor(answer) {
    this.#answer = answer;
  }

  fail(kind, seconds = 0) {
    if (!FAULTS.includes(kind)) {
      throw new RangeError(`no fault is called \`${kind}\`; there are ${FAULTS.join(', ')}`);
    }
    this.#fault = { kind, seconds };
  }

  forget() {
    this.asked = empty();
  }

  async listen(request, response) {
    const path = new URL(request.url, 'http://provider').pathname;
    if (!ASKED.includes(path)) {
      this.#answer(request, response);
      return;
    }
    this.asked[path].push(Date.now() / 1000);
    const { kind, seconds } = this.#fault;
    switch (kind) {
      case 'hang':
        return;
      case '500':
        response.writeHead(500).end('out of order');
        return;
      case 'garbage':
        response.writeHead(200, { 'content-type': 'application/json' }).end(GARBAGE);
        return;
      case 'cut':
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': 1000 });
        response.write('{"active":true,"keys":[');
        await sleep(10);
        response.destroy();
        return;
      default:
        await sleep(seconds * 1000);
        this.#answer(request, response);
    }
  }
}

function empty() {
  return Object.fromEntries(ASKED.map((path) => [path, []]));
}
