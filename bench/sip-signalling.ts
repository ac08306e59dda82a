/**
 * Calls that are refused (INVITE, 100, 486, ACK) over UDP on one machine: ours against SIPp, and SIPp against SIPp in the same
 * run. Both ends share the processor, so that the sum of both is what is measured.
 */
import { type Caller, startCaller } from '../test/sip-caller.js'
import { type Sipp, startSipp } from '../test/sipp.js'
import { receive, refusal, scenario } from '../test/sipp-scenario.js'
import { type BenchOptions, type BenchRow, median } from './bench.js'

/** Calls under way at once, on either side. */
const AT_ONCE = 50
const ROUNDS = 3
const BUFFERS = ['-buff_size', '4000000']

const CALL = scenario(
  `<send retrans="500"><![CDATA[
INVITE sip:+442079460000@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:+442079460001@[local_ip]>;tag=[pid]Bench[call_number]
To: <sip:+442079460000@[remote_ip]>
Call-ID: [call_id]
CSeq: 1 INVITE
Contact: <sip:bench@[local_ip]:[local_port]>
Max-Forwards: 70
Content-Type: application/sdp
Content-Length: [len]

v=0
o=- 1 1 IN IP4 127.0.0.1
s=-
c=IN IP4 127.0.0.1
t=0 0
m=audio 40000 RTP/AVP 8 0 96
a=rtpmap:96 telephone-event/8000

]]></send>`,
  receive(100, { isOptional: true }),
  receive(486),
  `<send><![CDATA[
ACK sip:+442079460000@[remote_ip]:[remote_port] SIP/2.0
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
CSeq: 1 ACK
Max-Forwards: 70
Content-Length: 0

]]></send>`,
)

interface Owner {
  teardown(end: () => unknown): void
}

/** It is ended by us: what is repeated because the machine is busy may count as a call of its own. */
async function gateway(owner: Owner, calls: number): Promise<Sipp> {
  const scenario = refusal(486, { before: [100] })
  return await startSipp(owner, { scenario, calls: 2 * calls, address: '127.0.3.20', more: BUFFERS })
}

/** Resolves when all have ended; throws when one ended otherwise. */
async function callAll(caller: Caller, far: Sipp, calls: number): Promise<void> {
  let begun = 0
  const line = async (): Promise<void> => {
    while (begun < calls) {
      begun++
      const { status } = await caller.place(far.peer).ended
      if (status !== 486) throw new Error(`a call ended with ${status}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, line))
}

async function ours(owner: Owner, calls: number): Promise<{ perSecond: number; cpuMicros: number }> {
  const far = await gateway(owner, calls)
  const caller = await startCaller(owner, { localAddress: '127.0.3.21' })
  const start = process.hrtime.bigint()
  const before = process.cpuUsage()
  await callAll(caller, far, calls)
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  const { user, system } = process.cpuUsage(before)
  await far.kill()
  await caller.close()
  return { perSecond: calls / seconds, cpuMicros: (user + system) / calls }
}

/** With its start, which is little beside so many calls. */
async function theirs(owner: Owner, calls: number): Promise<number> {
  const far = await gateway(owner, calls)
  const start = process.hrtime.bigint()
  const more = ['-r', '5000', '-l', String(AT_ONCE), ...BUFFERS]
  const to = `${far.address}:${far.port}`
  const caller = await startSipp(owner, { scenario: CALL, calls, to, address: '127.0.3.22', more })
  await caller.succeeded()
  await far.kill()
  return calls / (Number(process.hrtime.bigint() - start) / 1e9)
}

export async function bench({ quick }: BenchOptions = {}): Promise<BenchRow[]> {
  const ends: (() => unknown)[] = []
  const owner = { teardown: (end: () => unknown) => void ends.unshift(end) }
  const calls = quick ? 100 : 3_000
  const own: Awaited<ReturnType<typeof ours>>[] = []
  const other: number[] = []
  try {
    for (let round = 0; round < (quick ? 1 : ROUNDS); round++) {
      own.push(await ours(owner, calls))
      other.push(await theirs(owner, calls))
    }
  } finally {
    for (const end of ends) await end()
  }
  const perSecond = median(own.map((each) => each.perSecond))
  const theirPerSecond = median(other)
  const ratio = perSecond / theirPerSecond
  return [
    {
      name: 'calls refused, ours against SIPp',
      value: perSecond,
      unit: 'calls/s',
      ratioTo: 'calls refused, SIPp against SIPp',
      ratio,
    },
    { name: 'calls refused, SIPp against SIPp', value: theirPerSecond, unit: 'calls/s' },
    { name: 'CPU of a refused call, ours', value: median(own.map((each) => each.cpuMicros)), unit: 'µs' },
  ]
}
