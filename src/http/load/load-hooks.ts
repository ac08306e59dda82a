/** Puts the bounds of load into a server: before anybody is let in, before a body is read, and when an answer goes. Main thread. */
import { readFileSync } from 'node:fs'
import type { IncomingHttpHeaders } from 'node:http'
import { getHeapStatistics } from 'node:v8'
import type { Config } from '../../engine/config/schema.js'
import { limits } from '../../engine/contract/limits.js'
import type { Metrics } from '../../engine/contract/metrics.js'
import type { App } from '../app.js'
import { Drains } from './drains.js'
import { LoadGate } from './load-gate.js'
import { MemoryWatch, ownHeap } from './memory.js'
import { Patience } from './patience.js'

type Bounds = Config['http']['limits']

export interface LoadDeps {
  bounds: Bounds
  metrics: Metrics
  /** Monotonic milliseconds. */
  now(): number
}

/** The first hooks of the server; `admit`, `bodyBegins` and `bodyRead` are called by its own. */
export function watchLoad(app: App, { bounds, metrics, now }: LoadDeps): LoadGate {
  const bodyBytes = Math.min(limits.bodyBytesAtOnce, getHeapStatistics().heap_size_limit * limits.bodyHeapShare)
  const memory = new MemoryWatch(ownHeap())
  const isScarce = () => memory.isScarce
  const gate = new LoadGate({ bounds: withFiles(bounds, openFilesMax()), metrics, now, bodyBytes, isScarce })
  gate.connections.listen(app.server)
  const waiting = () => gate.answerBytes
  const dropped = (reason: string) => gate.dropped(reason)
  const patience = new Patience({ connections: gate.connections, waiting, dropped, now })
  app.decorateRequest('ticket', null)
  const drains = new Drains()
  app.addHook('onClose', async () => {
    patience.close()
    memory.close()
    drains.close()
  })
  app.addHook('onRequest', (request, reply, done) => {
    if (gate.begin(request, reply)) done()
  })
  app.addHook('onSend', (request, _reply, payload, done) => {
    gate.answered(request, payload)
    if (mayHaveBody(request.headers)) drains.add(request.raw)
    done()
  })
  return gate
}

function mayHaveBody(headers: IncomingHttpHeaders): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined
}

/** Of the files that the process may open, half is for the store, carriers, uploads and whatever else comes. */
export function withFiles(bounds: Bounds, files: number): Bounds {
  const connections = Math.min(bounds.connections, Math.floor(files / 2))
  const requests = Math.min(bounds.requests, Math.floor(connections / 2))
  return { ...bounds, connections, requests, uploads: Math.min(bounds.uploads, Math.floor(files / 8)) }
}

/** Node raises the soft limit to the hard one as it starts. Where there is no /proc: as many as wanted. */
function openFilesMax(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))
    return line === null ? Number.POSITIVE_INFINITY : Number(line[1])
  } catch {
    return Number.POSITIVE_INFINITY
  }
}
