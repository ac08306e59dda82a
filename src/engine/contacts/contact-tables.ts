/**
 * The LMDB environment of the contacts and its tables; opened once in each thread. Apart from the queue's, so that a
 * large import never waits for the dispatcher's commits, nor they for it.
 *
 * A contact is stored under a number of its own, in order of creation, so that a million new ones are a million appends
 * and not a million places in the tree; only the small index of phone numbers is in random order (see fresh-numbers.ts).
 * The facts about lmdb in store/environment.ts hold here as well.
 */
import type { Database, Key, RootDatabase } from 'lmdb'
import { openRoot } from '../store/open-root.js'

export interface ContactTables {
  root: RootDatabase
  /** [account, id] → record, see contact-record.ts. */
  records: Database<Buffer, Key>
  /** [account, contact key] → id (f64). */
  numbers: Database<Buffer, Key>
  /** [account, run, first number] → sorted pairs of f64: number, id. New numbers that are not in `numbers` yet. */
  fresh: Database<Buffer, Key>
  /** [account, hash of an email address, id] → empty. Several contacts may have one address. */
  emails: Database<Buffer, Key>
  /** [account, run, first hash, its id] → sorted pairs of f64: hash, id. As `fresh`. */
  freshEmails: Database<Buffer, Key>
  /** [account, id] → the last message that was sent to the contact, see last-message.ts. */
  last: Database<Buffer, Key>
  /** [account, folded tag, id] → empty. */
  tagged: Database<Buffer, Key>
  /** [account, folded tag] → {name, contacts}. */
  tags: Database<Buffer, Key>
  /** [account, name of an attribute] → empty. */
  attributes: Database<Buffer, Key>
  /** account → AccountFacts. */
  accounts: Database<Buffer, Key>
  /** import → how far it is: written in the transaction of each of its pieces. */
  imports: Database<Buffer, Key>
  /** [import, piece] → its rejected rows. */
  rejects: Database<Buffer, Key>
}

export function openContactTables(dataDir: string): ContactTables {
  const root = openRoot(dataDir, 'contacts', { maxDbs: 16, mapSize: 4 << 30 })
  const table = (name: string) => root.openDB<Buffer, Key>({ name, encoding: 'binary' })
  return {
    root,
    records: table('records'),
    numbers: table('numbers'),
    fresh: table('fresh'),
    emails: table('emails'),
    freshEmails: table('freshEmails'),
    last: table('last'),
    tagged: table('tagged'),
    tags: table('tags'),
    attributes: table('attributes'),
    accounts: table('accounts'),
    imports: table('imports'),
    rejects: table('rejects'),
  }
}
