/**
 * validity_period (SMPP 3.4 §7.1.1) from the time at which a message expires: `YYMMDDhhmmsstnnp`. Tenths are one digit,
 * absolute times are UTC with a plus, since carriers get other zones wrong (carriers.md 81); a relative time is days and
 * below, since the length of its months and years is anybody's guess.
 */
import type { SmppCarrierConfig } from '../engine/config/smpp-carrier.js'

const NOTHING = Buffer.alloc(0)
export const VALIDITY_BYTES = 16
const DAY_SECONDS = 86_400
const DAYS_MAX = 99

export class ValidityPeriod {
  readonly #form: SmppCarrierConfig['validityPeriod']
  readonly #nowMs: () => number
  #lastKey = -1
  #last = NOTHING

  constructor(form: SmppCarrierConfig['validityPeriod'], nowMs: () => number) {
    this.#form = form
    this.#nowMs = nowMs
  }

  /** The characters without their NUL, none where there is nothing to say. `expiresAtSeconds`: epoch, 0 = never. */
  of(expiresAtSeconds: number): Buffer {
    if (expiresAtSeconds === 0 || this.#form === 'none') return NOTHING
    const relative = this.#form === 'relative'
    // What is over already was stopped before; a part of a second is told as a second.
    const key = relative ? Math.max(1, expiresAtSeconds - Math.floor(this.#nowMs() / 1000)) : expiresAtSeconds
    if (key !== this.#lastKey) {
      this.#lastKey = key
      this.#last = Buffer.from(relative ? relativeText(key) : absoluteText(key), 'latin1')
    }
    return this.#last
  }
}

function absoluteText(epochSeconds: number): string {
  return `${new Date(epochSeconds * 1000).toISOString().replace(/[-:T]/g, '').slice(2, 14)}000+`
}

function relativeText(seconds: number): string {
  const days = Math.min(Math.floor(seconds / DAY_SECONDS), DAYS_MAX)
  const time = new Date((seconds % DAY_SECONDS) * 1000).toISOString().slice(11, 19).replaceAll(':', '')
  return `0000${String(days).padStart(2, '0')}${time}000R`
}
