/** What store-child.ts writes, and whether it is there: what it said is durable is whole, the rest is whole or absent. */
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { adminKey } from '../src/engine/accounts/admin-key.js'
import { DataSecret } from '../src/engine/accounts/data-secret.js'
import { readContact } from '../src/engine/contacts/contact-reader.js'
import { uploadPath } from '../src/engine/jobs/upload-file.js'
import { openStores, type Stores } from '../src/engine/open-stores.js'

/** Of a range: long enough for the head of a block. */
export const FIRST = Buffer.alloc(64, 1)
export const SECOND = Buffer.alloc(64, 2)
export const KEPT = Buffer.alloc(20_000, 'kept')
export const UPLOAD = Buffer.alloc(30_000, '+447710000001,Ann\n')

/** As it should be: 'whole' or 'absent'; else what is wrong. */
type Look = (stores: Stores, dataDir: string) => 'whole' | 'absent' | string

function oneOf(isWhole: boolean, isAbsent: boolean, what: string): string {
  return isWhole ? 'whole' : isAbsent ? 'absent' : what
}

const LOOKS: Record<string, Look> = {
  documents: ({ documents }) => {
    const [a, b] = [documents.get<{ n: number }>('things', ['a']), documents.get<{ n: number }>('things', ['b'])]
    return oneOf(b?.n === 2, a === null && b === null, `half of a transaction: ${JSON.stringify([a, b])}`)
  },
  range: ({ store }) => {
    const [first, second] = [store.block(1), store.block(2)]
    const ranges = [...store.ranges(5)].length
    const isWhole = ranges === 1 && first?.equals(FIRST) === true && second?.equals(SECOND) === true
    const isAbsent = ranges === 0 && first === null && second === null
    return oneOf(isWhole, isAbsent, `${ranges} ranges with ${first} and ${second}`)
  },
  messages: ({ store }) => {
    const [block, loose] = [store.block(3), [...store.looseBlocks(6)]]
    return oneOf(block?.equals(KEPT) === true && loose.join() === '3', block === null && loose.length === 0, 'a block')
  },
  contact: ({ contacts }) => {
    const found = readContact(contacts, 1, 447_710_000_001)
    return oneOf(found?.record.tags.join() === 'one', found === null, JSON.stringify(found))
  },
}

/** What is wrong; empty: nothing. `durable`: the lines of the child. The folder must be nobody else's now. */
export async function wrongIn(dataDir: string, durable: readonly string[]): Promise<string[]> {
  const stores = openStores(dataDir)
  const wrong: string[] = []
  for (const [name, look] of Object.entries(LOOKS)) {
    const found = look(stores, dataDir)
    const mayBeGone = name === 'range' && durable.includes('upload')
    if (found !== 'whole' && (found !== 'absent' || (durable.includes(name) && !mayBeGone)))
      wrong.push(`${name}: ${found}`)
  }
  if (durable.includes('discarded') && LOOKS.range!(stores, dataDir) !== 'absent')
    wrong.push('what was discarded is there')
  if (durable.includes('removed') && stores.documents.get('things', ['a']) !== null)
    wrong.push('what was removed is there')
  if (durable.includes('upload') && !isUploaded(dataDir)) wrong.push('the upload')
  wrong.push(...wrongKeys(dataDir, durable))
  await Promise.all([stores.documents.close(), stores.store.close(), stores.contacts.root.close()])
  return wrong
}

function isUploaded(dataDir: string): boolean {
  const file = uploadPath(dataDir, 'job_1')
  return existsSync(file) && readFileSync(file).equals(UPLOAD)
}

/** What was used once is what the next start reads; what is there at all can be read. */
function wrongKeys(dataDir: string, durable: readonly string[]): string[] {
  const wrong: string[] = []
  const has = (line: string, name: string) => durable.every((said) => !said.startsWith(name) || said === line)
  if (existsSync(path.join(dataDir, 'admin.key')) && !has(`admin ${adminKey(dataDir, undefined)}`, 'admin')) {
    wrong.push('another admin key')
  }
  if (!has(`secret ${new DataSecret(dataDir).derive('test').toString('hex')}`, 'secret')) wrong.push('another secret')
  return wrong
}
