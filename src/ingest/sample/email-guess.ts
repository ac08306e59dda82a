/** Whether the rows of a sample are to be reached by email: always only where that is asked for, or where nothing else can. Pure. */
import type { ColumnRef, JobSettings } from '../../engine/contract/job.js'
import type { Doubt, SampleFacts } from '../../engine/contract/sample.js'
import { type ColumnFacts, doubtAbout } from './sample-columns.js'

export interface EmailGuess {
  settings: Pick<JobSettings, 'channel'>
  columns: { email?: ColumnRef }
  /** The recipients are addresses, so no column of numbers is looked for. */
  isOnly: boolean
  doubts: Doubt[]
}

interface Question {
  columns: readonly ColumnFacts[]
  given: JobSettings
  facts: SampleFacts
  refOf(column: ColumnFacts): ColumnRef
}

export function guessEmail({ columns, given, facts, refOf }: Question): EmailGuess {
  const { channel = 'auto', subject } = given
  const nothing: EmailGuess = { settings: {}, columns: {}, isOnly: channel === 'email', doubts: [] }
  const email = columns.find(({ role, cells }) => role === 'email' && cells.length > 0)
  if (email === undefined || given.columns?.email !== undefined) return nothing
  const found = { email: refOf(email) }
  if (channel === 'email') return { ...nothing, columns: found, doubts: subjectDoubts(email, given) }
  const hasPhones = given.columns?.to !== undefined || given.columns?.phones !== undefined
  const isOnly = !hasPhones && given.channel === undefined && !columns.some(({ phoneShare }) => phoneShare > 0)
  if (isOnly && facts.channels.includes('email')) {
    const message = `The file has no telephone numbers; its rows are reached by email, at the addresses in ${email.called}.`
    const remedy = 'If another column holds the numbers, name it as columns.to, and set channel to "auto".'
    const told = doubtAbout(email, { code: 'EMAIL_ONLY', message, remedy })
    return { settings: { channel: 'email' }, columns: found, isOnly, doubts: [told, ...subjectDoubts(email, given)] }
  }
  if (channel !== 'auto') return nothing
  if (subject !== undefined) return { ...nothing, columns: found }
  const message = `${email.called} holds email addresses, which are not used.`
  const remedy = 'To write to those who have no valid number, name it as columns.email and give a subject.'
  return { ...nothing, doubts: [doubtAbout(email, { code: 'EMAIL_NOT_USED', message, remedy })] }
}

function subjectDoubts(email: ColumnFacts, { subject, template, columns }: JobSettings): Doubt[] {
  if (subject !== undefined || template !== undefined || columns?.keyword !== undefined) return []
  const message = 'Emails have no subject yet.'
  return [
    doubtAbout(email, { code: 'NO_SUBJECT', message, remedy: 'Set subject, or template to one that has a subject.' }),
  ]
}
