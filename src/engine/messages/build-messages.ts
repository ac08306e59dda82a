/** Puts together how single messages are taken: composed, priced, written many to a commit, and explained. Main thread. */

import type { Accounts } from '../accounts/accounts.js'
import type { Idempotency } from '../accounts/idempotency.js'
import { answerNote } from '../accounts/kept-answers.js'
import type { Numbering } from '../accounts/numbering.js'
import { parseTime } from '../base/instant.js'
import { isSender } from '../base/sender.js'
import type { Config } from '../config/schema.js'
import type { Clock } from '../contract/clock.js'
import type { Log } from '../contract/log.js'
import type { SpeechWork } from '../contract/speech-work.js'
import type { Append, BesideMessages, Note } from '../contract/store.js'
import type { DispatcherLink } from '../dispatcher-link.js'
import type { JobBook } from '../jobs/job-book.js'
import { dispatchOf } from '../jobs/release.js'
import type { RouteBook } from '../jobs/route-book.js'
import type { Money } from '../money/money.js'
import type { OptOut } from '../opt-out/build-opt-out.js'
import { recordingsOf } from '../recordings/recording-record.js'
import type { Documents } from '../store/documents.js'
import type { LmdbStore } from '../store/lmdb-store.js'
import type { WebhookDesk } from '../webhooks/webhook-desk.js'
import { Composer } from './compose.js'
import { Explainer } from './explain.js'
import { GroupCommit } from './group-commit.js'
import { Notices } from './notices.js'
import { SingleJobs, type SingleKind, singleJob } from './single-jobs.js'
import { Submitter } from './submit.js'

export interface MessagesDeps {
  config: Config
  documents: Documents
  store: LmdbStore
  clock: Clock
  accounts: Accounts
  numbering: Numbering
  routes: RouteBook
  money: Money
  book: JobBook
  optOut: OptOut
  webhooks: WebhookDesk
  idempotency: Idempotency
  link: DispatcherLink
  speech: Pick<SpeechWork, 'status'>
  log: Log
  /** @throws EngineError SHUTTING_DOWN, STORE_FULL. */
  admit(): void
  /** The store failed: the process must stop. */
  fail(error: unknown): void
}

export interface BuiltMessages {
  submitter: Submitter
  explainer: Explainer
  notices: Notices
}

export function buildMessages(deps: MessagesDeps): BuiltMessages {
  const commits = buildCommits(deps)
  const jobs = buildSingleJobs(deps)
  return {
    submitter: buildSubmitter(deps, commits, jobs),
    explainer: buildExplainer(deps),
    notices: buildNotices(deps, commits, jobs),
  }
}

function buildCommits(deps: MessagesDeps): GroupCommit {
  return new GroupCommit({
    takeBlock: () => deps.store.numbers.take(),
    append: (appends, notes) => append(deps, appends, notes),
    appended: (job, route) => {
      deps.link.post({ type: 'appended', job, route })
    },
  })
}

function buildSingleJobs(deps: MessagesDeps): SingleJobs {
  return new SingleJobs({
    find: (account, priority) => deps.documents.get<{ job: number }>('singles', [account, priority])?.job ?? null,
    make: (account, kind) => makeSingles(deps, account, kind),
  })
}

function buildNotices(deps: MessagesDeps, commits: GroupCommit, jobs: SingleJobs): Notices {
  const { accounts, admit, clock, log, routes, store } = deps
  return new Notices({
    ...{ accounts, admit, clock, log, commits },
    notes: store.environment.meta,
    plans: (account) => routes.plans(account),
    job: (account) => jobs.job(account, 'notices'),
  })
}

function buildComposer({ config, documents, routes, money, optOut, speech }: MessagesDeps): Composer {
  return new Composer({
    plans: (account) => routes.plans(account),
    isSender,
    parseTime,
    isPrepaid: (account) => money.isPrepaid(account),
    optOut,
    recordings: (account) => recordingsOf(documents, account),
    usualLanguage: config.speech.language,
    speech: () => speech.status(),
    lockSeconds: config.inbound.conversationLockSeconds,
  })
}

function buildSubmitter(deps: MessagesDeps, commits: GroupCommit, jobs: SingleJobs): Submitter {
  const { clock, idempotency, money, optOut, webhooks } = deps
  const composer = buildComposer(deps)
  optOut.listen({ composer: buildComposer(deps), job: (account) => jobs.job(account, 'answers') })
  const noteFor = (answer: unknown): Note | null => answerNote(idempotency.current, answer)
  const callback = webhooks.report.bind(webhooks)
  return new Submitter({ composer, jobs, commits, clock, money, callback, noteFor })
}

function buildExplainer({ clock, config, documents, link, money, optOut, routes, speech }: MessagesDeps): Explainer {
  return new Explainer({
    plans: (account) => routes.plans(account),
    route: (route) => routes.view(route),
    carriers: () => link.carriers(),
    isSender,
    isPrepaid: (account) => money.isPrepaid(account),
    recordings: (account) => recordingsOf(documents, account),
    usualLanguage: config.speech.language,
    speech: () => speech.status(),
    isSuppressed: (account, number, from, address) => optOut.has(account, number, from, address),
    clock,
  })
}

async function append({ fail, money, store }: MessagesDeps, appends: Append[], notes: BesideMessages[]): Promise<void> {
  const { writes, done } = money.handOver()
  try {
    await store.appendLater(appends, notes, writes)
    done()
  } catch (error) {
    fail(error)
    throw error
  }
}

/** The open-ended job that an account's single messages of a kind belong to. */
async function makeSingles(deps: MessagesDeps, accountId: string, kind: SingleKind): Promise<number> {
  const { accounts, book, clock, link, numbering } = deps
  const account = accounts.record(accountId)
  const number = numbering.take('job')
  const facts = { job: number.value, account, nowMs: clock.now(), singles: true }
  const record = singleJob(facts, kind)
  const single = { collection: 'singles', key: [account.number, kind], value: { job: record.job } }
  await book.create(record, [number.write, single])
  link.post({ type: 'job', job: dispatchOf(record, account) })
  return record.job
}
