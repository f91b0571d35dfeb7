// A small web service that Portique opens: it signs people in by OpenID Connect, says for which company they act, and is
// told when they leave. docs/tools.md explains each step.
//
//   ISSUER=http://localhost:8081 CLIENT_ID=slips CLIENT_SECRET=… URL=http://localhost:9001 node tool.mjs
import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import * as oidc from 'openid-client'

const { ISSUER, CLIENT_ID, CLIENT_SECRET, URL: address } = process.env
const trial = new URL(ISSUER).hostname === 'localhost' // on http; everywhere else the library insists on https
const config = await oidc.discovery(new URL(ISSUER), CLIENT_ID, {}, oidc.ClientSecretBasic(CLIENT_SECRET),
  { execute: trial ? [oidc.allowInsecureRequests] : [] })
const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))

const attempts = new Map() // sign-ins that have begun, by the browser's cookie
const sessions = new Map() // people, by our session's cookie

// home greets whoever is signed in, and sends everybody else to sign in.
async function home(request, answer, url) {
  const who = sessions.get(cookie(request, 'session'))
  const hint = url.searchParams.get('company_hint') // the portal's tile says for which company
  if (who && (!hint || hint === who.company.siren)) return page(answer, who)
  const browser = random()
  const attempt = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier: oidc.randomPKCECodeVerifier() }
  attempts.set(browser, attempt)
  redirect(answer, oidc.buildAuthorizationUrl(config, {
    redirect_uri: address + '/callback', scope: 'openid profile email company', state: attempt.state, nonce: attempt.nonce,
    code_challenge: await oidc.calculatePKCECodeChallenge(attempt.verifier), code_challenge_method: 'S256',
    ...(hint && { company_hint: hint }),
  }), set('attempt', browser, 600))
}

// callback turns the code into a session of ours. The library checks state, iss, nonce, PKCE and the ID token.
async function callback(request, answer, url) {
  const browser = cookie(request, 'attempt')
  const attempt = attempts.get(browser)
  attempts.delete(browser)
  if (!attempt) return plain(answer, 400, 'This sign-in was not begun here. Open the tool again.')
  let who
  try {
    const tokens = await oidc.authorizationCodeGrant(config, url,
      { expectedState: attempt.state, expectedNonce: attempt.nonce, pkceCodeVerifier: attempt.verifier, idTokenExpected: true })
    const { sub, sid, company } = tokens.claims()
    const { name, email } = await oidc.fetchUserInfo(config, tokens.access_token, sub)
    who = { sub, sid, company, name, email, idToken: tokens.id_token }
  } catch (refused) {
    console.error(refused.code, refused.error, refused.error_description) // the last two are Portique's words
    return plain(answer, 403, 'The sign-in did not end. Open the tool again.')
  }
  const session = random()
  sessions.set(session, who)
  redirect(answer, '/', set('session', session))
}

// leave ends our session, and the one at the sign-in host.
async function leave(request, answer) {
  const session = cookie(request, 'session')
  const who = sessions.get(session)
  sessions.delete(session)
  redirect(answer, who ? oidc.buildEndSessionUrl(config, { id_token_hint: who.idToken, post_logout_redirect_uri: address + '/goodbye' }) : '/goodbye')
}

// signedOut ends our sessions when the person's at the sign-in host has ended (OpenID Connect Back-Channel Logout 1.0).
async function signedOut(request, answer) {
  const token = new URLSearchParams(await text(request)).get('logout_token')
  try {
    const { payload } = await jwtVerify(token, keys, { issuer: ISSUER, audience: CLIENT_ID, typ: 'logout+jwt', requiredClaims: ['iat', 'exp', 'jti', 'sid'] })
    if (payload.nonce !== undefined || !payload.events?.['http://schemas.openid.net/event/backchannel-logout']) throw new Error('no logout token')
    for (const [key, who] of sessions) if (who.sid === payload.sid) sessions.delete(key)
    plain(answer, 200, '')
  } catch (refused) {
    plain(answer, 400, refused.message)
  }
}

const goodbye = async (request, answer) => plain(answer, 200, 'You have left.')

const routes = { 'GET /': home, 'GET /callback': callback, 'GET /goodbye': goodbye, 'POST /leave': leave, 'POST /signed-out': signedOut }
createServer((request, answer) => {
  const url = new URL(request.url, address)
  const route = routes[request.method + ' ' + url.pathname]
  if (!route) return plain(answer, 404, 'There is nothing here.')
  route(request, answer, url).catch(error => { console.error(error); answer.destroy() })
}).listen(new URL(address).port, 'localhost', () => console.log('serving', address))

const random = () => randomBytes(24).toString('base64url')
const cookie = (request, name) => request.headers.cookie?.split('; ').find(c => c.startsWith(name + '='))?.slice(name.length + 1)
const set = (name, value, seconds) => `${name}=${value}; Path=/; HttpOnly; SameSite=Lax${trial ? '' : '; Secure'}${seconds ? '; Max-Age=' + seconds : ''}`
const escape = s => String(s).replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`)

function redirect(answer, to, setCookie) {
  answer.writeHead(303, { Location: String(to), 'Cache-Control': 'no-store', ...(setCookie && { 'Set-Cookie': setCookie }) }).end()
}

function plain(answer, status, words) {
  answer.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' }).end(words)
}

function page(answer, { name, email, company }) {
  answer.writeHead(200, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-store' }).end(`<!DOCTYPE html>
<html lang="en"><title>A tool</title><main data-page="tool"><h1>${escape(name)}</h1>
<p>${escape(email)}, ${escape(company.role)} of ${escape(company.name)} (SIREN ${escape(company.siren)})</p>
<form method="post" action="/leave"><button>Sign out</button></form></main></html>`)
}
