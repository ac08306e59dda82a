/** What the main thread does by itself beside requests, and how often it looks. Composition, main thread. */
import { setTimeout as pause } from 'node:timers/promises'
import type { Closing } from './closing.js'
import type { Built } from './engine/build.js'
import { systemClock } from './engine/contract/clock.js'
import type { Log } from './engine/contract/log.js'
import type { EventTending } from './engine/events/event-tending.js'
import type { InboundDesk } from './engine/inbound/inbound-desk.js'
import type { Jobs } from './engine/jobs/jobs.js'
import type { Money } from './engine/money/money.js'
import type { Stores } from './engine/open-stores.js'
import type { BuiltPrivacy } from './engine/privacy/build-privacy.js'
import type { SpaceWatch } from './engine/space.js'
import type { WebhookDesk } from './engine/webhooks/webhook-desk.js'

/** How often inbound messages are looked at whose parts never came. */
const INBOUND_EVERY_MS = 1_000
/** How often money and usage follow what became of messages; whoever asks for them need not wait for it. */
const MONEY_EVERY_MS = 1_000
/** Whether the time of an import has come. */
const CONTACTS_EVERY_MS = 1_000
/** How often webhooks are looked at whose next try is due, and their progress is stored. */
const WEBHOOKS_EVERY_MS = 250
/** How often recurring jobs are looked at. */
const RECURRENCES_EVERY_MS = 500
/** How often events are looked at whose change is not complete, or whose time is over. */
const EVENTS_EVERY_MS = 1_000
/** How often it is looked whether something is to be forgotten. */
const RETENTION_EVERY_MS = 1_000
/** How often it is seen whether the disk has room (again). */
const SPACE_EVERY_MS = 1_000
/** How often it is seen whether a process that read the store beside us has died. */
const READERS_EVERY_MS = 5_000

/** Rates hold in each second, and a little more for jitter on the way (engine/base/rate.ts). */
const BEHIND_OTHERS_MS = 1_005

interface BackgroundParts {
  closing: Closing
  fail(error: unknown): void
  /** Monotonic: since when no other engine has sent from this data directory. */
  lockedAtMs: number
}

/** What goes on beside requests, begun in the order in which one needs the other. */
export async function startBackground(built: Built, { closing, fail, lockedAtMs }: BackgroundParts): Promise<void> {
  closing.add(startInbound(built.inbound))
  closing.add(startMoney(built.money, fail))
  closing.add(startWebhooks(built.webhooks))
  // Nothing is sent before all that subscribers wrote is heard: it may be STOP.
  await built.inbound.heard()
  // Nor before what is left of an event that was changed is canceled.
  await built.tending().catchUp()
  // Nor within a second of what an engine before us may have sent: it would be over the carrier's rate in that second.
  const restMs = lockedAtMs + BEHIND_OTHERS_MS - systemClock.monotonic()
  if (restMs > 0) await pause(restMs)
  built.optOut.open()
  await built.jobs.resume()
  closing.add(startRecurrences(built.jobs, fail))
  await built.contacts.imports.resume()
  closing.add(startPrivacy(built.privacy()))
  closing.add(startContacts(built.contacts))
  closing.add(startEvents(built.tending(), fail))
}

/** Looks again and again. Gives how it is stopped: looking first, then what was begun by it. */
function every(ms: number, look: () => void, stop: () => Promise<unknown>): () => Promise<unknown> {
  const timer = setInterval(look, ms)
  return () => {
    clearInterval(timer)
    return stop()
  }
}

/** Nothing that looking began goes on. */
const atOnce = async (): Promise<void> => {}

/** Files that wait for room on the disk are answered until all have ended. Gives how it is stopped. */
export function startSpace(space: SpaceWatch, log: Log): () => Promise<unknown> {
  return every(SPACE_EVERY_MS, () => space.tick(log), atOnce)
}

/**
 * What a process read when it was killed would stay in the store's files for ever, with all that is written since: they would
 * grow and grow. Gives how it is stopped.
 */
export function startReaders({ store, documents, contacts }: Stores): () => Promise<unknown> {
  const roots = [store.environment.root, documents.root, contacts.root]
  const look = (): void => {
    for (const root of roots) root.readerCheck()
  }
  return every(READERS_EVERY_MS, look, atOnce)
}

/** Looks each second whose import is due and what was said by STOP. Gives how it is stopped. */
function startContacts({ imports, heard }: Built['contacts']): () => Promise<unknown> {
  heard.wake()
  const look = (): void => {
    imports.tick()
    heard.wake()
  }
  return every(CONTACTS_EVERY_MS, look, () => heard.stop())
}

/** Reads what subscribers sent, and looks each second whose time is over. Gives how it is stopped. */
function startInbound(inbound: InboundDesk): () => Promise<unknown> {
  inbound.start()
  return every(
    INBOUND_EVERY_MS,
    () => inbound.wake(),
    () => inbound.stop(),
  )
}

/** Delivers what happened, and looks a few times a second whose retry is due. Gives how it is stopped. */
function startWebhooks(webhooks: WebhookDesk): () => Promise<unknown> {
  return every(
    WEBHOOKS_EVERY_MS,
    () => webhooks.tick(),
    () => webhooks.stop(),
  )
}

/** Makes the runs of recurring jobs. Gives how it is stopped. */
function startRecurrences({ recurrences }: Jobs, fail: (error: unknown) => void): () => Promise<unknown> {
  return every(
    RECURRENCES_EVERY_MS,
    () => recurrences.tick().catch(fail),
    () => recurrences.stop(),
  )
}

/** Goes on with what is being erased, and looks each second what is to be forgotten. Gives how it is stopped. */
function startPrivacy({ erasures, retention, anchors }: BuiltPrivacy): () => Promise<unknown> {
  erasures.resume()
  const look = (): void => {
    retention.tick()
    anchors.tick()
  }
  return every(RETENTION_EVERY_MS, look, async () => {
    await Promise.all([erasures.stop(), retention.stop()])
    anchors.note()
  })
}

/** Looks each second at what automatic events have to do by themselves. Gives how it is stopped. */
function startEvents(tending: EventTending, fail: (error: unknown) => void): () => Promise<unknown> {
  return every(
    EVENTS_EVERY_MS,
    () => tending.tend().catch(fail),
    () => tending.stop(),
  )
}

/** Settles what was stored since, each second. Gives how it is stopped. */
function startMoney(money: Money, fail: (error: unknown) => void): () => Promise<unknown> {
  return every(
    MONEY_EVERY_MS,
    () => money.fold().catch(fail),
    () => money.stop(),
  )
}
