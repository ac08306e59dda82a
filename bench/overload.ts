/**
 * What a flood of one account costs another: time of a single message alone and beside the flood, in turn, several rounds, and the
 * engine's own memory. `node build/bench/overload.js [--rounds 3] [--seconds 5] [--clients 200]`
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { HostileClient } from '../proof/overload/hostile-client.js'
import { hostileHttp } from '../proof/overload/hostile-http.js'
import { megabytes, Resident } from '../proof/overload/resident.js'
import { EngineUnderTest } from '../proof/torture/engine-under-test.js'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '3' },
    seconds: { type: 'string', default: '5' },
    clients: { type: 'string', default: '200' },
  },
})

const folder = mkdtempSync(join(tmpdir(), 'trunkline-bench-overload-'))
// Nothing listens there: what is accepted waits, and only intake is measured.
const carrier = { id: 'none', protocol: 'smpp', host: '127.0.0.1', port: 9, systemId: 'a', password: 'b' }
const engine = new EngineUnderTest({ folder, config: { carriers: [carrier] } })
await engine.start()
const resident = new Resident(() => engine.pid)

async function post(path: string, key: string, body: object): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  return await fetch(engine.url + path, { method: 'POST', headers, body: JSON.stringify(body) })
}

async function keyOf(id: string): Promise<string> {
  const answer = await post('/v1/accounts', engine.adminKey, { id, defaultCountry: 'GB' })
  return ((await answer.json()) as { key: string }).key
}

interface Seen {
  accepted: number
  refused: number
  p50: number
  p99: number
}

/** One after the other, for so long. */
async function singles(key: string, seconds: number): Promise<Seen> {
  const times: number[] = []
  let refused = 0
  for (const end = performance.now() + seconds * 1000; performance.now() < end; ) {
    const from = performance.now()
    const answer = await post('/v1/messages', key, { to: '+447712345678', from: 'A', text: 'Hello' })
    await answer.arrayBuffer()
    if (answer.status !== 202) refused++
    times.push(performance.now() - from)
  }
  times.sort((a, b) => a - b)
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))]!
  return { accepted: times.length - refused, refused, p50: at(0.5), p99: at(0.99) }
}

function shown({ accepted, refused, p50, p99 }: Seen): string {
  return `${accepted} accepted, ${refused} refused, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`
}

const [quiet, loud] = [await keyOf('quiet'), await keyOf('loud')]
const { hostname: host, port } = new URL(engine.url)
const ways = Object.values(hostileHttp({ key: loud, job: 'job_0' }))
await singles(quiet, 1)
for (let round = 1; round <= Number(values.rounds); round++) {
  const alone = await singles(quiet, Number(values.seconds))
  resident.forget()
  const clients = Array.from(
    { length: Number(values.clients) },
    (_, n) => new HostileClient({ host, port: Number(port) }, ways[n % ways.length]!),
  )
  const beside = await singles(quiet, Number(values.seconds))
  for (const client of clients) client.leave()
  await pause(1_000)
  console.log(`round ${round}, alone:  ${shown(alone)}`)
  console.log(`round ${round}, beside: ${shown(beside)}; ${megabytes(resident.most)} at the most`)
  console.log(`round ${round}, p99 beside the flood to alone: ${(beside.p99 / alone.p99).toFixed(2)}`)
}
resident.stop()
await engine.kill()
rmSync(folder, { recursive: true })
