/**
 * Whether a carrier counts a NUL at the end of each text (carriers.md 65). In GSM 7-bit 0 is '@', so one message cannot
 * tell; a carrier that does it does it always. Main thread, per run of the process.
 */
export type TrailingNul = 'auto' | 'keep' | 'strip'

export class NulHabit {
  /** Carriers of which a text came that did not end in 0. */
  readonly #plain = new Set<string>()

  /** True: a last octet of 0 in this text is no '@'. `payload` is unpacked GSM 7-bit text. */
  look(carrier: string, payload: Buffer, rule: TrailingNul): boolean {
    if (payload.length === 0) return false
    if (payload.at(-1) !== 0) this.#plain.add(carrier)
    return rule === 'auto' ? !this.#plain.has(carrier) : rule === 'strip'
  }
}
