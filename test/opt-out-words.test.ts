/** What counts as STOP, START and HELP, in which languages, and what is only shown to a person. */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import { DEFAULT_OPT_OUT, KEYWORDS, type OptOutSettings } from '../src/engine/contract/opt-out.js'
import { KeywordFinder, wordsOf } from '../src/engine/opt-out/keyword-finder.js'
import { LinkTokens } from '../src/engine/opt-out/link-token.js'
import { withOptOut } from '../src/engine/opt-out/opt-out-settings.js'
import { ASSENT_WORDS, EVERYDAY_WORDS, WORD_LISTS } from '../src/engine/opt-out/word-lists.js'
import { seed } from './seed.js'

const plain = new KeywordFinder(DEFAULT_OPT_OUT)
const finder = (settings: Partial<OptOutSettings>) => new KeywordFinder({ ...DEFAULT_OPT_OUT, ...settings })

/** 47 CFR 64.1200(a)(10). */
const BY_RULE = ['stop', 'quit', 'end', 'revoke', 'opt out', 'cancel', 'unsubscribe']

t.test('every word of the lists, and each word of the rule, however it is written', async (t) => {
  for (const word of BY_RULE) t.equal(plain.find(word).keyword, 'stop', word)
  const fullWidth = (text: string) => text.replace(/[!-~]/g, (c) => String.fromCharCode(c.charCodeAt(0) + 0xfee0))
  const ways: ((word: string) => string)[] = [
    (word) => word.toUpperCase(),
    (word) => ` \n${word}\t`,
    (word) => `${word}!!!`,
    (word) => `"${word}."`,
    (word) => `“${word}”`,
    (word) => `🛑🙏🏽 ${word} 🛑`,
    (word) => `\u200b${word.slice(0, 1)}\u200d${word.slice(1)}\ufeff`,
    (word) => word.replaceAll(' ', '-'),
    (word) => word.replaceAll(' ', ''),
    (word) => word.normalize('NFD'),
    (word) => word.normalize('NFC'),
    fullWidth,
  ]
  const known = new Map<string, string>()
  for (const list of WORD_LISTS) {
    for (const keyword of KEYWORDS) {
      for (const word of list[keyword]) {
        const folded = wordsOf(word).join('')
        const before = known.get(folded) ?? keyword
        t.equal(before, keyword, `${word} means one thing`)
        known.set(folded, keyword)
        for (const way of ways)
          if (plain.find(way(word)).keyword !== keyword) t.fail(`${JSON.stringify(way(word))} of ${word}`)
      }
    }
  }
  t.ok(known.size > 200)
  for (const text of ['S.T.O.P', 'S T O P', 'Arrêt', 'ARRÊT', 'İPTAL', 'ⓈⓉⓄⓅ', 'Stop☹']) {
    t.equal(plain.find(text).keyword, 'stop', text)
  }
})

t.test('the first word counts; an everyday word only before two more; YES never', async (t) => {
  const cases: [string, string | null, boolean][] = [
    ['Stop sending me these, I never asked for any of it', 'stop', false],
    ['STOP.please', 'stop', false],
    ['opt-out please', 'stop', false],
    ['Stop all of them', 'stop', false],
    ['Unsubscribe me from this list right now', 'stop', false],
    ['cancel please', 'stop', false],
    ['End it now', 'stop', false],
    ['end of the road is fine', null, true],
    ['Cancel my appointment on Monday at nine', null, true],
    ['Yes, I come on Monday', null, false],
    ['yes please', null, false],
    ['start please', 'start', false],
    ['Start with the second one on the list', null, false],
    ['UNSTOP this number for me please', 'start', false],
    ['help me with my booking', 'help', false],
    ['please stop texting me', null, true],
    ["don't stop", null, true],
    ['I would like to opt out', null, true],
    ['Bitte keine SMS mehr', null, true],
    ['You have the wrong number', null, true],
    ['See you at the bus stopover', null, false],
    ['Thanks, see you', null, false],
    ['', null, false],
    ['👍', null, false],
  ]
  for (const [text, keyword, review] of cases) {
    const { keyword: found, review: marked } = plain.find(text)
    t.strictSame([found, marked], [keyword, review], text)
  }
  t.equal(finder({ firstWord: false }).find('stop it').keyword, null)
  t.equal(finder({ firstWord: false }).find('stop it').review, true)
  t.equal(finder({ firstWord: false }).find('stop').keyword, 'stop')
})

t.test("an account's own words stand beside the built-in ones, or instead of them; STOP stays", async (t) => {
  const more = finder({ stopWords: ['Kein Bock!', 'cancel'] })
  t.equal(more.find('kein bock').keyword, 'stop')
  t.equal(more.find('quit').keyword, 'stop')
  t.equal(more.find('cancel what I ordered last week from you').keyword, 'stop', 'its own word counts first')
  const instead = finder({ stopWords: ['Halt'], words: 'replace' })
  t.equal(instead.find('halt').keyword, 'stop')
  t.equal(instead.find('quit').keyword, null)
  t.equal(instead.find('stop').keyword, 'stop')
  t.equal(instead.find('help').keyword, 'help', 'a list without words of its own is the built-in one')
  const wrong = (patch: Partial<OptOutSettings>) => {
    const fields: { pointer: string }[] = []
    withOptOut(DEFAULT_OPT_OUT, patch, fields as never)
    return fields.map(({ pointer }) => pointer)
  }
  t.strictSame(wrong({ stopWords: ['...'] }), ['/optOut/stopWords/0'])
  t.strictSame(wrong({ helpWords: ['Stop'] }), ['/optOut/helpWords/0'])
  t.strictSame(wrong({ stopWords: ['x'], startWords: ['X!'] }), ['/optOut/startWords/0'])
  t.strictSame(wrong({ text: ' ', confirmations: { help: '\u0007' } }), ['/optOut/confirmations/help', '/optOut/text'])
  t.strictSame(wrong({ confirmations: { stop: null } }), [])
})

t.test('docs/opt-out.md has the lists as they are', async (t) => {
  const page = readFileSync(fileURLToPath(new URL('../../docs/opt-out.md', import.meta.url)), 'utf8')
  for (const { language, stop, start, help } of WORD_LISTS) {
    const row = `| ${[language, stop.join(', '), start.join(', '), help.join(', ')].join(' | ')} |`
    t.ok(page.includes(row), row)
  }
  t.ok(page.includes(EVERYDAY_WORDS.join(', ')), EVERYDAY_WORDS.join(', '))
  t.ok(page.includes(ASSENT_WORDS.join(', ')), ASSENT_WORDS.join(', '))
})

t.test(`tokens come back as they went, and no other text is one, seed ${seed}`, async (t) => {
  const random = new Random(seed)
  const tokens = new LinkTokens(Buffer.alloc(32, 7))
  const others = new LinkTokens(Buffer.alloc(32, 8))
  const made = new Set<string>()
  for (let n = 0; n < 2_000; n++) {
    const account = 1 + random.below(n % 2 === 0 ? 200 : 2 ** 31)
    const number = n === 0 ? 2 ** 55 : 1_000_000 + random.below(2 ** 31) * (1 + random.below(400_000))
    const sender = n % 3 === 0 ? 'acme' : ''
    const token = tokens.make({ account, number, sender })
    made.add(token)
    t.match(token, /[A-Za-z0-9]$/)
    const read = tokens.read(token)
    if (read?.account !== account || read.number !== number || read.sender !== sender) t.fail(`${account} ${number}`)
    if (account < 256 && sender === '' && token.length !== 20) t.fail(`${token} is ${token.length} long`)
    if (others.read(token) !== null) t.fail('another key reads it')
    const bytes = Buffer.from(token, 'base64url')
    bytes[random.below(bytes.length)]! ^= 1 << random.below(8)
    if (tokens.read(bytes.toString('base64url')) !== null) t.fail('a changed bit is not seen')
  }
  t.equal(made.size, 2_000)
  for (const text of ['', 'x', `${[...made][0]}=`, `${[...made][0]} `, 'A'.repeat(20), 'A'.repeat(5_000)]) {
    t.equal(tokens.read(text), null, text.slice(0, 24))
  }
})
