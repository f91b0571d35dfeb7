// What openid-client and jose have to say of Portique. The Go test beside it plays the person: each address to open is printed on a
// line, and the address where the browser landed is read from the next. Whatever is not as the standards say ends the script.
import assert from 'node:assert/strict'
import { createInterface } from 'node:readline'
import { createRemoteJWKSet, importJWK, jwtVerify } from 'jose'
import * as oidc from 'openid-client'

const { issuer, redirect, goodbye, secret, key } = JSON.parse(process.env.PARTY)
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]()

// person opens an address and returns where the browser landed.
async function person(address) {
  console.log(String(address))
  return new URL((await lines.next()).value)
}

const execute = [oidc.allowInsecureRequests, oidc.enableNonRepudiationChecks] // http on this machine; signatures are looked at all the same
const client = (id, metadata, auth, algorithm) => oidc.discovery(new URL(issuer), id, metadata, auth, { execute, algorithm })

// signIn sends the person to sign in and redeems the code; options.pushed sends the request ahead.
async function signIn(config, { pushed = false, DPoP, ...more } = {}) {
  const verifier = oidc.randomPKCECodeVerifier(), state = oidc.randomState(), nonce = oidc.randomNonce()
  const parameters = {
    redirect_uri: redirect, scope: 'openid profile email company offline_access', state, nonce, code_challenge_method: 'S256',
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier), ...more,
  }
  const to = pushed ? await oidc.buildAuthorizationUrlWithPAR(config, parameters, { DPoP }) : oidc.buildAuthorizationUrl(config, parameters)
  assert.equal(to.searchParams.has('request_uri'), pushed)
  const back = await person(to)
  const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true }
  return { back, checks, tokens: await oidc.authorizationCodeGrant(config, back, checks, undefined, { DPoP }) }
}

// refuses says that a call fails with an error of the standards: in the address, in the body, or (401) in the challenge.
async function refuses(call, error, what) {
  const e = await call.then(() => assert.fail(what + ': accepted'), e => e)
  const said = e.error ?? e.cause?.[0]?.parameters?.error ?? (e.status === 401 && (await e.response.json()).error)
  assert.equal(said, error, `${what}: ${e.stack}`)
}

// A tool with a secret: everything that a session gives, until it is given back.
async function withSecret() {
  const config = await client('node-secret', {}, oidc.ClientSecretBasic(secret))
  for (const algorithm of ['oidc', 'oauth2']) {
    const other = await client('node-secret', {}, oidc.ClientSecretPost(secret), algorithm)
    assert.deepEqual({ ...other.serverMetadata() }, { ...config.serverMetadata() })
  }
  const { tokens, back, checks } = await signIn(config)
  const { sub, company, sid, acr, amr, auth_time } = tokens.claims()
  assert.match(company.siren, /^\d{9}$/)
  assert.ok(sid && acr && Array.isArray(amr) && auth_time > 1e9)
  const info = await oidc.fetchUserInfo(config, tokens.access_token, sub)
  assert.deepEqual(info.company, company)
  assert.match(info.email, /@/)

  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token)
  assert.notEqual(refreshed.refresh_token, tokens.refresh_token)
  assert.equal(refreshed.claims().sub, sub)
  const again = await oidc.refreshTokenGrant(config, tokens.refresh_token) // an answer that was lost
  assert.equal(again.refresh_token, refreshed.refresh_token)

  const told = await oidc.tokenIntrospection(config, refreshed.access_token)
  assert.equal(told.active, true)
  assert.equal(told.sub, sub)
  assert.equal(told.client_id, 'node-secret')
  const signed = await client('node-secret', { introspection_signed_response_alg: 'ES256' }, oidc.ClientSecretPost(secret))
  assert.deepEqual({ ...await oidc.tokenIntrospection(signed, refreshed.access_token) }, { ...told })

  await oidc.tokenRevocation(config, refreshed.access_token)
  assert.equal((await oidc.tokenIntrospection(config, refreshed.access_token)).active, false)
  await refuses(oidc.fetchUserInfo(config, refreshed.access_token, sub), 'invalid_token', 'an access token given back')
  await oidc.tokenRevocation(config, refreshed.refresh_token)
  await refuses(oidc.refreshTokenGrant(config, refreshed.refresh_token), 'invalid_grant', 'a refresh token given back')
  await refuses(oidc.authorizationCodeGrant(config, back, checks), 'invalid_grant', 'a code used twice')

  const machine = await oidc.clientCredentialsGrant(config)
  assert.equal((await oidc.tokenIntrospection(config, machine.access_token)).client_id, 'node-secret')

  const wrong = await client('node-secret', {}, oidc.ClientSecretBasic('x' + secret))
  await refuses(oidc.clientCredentialsGrant(wrong), 'invalid_client', 'a wrong secret')
  return { config, tokens }
}

// A tool that signs: RS256 for what it is told, the request sent ahead, userinfo signed.
async function withKey() {
  const auth = oidc.PrivateKeyJwt({ key: await importJWK(key, 'ES256'), kid: key.kid })
  const config = await client('node-key', { id_token_signed_response_alg: 'RS256', userinfo_signed_response_alg: 'RS256' }, auth)
  const { tokens } = await signIn(config, { pushed: true, claims: JSON.stringify({ id_token: { acr: null }, userinfo: { email: { essential: true } } }) })
  const info = await oidc.fetchUserInfo(config, tokens.access_token, tokens.claims().sub)
  assert.match(info.email, /@/)
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))
  const { protectedHeader } = await jwtVerify(tokens.id_token, keys, { issuer, audience: 'node-key', typ: 'JWT', maxTokenAge: '1m' })
  assert.equal(protectedHeader.alg, 'RS256')
  await oidc.tokenRevocation(config, tokens.refresh_token)
  assert.equal((await oidc.tokenIntrospection(config, tokens.access_token)).active, false)
}

// A tool without a secret: its tokens are worth something with its key only.
async function withProofs() {
  const config = await client('node-public', {}, oidc.None())
  const pair = await oidc.randomDPoPKeyPair('ES256')
  const DPoP = oidc.getDPoPHandle(config, pair)
  const { tokens } = await signIn(config, { pushed: true, DPoP })
  assert.equal(tokens.token_type, 'dpop')
  const { sub } = tokens.claims()
  assert.equal((await oidc.fetchUserInfo(config, tokens.access_token, sub, { DPoP })).sub, sub)
  const thief = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair('ES256'))
  await refuses(oidc.fetchUserInfo(config, tokens.access_token, sub, { DPoP: thief }), 'invalid_token', 'the key of a thief')
  await refuses(oidc.fetchUserInfo(config, tokens.access_token, sub), 'invalid_token', 'no proof')
  await refuses(oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP: thief }), 'invalid_grant', 'the key of a thief')
  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP })
  assert.equal(refreshed.token_type, 'dpop')
}

// The sign-out of the tool, and what is said of a person who is not there.
async function leave({ config, tokens }) {
  const back = await person(oidc.buildEndSessionUrl(config, { id_token_hint: tokens.id_token, post_logout_redirect_uri: goodbye, state: 'à bientôt' }))
  assert.equal(back.searchParams.get('state'), 'à bientôt')
  assert.equal(back.origin + back.pathname, goodbye)
  await refuses(signIn(config, { prompt: 'none' }), 'login_required', 'nobody is there')
}

const session = await withSecret()
await withKey()
await withProofs()
await leave(session)
process.stdin.destroy() // nothing more is asked
