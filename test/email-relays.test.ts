/** Relays that want TLS and a login, signatures, a changed configuration under traffic, and a stop with an email under way. */
import { createHash, createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import t, { type Test } from 'tap'
import { parseConfig } from '../src/engine/config/load.js'
import { MailPeer } from './mail-peer.js'
import { ADMIN, mailConfig, mailStand } from './mail-stand.js'
import { authority, certificate, privateKey } from './peer-certificates.js'

const one = { to: 'ann@example.com', subject: 'Your visit', text: 'Tomorrow at 9.' }
const tlsOptions = { ca: authority, servername: 'smsc.test' }

function lockedPeer(secure: boolean): MailPeer {
  return new MailPeer({
    secure,
    key: privateKey,
    cert: certificate,
    onAuth: ({ username, password }, _session, done) => {
      if (username === 'user' && password === 'right') done(null, { user: username })
      else done(new Error('Invalid username or password'))
    },
  })
}

t.test(
  'STARTTLS and a login come before the first email, with certificates verified; so does TLS from the first octet',
  async (t) => {
    for (const tls of ['required', 'implicit'] as const) {
      const relay = { tls, tlsOptions, user: 'user', password: 'right' }
      const { call, peer, message } = await mailStand(t, { peer: lockedPeer(tls === 'implicit'), relay })
      const { id } = (await call('POST', '/v1/messages', { body: one })).json
      await message(id, 'sent')
      t.match(peer.received[0], { user: 'user', isSecure: true }, tls)
    }
  },
)

t.test('a wrong password, a wrong certificate and a relay without STARTTLS send nothing and say why', async (t) => {
  const cases: [MailPeer, object, RegExp][] = [
    [lockedPeer(false), { tls: 'required', tlsOptions, user: 'user', password: 'wrong' }, /Invalid login/],
    [lockedPeer(false), { tls: 'required', user: 'user', password: 'right' }, /certificate|altnames/i],
    [new MailPeer(), { tls: 'required' }, /STARTTLS/],
  ]
  for (const [peer, relay, expected] of cases) {
    const { call } = await mailStand(t, { peer, relay })
    const made = await call('POST', '/v1/messages', { body: one })
    let bind = null
    while (bind === null || bind.lastError === null) {
      bind = (await call('GET', '/v1/carriers', { key: ADMIN })).json.items[0].binds[0]
    }
    t.match(bind.lastError, expected)
    t.equal((await call('GET', `/v1/messages/${made.json.id}`)).json.state, 'queued')
    t.equal(peer.received.length, 0)
    const { text } = await call('GET', '/v1/carriers', { key: ADMIN })
    t.notMatch(text, /wrong|right/, 'no password is shown')
  }
})

t.test('a signature by DKIM covers text, sender and the one click, and holds', async (t) => {
  const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = keys.privateKey.export({ type: 'pkcs8', format: 'pem' })
  const relay = { dkim: { domain: 'acme.example', selector: 'k1', key } }
  const { call, peer, message } = await mailStand(t, { relay })
  const body = { ...one, html: '<p>Tomorrow  at 9. Ünicode</p>', unsubscribe: 'link' }
  const { id } = (await call('POST', '/v1/messages', { body })).json
  await message(id, 'sent')
  const raw = peer.received[0]!.raw.toString('latin1')
  const { signed, tags } = signatureOf(raw)
  t.match(tags, { d: 'acme.example', s: 'k1', a: 'rsa-sha256', c: 'relaxed/relaxed' })
  for (const name of ['from', 'to', 'subject', 'message-id', 'list-unsubscribe', 'list-unsubscribe-post']) {
    t.ok(tags.h!.toLowerCase().split(':').includes(name), `${name} is signed`)
  }
  t.equal(createHash('sha256').update(relaxedBody(raw), 'latin1').digest('base64'), tags.bh)
  const publicKey = createPublicKey(keys.publicKey.export({ type: 'spki', format: 'pem' }))
  t.ok(verify('sha256', Buffer.from(signed, 'latin1'), publicKey, Buffer.from(tags.b!, 'base64')))
})

t.test(
  'another relay, another rate and more connections are taken over under traffic; what is gone from the file ends',
  async (t) => {
    const { server, call, peer, message } = await mailStand(t)
    const second = new MailPeer()
    const port = await second.listen()
    t.teardown(() => second.close())
    const send = async (): Promise<void> => {
      const { id } = (await call('POST', '/v1/messages', { body: one })).json
      await message(id, 'sent')
    }
    await send()
    t.equal(peer.received.length, 1)
    const config = (relay: object): ReturnType<typeof parseConfig> =>
      parseConfig(mailConfig('/unused', port, { relay }), { name: 'test', folder: '/', env: {} })
    const changed = await server.reload(config({ ratePerSecond: 50, connections: 3 }))
    t.match(changed, [/^carrier relay: connections, port, ratePerSecond \(its binds are opened anew\)$/])
    await send()
    t.equal(second.received.length, 1, 'the next one goes to the new relay')
    const { json } = await call('GET', '/v1/carriers', { key: ADMIN })
    t.match(json.items, [{ id: 'relay', ratePerSecond: 50 }])
    t.equal(json.items[0].binds.length, 3)
    t.same(await server.reload(config({ ratePerSecond: 50, connections: 3 })), [], 'the same again changes nothing')
    const renamed = await server.reload(config({ id: 'other' }))
    t.match(renamed.slice(0, 2), ['carrier relay is taken out', 'carrier other is new'])
    await send()
    t.equal(second.received.length, 2)
  },
)

t.test('a stop lets an email under way come to its end, and sends none twice', async (t) => {
  const { server, call, peer } = await mailStand(t)
  let begun = (): void => {}
  let release = (): void => {}
  const isUnderWay = new Promise<void>((resolve) => {
    begun = resolve
  })
  const isReleased = new Promise<void>((resolve) => {
    release = resolve
  })
  peer.script.onData = async () => {
    begun()
    await isReleased
  }
  await call('POST', '/v1/messages', { body: one })
  await isUnderWay
  const stopping = server.stop()
  release()
  await stopping
  t.equal(peer.received.length, 1)
})

/** RFC 6376 §3.4.4: runs of blanks are one, none at the end of a line, no empty lines at the end. */
function relaxedBody(raw: string): string {
  const body = raw.slice(raw.indexOf('\r\n\r\n') + 4)
  const lines = body.split('\r\n').map((line) => line.replace(/[ \t]+/g, ' ').replace(/ $/, ''))
  while (lines.length > 0 && lines.at(-1) === '') lines.pop()
  return lines.length === 0 ? '' : `${lines.join('\r\n')}\r\n`
}

/** RFC 6376 §3.4.2: what was signed, and the tags of the signature. */
function signatureOf(raw: string): { signed: string; tags: Record<string, string> } {
  const head = raw.slice(0, raw.indexOf('\r\n\r\n'))
  const fields = head.split(/\r\n(?![ \t])/).map((field): [string, string] => {
    const colon = field.indexOf(':')
    const value = field
      .slice(colon + 1)
      .replace(/\r\n/g, '')
      .replace(/[ \t]+/g, ' ')
      .trim()
    return [field.slice(0, colon).trim().toLowerCase(), value]
  })
  const signature = fields.find(([name]) => name === 'dkim-signature')![1]
  const tags = Object.fromEntries(
    signature.split(';').map((tag) => {
      const equals = tag.indexOf('=')
      return [tag.slice(0, equals).trim(), tag.slice(equals + 1).replace(/\s/g, '')]
    }),
  )
  const left = [...fields]
  const signed = tags
    .h!.toLowerCase()
    .split(':')
    .flatMap((name) => {
      const at = left.findLastIndex(([other]) => other === name)
      return at < 0 ? [] : left.splice(at, 1).map(([key, value]) => `${key}:${value}`)
    })
  signed.push(`dkim-signature:${signature.replace(/(^|;)(\s*b)=[^;]*/, '$1$2=')}`)
  return { signed: signed.join('\r\n'), tags }
}

/** A relay that takes all commands at once, answers as scripted, and has 354 for whoever sends DATA nonetheless. */
async function bluntRelay(t: Test, script: { mail: string; rcpt: string }): Promise<number> {
  const server = createServer((socket) => {
    let rest = ''
    let isText = false
    socket.on('error', () => {})
    socket.write('220 blunt\r\n')
    socket.on('data', (bytes) => {
      const lines = `${rest}${bytes}`.split('\r\n')
      rest = lines.pop()!
      for (const line of lines) {
        if (isText && line !== '.') continue
        const verb = isText ? '.' : line.slice(0, 4).toUpperCase()
        isText = verb === 'DATA'
        const said: Record<string, string> = { EHLO: '250-blunt\r\n250 PIPELINING', DATA: '354 go on' }
        const answer = said[verb] ?? (verb === 'MAIL' ? script.mail : verb === 'RCPT' ? script.rcpt : '250 ok')
        socket.write(`${answer}\r\n`)
        if (answer.startsWith('421')) socket.end()
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return (server.address() as AddressInfo).port
}

t.test(
  "a relay's last word counts although the connection ends with it; a reply that is none is no refusal",
  async (t) => {
    const script = { mail: '250 ok', rcpt: '250 ok' }
    const port = await bluntRelay(t, script)
    const { call } = await mailStand(t, { relay: { port } })
    const first = async (): Promise<Record<string, unknown>> => {
      const { id } = (await call('POST', '/v1/messages', { body: one })).json
      for (;;) {
        const { history } = (await call('GET', `/v1/messages/${id}`)).json
        if (history.length > 0) return history[0]
      }
    }
    script.rcpt = '999 what'
    const odd = await first()
    t.match(odd, { event: 'unavailable' })
    t.notOk('status' in odd)
    Object.assign(script, { mail: '550 5.7.1 not from you', rcpt: '250 ok' })
    t.match(await first(), { status: 550, statusName: '550 5.7.1' }, 'with 354 for the text all the same')
    Object.assign(script, { mail: '250 ok', rcpt: '421 4.7.0 Too many messages, slow down' })
    t.match(await first(), { event: 'throttled', status: 421, statusName: '421 4.7.0' })
  },
)

t.test('after a refusal the next email begins once the relay has answered RSET, however long that takes', async (t) => {
  const heard: string[] = []
  const server = createServer((socket) => {
    let rest = ''
    let isText = false
    socket.on('error', () => {})
    socket.write('220 slow\r\n')
    socket.on('data', (bytes) => {
      const lines = `${rest}${bytes}`.split('\r\n')
      rest = lines.pop()!
      for (const line of lines) {
        if (isText && line !== '.') continue
        const verb = isText ? '.' : line.slice(0, 4).toUpperCase()
        isText = verb === 'DATA'
        heard.push(verb)
        const isRefused = verb === 'RCPT' && line.includes('gone@')
        const answer = isText ? '354 go on' : isRefused ? '550 gone' : '250 ok'
        const say = (): boolean => socket.write(`${answer}\r\n`)
        if (verb !== 'RSET') say()
        else setTimeout(() => heard.push('answered') && say(), 100)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  const { port } = server.address() as AddressInfo
  const { call, message } = await mailStand(t, { relay: { port, connections: 1 } })
  const messages = ['gone@example.com', 'ann@example.com', 'ben@example.com'].map((to) => ({ ...one, to }))
  const { items } = (await call('POST', '/v1/messages', { body: { messages } })).json
  await message(items[2].id, 'sent')
  await message(items[1].id, 'sent')
  t.match(await message(items[0].id, 'failed'), { state: 'failed' })
  t.equal(heard[heard.indexOf('RSET') + 1], 'answered', 'nothing came before the answer')
})
