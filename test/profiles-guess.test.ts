/** What is guessed of files as offices export them: columns by label and content, whatever their order, language and encoding. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { Random } from '../src/engine/base/random.js'
import type { ColumnSettings, JobSettings } from '../src/engine/contract/job.js'
import type { SampleFacts, SampleGuess } from '../src/engine/contract/sample.js'
import { guessPattern } from '../src/engine/profiles/file-pattern.js'
import { guessProfile } from '../src/ingest/sample/guess.js'
import { seed } from './seed.js'

t.comment(`seed ${seed}`)
const folder = mkdtempSync(join(tmpdir(), 'trunkline-guess-'))
t.teardown(() => rmSync(folder, { recursive: true }))

const usual: SampleFacts = {
  defaultCountry: null,
  timeZone: 'UTC',
  keywords: ['#001', 'recall'],
  channels: ['sms'],
  nowSeconds: Date.UTC(2026, 10, 22) / 1_000,
}

function guess(content: string | Buffer, settings: JobSettings = {}, facts: Partial<SampleFacts> = {}): SampleGuess {
  const path = join(folder, 'sample.csv')
  const bytes = Buffer.from(content)
  writeFileSync(path, bytes)
  return guessProfile({ path, available: bytes.length, settings, facts: { ...usual, ...facts } })
}

const codes = ({ doubts }: SampleGuess): string[] => doubts.map(({ code }) => code)

interface Office {
  name: string
  file: string[]
  columns: ColumnSettings
  country?: string
  header?: boolean
  doubts?: string[]
}

const offices: Office[] = [
  {
    name: 'a Spanish clinic',
    file: [
      'Nombre;Apellidos;Teléfono fijo;Móvil;Correo electrónico;Fecha de envío;Hora de envío;Mensaje',
      'Lucía;García;912 345 678;612 34 56 78;lucia@example.es;01/12/2026;09:00;Hola Lucía',
      'José;Pérez;;+34 622 34 56 79;;24/12/2026;10:30;Hola José',
    ],
    columns: {
      phones: ['Móvil', 'Teléfono fijo'],
      phonesMode: 'first',
      text: 'Mensaje',
      sendAt: 'Fecha de envío',
      sendAtTime: 'Hora de envío',
      sendAtFormat: 'DD/MM/YYYY',
      fields: { name: 'Nombre', firstName: 'Nombre', lastName: 'Apellidos' },
    },
    country: 'ES',
    doubts: ['SEVERAL_PHONES', 'LANDLINES'],
  },
  {
    name: 'an American practice',
    file: [
      'First Name,Last Name,Home Phone,Cell Phone,DOB,Send Date',
      'Ann,Lee,(212) 555-0143,(917) 555-0188,01/31/1980,11/30/2026 9:00 AM',
      'Bob,Ray,,(917) 555-2671,12/06/1971,12/01/2026 2:30 PM',
    ],
    columns: {
      phones: ['Cell Phone', 'Home Phone'],
      phonesMode: 'first',
      sendAt: 'Send Date',
      sendAtFormat: 'MM/DD/YYYY h:mm A',
      fields: { name: 'First Name', firstName: 'First Name', lastName: 'Last Name' },
    },
    country: 'US',
  },
  {
    name: 'a list of a gateway',
    file: ['to,from,text', '+447400123456,+447400999999,Hello', '+447400123457,+447400999999,Bye'],
    columns: { to: 'to', text: 'text' },
    doubts: [],
  },
  {
    name: 'an insurance, with fax, numbers of customers and a birthday',
    file: [
      'Kundennr;Kunde;Fax;Festnetz;Handynummer;Geburtsdatum;IBAN',
      '1000004711;Anna Müller;030 123126;030 123125;0171 2345678;01.02.1980;DE89370400440532013000',
      '1000004712;Jörg Groß;;;0160 1234567;13.04.1975;DE89370400440532013001',
    ],
    columns: { phones: ['Handynummer', 'Festnetz'], phonesMode: 'first', fields: { name: 'Kunde' } },
    country: 'DE',
    doubts: ['DATE_NOT_USED', 'NO_TEXT'],
  },
  {
    name: 'no header, a name, a number, a keyword and a time',
    file: [
      'Ann|+447400123456|#001|2026-12-01 09:00',
      'Bob|+447400123457|001|',
      'Cy|+447400123458|#001|2026-12-02 10:00',
    ],
    columns: { to: 2, keyword: 3, sendAt: 4 },
    header: false,
    doubts: ['NO_HEADER', 'SEND_AT', 'TIME_ZONE'],
  },
  {
    name: 'no header, and the first row has no number',
    file: ['Ann,,ann@example.com', 'Bob,+447400123457,bob@example.com', 'Cy,+447400123458,'],
    columns: { to: 2 },
    header: false,
    doubts: ['NO_HEADER'],
  },
  {
    name: 'countries and zones',
    file: [
      'mobile,country,zone,send at',
      '+447400123456,Japan,Europe/London,2026-12-01 09:00',
      '+447400123457,Poland,Europe/Berlin,2026-12-01 09:00',
    ],
    columns: { to: 'mobile', sendAt: 'send at', timeZone: 'zone' },
  },
  {
    name: 'an appointment that the text speaks of',
    file: ['Name,Mobile,Date,Time', 'Ann,+447400123456,30/11/2026,09:00', 'Bob,+447400123457,01/12/2026,10:00'],
    columns: { to: 'Mobile' },
    doubts: ['DATE_NOT_USED'],
  },
  {
    name: 'a shop whose dates have no leading zeros, with numbers that are no telephones',
    file: [
      'CustomerID,Order No.,First Name,Mobile No.,Send Date',
      '2079460001,2079460111,Ann,+447712345678,30/11/2026 10:00',
      '2079460002,2079460112,Bob,+447712345679,2/12/2026 9:00',
    ],
    columns: {
      to: 'Mobile No.',
      sendAt: 'Send Date',
      sendAtFormat: 'D/M/YYYY H:mm',
      fields: { name: 'First Name', firstName: 'First Name' },
    },
  },
]

for (const { name, file, columns, country, header = true, doubts } of offices) {
  t.test(`${name} is understood`, async (t) => {
    const given = name.includes('appointment') ? { text: 'See you on ~date~ at ~time~' } : {}
    const found = guess(file.join('\r\n'), given)
    t.same(found.settings.columns, columns)
    t.equal(found.settings.defaultCountry, country)
    t.equal(found.settings.csv?.header, header)
    for (const code of doubts ?? []) t.ok(codes(found).includes(code), `${code} of ${codes(found)}`)
    if (doubts?.length === 0) t.same(codes(found), [])
    for (const { message, remedy } of found.doubts) t.ok(/[.…]$/.test(message) && remedy.length > 10, message)
  })
}

t.test('the encoding of the file changes nothing but the doubt about it', async (t) => {
  const file = offices[0]!.file.join('\r\n')
  const plain = guess(file)
  const wide = guess(Buffer.from(`\ufeff${file}`, 'utf16le'))
  t.same(wide.settings, plain.settings)
  t.notOk(codes(wide).includes('ENCODING'), 'it is marked')
  const latin = guess(Buffer.from(file, 'latin1'))
  t.same(latin.settings, plain.settings)
  t.ok(codes(latin).includes('ENCODING'))
})

t.test('what is given is kept, and asks nothing', async (t) => {
  const file = offices[3]!.file.join('\n')
  const given: JobSettings = {
    ...{ text: 'Hi ~who~', landlines: 'reject', defaultCountry: 'DE', csv: { delimiter: ';' } },
    columns: { to: 'Festnetz', fields: { who: 'Kunde', name: 'Kundennr' } },
  }
  const { settings, doubts } = guess(file, given)
  t.same(settings, { ...given, csv: { delimiter: ';', header: true }, columns: given.columns })
  t.same(
    doubts.map(({ code }) => code),
    ['DATE_NOT_USED'],
  )
})

t.test('columns in any order, with any delimiter, are found all the same', async (t) => {
  const random = new Random(seed)
  const digits = (count: number) => Array.from({ length: count }, () => random.below(10)).join('')
  const labels = ['Nachname', 'Vorname', 'Handy', 'PLZ', 'Betrag', 'Versanddatum', 'Bemerkung']
  for (let round = 0; round < 150; round++) {
    const order = labels.map((label) => ({ label, key: random.next() })).sort((a, b) => a.key - b.key)
    const row = () => {
      const cells: Record<string, string> = {
        Nachname: ['Groß', 'Klein', 'Müller-Lüdenscheidt'][random.below(3)]!,
        Vorname: ['Ann', 'Jörg', 'Zoë'][random.below(3)]!,
        Handy: random.below(5) === 0 ? '' : `${['+49 ', '0', '0049'][random.below(3)]}171 ${digits(7)}`,
        PLZ: digits(5),
        Betrag: `${random.below(900)}.${digits(2)}`,
        Versanddatum: `${10 + random.below(18)}.12.2026 ${10 + random.below(10)}:30`,
        Bemerkung: random.below(2) === 0 ? '' : 'ruft an',
      }
      return order.map(({ label }) => cells[label]!)
    }
    const delimiter = [';', '\t', '|', ','][random.below(4)]!
    const rows = [order.map(({ label }) => label), ...Array.from({ length: 10 + random.below(20) }, row)]
    const { settings } = guess(rows.map((cells) => cells.join(delimiter)).join('\n'))
    const wanted = { to: 'Handy', sendAt: 'Versanddatum', sendAtFormat: 'D.M.YYYY H:mm' }
    const { fields, ...columns } = settings.columns!
    if (JSON.stringify(columns) !== JSON.stringify(wanted)) t.same(columns, wanted, rows[0]!.join(delimiter))
    const isNational = rows.some((cells) => cells.some((cell) => cell.startsWith('0171')))
    if (fields?.name !== 'Vorname' || settings.defaultCountry !== (isNational ? 'DE' : undefined))
      t.fail(JSON.stringify(settings))
  }
})

t.test('the pattern of a name leaves open what counts up in it', async (t) => {
  t.equal(guessPattern('clinic-2026-11-22.csv'), 'clinic-*.csv')
  t.equal(guessPattern('C:\\exports\\Termine 22.11.2026.CSV'), 'Termine *.CSV')
  t.equal(guessPattern('list.csv.gz'), 'list*.csv')
  t.equal(guessPattern('20261122_recall_v2.csv'), '*_recall_v*.csv')
  t.equal(guessPattern('2026-11-22.csv'), null, 'nothing would be left')
})
