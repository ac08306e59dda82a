/** Answers to receipts and subscribers' messages that wait for a commit: columns, since at full rate there is one a message. */

export interface Ack {
  channel: number
  bind: number
  session: number
  sequence: number
}

/** A commit's worth at usual rates. */
const FIRST_ROWS = 1024

export class Acks {
  count = 0
  channel = new Uint16Array(FIRST_ROWS)
  bind = new Uint16Array(FIRST_ROWS)
  session = new Float64Array(FIRST_ROWS)
  sequence = new Float64Array(FIRST_ROWS)

  add({ channel, bind, session, sequence }: Ack): void {
    const row = this.count++
    if (row === this.channel.length) this.#grow()
    this.channel[row] = channel
    this.bind[row] = bind
    this.session[row] = session
    this.sequence[row] = sequence
  }

  #grow(): void {
    const rows = this.channel.length * 2
    this.channel = widened(this.channel, new Uint16Array(rows))
    this.bind = widened(this.bind, new Uint16Array(rows))
    this.session = widened(this.session, new Float64Array(rows))
    this.sequence = widened(this.sequence, new Float64Array(rows))
  }
}

function widened<T extends { set(source: T): void }>(from: T, to: T): T {
  to.set(from)
  return to
}
