/** Gateways by name (RFC 3263, RFC 2782) against a name server of the test, whose answers change. */
import t, { type Test } from 'tap'
import { Random } from '../src/engine/base/random.js'
import { inOrder, type LocateTarget, Locator } from '../src/sip/transport/locate.js'
import { nameService } from '../src/sip/transport/name-service.js'
import type { Peer, TransportName } from '../src/sip/transport/transport.js'
import { type DnsRecord, type DnsServer, startDns } from './dns-server.js'
import { seed } from './seed.js'
import { until } from './until.js'

interface Told {
  index: number
  peers: readonly Peer[]
  why: string
}

class World {
  readonly told: Told[] = []
  readonly locator: Locator
  nowMs = 0

  constructor(dns: DnsServer, targets: readonly LocateTarget[], transport: TransportName, localAddress?: string) {
    this.locator = new Locator({
      ...{ targets, transport, localAddress, names: nameService([dns.address]), random: new Random(seed) },
      located: (index, peers, why) => this.told.push({ index, peers, why }),
    })
  }

  /** Lets time pass until so much was told altogether. */
  async until(count: number): Promise<Told> {
    await until(
      async () => {
        this.locator.tick(this.nowMs)
        return this.told.length
      },
      (length) => length >= count,
    )
    return this.told[count - 1]!
  }

  places(told: Told): string[] {
    return told.peers.map(({ transport, address, port }) => `${transport} ${address}:${port}`)
  }
}

function service(priority: number, port: number, target: string, weight = 1): DnsRecord {
  return { type: 'SRV', priority, weight, port, target }
}

function at(...addresses: string[]): DnsRecord[] {
  return addresses.map((address) => ({ type: 'A', address }))
}

async function zone(t: Test): Promise<DnsServer> {
  return await startDns(t, {
    '_sip._udp.carrier.test': [service(20, 5070, 'second.carrier.test'), service(10, 5062, 'first.carrier.test')],
    '_sips._tcp.carrier.test': [service(10, 5081, 'first.carrier.test')],
    'first.carrier.test': at('127.0.3.11', '127.0.3.12'),
    'second.carrier.test': at('127.0.3.13'),
    'carrier.test': at('127.0.3.14'),
    'plain.test': at('127.0.3.15'),
    '_sip._udp.none.test': [service(0, 0, '')],
  })
}

t.test('an address stands for itself, a port means no SRV, a name without one has its services in order', async (t) => {
  const dns = await zone(t)
  const targets = [
    ...[{ host: '127.0.3.9' }, { host: '::1', port: 5099 }, { host: 'carrier.test', port: 5066 }],
    ...[{ host: 'carrier.test' }, { host: 'Plain.TEST' }, { host: 'none.test' }, { host: 'unknown.test' }],
  ]
  const world = new World(dns, targets, 'udp')
  await world.until(targets.length)
  t.strictSame(
    world.told.map((told) => world.places(told)),
    [
      ...[['udp 127.0.3.9:5060'], ['udp ::1:5099'], ['udp 127.0.3.14:5066']],
      ['udp 127.0.3.11:5062', 'udp 127.0.3.12:5062', 'udp 127.0.3.13:5070'],
      ...[['udp 127.0.3.15:5060'], [], []],
    ],
  )
  t.match(world.told[5]!.why, /no such service/)
  t.match(world.told[6]!.why, /not known.*ENOTFOUND/)
  t.notOk(dns.asked.some((question) => question.includes('3.9')))
  t.equal(world.locator.nextMs(world.nowMs), 5_000, 'what failed is asked again')
  const secure = new World(dns, [{ host: 'carrier.test' }, { host: '127.0.3.9' }], 'tls')
  await secure.until(2)
  t.match(secure.told[0]!.peers, [
    { transport: 'tls', address: '127.0.3.11', port: 5081, serverName: 'carrier.test' },
    { address: '127.0.3.12', serverName: 'carrier.test' },
  ])
  t.strictSame(secure.told[1]!.peers, [{ transport: 'tls', address: '127.0.3.9', port: 5061 }])
  const six = new World(dns, [{ host: 'plain.test' }], 'udp', '::1')
  t.match((await six.until(1)).why, /localAddress/)
})

t.test(
  'a name is asked again each minute and soon after a failure; what was known stays while nobody can say',
  async (t) => {
    const dns = await zone(t)
    const world = new World(dns, [{ host: 'carrier.test' }], 'udp')
    await world.until(1)
    const asked = dns.asked.length
    world.nowMs = 59_000
    world.locator.tick(world.nowMs)
    t.equal(world.locator.nextMs(world.nowMs), 1_000)
    t.equal(dns.asked.length, asked)
    world.nowMs = 60_000
    dns.failsWith = 2
    t.match(await world.until(2), { peers: [], why: /\S/ })
    dns.failsWith = 0
    dns.records['first.carrier.test'] = at('127.0.3.21')
    world.nowMs = 65_000
    t.strictSame(world.places(await world.until(3)), ['udp 127.0.3.21:5062', 'udp 127.0.3.13:5070'])
    // A gateway that does not answer has perhaps moved, but a dead one must not make us ask all the time.
    dns.records['first.carrier.test'] = at('127.0.3.22')
    world.nowMs = 66_000
    world.locator.again(0)
    t.equal(world.locator.nextMs(world.nowMs), 4_000)
    world.nowMs = 70_000
    t.strictSame(world.places(await world.until(4)), ['udp 127.0.3.22:5062', 'udp 127.0.3.13:5070'])
    delete dns.records['_sip._udp.carrier.test']
    world.nowMs = 130_000
    t.strictSame(world.places(await world.until(5)), ['udp 127.0.3.14:5060'], 'services were taken back')
    world.nowMs = 190_000
    world.locator.tick(world.nowMs)
    world.locator.stop()
    t.equal(world.locator.nextMs(world.nowMs), Number.POSITIVE_INFINITY)
  },
)

t.test('equals take turns in proportion to their weight, priorities never mix', async (t) => {
  const random = new Random(seed)
  const services = [
    { name: 'a', port: 1, priority: 1, weight: 60 },
    { name: 'b', port: 1, priority: 1, weight: 20 },
    { name: 'c', port: 1, priority: 1, weight: 20 },
    { name: 'z', port: 1, priority: 1, weight: 0 },
    { name: 'later', port: 1, priority: 2, weight: 1_000 },
  ]
  const first = new Map<string, number>()
  for (let n = 0; n < 10_000; n++) {
    const order = inOrder(services, random).map(({ name }) => name)
    first.set(order[0]!, (first.get(order[0]!) ?? 0) + 1)
    if (order.at(-1) !== 'later' || new Set(order).size !== 5) t.fail(order.join())
  }
  for (const [name, share] of [
    ['a', 6_000],
    ['b', 2_000],
    ['c', 2_000],
  ] as const) {
    const count = first.get(name)!
    t.ok(Math.abs(count - share) < 300, `${name}: ${count}`)
  }
  t.ok((first.get('z') ?? 0) < 20)
})
