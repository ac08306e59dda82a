/**
 * Receipts in every order (reliability.md F10): up to half a minute before the answer, by the other bind, after a restart, twice,
 * intermediate and final ones both ways, two final ones, ids of nobody, ids in another form, and ids that are used again after a
 * week. Each is answered once it is durable, finds its message and no other, and no state goes back.
 */
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { STATE } from '../src/engine/contract/message.js'
import { COMMAND } from '../src/smpp/constants.js'
import { CarrierStand } from './carrier-stand.js'
import {
  deliverBody,
  type PeerPdu,
  type PeerScript,
  type PeerSession,
  ScriptedSmsc,
  type Submit,
} from './scripted-smsc.js'
import { seed } from './seed.js'
import { until } from './until.js'

/** Rows of each carrier now, and a week later. */
const ROWS = Number(process.argv[3] ?? 1) * 3_200
const ROWS_AGAIN = ROWS / 10
const FACTOR = 20
const EARLY_MS_MOST = 30_000
const WEEK_MS = 7 * 86_400_000

t.setTimeout(580_000)

interface Form {
  name: string
  idFormat?: 'decToHex' | 'hexToDec'
  response(id: number): string
  receipt(id: number): string
}

const forms: readonly Form[] = [
  { name: 'as they are', response: String, receipt: String },
  {
    name: 'hex, then decimal',
    idFormat: 'decToHex',
    response: (id) => id.toString(16).toUpperCase(),
    receipt: String,
  },
  { name: 'decimal, then hex', idFormat: 'hexToDec', response: String, receipt: (id) => id.toString(16) },
  { name: 'without their zeros', response: (id) => String(id).padStart(14, '0'), receipt: String },
  { name: 'in small letters', response: (id) => id.toString(16).toUpperCase(), receipt: (id) => id.toString(16) },
]

/** What the receipts of a message say, in their order, by the last digit of its number. */
const STORIES: readonly (readonly string[])[] = [
  ['DELIVRD'],
  ['DELIVRD'],
  ['UNDELIV'],
  ['DELIVRD', 'DELIVRD'],
  ['ENROUTE', 'UNDELIV'],
  ['DELIVRD', 'ENROUTE'],
  ['DELIVRD', 'UNDELIV'],
  ['UNDELIV', 'DELIVRD'],
  ['DELIVRD'],
  ['ACCEPTD', 'DELIVRD'],
]
/** The first word that is final counts. */
const ENDS = STORIES.map((words) =>
  words.find((word) => word !== 'ENROUTE' && word !== 'ACCEPTD') === 'DELIVRD' ? STATE.delivered : STATE.undelivered,
)
const EARLY = 1
const OTHER_BIND = 2
const AFTER_RESTART = 8
const BESIDE_UNKNOWN = 9

/** Last digit of its number. */
const storyOf = (to: string): number => Number(to.at(-1))
const numberOf = (carrier: number, row: number): string => `44${7_000 + carrier}${1_000_000 + row}`
const numberAgain = (carrier: number, row: number): string => `44${7_000 + carrier}${2_000_000 + row}`
const isAgain = (to: string): boolean => to[6] === '2'

class Receipter implements PeerScript {
  readonly form: Form
  readonly #random: Random
  readonly #bound: PeerSession[] = []
  /** Ids of the plain ones, which are used again. */
  readonly #ids: number[] = []
  readonly #held: { to: string; id: number }[] = []
  #nextId: number
  #sequence = 0
  given = 0
  answered = 0
  refused = 0

  constructor(form: Form, random: Random) {
    this.form = form
    this.#random = random
    this.#nextId = 0xabc000000 + random.below(1_000_000)
  }

  bound(session: PeerSession): void {
    this.#bound.push(session)
  }

  submit(submit: Submit): void {
    const { to, session, sequence } = submit
    if (isAgain(to)) {
      const id = this.#ids.shift()!
      session.answer(sequence, this.form.response(id))
      this.#give(to, id, 'UNDELIV', session)
      return
    }
    this.#nextId += 1 + this.#random.below(9)
    const id = this.#nextId
    const story = storyOf(to)
    if (story === EARLY) {
      this.#tell(to, id, session)
      setTimeout(() => session.answer(sequence, this.form.response(id)), this.#random.below(EARLY_MS_MOST) / FACTOR)
      return
    }
    session.answer(sequence, this.form.response(id))
    if (story === 0) this.#ids.push(id)
    if (story === AFTER_RESTART) this.#held.push({ to, id })
    else this.#tell(to, id, story === OTHER_BIND ? this.#other(session) : session)
    if (story === BESIDE_UNKNOWN) this.#give('447000000000', id + 1_000_000_000, 'DELIVRD', session)
  }

  #other(session: PeerSession): PeerSession {
    return this.#bound.find((one) => one !== session && !one.isOver) ?? session
  }

  /** All of the story, in its order, on one connection. */
  #tell(to: string, id: number, session: PeerSession): void {
    for (const word of STORIES[storyOf(to)]!) this.#give(to, id, word, session)
  }

  #give(to: string, id: number, word: string, session: PeerSession): void {
    this.given++
    const text = `id:${this.form.receipt(id)} sub:001 dlvrd:001 submit date:2611220900 done date:2611220900 stat:${word} err:000 text:`
    session.send(COMMAND.deliverSm, 0, ++this.#sequence, deliverBody(to, '60099', text))
  }

  other({ command, status }: PeerPdu): boolean {
    if (command !== COMMAND.deliverSmResp) return false
    if (status === 0) this.answered++
    else this.refused++
    return true
  }

  /** Those that were kept back until another process has taken over. */
  release(): void {
    const alive = this.#bound.filter(({ isOver }) => !isOver)
    for (const { to, id } of this.#held.splice(0)) this.#tell(to, id, alive[this.#random.below(alive.length)]!)
  }

  get isConnected(): boolean {
    return this.#bound.filter(({ isOver }) => !isOver).length === 2
  }
}

t.test(`20,000 receipts in every order, seed ${seed}`, async (t) => {
  const receipters = forms.map((form, n) => new Receipter(form, new Random(seed + n)))
  const peers = await Promise.all(receipters.map((receipter) => ScriptedSmsc.listen(t, receipter)))
  const stand = await CarrierStand.start(t, {
    factor: FACTOR,
    carriers: peers.map(({ port }, n) => ({
      config: {
        port,
        binds: 2,
        window: 500,
        adaptiveWindow: false,
        responseTimeoutMs: 600_000,
        enquireLinkMs: 600_000,
      },
      terms: { request: 'final', timeoutSeconds: 20 * 86_400, idFormat: forms[n]!.idFormat ?? 'auto' },
      numbers: Array.from({ length: ROWS }, (_, row) => numberOf(n, row)),
      later: { numbers: Array.from({ length: ROWS_AGAIN }, (_, row) => numberAgain(n, row)), afterMs: WEEK_MS },
    })),
  })
  const again = forms.length * ROWS_AGAIN
  const now = stand.total - again
  const kept = (forms.length * ROWS) / STORIES.length
  const ended = (count: number) =>
    stand.until((states) => states[STATE.delivered]! + states[STATE.undelivered]! >= count)
  const allAnswered = () =>
    until(
      async () => receipters.every(({ given, answered }) => answered >= given),
      (are) => are,
    )
  await ended(now - kept)
  await allAnswered()
  const wrong = async (count: number): Promise<string[]> => {
    const fates = [...(await stand.fates())].filter(([to]) => count > now || !isAgain(to))
    return fates
      .filter(([to, { state }]) => state !== (isAgain(to) ? STATE.undelivered : ENDS[storyOf(to)]))
      .map(([to, { state }]) => `${to}: ${state}`)
  }
  await stand.restart()
  await until(
    async () => receipters.every(({ isConnected }) => isConnected),
    (are) => are,
  )
  for (const receipter of receipters) receipter.release()
  await ended(now)
  await allAnswered()
  t.strictSame(await wrong(now), [], 'each message ended as its first final receipt says')

  stand.clock.skip(WEEK_MS)
  await ended(stand.total)
  await allAnswered()
  t.strictSame(await wrong(stand.total), [], 'an id that is used again after a week is of the newer message')
  const given = receipters.reduce((sum, receipter) => sum + receipter.given, 0)
  t.ok(given >= 20_000, `${given} receipts`)
  for (const { form, refused } of receipters) t.equal(refused, 0, `ids ${form.name}`)
})
