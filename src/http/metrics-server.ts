/** /metrics on a host and port of its own, where the configuration asks for one. */
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { EngineApi } from '../engine/contract/api.js'
import type { Log } from '../engine/contract/log.js'

export interface MetricsServer {
  url: string
  close(): Promise<void>
}

export async function startMetricsServer(
  engine: EngineApi,
  log: Log,
  { host, port }: { host: string; port: number },
): Promise<MetricsServer> {
  const server = createServer({ requestTimeout: 10_000 }, (request, response) => {
    if (request.method !== 'GET' || request.url?.split('?')[0] !== '/metrics') response.writeHead(404).end()
    else void answer(engine, log, response)
  })
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
    const { contentType, body } = await engine.metrics()
    response.writeHead(200, { 'content-type': contentType }).end(body)
  } catch (err) {
    log.error({ err }, 'metrics failed')
    response.writeHead(500).end()
  }
}

export function hostInUrl(host: string): string {
  if (host === '0.0.0.0' || host === '::') return 'localhost'
  return host.includes(':') ? `[${host}]` : host
}
