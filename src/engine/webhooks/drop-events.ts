/** Entries of drop.updated: each is written in the transaction that closes the record of a dropped file. Main thread. */
import type { DropRecord } from '../contract/drop-keeper.js'
import type { DropUpdate, DropView } from '../contract/drops.js'
import type { Documents, DocumentWrite } from '../store/documents.js'
import { DocumentEvents } from './document-events.js'

interface DropEvent {
  atMs: number
  drop: number
  data: DropUpdate
}

export class DropEvents extends DocumentEvents<DropEvent> {
  constructor(documents: Documents) {
    super(documents, {
      collection: 'drop-events',
      keyOf: ({ drop }) => drop,
      // Endpoints of a job's callbackUrl hear of the job itself.
      concerns: ({ isCallback }) => !isCallback,
    })
  }

  /** To be handed to `documents.write` in the same turn, since the number is used up. */
  writeFor({ account, drop }: DropRecord, view: DropView, atMs: number): DocumentWrite {
    const data = { ...view, at: new Date(atMs).toISOString() }
    return this.write(account, { atMs, drop, data })
  }
}
