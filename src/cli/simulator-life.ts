/** How simulators run as processes of their own: what their first and last lines say, what ends them, and their counters over HTTP. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

const BODY_MAX = 256 * 1024

export interface SimulatorLife {
  host: string
  port: number
  /** Where its counters are served; undefined: nowhere. 0: any free port. */
  statsPort: number | undefined
  stats(): object
  /** What may be asked of it by POST: path → answer to the body. Rejects with what is wrong with the body. */
  posts: Readonly<Record<string, (body: string) => Promise<object>>>
  close(): Promise<void> | void
}

/**
 * Prints `{"listening":{"host":…,"port":…,"statsPort":…}}` as one line. Ends on SIGTERM or SIGINT, or when the parent that
 * started it with an IPC channel is gone: prints the statistics as one JSON line and exits 0.
 */
export async function liveAsProcess(life: SimulatorLife): Promise<void> {
  const { host, port } = life
  const stats = life.statsPort === undefined ? null : await serveStats(life, life.statsPort)
  // Asked for first: whoever reads the line may signal at once.
  const isOver = ended()
  process.stdout.write(`${JSON.stringify({ listening: { host, port, statsPort: stats?.port ?? null } })}\n`)
  await isOver
  stats?.server.close()
  stats?.server.closeAllConnections()
  await life.close()
  await new Promise<void>((resolve) => process.stdout.write(`${JSON.stringify(life.stats())}\n`, () => resolve()))
  process.exit(0)
}

function ended(): Promise<void> {
  return new Promise((resolve) => {
    process.once('SIGTERM', resolve)
    process.once('SIGINT', resolve)
    process.once('disconnect', resolve)
  })
}

async function answerPost(
  post: (body: string) => Promise<object>,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const answer = (status: number, value: object): void => {
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(value))
  }
  try {
    let text = ''
    for await (const piece of request.setEncoding('utf8')) {
      text += piece
      if (text.length > BODY_MAX) throw new RangeError('the body is too long')
    }
    answer(200, await post(text))
  } catch (error) {
    answer(400, { detail: String(error) })
  }
}

function serveStats(life: SimulatorLife, wanted: number): Promise<{ server: Server; port: number }> {
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    const post = request.method === 'POST' && Object.hasOwn(life.posts, path) ? life.posts[path]! : null
    if (post !== null) void answerPost(post, request, response)
    else if (request.method !== 'GET') response.writeHead(405).end()
    else response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(life.stats()))
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(wanted, life.host, () => resolve({ server, port: (server.address() as { port: number }).port }))
  })
}
