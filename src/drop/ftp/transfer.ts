/** One data connection under way: awaited, opened, and given up when the client says ABOR, is late, or is gone. Site thread. */
import type { Control } from './control.js'
import { DataError, type DataPort } from './data-port.js'
import { DataStream } from './data-stream.js'
import { type Reply, reply } from './reply.js'

/** From the command to a data connection that can be used. */
const BEGIN_MS = 30_000

export class Transfer {
  readonly #port: DataPort
  #data: DataStream | null = null
  #deadlineMs: number | null
  #failure: DataError | null = null

  constructor(port: DataPort, nowMs: number) {
    this.#port = port
    this.#deadlineMs = nowMs + BEGIN_MS
  }

  /** Answers 150 once the connection is there. @throws DataError. */
  async open(control: Control, isUpload: boolean, opening: Reply): Promise<DataStream> {
    const socket = await this.#port.connection()
    control.say(opening)
    const { state, host } = control
    const context = state.isDataTls ? control.dataContext : null
    const terms = { context, isUpload, needsReuse: host.config.requireSessionReuse }
    const data = await DataStream.begin(socket, terms, (made) => {
      this.#data = made
      if (this.#failure !== null) made.fail(this.#failure)
    })
    this.#deadlineMs = null
    return data
  }

  fail(error: DataError): void {
    this.#failure ??= error
    this.#port.close()
    this.#data?.fail(error)
  }

  tick(nowMs: number): void {
    if (this.#deadlineMs === null || nowMs < this.#deadlineMs) return
    this.#deadlineMs = null
    this.fail(new DataError('late', 'The data connection did not come in time; is a firewall in its way?'))
  }

  /** Nothing of it stays but a connection that `keep` was handed. */
  close(): void {
    this.#port.close()
  }
}

/** null: a data connection may be opened. */
export function dataProblem({ state, host }: Control): Reply | null {
  if (state.dataPort === null) return reply(425, 'Say where from: EPSV or PASV first.')
  if (!state.isDataTls && !host.config.allowPlain) {
    return reply(521, 'Files are sent over TLS only here: PBSZ 0 and PROT P first.')
  }
  return null
}

/** Opens the data connection, does `work` with it and answers. What goes wrong is thrown for the session to answer. */
export async function withData(
  control: Control,
  { isUpload, opening }: { isUpload: boolean; opening: Reply },
  work: (data: DataStream) => Promise<Reply>,
): Promise<Reply> {
  const { state, host } = control
  const transfer = new Transfer(state.dataPort!, host.clock.monotonic())
  state.dataPort = null
  control.transfer = transfer
  let data: DataStream | null = null
  try {
    data = await transfer.open(control, isUpload, opening)
    return await work(data)
  } catch (error) {
    data?.destroy()
    throw error
  } finally {
    control.transfer = null
    transfer.close()
  }
}
