/**
 * A certified OpenID provider on loopback, and a second port by which a test rotates its keys, changes its issuer, lets
 * it fail, and reads what was asked of it.
 *
 * Its argument is a JSON document: `issuer`, `clients`, `port` (0 for any), and `state`, the file that outlives it. It
 * prints `{"port": …, "control": …}` once both listen.
 */

import { once } from 'node:events';
import { createServer } from 'node:http';
import { json } from 'node:stream/consumers';

import { Front } from './front.mjs';
import { makeProvider } from './provider.mjs';
import { Store } from './store.mjs';

const LOOPBACK = '127.0.0.1';

const settings = JSON.parse(process.argv[2]);
const store = new Store(settings.state);
let { issuer } = settings;
let listener;

/** The provider reads its keys and its issuer once, so a change takes a new one; what was issued is the store's. */
function renew() {
  listener = makeProvider(issuer, settings.clients, store).callback();
}

const front = new Front((request, response) => listener(request, response));
const commands = {
  rotate() {
    store.rotate();
    renew();
  },
  drop() {
    store.dropOldKeys();
    renew();
  },
  issuer({ name }) {
    issuer = name;
    renew();
  },
  fault: ({ kind, seconds }) => front.fail(kind, seconds),
  forget: () => front.forget(),
  asked: () => front.asked,
};

async function control(request, response) {
  try {
    const answer = commands[request.url.slice(1)](await json(request));
    response.end(JSON.stringify(answer ?? null));
  } catch (error) {
    response.writeHead(400).end(String(error));
  }
}

async function listen(handler, port) {
  const server = createServer(handler).listen(port, LOOPBACK);
  await once(server, 'listening');
  return server.address().port;
}

process.on('SIGTERM', () => {
  store.keep();
  process.exit();
});

renew();
const port = await listen((request, response) => front.listen(request, response), settings.port);
console.log(JSON.stringify({ port, control: await listen(control, 0) }));
