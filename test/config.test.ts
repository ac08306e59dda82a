/** The configuration file: defaults, substitution, and errors that name key and line. */
import { chmodSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { clientEnvironment } from '../src/engine/config/client-environment.js'
import { loadConfig, parseConfig } from '../src/engine/config/load.js'
import { ConfigSchema } from '../src/engine/config/schema.js'
import type { SmppCarrierConfig } from '../src/engine/config/smpp-carrier.js'
import { EngineError } from '../src/engine/contract/errors.js'

const source = { name: 'trunkline.yaml', folder: '.', env: {} }

/** The lines of the refusal. */
function errorsOf(text: string, env: Record<string, string> = {}): string[] {
  try {
    parseConfig(text, { ...source, env })
  } catch (error) {
    if (error instanceof EngineError && error.code === 'CONFIG_INVALID') return error.message.split('\n')
    throw error
  }
  return []
}

const carrier = `carriers:
  - id: acme
    protocol: smpp
    host: smsc.example
    systemId: trunk
`

t.test('without a file every key has its default', async (t) => {
  t.strictSame(loadConfig(null, {}), {
    dataDir: './trunkline-data',
    http: {
      host: '127.0.0.1',
      port: 8080,
      trustedProxies: [],
      compat: { kannel: false, jasmin: false },
      limits: {
        connections: 4_096,
        requests: 2_048,
        requestsPerAccount: 1_024,
        requestsPerSecondPerKey: 5_000,
        uploads: 128,
        uploadsPerAccount: 32,
      },
    },
    threads: { ingest: 2, dispatch: 1 },
    logLevel: 'info',
    shutdownSeconds: 15,
    carriers: [],
    inbound: { partsTimeoutSeconds: 1800, conversationLockSeconds: 259_200, retentionDays: 90 },
    retention: { textDays: 7, rowDays: 90, compactAtStart: true },
    speech: {
      command: ['espeak-ng', '--stdin', '--stdout', '-b', '1', '-v', '{voice}', '-s', '{rate}'],
      environment: {},
      voices: {},
      language: 'en',
      rate: 150,
      timeoutMs: 30_000,
      maxSeconds: 180,
      cacheMegabytes: 500,
    },
    webhooks: {
      allowPrivateAddresses: false,
      ports: [443, 8443],
      timeoutMs: 20_000,
      deliveries: 64,
      retentionDays: 7,
    },
    routes: [],
  })
  t.strictSame(parseConfig('# nothing but a comment\n', source), loadConfig(null, {}))
})

t.test('a carrier gets the defaults of its nested keys, one by one', async (t) => {
  const { carriers } = parseConfig(`${carrier}    source: { ton: 5 }\n    receipts: {}\n`, source)
  t.match(carriers[0], {
    port: 2775,
    tls: false,
    window: 100,
    source: { ton: 5, npi: 'auto' },
    destination: { ton: 1, npi: 1 },
    receipts: { idFormat: 'auto', request: 'final' },
    longMessages: 'udh',
  })
  t.notOk('ratePerSecond' in carriers[0]!, 'absent: no limit')
})

t.test('defaults of one load do not leak into the next', async (t) => {
  const first = loadConfig(null, {})
  first.http.port = 1
  first.carriers.push({} as never)
  t.equal(loadConfig(null, {}).http.port, 8080)
  t.same(loadConfig(null, {}).carriers, [])
})

t.test('every error is reported at once, with key, line and remedy', async (t) => {
  const text = `http: { prot: 80, port: 99999 }
${carrier}    window: 0
    longMessages: foo
    source: { ton: 9 }
    tls: { caa: x }
  - id: short
    protocol: smpp
    host: h
routes:
  - { channel: fax, carriers: [] }
`
  t.strictSame(
    errorsOf(text).map((line) => line.replace(/ \(.*\)$/, '')),
    [
      'trunkline.yaml:1: http.prot: is not a known key; did you mean port?',
      'trunkline.yaml:1: http.port: must be an integer from 0 to 65535, not 99999',
      'trunkline.yaml:7: carriers[0].window: must be an integer from 1 to 10000, not 0',
      'trunkline.yaml:8: carriers[0].longMessages: must be "udh" or "udh16" or "sar" or "payload", not "foo"',
      'trunkline.yaml:9: carriers[0].source.ton: must be "auto" or an integer from 0 to 6, not 9',
      'trunkline.yaml:10: carriers[0].tls.caa: is not a known key; did you mean ca?',
      'trunkline.yaml:11: carriers[1].systemId: is missing; it must be text of at most 64 characters',
      'trunkline.yaml:15: routes[0].channel: must be "sms" or "voice" or "email", not "fax"',
      'trunkline.yaml:15: routes[0].carriers: must be a list of at least 1',
    ],
  )
})

t.test('more than eight errors are all reported', async (t) => {
  const keys = Array.from({ length: 30 }, (_, index) => `wrong${index}: 1`)
  t.equal(errorsOf(keys.join('\n')).length, 30)
})

t.test('a SIP carrier gets the defaults of its nested keys, one by one', async (t) => {
  const text = `carriers:
  - { id: pbx, protocol: sip, host: 10.0.0.5, callerId: "+442071234567", rtpPorts: { from: 20000 } }
routes:
  - { channel: voice, prefix: "44", carriers: [pbx] }
`
  const { carriers, routes } = parseConfig(text, source)
  t.match(carriers[0], {
    transport: 'udp',
    maxCalls: 30,
    callsPerSecond: 5,
    ringSeconds: 40,
    codecs: ['pcma', 'pcmu'],
    rtpPorts: { from: 20_000, to: 32_767 },
    optOutDigit: '9',
    retryMinutes: [10, 30, 120],
  })
  t.match(routes, [{ channel: 'voice', carriers: ['pbx'] }])
})

t.test('what cannot be of a SIP carrier is said of the very key', async (t) => {
  const text = `carriers:
  - id: pbx
    protocol: sip
    hosts: ["gw:70000"]
    tlsOptions: { cert: x }
    localAddress: here
    register: true
    rtpPorts: { from: 20001, to: 20020 }
    optOutDigit: "1"
    expectedDigits: "112"
    outcomes:
      - { outcome: refused }
      - { matches: "(a+)+", outcome: busy }
  - { id: other, protocol: sip, host: h, callerId: "12", callsPerMinute: 3, outcomes: [{ status: "200", outcome: busy }] }
routes:
  - { channel: sms, carriers: [pbx] }
`
  const errors = errorsOf(text)
  t.match(errors, [
    /carriers\[1\]\.callsPerMinute: is not a known key/,
    /carriers\[1\]\.outcomes\[0\]\.status: must be text matching/,
  ])
  t.equal(errors.length, 2)
  t.strictSame(
    errorsOf(text.replace(', callsPerMinute: 3, outcomes: [{ status: "200", outcome: busy }]', '')).map((line) =>
      line.replace(/^trunkline\.yaml:/, ''),
    ),
    [
      '2: carriers[0].callerId: is missing; name the number that calls come from',
      '4: carriers[0].hosts[0]: must have a port from 1 to 65535',
      '5: carriers[0].tlsOptions: has no meaning with transport udp',
      '5: carriers[0].tlsOptions: must have cert and key together',
      '6: carriers[0].localAddress: must be an IP address',
      '7: carriers[0].register: needs user, the name that is registered',
      '8: carriers[0].rtpPorts.from: must be even (RFC 3550 §11)',
      '8: carriers[0].rtpPorts.to: must be odd, the second port of the last pair',
      '8: carriers[0].rtpPorts: must have at least 120 ports for maxCalls 30: two a call, and as many that rest',
      '9: carriers[0].optOutDigit: must not be the repeatDigit',
      '10: carriers[0].expectedDigits: must not hold the optOutDigit, 1',
      '10: carriers[0].expectedDigits: must not hold the repeatDigit, 1',
      '10: carriers[0].expectedDigits: must hold each digit once',
      '12: carriers[0].outcomes[0]: stands without a condition; add status, q850 or matches',
      '13: carriers[0].outcomes[1].matches: must not repeat a group that has a repetition or a choice within',
      '16: routes[0].carriers[0]: "pbx" speaks sip, which carries no SMS',
    ],
  )
})

t.test('carriers are unique and routes lead to carriers that exist', async (t) => {
  const twice = carrier + carrier.split('\n').slice(1).join('\n')
  t.match(errorsOf(twice), [/^trunkline\.yaml:6: carriers\[1\]\.id: "acme" is the id of carriers\[0\] already$/])
  t.match(errorsOf(`${carrier}routes:\n  - carriers: [acme, nobody]\n`), [
    /^trunkline\.yaml:7: routes\[0\]\.carriers\[1\]: no carrier has the id "nobody"; there are: acme$/,
  ])
})

t.test('voices are of languages, and no argument of the program that speaks is the text', async (t) => {
  const wrong = 'speech:\n  command: [piper, "{text}"]\n  voices: { de: thorsten, "the German one": x }\n'
  t.strictSame(errorsOf(wrong), [
    'trunkline.yaml:2: speech.command[1]: has {text}, but the program gets the text on stdin; leave it out',
    'trunkline.yaml:3: speech.voices.the German one: must be the voice of a language such as en-GB or de',
  ])
})

t.test('a trusted proxy is an address, a range or one of three names', async (t) => {
  const good = ['loopback', 'uniquelocal', '10.0.0.0/8', '192.0.2.1', '2001:db8::/32']
  t.same(parseConfig(`http: { trustedProxies: ${JSON.stringify(good)} }`, source).http.trustedProxies, good)
  t.match(errorsOf('http: { trustedProxies: [loopback, everywhere, 10.0.0.0/33] }'), [
    /trustedProxies\[1\]: must be an address/,
    /trustedProxies\[2\]: must be an address/,
  ])
})

t.test('what is not YAML is named with its line', async (t) => {
  t.match(errorsOf('http:\n  port: [1\nfoo: 2\n'), [/^trunkline\.yaml:\d: not YAML: /])
  t.match(errorsOf('http: {}\nhttp: {}\n'), [/^trunkline\.yaml:2: not YAML: .*unique/])
})

t.test('a variable reference takes an environment variable, as the type that the key has', async (t) => {
  const env = { PASSWORD: '007', PORT: '3550', HOST: 'smsc', LEVEL: 'warn' }
  const config = parseConfig(
    `${carrier}    password: \${PASSWORD}\n    port: \${PORT}\n    systemType: "x-\${HOST}-y"\nlogLevel: \${LEVEL}\n`,
    { ...source, env },
  )
  t.match(config.carriers[0], { password: '007', port: 3550, systemType: 'x-smsc-y' })
  t.equal(config.logLevel, 'warn')
  t.strictSame(errorsOf(`${carrier}    password: \${NOPE}\n`), [
    'trunkline.yaml:6: carriers[0].password: the environment variable NOPE is not set; export it',
  ])
})

t.test('a value from outside and a secret are never shown in an error', async (t) => {
  const secret = 'hunter2'.repeat(20)
  const text = `${carrier}    password: ${secret}\n    systemId: \${ID}\n`.replace('    systemId: trunk\n', '')
  const errors = errorsOf(text, { ID: secret })
  t.equal(errors.length, 2)
  t.notMatch(errors.join('\n'), 'hunter2')
})

t.test('a file reference counts from the configuration file and refuses secrets that everybody can read', async (t) => {
  const folder = t.testdir({ 'trunkline.yaml': `${carrier}    password: \${file:./secret}\n` })
  const path = join(folder, 'trunkline.yaml')
  t.throws(() => loadConfig(path, {}), /carriers\[0\]\.password: .*secret cannot be read \(ENOENT\)/)
  writeFileSync(join(folder, 'secret'), 'open sesame\n')
  chmodSync(join(folder, 'secret'), 0o644)
  t.throws(() => loadConfig(path, {}), /password: .*secret can be read by everybody on this machine; chmod 600 it/)
  chmodSync(join(folder, 'secret'), 0o600)
  t.equal(loadConfig(path, {}).carriers[0]!.password, 'open sesame', 'the last newline is no part of it')
})

t.test('a file that is not there is named', async (t) => {
  t.throws(() => loadConfig('/nowhere/trunkline.yaml', {}), /\/nowhere\/trunkline\.yaml: there is no such file/)
})

t.test('every key has a description', async (t) => {
  const missing: string[] = []
  const visit = (schema: Record<string, unknown>, path: string): void => {
    for (const [key, child] of Object.entries((schema.properties ?? {}) as Record<string, Record<string, unknown>>)) {
      if (typeof child.description !== 'string') missing.push(`${path}${key}`)
      visit(child, `${path}${key}.`)
      if (child.items !== undefined) visit(child.items as Record<string, unknown>, `${path}${key}[].`)
      for (const branch of (child.anyOf ?? []) as Record<string, unknown>[]) visit(branch, `${path}${key}.`)
    }
  }
  visit(ConfigSchema as unknown as Record<string, unknown>, '')
  t.strictSame(missing, [])
})

t.test('the environment of a client is read in one place', async (t) => {
  t.strictSame(clientEnvironment({ TRUNKLINE_URL: 'http://h', TRUNKLINE_KEY: 'k', CRASH_AT: 'a:1' }), {
    url: 'http://h',
    key: 'k',
    crashAt: 'a:1',
  })
  t.strictSame(clientEnvironment({ TRUNKLINE_URL: '' }), { url: null, key: null, crashAt: null })
})

t.test('receipts: states and patterns of a carrier are read, wrong ones are named with what is wrong', async (t) => {
  const receipts = (text: string): string => `${carrier}    receipts: ${text}\n`
  const read = parseConfig(receipts("{ states: { ACKED: delivered, '9': expired }, regex: 'id=(?<id>\\w+)' }"), source)
  t.match((read.carriers[0] as SmppCarrierConfig).receipts, {
    states: { ACKED: 'delivered', '9': 'expired' },
    regex: 'id=(?<id>\\w+)',
  })
  const cases: [string, RegExp][] = [
    ["{ regex: 'id=(?<id>(a+)+)' }", /receipts\.regex.* must not repeat a group/],
    ["{ regex: '(' }", /receipts\.regex.* is no pattern/],
    ["{ regex: 'stat' }", /receipts\.regex.* must have one of the groups id, stat/],
    ['{ timeZone: Mars/Olympus }', /receipts\.timeZone.* is no time zone/],
    ['{ states: { ACKED: fine } }', /receipts\.states\.ACKED.* must be/],
    ['{ idFormat: roman }', /receipts\.idFormat.* must be .*"decToHex"/],
    ['{ perMessage: second }', /receipts\.perMessage.* must be "all"/],
  ]
  for (const [text, expected] of cases) t.match(errorsOf(receipts(text)).join('\n'), expected, text)
})
