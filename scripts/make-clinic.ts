/**
 * Writes examples/clinic.csv and examples/opt-outs.txt: 1,000 rows as a clinic would export them, with everything that
 * real files have. Seeded: the same files every time. Landlines are from the range that Ofcom keeps for fiction; ranges
 * for fictional mobiles are not valid under libphonenumber, so mobiles are neighbours of its example numbers. Run: node build/scripts/make-clinic.js
 */
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const ROWS = 1_000
const SEED = 20_261_122
const examples = fileURLToPath(new URL('../../examples/', import.meta.url))

/** mulberry32: small, seeded, good enough to choose names. */
function randomOf(seed: number): (below: number) => number {
  let state = seed
  return (below) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}

const random = randomOf(SEED)

function pick<T>(items: readonly T[]): T {
  return items[random(items.length)]!
}

const names = [
  ...['Amelia Clarke', 'Oliver Shaw', 'Isla Patel', 'George Hughes', 'Ava Murphy', 'Noah Wright', 'Mia O’Brien'],
  ...['Jürgen Weiß', 'Käthe Schröder', 'Søren Kjær', 'Zoë Lefèvre', 'François Dupont', 'Łukasz Nowak', 'Ana Muñoz'],
  ...['Ελένη Παπαδοπούλου', 'محمد العلي', 'प्रिया शर्मा', 'Ольга Иванова', '王伟', 'Grace 🌻 Miller'],
]
const plainNames = names.slice(0, 7)
const doctors = ['Dr Lee', 'Dr Okafor', 'Dr Müller', 'Dr Singh', 'Dr, Prof. Rossi', 'Dr "Jo" Hart']
const longNote =
  'Please bring your referral letter, a list of the medicines that you take now, and your insurance card. Arrive ten ' +
  'minutes early; the entrance is at the back of the building, opposite the car park. If you have a cough or a fever, ' +
  'call us first.'
const notes = ['', '', '', '', 'Bring your card.', 'Ground floor, room 4', 'No food, no drink from 8 pm', longNote]

/** The last digits of a mobile number by country; each is a valid mobile under libphonenumber. */
const mobiles: readonly (readonly [number, (serial: number) => string])[] = [
  [60, (serial) => `07400 123${digits(serial, 3)}`],
  [12, (serial) => `+44 7400 124${digits(serial, 3)}`],
  [10, (serial) => `+49 1512 345${digits(serial, 4)}`],
  [8, (serial) => `+33 6 12 34 ${digits(Math.floor(serial / 100), 2)} ${digits(serial % 100, 2)}`],
  [6, (serial) => `+91 81234 5${digits(serial, 4)}`],
  [4, (serial) => `0034 612 34${digits(serial, 4)}`],
]

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0')
}

/** Serials per country: no number comes twice by chance. */
const serials = mobiles.map(() => 0)

function newMobile(): string {
  const total = mobiles.reduce((sum, [weight]) => sum + weight, 0)
  let place = random(total)
  let country = 0
  while (place >= mobiles[country]![0]) place -= mobiles[country++]![0]
  // A country's range holds a thousand numbers, which this file does not use up.
  return mobiles[country]![1](serials[country]!++)
}

const badNumbers = [
  ...['4.47712E+11', '4.4771E+11', '12345', '0770', 'n/a', 'ask mother', '+999 123 456 789', '07400 12345', ''],
  ...['+44 7400 123 456 ext. 5', '447', '++', '0000000000', 'mobile', '07x00123456', '+4474001234561234', '-', '1'],
  ...['unknown', '(none)'],
]

interface Row {
  name: string
  mobile: string
  appointment: string
  doctor: string
  note: string
}

function newRow(mobile: string): Row {
  const day = digits(1 + random(28), 2)
  const time = `${digits(8 + random(9), 2)}:${pick(['00', '15', '30', '45'])}`
  const name = random(4) === 0 ? pick(names) : pick(plainNames)
  return { name, mobile, appointment: `${day} December, ${time}`, doctor: pick(doctors), note: pick(notes) }
}

/** What stands on which row; the rest are good mobiles. */
function planRows(): Row[] {
  const rows: Row[] = []
  let landline = 0
  let bad = 0
  for (let index = 0; index < ROWS; index++) {
    if (index % 16 === 7 && landline < 60) rows.push(newRow(`020 7946 0${digits(landline++, 3)}`))
    else if (index % 48 === 11 && bad < badNumbers.length) rows.push(newRow(badNumbers[bad++]!))
    else rows.push(newRow(newMobile()))
  }
  // Twice the same number, once as it was and once written otherwise.
  for (let copy = 0; copy < 12; copy++) {
    const from = rows[copy * 37]!
    rows[600 + copy * 29] = newRow(copy % 2 === 0 ? from.mobile : from.mobile.replaceAll(' ', ''))
  }
  for (const index of [90, 333, 555, 871]) rows[index]!.doctor = ''
  for (const index of [120, 410]) rows[index]!.appointment = ''
  for (const index of [20, 205, 402, 777]) rows[index]!.note = 'Please come\nto the first floor,\r\nthe blue door.'
  rows[300]!.note = `He said "see you", then left. ${longNote}`
  return rows
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

/** Numbers of ten rows that are good mobiles and no copies, as opted out. */
function optOuts(rows: Row[]): string[] {
  const chosen = [3, 51, 104, 153, 201, 254, 301, 350, 404, 452].map((index) => rows[index]!.mobile)
  return ['# Numbers that asked not to be messaged, one a line.', ...chosen]
}

const rows = planRows()
const lines = rows.map(({ name, mobile, appointment, doctor, note }) =>
  [name, mobile, appointment, doctor, note].map(field).join(','),
)
writeFileSync(`${examples}clinic.csv`, `${['name,mobile,appointment,doctor,note', ...lines].join('\n')}\n`)
writeFileSync(`${examples}opt-outs.txt`, `${optOuts(rows).join('\n')}\n`)
