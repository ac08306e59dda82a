/**
 * Digest answers: the vectors of RFC 2617, RFC 7616 and RFC 2069, curl as an independent implementation, which challenge
 * is answered, and that a wrong password ends instead of going round.
 */
import { execFile, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import { type AuthAttempt, Authenticator } from '../src/sip/message/authenticator.js'
import {
  challengesOf,
  type DigestChallenge,
  digestChallenge,
  digestChallenges,
  parseChallenge,
} from '../src/sip/message/challenge.js'
import { digestResponse, writeCredentials } from '../src/sip/message/digest.js'
import { SipHeaders } from '../src/sip/message/headers.js'
import type { SipRequest, SipResponse } from '../src/sip/message/sip-message.js'
import { seed } from './seed.js'
import { field, reply, VirtualLink } from './voice-link.js'

t.setTimeout(580_000)

const NOTHING = Buffer.alloc(0)

function challenge(text: string): DigestChallenge {
  return digestChallenge(parseChallenge(`Digest ${text}`)!)!
}

t.test('the vectors of the RFCs', async (t) => {
  const get = { method: 'GET', uri: '/dir/index.html', body: NOTHING, nonceCount: 1, user: 'Mufasa' }
  const old = 'realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
  const rfc2617 = {
    ...get,
    password: 'Circle Of Life',
    cnonce: '0a4f113b',
    challenge: challenge(`${old}, qop="auth,auth-int"`),
  }
  t.equal(digestResponse(rfc2617), '6629fae49393a05397450978507c4ef1', 'RFC 2617 §3.5')
  const rfc2069 = { ...get, password: 'CircleOfLife', cnonce: 'unused', challenge: challenge(old) }
  t.equal(digestResponse(rfc2069), '1949323746fe6a43ef61f9606e7febea', 'RFC 2069 §2.4, as corrected')
  const nonce =
    'realm="http-auth@example.org", qop="auth, auth-int", nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"'
  const cnonce = 'f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ'
  const rfc7616 = (algorithm: string): string =>
    digestResponse({
      ...get,
      password: 'Circle of Life',
      cnonce,
      challenge: challenge(`${nonce}, algorithm=${algorithm}`),
    })
  t.equal(rfc7616('MD5'), '8ca523f5e9506fed4657c9700eebdbec', 'RFC 7616 §3.9.1')
  t.equal(rfc7616('SHA-256'), '753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1', 'RFC 7616 §3.9.1')
  const other = {
    ...{ ...get, user: 'J\u00e4s\u00f8n Doe', password: 'Secret, or not?', uri: '/doe.json' },
    cnonce: 'NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v',
    challenge: challenge(
      'realm="api@example.org", qop="auth", algorithm=SHA-512-256, nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK"',
    ),
  }
  const corrected = '3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5'
  t.equal(digestResponse(other), corrected, 'RFC 7616 §3.9.2, erratum 4897')
})

const hasCurl = spawnSync('curl', ['--version']).status === 0
const run = promisify(execFile)

/** The Authorization with which curl answers a challenge. */
async function answerOfCurl(t: Test, asked: string, user: string, password: string): Promise<Map<string, string>> {
  let answer = ''
  const server = createServer((request, reply) => {
    answer = request.headers.authorization ?? answer
    if (request.headers.authorization === undefined)
      reply.setHeader('www-authenticate', Buffer.from(asked).toString('latin1'))
    reply.statusCode = request.headers.authorization === undefined ? 401 : 200
    reply.end()
  }).listen(0, '127.0.1.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await run('curl', [
    '-s',
    '--noproxy',
    '*',
    '--digest',
    '-u',
    `${user}:${password}`,
    `http://127.0.1.1:${port}/a/b?c=d`,
  ])
  return new Map(parseChallenge(Buffer.from(answer, 'latin1').toString())!.parameters)
}

t.test('curl makes of every kind of challenge what we make of it', { skip: hasCurl ? false : 'no curl' }, async (t) => {
  const challenges = [
    'Digest realm="gw", nonce="abc"',
    'Digest realm="gw", nonce="abc", qop="auth"',
    'Digest realm="gw", nonce="a+/=", qop="auth-int", opaque="x y"',
    'Digest realm="gw", nonce="abc", qop="auth", algorithm=MD5-sess',
    'Digest realm="gw", nonce="abc", qop="auth,auth-int", algorithm=SHA-256, opaque=""',
    'Digest realm="gw", nonce="abc", qop="auth", algorithm=SHA-256-SESS',
    'Digest realm="Dr \\"Who\\" \\\\ Co", nonce="abc", qop="auth"',
    'Digest realm="Grüße", nonce="abc", qop="auth"',
  ]
  for (const asked of challenges) {
    const password = 'p"ä\\ss: word'
    const answer = await answerOfCurl(t, asked, 'office', password)
    const cnonce = answer.get('cnonce') ?? 'unused'
    const nonceCount = Number.parseInt(answer.get('nc') ?? '1', 16)
    const use = {
      challenge: challenge(asked.slice('Digest '.length)),
      user: 'office',
      password,
      method: 'GET',
      uri: '/a/b?c=d',
      body: NOTHING,
    }
    t.equal(digestResponse({ ...use, cnonce, nonceCount }), answer.get('response'), asked)
    const ours = parseChallenge(writeCredentials({ ...use, cnonce, nonceCount }))!.parameters
    for (const [name, value] of answer) t.equal(ours.get(name) ?? '', value, `${asked}: ${name}`)
  }
})

t.test('what a body is counts with auth-int', async (t) => {
  const use = {
    challenge: challenge('realm="r", nonce="n", qop="auth-int"'),
    user: 'u',
    password: 'p',
    method: 'INVITE',
    uri: 'sip:a',
    cnonce: 'c',
    nonceCount: 1,
  }
  t.not(digestResponse({ ...use, body: Buffer.from('v=0') }), digestResponse({ ...use, body: NOTHING }))
})

t.test('credentials are written as SIP asks for them, and nothing in them ends a quote', async (t) => {
  const asked = challenge('realm="a \\"b\\" \\\\c", nonce="n\\"1", opaque="o", qop="auth,auth-int", algorithm=md5')
  const use = {
    challenge: asked,
    user: 'us"er\r\nX: 1',
    password: 'p',
    method: 'REGISTER',
    uri: 'sip:gw',
    body: NOTHING,
    cnonce: 'c',
    nonceCount: 0x1f,
  }
  const written = writeCredentials(use)
  t.match(
    written,
    /^Digest username="us\\"er {2}X: 1", realm="a \\"b\\" \\\\c", nonce="n\\"1", uri="sip:gw", response="[0-9a-f]{32}"/,
  )
  t.match(written, /, algorithm=md5, cnonce="c", qop=auth, nc=0000001f, opaque="o"$/)
  const read = parseChallenge(written)!
  t.equal(read.parameters.get('realm'), 'a "b" \\c')
  t.equal(read.parameters.get('username'), 'us"er  X: 1')
  const plain = writeCredentials({ ...use, user: 'u', challenge: challenge('realm="r", nonce="n"') })
  t.match(plain, /^Digest username="u", realm="r", nonce="n", uri="sip:gw", response="[0-9a-f]{32}"$/)
})

t.test('which challenge is answered', async (t) => {
  const chosen = (...lines: string[]): unknown => {
    const headers = new SipHeaders()
    for (const line of lines) headers.append('www-authenticate', line)
    return digestChallenges(headers, 'www-authenticate').map(({ realm, hash, isSession, qop }) =>
      [realm, hash, isSession, qop].join(' '),
    )
  }
  const md5 = 'Digest realm="r", nonce="1"'
  const sha = 'Digest realm="r", nonce="2", algorithm="SHA-256", qop="auth-int,auth"'
  t.strictSame(chosen(md5, sha), ['r sha256 false auth'], 'the strongest of a realm')
  t.strictSame(chosen(sha, md5), ['r sha256 false auth'])
  t.strictSame(chosen(`${sha}, ${md5}`), ['r sha256 false auth'], 'several in one line')
  t.strictSame(chosen('Digest realm=r,nonce=1 , Algorithm = sha-512-256-sess,QOP=AUTH-INT'), [
    'r sha512-256 true auth-int',
  ])
  t.strictSame(
    chosen('Digest realm="r", nonce="1", algorithm=SHA3-512', md5),
    ['r md5 false '],
    'what is unknown is passed over',
  )
  t.strictSame(chosen('Digest realm="r", nonce="1", qop="auth-conf"'), [])
  t.strictSame(chosen('Digest realm="r", nonce="1", qop=""'), ['r md5 false '])
  t.strictSame(chosen('Digest realm="r"'), [], 'no nonce')
  t.strictSame(chosen('Basic realm="r"', 'Bearer', 'NTLM abc==', 'Digest', '', '"', ',,,', 'x'), [])
  t.strictSame(chosen('Basic realm="r", Digest realm="s", nonce="1"'), ['s md5 false '])
  t.strictSame(chosen('Digest realm="a", nonce="1"', 'Digest realm="b", nonce="1"'), ['a md5 false ', 'b md5 false '])
  const many = Array.from({ length: 200 }, (_, n) => `Digest realm="${n}", nonce="1"`)
  t.equal((chosen(...many) as unknown[]).length, 4, 'a flood of realms is not answered')
  t.ok(challengesOf([many.join(', ')]).length <= 64)
  t.strictSame(Object.fromEntries(parseChallenge('Digest a="1, 2=3", b=c d, a=x')!.parameters), {
    a: '1, 2=3',
    b: 'c d',
  })
})

/** A server's side of digest: it checks what comes by its own arithmetic of nonces, and counts. */
class Guard {
  readonly #random = new Random(seed)
  readonly #counts = new Map<string, number>()
  readonly realm: string
  readonly extra: string
  password = 'secret'
  isProxy = false
  asked = 0

  constructor(realm: string, extra = 'qop="auth"') {
    this.realm = realm
    this.extra = extra
  }

  /** The next request with a known nonce is told that it is stale. */
  staleOnce = false
  /** Each nonce may be used once. */
  isOneTime = false

  answer(request: SipRequest): SipResponse | null {
    const field = this.isProxy ? 'proxy-authorization' : 'authorization'
    const ours = request.headers
      .all(field)
      .map((value) => parseChallenge(value)!.parameters)
      .filter((one) => one.get('realm') === this.realm)
    if (ours.length > 1) throw new Error('two credentials for one realm')
    const given = ours[0]
    const count = this.#counts.get(given?.get('nonce') ?? '')
    if (given === undefined || count === undefined) return this.#ask('')
    const nonce = given.get('nonce')!
    if (this.staleOnce) {
      this.staleOnce = false
      return this.#ask(', stale=TRUE')
    }
    const nonceCount = Number.parseInt(given.get('nc') ?? '0', 16)
    if (this.isOneTime && count > 0) return this.#ask('')
    // Not just one more: a request may have been refused by who stands in front.
    if (given.has('nc') && nonceCount <= count) throw new Error(`nc ${nonceCount} after ${count}`)
    this.#counts.set(nonce, given.has('nc') ? nonceCount : count + 1)
    const expected = digestResponse({
      challenge: challenge(`realm="${this.realm}", nonce="${nonce}", ${this.extra}`),
      user: given.get('username')!,
      password: this.password,
      method: request.method,
      uri: request.uri,
      body: request.body,
      cnonce: given.get('cnonce') ?? '',
      nonceCount,
    })
    return expected === given.get('response') ? null : this.#ask('')
  }

  #ask(more: string): SipResponse {
    this.asked++
    const nonce = `n${this.#random.below(1e9)}`
    this.#counts.set(nonce, 0)
    const headers = new SipHeaders()
    const name = this.isProxy ? 'proxy-authenticate' : 'www-authenticate'
    headers.append(name, `Digest realm="${this.realm}", nonce="${nonce}", ${this.extra}${more}`)
    return { kind: 'response', status: this.isProxy ? 407 : 401, reason: 'Unauthorized', headers, body: NOTHING }
  }
}

function newRequest(method = 'INVITE'): SipRequest {
  return { kind: 'request', method, uri: 'sip:+44@gw', headers: new SipHeaders(), body: Buffer.from('v=0') }
}

/** Guards stand one behind the other: who is not passed hides the next. */
function firstRefusal(guards: Guard[], request: SipRequest): SipResponse | null {
  for (const guard of guards) {
    const refusal = guard.answer(request)
    if (refusal !== null) return refusal
  }
  return null
}

/** Sends one request until it passes all guards, or is given up. Returns how often it was sent; -1: given up. */
function send(authenticator: Authenticator, guards: Guard[], request = newRequest()): number {
  const attempt: AuthAttempt = authenticator.attempt()
  authenticator.prepare(request)
  for (let sent = 1; sent < 20; sent++) {
    const refusal = firstRefusal(guards, request)
    if (refusal === null) return sent
    if (!attempt.answer(request, refusal)) return -1
  }
  throw new Error('it goes round')
}

function authenticator(password = 'secret'): Authenticator {
  const random = new Random(seed)
  return new Authenticator({ user: 'office', password }, () => `c${random.below(1e9)}`)
}

for (const extra of [
  'qop="auth"',
  'qop="auth-int"',
  'algorithm=MD5',
  'algorithm=SHA-256-sess, qop="auth"',
  'algorithm=SHA-512-256, qop="auth,auth-int"',
]) {
  t.test(`the first request is sent twice, later ones once (${extra})`, async (t) => {
    const guard = new Guard('gw', extra)
    const ours = authenticator()
    t.strictSame(
      ['REGISTER', 'INVITE', 'BYE', 'INVITE'].map((method) => send(ours, [guard], newRequest(method))),
      [2, 1, 1, 1],
    )
    t.equal(guard.asked, 1)
  })
}

t.test('a wrong password is tried once, and again with the next request', async (t) => {
  const guard = new Guard('gw')
  const ours = authenticator('wrong')
  t.equal(send(ours, [guard]), -1)
  t.equal(guard.asked, 2)
  t.equal(send(ours, [guard]), -1)
  t.equal(guard.asked, 4, 'a request without credentials, one with; no more')
  guard.password = 'wrong'
  t.equal(send(ours, [guard]), 2)
  t.equal(send(ours, [guard]), 1)
})

t.test('a nonce that is stale is answered with the next one, but not for ever', async (t) => {
  const guard = new Guard('gw')
  const ours = authenticator()
  t.equal(send(ours, [guard]), 2)
  guard.staleOnce = true
  t.equal(send(ours, [guard]), 2, 'the kept nonce was too old')
  t.equal(send(ours, [guard]), 1, 'the new one is kept')
  const request = newRequest()
  const attempt = authenticator().attempt()
  const stale = (n: number): SipResponse => {
    const headers = new SipHeaders()
    headers.append('www-authenticate', `Digest realm="gw", nonce="${n}", stale=true`)
    return { kind: 'response', status: 401, reason: '', headers, body: NOTHING }
  }
  t.strictSame(
    [1, 2, 3, 4].map((n) => attempt.answer(request, stale(n))),
    [true, true, false, false],
  )
  t.equal(request.headers.count('authorization'), 1)
})

t.test('where each nonce is good for one request, later requests are not sent with an old one', async (t) => {
  const guard = new Guard('gw')
  guard.isOneTime = true
  const ours = authenticator()
  t.strictSame(
    [1, 2, 3, 4].map(() => send(ours, [guard])),
    [2, 2, 2, 2],
  )
  t.equal(guard.asked, 4)
  const request = newRequest()
  ours.prepare(request)
  t.equal(request.headers.size, 0, 'an old nonce is not even tried')
})

t.test('a proxy and the gateway behind it both ask, each is answered', async (t) => {
  const proxy = new Guard('proxy')
  proxy.isProxy = true
  const gateway = new Guard('gw', 'algorithm=SHA-256, qop="auth"')
  const ours = authenticator()
  t.strictSame(
    [1, 2, 3].map(() => send(ours, [proxy, gateway])),
    [3, 1, 1],
  )
  gateway.password = 'changed'
  t.equal(send(ours, [proxy, gateway]), -1)
})

t.test('a proxy whose nonces are good for one request is passed again when the gateway behind it asks', async (t) => {
  const proxy = new Guard('proxy')
  proxy.isProxy = true
  proxy.isOneTime = true
  const gateway = new Guard('gw')
  const ours = authenticator()
  t.strictSame(
    [1, 2, 3].map(() => send(ours, [proxy, gateway])),
    [4, 2, 2],
  )
  gateway.password = 'changed'
  const asked = proxy.asked + gateway.asked
  t.equal(send(ours, [proxy, gateway]), -1)
  t.ok(proxy.asked + gateway.asked - asked <= 4, 'and a wrong password does not go round')
})

t.test(
  'calls by one gateway share its nonce, whoever names the login, and another gateway gets none of it',
  async (t) => {
    const link = new VirtualLink()
    const statuses: (number | undefined)[] = []
    const challenge = ['WWW-Authenticate: Digest realm="gw", nonce="first", qop="auth"']
    link.onSent = (text) => {
      const isRight = /nonce="first".*nc=0000000[123]/.test(field(text, 'authorization'))
      link.deliver(isRight ? reply(text, '200 OK') : reply(text, '401 Unauthorized', { lines: challenge }))
    }
    const ask = (to = link.gateway): void => {
      const about = { method: 'OPTIONS', uri: 'sip:gw', from: 'sip:office@gw', headers: [], timeoutMs: 10_000 }
      const credentials = { user: 'office', password: 'secret' }
      link.agent.request({ ...about, to, credentials }, (response) => statuses.push(response?.status))
      link.run(100)
    }
    for (let n = 0; n < 3; n++) ask()
    t.strictSame(statuses, [200, 200, 200])
    t.equal(link.sent.length, 4, 'only the first was asked for its login')
    ask({ ...link.gateway, address: '10.0.0.3' })
    const elsewhere = link.sent.filter(({ to }) => to === 'udp 10.0.0.3:5060')
    t.strictSame(
      elsewhere.map(({ text }) => /nc=\d+/.exec(field(text, 'authorization'))?.[0]),
      [undefined, 'nc=00000001'],
    )
  },
)

t.test('only 401 and 407 with a challenge that can be answered are answered', async (t) => {
  const headers = new SipHeaders()
  headers.append('www-authenticate', 'Digest realm="gw", nonce="1"')
  const attempt = authenticator().attempt()
  const request = newRequest()
  const response = (status: number, fields = headers): SipResponse => ({
    kind: 'response',
    status,
    reason: '',
    headers: fields,
    body: NOTHING,
  })
  t.notOk(attempt.answer(request, response(403)))
  t.notOk(attempt.answer(request, response(407)), 'the wrong header field')
  t.notOk(attempt.answer(request, response(401, new SipHeaders())))
  t.equal(request.headers.size, 0)
  t.ok(attempt.answer(request, response(401)))
})

t.test('a peer with ever new realms neither grows our memory nor is answered for ever', async (t) => {
  const ours = authenticator()
  for (let n = 0; n < 1_000; n++) {
    const attempt = ours.attempt()
    const request = newRequest()
    ours.prepare(request)
    t.ok(request.headers.size <= 8)
    let answers = 0
    for (; answers < 100; answers++) {
      const headers = new SipHeaders()
      headers.append('www-authenticate', `Digest realm="${n}-${answers}", nonce="1"`)
      if (!attempt.answer(request, { kind: 'response', status: 401, reason: '', headers, body: NOTHING })) break
    }
    if (answers !== 4) t.equal(answers, 4)
  }
})
