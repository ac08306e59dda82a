/**
 * The submit_sm of every coding, way of joining and language table, read by tshark (Debian).
 *
 * tshark knows the headers, and reads the default alphabet, packed or not, and UCS-2. It has no national language tables
 * (it shows their septets in the default alphabet), no surrogate pairs, and does not join SAR segments: for those the test
 * takes octets, identifiers and numbers from tshark, and has only the tables, UTF-16 and the order of its own.
 */
import t, { type Test } from 'tap'
import { LANGUAGES, type NationalLanguage } from '../src/engine/contract/language.js'
import { LOCKING_SHIFT, SINGLE_SHIFT } from '../src/engine/text/national-tables.js'
import { seed } from './seed.js'
import { dissect, hasTshark, type SentText, TextSender, writeCapture } from './sent-pdus.js'

t.comment(`seed ${seed}`)
const skip = hasTshark() ? false : 'tshark is not installed: apt-get install tshark'

const GSM7 = 'Hello @£$¥èéùìòÇØøÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !"#¤%&\'()*+,-./09:;<=>?¡AZÄÖÑÜ§¿azäöñüà ^{}\\[~]|€'
const WIDE = 'Привет, 世界 नमस्ते ไทย שלום'
const TEXTS = [GSM7, GSM7.repeat(5), WIDE, WIDE.repeat(6), 'x'.repeat(160), 'y'.repeat(161), '€'.repeat(200)]
const EMOJI = 'ab 👍🏽 👨‍👩‍👧 🇬🇧 '
const FORMS = ['udh', 'udh16', 'sar', 'payload'] as const

/** What tshark says of one submit_sm. */
interface Seen {
  coding: string
  text: string
  /** The user data with its header. */
  octets: Buffer
  hasHeader: boolean
  /** Part and number of parts, by the header and by the SAR parameters: '1/2', or '/'. */
  header: string
  sar: string
  reference: string
  locking: number
  single: number
  problem: string
}

const FIELDS = [
  'smpp.data_coding',
  'smpp.message_text',
  'smpp.message',
  'smpp.message_payload',
  'smpp.esm.submit.features',
  'gsm_sms.udh.mm.msg_part',
  'gsm_sms.udh.mm.msg_parts',
  'smpp.sar_segment_seqnum',
  'smpp.sar_total_segments',
  'gsm_sms.udh.mm.msg_id',
  'smpp.sar_msg_ref_num',
  'gsm_sms.dis_iei_lang.locking_shift',
  'gsm_sms.dis_iei_lang.single_shift',
  '_ws.expert.message',
]

function seenOf(frame: string[]): Seen {
  const [
    coding,
    text,
    message,
    payload,
    features,
    part,
    parts,
    sarPart,
    sarParts,
    id,
    sarId,
    locking,
    single,
    problem,
  ] = frame as [
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
    string,
  ]
  return {
    coding,
    text,
    octets: Buffer.from(message + payload, 'hex'),
    hasHeader: features !== '0x00',
    header: `${part}/${parts}`,
    sar: `${sarPart}/${sarParts}`,
    reference: id + sarId,
    locking: Number(locking),
    single: Number(single),
    problem,
  }
}

/** What tshark sees of the submits of each text; it is started once for all texts of an alphabet. */
function read(sent: readonly SentText[], alphabet: string): Map<SentText, Seen[]> {
  const capture = writeCapture(
    t.testdir({}),
    sent.flatMap(({ pdus }) => pdus),
  )
  const frames = dissect(capture, FIELDS, [`smpp.decode_sms_over_smpp:${alphabet}`])
  let at = 0
  return new Map(sent.map((one) => [one, one.pdus.map(() => seenOf(frames[at++] ?? []))]))
}

/** Every character of a table but white space and what the default alphabet has too. */
function ownOf(table: readonly string[]): string {
  const known = new Set([...LOCKING_SHIFT[0]!, ...SINGLE_SHIFT[0]!])
  return [...new Set(table)].filter((char) => char !== '' && !known.has(char)).join('')
}

/** Texts that are cheapest in a language's single shift table, in its locking table, and in both. */
function textsFor(id: number): string[] {
  const single = ownOf(SINGLE_SHIFT[id]!)
  const locking = ownOf(LOCKING_SHIFT[id]!)
  const latin = 'order twelve arrives today between ten and eleven '
  const texts = [`${latin}${latin}${single.slice(0, 20)} ${latin}`.slice(0, 150 - single.slice(0, 20).length)]
  if (locking !== '') texts.push(locking.repeat(Math.ceil(320 / locking.length)))
  if (locking !== '' && id > 3) texts.push(`SALE ${locking.repeat(Math.ceil(90 / locking.length))} ${single}`)
  return texts
}

/** Everything that is sent in one way of joining parts. */
function sendAll(form: (typeof FORMS)[number]) {
  const sender = new TextSender({ longMessages: form })
  const packer = new TextSender({ longMessages: form, gsm7Packed: true })
  const national = LANGUAGES.slice(1).flatMap((name, index) => {
    const speaker = new TextSender({ longMessages: form, nationalLanguages: [name as NationalLanguage] })
    return textsFor(index + 1).map((text) => speaker.send(text))
  })
  return {
    form,
    texts: TEXTS.map((text) => sender.send(text)),
    packed: [GSM7, GSM7.repeat(5), 'y'.repeat(161), '@'.repeat(9)].map((text) => packer.send(text)),
    emoji: sender.send(EMOJI.repeat(12)),
    national,
  }
}

const SENT = FORMS.map(sendAll)
const SEEN = skip
  ? new Map<SentText, Seen[]>()
  : new Map([
      ...read(
        SENT.flatMap(({ texts, emoji, national }) => [...texts, emoji, ...national]),
        'GSM 7-bit',
      ),
      ...read(
        SENT.flatMap(({ packed }) => packed),
        'GSM 7-bit (packed)',
      ),
    ])

function seen(sent: SentText): SentText & { parts: Seen[] } {
  return { ...sent, parts: SEEN.get(sent) ?? [] }
}

/** What joins the parts, where there are several: one of the two ways, numbered in order, under one reference. */
function checkJoin(t: Test, form: string, seen: readonly Seen[]): void {
  const numbers = seen.map((_, index) => (seen.length === 1 ? '/' : `${index + 1}/${seen.length}`))
  const none = seen.map(() => '/')
  t.same(
    seen.map(({ header }) => header),
    form === 'sar' ? none : numbers,
  )
  t.same(
    seen.map(({ sar }) => sar),
    form === 'sar' ? numbers : none,
  )
  t.equal(new Set(seen.map(({ reference }) => reference)).size, 1)
  t.same(new Set(seen.map(({ problem }) => problem)), new Set(['']), 'nothing is malformed')
}

/** In packed text a whole spare septet is a carriage return (3GPP TS 23.038 §6.1.2.3.1). */
const unpadded = ({ text }: Seen): string => text.replace(/\r$/, '')

for (const { form, texts, packed } of SENT) {
  t.test(`${form}: tshark reads the texts as they were written`, { skip }, async (t) => {
    for (const { text, message, parts } of texts.map(seen)) {
      t.equal(parts.map((part) => part.text).join(''), text)
      t.same(new Set(parts.map(({ coding }) => coding)), new Set([message.coding === 1 ? '0x08' : '0x00']))
      checkJoin(t, form, parts)
    }
    for (const { text, parts } of packed.map(seen)) {
      t.equal(parts.map(unpadded).join(''), text, 'packed')
      checkJoin(t, form, parts)
    }
  })
}

/** The text behind the header of one submit. */
function body({ octets, hasHeader }: Seen): Buffer {
  return hasHeader ? octets.subarray(octets[0]! + 1) : octets
}

t.test('emoji go out as UTF-16BE, and no part begins or ends within one', { skip }, async (t) => {
  for (const { emoji } of SENT) {
    const { parts } = seen(emoji)
    const texts = parts.map((part) => Buffer.from(body(part)).swap16().toString('utf16le'))
    t.equal(texts.join(''), EMOJI.repeat(12))
    for (const text of texts) t.match(text, /^(?:ab |b | )?(?:👍|👨|🇬|ab)/u)
  }
})

/** Septets to text by the tables alone, a code at a time. */
function readSeptets(septets: Buffer, locking: number, single: number): string {
  let text = ''
  for (let at = 0; at < septets.length; at++) {
    text += septets[at] === 0x1b ? SINGLE_SHIFT[single]![septets[++at]!]! : LOCKING_SHIFT[locking]![septets[at]!]!
  }
  return text
}

for (const { form, national } of SENT) {
  t.test(
    `${form}: every language table is named in the header, and its septets read as the text`,
    { skip },
    async (t) => {
      const used = new Set<string>()
      for (const { text, message, parts } of national.map(seen)) {
        t.same(new Set(parts.map(({ coding }) => coding)), new Set(['0x00']), 'data_coding stays 0')
        t.ok(
          parts.every(({ locking, single }) => locking * 16 + single === message.shift),
          'each part names the tables',
        )
        const read = parts.map((part) => readSeptets(body(part), part.locking, part.single)).join('')
        t.equal(read, text)
        if (parts.length > 1) checkJoin(t, form, parts)
        for (const { locking, single } of parts) used.add(`${locking}+${single}`)
      }
      const wanted = LANGUAGES.flatMap((_, id) =>
        id === 0 ? [] : id < 4 ? [`0+${id}`] : [`0+${id}`, `${id}+0`, `${id}+${id}`],
      )
      t.same(
        [...wanted, '1+0', '3+0'].filter((pair) => !used.has(pair)),
        [],
        'each table was used alone and with its fellow',
      )
    },
  )
}
