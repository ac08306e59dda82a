/** /metrics on a host and port of its own, where the configuration asks for one. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { EngineApi } from '../engine/contract/api.js'
import type { Log } from '../engine/contract/log.js'

const CONNECTIONS_MAX = 256
const SILENCE_MS = 120_000

export interface MetricsServer {
  url: string
  close(): Promise<void>
}

export async function startMetricsServer(
  engine: EngineApi,
  log: Log,
  { host, port }: { host: string; port: number },
): Promise<MetricsServer> {
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 10_000, connectionsCheckingInterval: 2_000 },
    (request, response) => {
      if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') response.writeHead(404).end()
      else void answer(engine, log, response)
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  // Who takes nothing of the answer, or sits there, goes soon: it is asked by a few who know what they want.
  server.setTimeout(SILENCE_MS, (socket) => socket.destroy())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return {
    url: `http://${hostInUrl(host)}:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function answer(engine: EngineApi, log: Log, response: ServerResponse): Promise<void> {
  try {
    const text = await engine.metrics()
    response.writeHead(200, { 'content-type': text.contentType }).end(metricsBytes(text))
  } catch (err) {
    log.error({ err }, 'metrics failed')
    response.writeHead(500).end()
  }
}

const encoded = new WeakMap<object, Buffer>()

/** The same octets for all who share a text: a megabyte for each of a thousand sockets would be a gigabyte. */
export function metricsBytes(text: { body: string }): Buffer {
  let bytes = encoded.get(text)
  if (bytes === undefined) {
    bytes = Buffer.from(text.body)
    encoded.set(text, bytes)
  }
  return bytes
}

export function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
