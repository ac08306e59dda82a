/** `trunkline smsc`: the simulator as a process of its own, with its statistics over HTTP while it runs. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { silentLog } from '../../engine/contract/log.js'
import { Smsc } from './smsc.js'
import type { SmscOptions } from './smsc-options.js'
import { parseSubscriberMessage } from './subscriber-pdu.js'

const BODY_MAX = 256 * 1024

/**
 * Prints `{"listening":{"host":…,"port":…,"statsPort":…}}` as one line once it accepts connections. Ends on SIGTERM or
 * SIGINT, or when the parent that started it with an IPC channel is gone: prints the statistics as one JSON line and
 * exits 0.
 */
export async function runSmsc(options: SmscOptions): Promise<void> {
  const smsc = new Smsc(options, silentLog)
  const { port } = await smsc.listen()
  const stats = options.statsPort === undefined ? null : await serveStats(smsc, options.host, options.statsPort)
  const listening = { host: options.host, port, statsPort: stats?.port ?? null }
  process.stdout.write(`${JSON.stringify({ listening })}\n`)
  await ended()
  stats?.server.close()
  stats?.server.closeAllConnections()
  await smsc.close()
  await new Promise<void>((resolve) => process.stdout.write(`${JSON.stringify(smsc.stats())}\n`, () => resolve()))
  process.exit(0)
}

function ended(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
    process.once('disconnect', resolve)
  })
}

/** POST /inbound: a subscriber sends the message of the body; answered when the peers took all of it. */
async function receive(smsc: Smsc, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const answer = (status: number, value: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }
  try {
    let text = ''
    for await (const piece of request.setEncoding('utf8')) {
      text += piece
      if (text.length > BODY_MAX) throw new RangeError('the body is too long')
    }
    answer(200, { pdus: await smsc.subscribers.send(parseSubscriberMessage(text)) })
  } catch (error) {
    answer(400, { detail: String(error) })
  }
}

function serveStats(smsc: Smsc, host: string, wanted: number): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    if (request.method === 'POST' && request.url === '/inbound') {
      void receive(smsc, request, response)
      return
    }
    if (request.method !== 'GET') {
      response.writeHead(405).end()
      return
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(smsc.stats()))
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(wanted, host, () => resolve({ server, port: (server.address() as { port: number }).port }))
  })
}
