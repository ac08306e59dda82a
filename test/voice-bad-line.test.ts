/** 10,000 calls over lines that lose, repeat and reorder: each ends once, what was answered is acknowledged and hung up, nothing stays. */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { parseSip, SipParseError } from '../src/sip/message/parse.js'
import type { SipMessage } from '../src/sip/message/sip-message.js'
import { seed } from './seed.js'
import { FarEnd } from './voice-far-end.js'
import { branch, field, type Heard, invite, VirtualLink } from './voice-link.js'

const BATCHES = 100
const CALLS = 100

interface Batch {
  link: VirtualLink
  heard: Heard[]
  far: FarEnd
  /** What went wrong, in words. */
  wrong: string[]
  /** Call-ID and tag of each 2xx to an INVITE that reached us. */
  accepted: Set<string>
}

function tagOf(value: string): string {
  return /;tag=(\S+)/.exec(value)?.[1] ?? ''
}

/** Whose dialog a message belongs to, whoever sent it. */
function dialogOf(text: string, end: 'from' | 'to'): string {
  return `${field(text, 'call-id')} ${tagOf(field(text, end))}`
}

/** Something in it is changed, lost or twice; most of it stays a message. */
function damaged(text: string, random: Random): string {
  const lines = text.split('\r\n')
  const at = random.below(lines.length)
  const other = lines[random.below(lines.length)]!
  const line = lines[at]!
  const place = random.below(line.length + 1)
  const ways = [
    () => lines.splice(at, 1),
    () => lines.splice(at, 0, other),
    () => lines.splice(at, 1, line.slice(0, place)),
    () =>
      lines.splice(at, 1, line.slice(0, place) + String.fromCharCode(32 + random.below(95)) + line.slice(place + 1)),
    () =>
      lines.splice(
        at,
        1,
        line.replace(/\d+/g, (digits) => String(random.below(10 ** Math.min(9, digits.length)))),
      ),
    () => lines.splice(at, 1, line.replace(/:.*/, other.replace(/^[^:]*/, ''))),
  ]
  ways[random.below(ways.length)]!()
  return lines.join('\r\n')
}

/** `damage`: how many of the messages to us arrive so. */
function play(random: Random, damage = 0): Batch {
  const link = new VirtualLink()
  const loss = random.next() * 0.3
  const twice = random.next() * 0.2
  const spreadMs = random.below(2) === 0 ? 20 : 400
  const wrong: string[] = []
  const accepted = new Set<string>()
  const overLine = (run: () => void): void => {
    const copies = random.next() < loss ? 0 : random.next() < twice ? 2 : 1
    for (let n = 0; n < copies; n++) link.at(5 + random.below(spreadMs), run)
  }
  const toUs = (text: string): void =>
    overLine(() => (random.next() < damage ? hearDamaged(damaged(text, random)) : hear(text)))
  const hearDamaged = (text: string): void => {
    let message: SipMessage
    try {
      message = parseSip(Buffer.from(text))
    } catch (error) {
      if (!(error instanceof SipParseError)) throw error
      return
    }
    link.agent.received(message, link.gateway)
  }
  const hear = (text: string): void => {
    link.deliver(text)
    if (!text.startsWith('SIP/2.0 200') || !field(text, 'cseq').endsWith('INVITE')) return
    const dialog = dialogOf(text, 'to')
    const before = link.sent.length
    accepted.add(dialog)
    link.at(0, () => {
      const now = link.sent.slice(before).map((sent) => sent.text)
      if (!now.some((sent) => sent.startsWith('ACK') && dialogOf(sent, 'to') === dialog))
        wrong.push(`a 2xx without ACK: ${dialog}`)
    })
  }
  const far = new FarEnd(link, random, toUs)
  link.onSent = (text) => overLine(() => far.received(text))
  const heard = Array.from({ length: CALLS }, () => oneCall(link, random))
  link.run(400_000)
  return { link, heard, far, wrong, accepted }
}

function oneCall(link: VirtualLink, random: Random): Heard {
  const credentials = { user: 'office', password: 'secret' }
  const limits = { ringMs: 3_000 + random.below(12_000), talkMs: 5_000 + random.below(10_000) }
  const heard = invite(link, { ...limits, credentials }, { reoffered: () => (random.next() < 0.2 ? null : 'v=0\r\n') })
  if (random.next() < 0.15) link.at(random.below(9_000), () => heard.call.hangUp())
  link.run(random.below(40))
  return heard
}

/** Call-ID of each request within a dialog that was sent with a CSeq not above the one before. */
function cseqProblems(link: VirtualLink): string[] {
  const last = new Map<string, number>()
  const seen = new Set<string>()
  const problems: string[] = []
  for (const { text } of link.sent) {
    if (/^(SIP|ACK|CANCEL|INVITE)/.test(text) || seen.has(branch(text))) continue
    seen.add(branch(text))
    const number = Number.parseInt(field(text, 'cseq'), 10)
    const dialog = dialogOf(text, 'to')
    if (number <= (last.get(dialog) ?? 1)) problems.push(`CSeq ${number} in ${dialog}`)
    last.set(dialog, number)
  }
  return problems
}

/** Dialogs that were answered and of which neither side said BYE. */
function notHungUp({ link, accepted }: Batch): string[] {
  const ours = new Set(link.all('BYE').map(({ text }) => dialogOf(text, 'to')))
  const theirs = new Set(
    link
      .all('SIP/2.0 200')
      .filter(({ text }) => field(text, 'cseq').endsWith('BYE'))
      .map(({ text }) => dialogOf(text, 'from')),
  )
  return [...accepted].filter((dialog) => !ours.has(dialog) && !theirs.has(dialog))
}

function callProblems({ heard, far }: Batch): string[] {
  return heard.flatMap(({ lines, ends, call }) => {
    const answers = lines.filter((line) => line.startsWith('answered')).length
    const digits = lines.filter((line) => line.startsWith('digit')).length
    const wasAnswered = ends[0]?.wasAnswered === true
    const isSound =
      ends.length === 1 &&
      lines.at(-1)!.startsWith('ended') &&
      answers <= 1 &&
      (answers === 0 || wasAnswered) &&
      digits <= (far.pressed.get(call.callId) ?? 0)
    return isSound ? [] : [`${call.callId}: ${lines.join(', ')}`]
  })
}

t.test('10,000 calls over lines that lose up to 30 % end once each and leave nothing behind', async (t) => {
  const random = new Random(seed)
  const hows = new Map<string, number>()
  const wrong: string[] = []
  let digits = 0
  for (let n = 0; n < BATCHES && wrong.length === 0; n++) {
    const batch = play(random)
    wrong.push(...batch.wrong, ...callProblems(batch), ...cseqProblems(batch.link), ...notHungUp(batch))
    if (batch.link.agent.entries !== 0) wrong.push(`batch ${n}: ${batch.link.agent.entries} entries stay`)
    if (batch.link.agent.callsOpen !== 0) wrong.push(`batch ${n}: ${batch.link.agent.callsOpen} calls stay open`)
    for (const { ends, lines } of batch.heard) {
      const how = ends[0]!.how
      hows.set(how, (hows.get(how) ?? 0) + 1)
      digits += lines.filter((line) => line.startsWith('digit')).length
    }
  }
  t.strictSame(wrong, [])
  t.comment(JSON.stringify({ ...Object.fromEntries(hows), digits }))
  for (const how of ['refused', 'noAnswer', 'silent', 'remoteHangUp', 'localHangUp', 'canceled'])
    t.ok((hows.get(how) ?? 0) > 50, `calls ended ${how}`)
  t.ok(digits > 500)
})

t.test(
  '1,000 calls whose messages are damaged on the way throw nothing, end once each and leave nothing behind',
  async (t) => {
    const random = new Random(seed + 1)
    let answered = 0
    for (let n = 0; n < 10; n++) {
      const { link, heard } = play(random, 0.3)
      const twice = heard.filter(({ ends, lines }) => ends.length !== 1 || !lines.at(-1)!.startsWith('ended'))
      t.strictSame(twice, [])
      t.equal(link.agent.entries, 0)
      answered += heard.filter(({ ends }) => ends[0]!.wasAnswered).length
    }
    t.ok(answered > 100, `${answered} were answered all the same`)
  },
)
