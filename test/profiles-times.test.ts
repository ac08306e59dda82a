/** When rows go out: what dates and times are read as, compared with luxon, and how a column of them is guessed. */
import { DateTime } from 'luxon'
import t from 'tap'
import { DateFormat } from '../src/engine/base/date-format.js'
import { monthByName } from '../src/engine/base/month-name.js'
import { Random } from '../src/engine/base/random.js'
import { timeOfDay } from '../src/engine/base/time-of-day.js'
import type { ColumnSettings } from '../src/engine/contract/job.js'
import { reasonCode } from '../src/engine/contract/reasons.js'
import type { SourceRecord } from '../src/ingest/record-source.js'
import { RowTimes } from '../src/ingest/row-times.js'
import { guessDates } from '../src/ingest/sample/date-guess.js'
import { seed } from './seed.js'

t.comment(`seed ${seed}`)
const random = new Random(seed)
const NOW = Date.UTC(2026, 10, 22, 12) / 1_000

/** Ours, and the same for luxon. */
const FORMATS = [
  ['DD.MM.YYYY HH:mm', 'dd.MM.yyyy HH:mm'],
  ['D.M.YYYY H:mm', 'd.M.yyyy H:mm'],
  ['MM/DD/YYYY hh:mm A', 'MM/dd/yyyy hh:mm a'],
  ['M/D/YY h:mm A', 'M/d/yy h:mm a'],
  ['YYYY/MM/DD HH:mm:ss', 'yyyy/MM/dd HH:mm:ss'],
  ['DD-MMM-YY HH:mm', 'dd-MMM-yy HH:mm'],
  ['D. MMM YYYY H:mm', 'd. MMMM yyyy H:mm'],
  ['MMM D, YYYY h:mmA', 'LLL d, yyyy h:mma'],
] as const
const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata', 'UTC', 'Africa/Casablanca']
const LOCALES = ['en', 'de', 'fr', 'es', 'it', 'nl', 'pt']

/** From 2001 to 2059: luxon takes two digits above 60 for 19... */
function moment(): DateTime {
  return DateTime.fromSeconds(978_307_200 + random.below(1_850_000_000), { zone: 'utc' }).startOf('second')
}

t.test('a date that luxon wrote in a format is read as luxon reads it, in each zone and format', async (t) => {
  let wrong = 0
  for (let round = 0; round < 4_000; round++) {
    const [ours, theirs] = FORMATS[random.below(FORMATS.length)]!
    const zone = ZONES[random.below(ZONES.length)]!
    const text = moment().setLocale('en').toFormat(theirs)
    const wanted = DateTime.fromFormat(text, theirs, { zone, locale: 'en' })
    const row = timesOf({ sendAtFormat: ours }, [text], zone)
    // Of a time that the clocks show twice luxon takes one or the other: either instant shows the text.
    const shown = DateTime.fromSeconds(row.seconds, { zone, locale: 'en' }).toFormat(theirs)
    if (row.reason !== 0 || (row.seconds !== wanted.toSeconds() && shown !== text)) {
      wrong++
      t.fail(`${text} as ${ours} in ${zone}: ${row.seconds} instead of ${wanted.toSeconds()}`)
      if (wrong > 5) return
    }
  }
  t.equal(wrong, 0)
})

t.test('a date and a time in two columns are the moment that both say, and a turn of the clocks is told', async (t) => {
  for (let round = 0; round < 1_000; round++) {
    const at = moment()
    const columns = { sendAtFormat: 'DD.MM.YYYY', sendAtTime: 2 }
    const row = timesOf(columns, [at.toFormat('dd.MM.yyyy'), at.toFormat('HH:mm')], 'UTC')
    if (row.seconds !== at.startOf('minute').toSeconds()) t.fail(`${at.toISO()}: ${row.seconds}`)
  }
  const berlin = (date: string, time: string) =>
    timesOf({ sendAtFormat: 'DD.MM.YYYY', sendAtTime: 2 }, [date, time], 'Europe/Berlin')
  const iso = (seconds: number) => new Date(seconds * 1_000).toISOString()
  const spring = berlin('28.03.2027', '2:30')
  t.same([iso(spring.seconds), spring.turn], ['2027-03-28T01:30:00.000Z', 'skipped'], 'shown as 3:30')
  const autumn = berlin('31.10.2027', '2.30')
  t.same([iso(autumn.seconds), autumn.turn], ['2027-10-31T00:30:00.000Z', 'repeated'], 'the first of two')
  t.equal(iso(berlin('24.12.2026', '9h').seconds), '2026-12-24T08:00:00.000Z')
})

t.test('a row without a time goes at once, half a time is refused, and one that is over as it is set', async (t) => {
  const code = (settings: ColumnSettings, cells: string[]) => {
    const row = timesOf(settings, cells, 'UTC')
    return row.reason === 0
      ? new Date(row.seconds * 1_000).toISOString().slice(0, 16)
      : `${reasonCode(row.reason)} ${row.column + 1}`
  }
  const two = { sendAtFormat: 'DD.MM.YYYY', sendAtTime: 2 }
  const atOnce = '1970-01-01T00:00'
  t.equal(code(two, ['', '']), atOnce)
  t.equal(code(two, [' ', ' ']), atOnce)
  t.equal(code(two, ['24.12.2026', '']), 'TIME_INCOMPLETE 1')
  t.equal(code(two, ['', '09:00']), 'TIME_INCOMPLETE 1')
  t.equal(code({ ...two, sendAtTimeOfDay: '08:30' }, ['24.12.2026', '']), '2026-12-24T08:30')
  t.equal(code({ sendAtTimeOfDay: '8:30 pm' }, ['2026-12-24']), '2026-12-24T20:30')
  t.equal(code({ sendAtFormat: 'DD.MM.YYYY', sendAtTimeOfDay: '09:00' }, ['24.12.2026']), '2026-12-24T09:00')
  t.equal(code(two, ['31.04.2027', '09:00']), 'BAD_DATE 1')
  t.equal(code(two, ['30.04.2027', '24:00']), 'BAD_DATE 1')
  t.equal(code(two, ['30.04.2027', 'soon']), 'BAD_DATE 1')
  t.equal(code(two, ['2027-04-30', '09:00']), '2027-04-30T09:00', 'ISO is always read')
  t.equal(code({}, ['2027-04-30T09:00:00+02:00']), '2027-04-30T07:00')
  t.equal(code({}, ['2020-04-30T09:00:00Z']), '2020-04-30T09:00', 'over: sent at once')
  t.equal(code({ sendAtPast: 'reject' }, ['2020-04-30T09:00:00Z']), 'TIME_PAST 1')
  t.equal(code({ sendAtPast: 'reject' }, ['2026-11-22T11:59:59Z']), 'TIME_PAST 1')
  t.equal(
    code({ sendAtPast: 'reject' }, ['2026-11-22T12:00:00Z']),
    '2026-11-22T12:00',
    'the minute of the job is not over',
  )
  t.equal(code({ sendAtPast: 'reject' }, ['']), atOnce)
})

t.test('times of day and names of months are read as offices write them', async (t) => {
  const at = (text: string) => {
    const seconds = timeOfDay(text)
    return Number.isNaN(seconds) ? 'no' : new Date(seconds * 1_000).toISOString().slice(11, 19)
  }
  for (const text of [
    '9:05',
    '09:05',
    '09:05:00',
    '9.05',
    '9h05',
    '9 h 05',
    '9:05 Uhr',
    '9:05 am',
    '9:05 a.m.',
    '9.05h',
  ]) {
    t.equal(at(text), '09:05:00', text)
  }
  for (const text of ['21 Uhr', '9 pm', '9pm', '21h', '9:00 P.M.']) t.equal(at(text), '21:00:00', text)
  t.same([at('12 am'), at('12:30 pm')], ['00:00:00', '12:30:00'])
  for (const text of ['9', '24:00', '9:60', '13 pm', '0 am', '', '9:5', '09:00 tomorrow', '12.50 €'])
    t.equal(at(text), 'no', text)
  for (const locale of LOCALES) {
    for (let month = 1; month <= 12; month++) {
      const date = DateTime.utc(2026, month, 1).setLocale(locale)
      for (const name of [date.toFormat('LLLL'), date.toFormat('LLL')])
        t.equal(monthByName(name), month, `${locale} ${name}`)
    }
  }
  t.ok(Number.isNaN(monthByName('Monday')))
})

t.test(
  'a column of dates of one format is guessed as that format, or as one that reads all of them alike',
  async (t) => {
    const dateOnly = [
      ['DD.MM.YYYY', 'dd.MM.yyyy'],
      ['MM/DD/YYYY', 'MM/dd/yyyy'],
      ['YYYY/MM/DD', 'yyyy/MM/dd'],
    ] as const
    let guessed = 0
    for (let round = 0; round < 600; round++) {
      const [ours, theirs] = [...FORMATS, ...dateOnly][random.below(FORMATS.length + dateOnly.length)]!
      const moments = Array.from({ length: 30 }, moment)
      const cells = moments.map((one) => one.setLocale('en').toFormat(theirs))
      const guess = guessDates(cells, { monthFirst: random.below(2) === 0, nowSeconds: NOW })
      if (guess === null || guess.isOrderOpen) {
        t.fail(`${ours}: ${cells[0]} is not guessed`)
        continue
      }
      guessed++
      const wanted = cells.map((cell) => DateTime.fromFormat(cell, theirs, { zone: 'utc', locale: 'en' }).toSeconds())
      if (JSON.stringify(guess.seconds) !== JSON.stringify(wanted))
        t.fail(`${ours} guessed as ${guess.format}: ${cells[0]}`)
    }
    t.equal(guessed, 600)
  },
)

t.test('where day and month cannot be told apart the guess says so, and takes the order that is to come', async (t) => {
  const guess = (cells: string[], monthFirst = false) => guessDates(cells, { monthFirst, nowSeconds: NOW })
  t.match(guess(['01/02/2027', '03/04/2027']), { format: 'DD/MM/YYYY', isOrderOpen: true })
  t.match(guess(['01/02/2027', '03/04/2027'], true), { format: 'MM/DD/YYYY', isOrderOpen: true })
  t.match(guess(['12/05/2026', '12/06/2026']), { format: 'MM/DD/YYYY', isOrderOpen: true }, 'the others are over')
  t.match(
    guess(['01.02.2027', '03.04.2027'], true),
    { format: 'DD.MM.YYYY', isOrderOpen: false },
    'a dot is behind the day',
  )
  t.match(guess(['31/01/2027', '01/31/2027', '30/01/2027']), {
    format: 'DD/MM/YYYY',
    isOrderMixed: true,
    read: 2,
    filled: 3,
  })
  t.match(guess(['1/2/27 9:00', '13/2/27 10:00']), {
    format: 'D/M/YY H:mm',
    hasShortYear: true,
  })
  t.match(guess(['9:00', '10:30 Uhr', '']), { kind: 'time', format: null, filled: 2 })
  t.equal(guess(['4711', '4712', '12']), null)
  t.equal(guess(['Ann', 'Bob']), null)
  t.equal(guess([]), null)
})

t.test('a format without a year, or with half a time, is none', async (t) => {
  t.type(DateFormat.compile('DD.MM.YYYY'), DateFormat, 'a date alone is one, beside a column of times')
  t.equal(DateFormat.compile('DD.MM.'), 'does not name the year')
  t.equal(DateFormat.compile('DD.MM.YYYY HH'), 'does not name the minute')
  t.equal(DateFormat.compile('DD.MM.YYYY mm'), 'does not name the hour')
})

/** The row's own time: the date in the first cell, the time in the second. */
function timesOf(columns: ColumnSettings, cells: string[], timeZone: string): RowTimes {
  const plan = { sendAt: 0, sendAtTime: columns.sendAtTime === undefined ? -1 : 1, timeZone: -1 }
  const times = new RowTimes({
    settings: { columns },
    columns: plan,
    timeZone,
    createdSeconds: NOW,
  } as unknown as ConstructorParameters<typeof RowTimes>[0])
  const record = { text: (column: number) => cells[column] ?? '' } as unknown as SourceRecord
  times.reason = 0
  times.read(record)
  return times
}
