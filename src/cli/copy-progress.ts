/** How far a copy is, on stderr: octets done, of how many, and how long it still takes. */
import { systemClock } from '../engine/contract/clock.js'
import { duration, ProgressLine, whole } from './output.js'

export class CopyProgress {
  readonly #line = new ProgressLine()
  readonly #startedMs = systemClock.monotonic()

  show(bytes: number, bytesDone: number): void {
    const share = bytes === 0 ? 0 : Math.min(1, bytesDone / bytes)
    const seconds = (systemClock.monotonic() - this.#startedMs) / 1000
    const left = share === 0 ? '' : `, ${duration((seconds / share) * (1 - share))} left`
    this.#line.show(`${mebibytes(bytesDone)} of about ${mebibytes(bytes)}${left}`)
  }

  end(bytes: number): void {
    this.#line.end(`${mebibytes(bytes)} in ${duration((systemClock.monotonic() - this.#startedMs) / 1000)}`)
  }
}

function mebibytes(bytes: number): string {
  return `${whole(bytes / 2 ** 20)} MiB`
}
