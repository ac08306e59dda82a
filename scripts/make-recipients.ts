/**
 * Writes a CSV of recipients as customers send them: BOM, quoted newlines and commas, UTF-8 names, 1 % bad numbers,
 * 0.5 % duplicates. The same seed gives the same file.
 *
 *   node build/scripts/make-recipients.js ROWS FILE [SEED]
 */

import { once } from 'node:events'
import { createWriteStream } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { Random } from '../src/engine/base/random.js'

const NAMES = ['Anna', 'José', 'Zoë', 'Mark', 'Łukasz', 'Priya', 'Ahmed', 'Siân', 'Björn', 'Chloe', 'Νίκος', 'O’Neil']
const NOTES = ['', 'call back', '"bring, please, the form"', '"line one\nline two"', '"said ""yes"""', 'room 12', '']
const BAD = ['', '12', 'n/a', '4.47701E+11', '+44 123', '07700x12', '+999123456789']
const DUPLICATE_SHARE = 0.005
const BAD_SHARE = 0.01
const NUMBERS = 100_000_000

/** What a file of this seed must come to. */
export interface MadeFile {
  rows: number
  bad: number
  duplicates: number
}

/** A valid UK mobile number: 07400 000000 and up, written in one of three ways. */
function mobile(n: number, random: Random): string {
  const digits = `74${String(n % NUMBERS).padStart(8, '0')}`
  const form = random.below(3)
  return form === 0 ? `+44${digits}` : form === 1 ? `0${digits}` : `0044${digits}`
}

export async function makeRecipients(file: string, rows: number, seed: number): Promise<MadeFile> {
  const random = new Random(seed)
  const out = createWriteStream(file)
  const made: MadeFile = { rows, bad: 0, duplicates: 0 }
  let fresh = 0
  let text = '\ufeffname,mobile,appointment,note\r\n'
  for (let row = 0; row < rows; row++) {
    const chance = random.next()
    let number: string
    if (chance < BAD_SHARE) {
      number = BAD[random.below(BAD.length)]!
      made.bad++
    } else if (chance < BAD_SHARE + DUPLICATE_SHARE && fresh > 0) {
      number = mobile(random.below(fresh), random)
      made.duplicates++
    } else {
      number = mobile(fresh++, random)
    }
    const name = NAMES[random.below(NAMES.length)]
    const note = NOTES[random.below(NOTES.length)]
    text += `${name} ${row},${number},2026-12-${10 + (row % 20)} at ${8 + (row % 10)}:30,${note}\r\n`
    if (text.length > 1 << 20) {
      if (!out.write(text)) await once(out, 'drain')
      text = ''
    }
  }
  out.end(text)
  await once(out, 'finish')
  return made
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [rows, file, seed] = process.argv.slice(2)
  console.log(JSON.stringify(await makeRecipients(file!, Number(rows), Number(seed ?? 1))))
}
