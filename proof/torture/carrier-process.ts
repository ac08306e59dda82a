/**
 * The simulated carriers of the torture, all in this one process, which outlives every engine: argv has the folder of the
 * ledgers, and names and options as JSON. Told what to do over IPC (`Order`), each order answered by its number.
 */
import path from 'node:path'
import type { Smsc } from '../../src/smpp/simulator/smsc.js'
import type { SubscriberMessage } from '../../src/smpp/simulator/subscriber-pdu.js'
import { CarrierLedger } from './carrier-ledger.js'
import { type CarrierSpec, WatchedSmsc } from './watched-smsc.js'

/** What one carrier is told. */
export type CarrierOrder =
  | { do: 'faults'; name: string; faults: string }
  | { do: 'rate'; name: string; perSecond: number | null }
  | { do: 'latency'; name: string; ms: number }
  | { do: 'drop' | 'unbind' | 'mute' | 'unmute' | 'stats'; name: string }
  | { do: 'subscriber'; name: string; message: SubscriberMessage }

/** Without a name: all of them. */
export type Order = CarrierOrder | { do: 'flush' | 'stop' }

const LOOK_MS = 50
/** A loop that stood so long may have read late what came in time. */
const LAG_MS = 100

const [folder, specs] = process.argv.slice(2) as [string, string]
const carriers = new Map<string, WatchedSmsc>()
const ledgers: CarrierLedger[] = []

async function listen(): Promise<Record<string, number>> {
  const ports: Record<string, number> = {}
  for (const spec of JSON.parse(specs) as CarrierSpec[]) {
    const ledger = new CarrierLedger(path.join(folder, `carrier-${spec.name}.ledger`))
    ledgers.push(ledger)
    const smsc = new WatchedSmsc(spec.options, ledger)
    carriers.set(spec.name, smsc)
    ports[spec.name] = (await smsc.listen()).port
  }
  return ports
}

async function obey(order: Order): Promise<object> {
  if ('name' in order) {
    const smsc = carriers.get(order.name)
    if (smsc === undefined) throw new RangeError(`no carrier ${order.name}`)
    return await obeyOne(smsc, order)
  }
  if (order.do === 'stop') await stop()
  for (const ledger of ledgers) ledger.flush()
  return {}
}

async function obeyOne(smsc: Smsc, order: CarrierOrder): Promise<object> {
  switch (order.do) {
    case 'faults':
      smsc.setFaults(order.faults)
      return {}
    case 'rate':
      smsc.setRate(order.perSecond ?? undefined)
      return {}
    case 'latency':
      smsc.setLatency(order.ms)
      return {}
    case 'drop':
      smsc.dropAll()
      return {}
    case 'unbind':
      smsc.unbindAll()
      return {}
    case 'mute':
    case 'unmute':
      smsc.muted = order.do === 'mute'
      return {}
    case 'subscriber':
      return { pdus: await smsc.subscribers.send(order.message) }
    case 'stats':
      return smsc.stats()
  }
}

async function stop(): Promise<void> {
  for (const smsc of carriers.values()) await smsc.close()
  for (const ledger of ledgers) ledger.close()
}

/** Notes when this process itself was slow, so that nobody blames the engine for it, and writes the ledgers out. */
function watchLag(): void {
  let lookedAt = performance.now()
  setInterval(() => {
    const now = performance.now()
    const lag = now - lookedAt - LOOK_MS
    lookedAt = now
    if (lag > LAG_MS) for (const ledger of ledgers) ledger.lag(lag)
    for (const ledger of ledgers) ledger.flush()
  }, LOOK_MS)
}

process.on('message', (message: { number: number; order: Order }) => {
  const { number, order } = message
  obey(order).then(
    (answer) => {
      process.send!({ number, answer })
      if (order.do === 'stop') process.disconnect()
    },
    (error: Error) => process.send!({ number, error: error.message }),
  )
})
process.on('disconnect', () => process.exit(0))
// A signal to the group is the harness's business: it stops this process when all is counted.
process.on('SIGINT', () => {})
const ports = await listen()
watchLag()
process.send!({ ports })
