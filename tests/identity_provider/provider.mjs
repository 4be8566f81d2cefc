/**
 * The OpenID provider: which clients there are, what tokens they get, and who may ask about them.
 */

import { Provider, errors } from 'oidc-provider';

/** What the clients of the tests are registered with, beyond the standard. */
const OWN_METADATA = ['tenant', 'lifetime', 'introspects'];

const SCOPES = 'chat embeddings';

/** For which resource a token is (RFC 8707), and of which form it then is. */
const RESOURCES = {
  'https://jwt.gateway.test/': { audience: 'claimgate', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } },
  'https://opaque.gateway.test/': { audience: 'claimgate', accessTokenFormat: 'opaque' },
  'https://billing.test/': { audience: 'billing', accessTokenFormat: 'opaque' },
};

export function makeProvider(issuer, clients, store) {
  const provider = new Provider(issuer, {
    adapter: (kind) => store.adapter(kind),
    clients: clients.map(registration),
    clientAuthMethods: ['client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    clientDefaults: { id_token_signed_response_alg: 'RS256' },
    extraClientMetadata: { properties: OWN_METADATA },
    extraTokenClaims: (_, token) => (token.client.tenant ? { tenant: token.client.tenant } : undefined),
    jwks: { keys: store.keys },
    scopes: SCOPES.split(' '),
    ttl: { ClientCredentials: (_, __, client) => client.lifetime },
    features: {
      clientCredentials: { enabled: true },
      devInteractions: { enabled: false },
      dPoP: { enabled: true },
      introspection: { enabled: true, allowedPolicy: (_, client) => client.introspects },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => undefined,
        getResourceServerInfo: (_, resource) => resourceServer(resource),
      },
      revocation: { enabled: true, allowedPolicy: (_, client, token) => client.clientId === token.clientId },
    },
  });
  // Tests and gateway call it on loopback, as a proxy in front of it would.
  provider.proxy = true;
  provider.on('server_error', (_, error) => console.error(error));
  return provider;
}

/** A client has a secret or a public key. */
function registration({ id, secret, method, key, ...own }) {
  return {
    client_id: id,
    ...(key ? { jwks: { keys: [key] }, token_endpoint_auth_signing_alg: key.alg } : { client_secret: secret }),
    token_endpoint_auth_method: method,
    grant_types: ['client_credentials'],
    redirect_uris: [],
    response_types: [],
    scope: SCOPES,
    ...own,
  };
}

function resourceServer(resource) {
  if (!(resource in RESOURCES)) {
    throw new errors.InvalidTarget();
  }
  return { scope: SCOPES, ...RESOURCES[resource] };
}
