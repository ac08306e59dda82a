/** The sounds of one play list end to end, and how far they have been taken. Media thread, once a packet. */

/** `octets` in one law; null: silence. */
export interface LoadedClip {
  octets: Buffer | null
  samples: number
}

export class PlayList {
  readonly #clips: readonly LoadedClip[]
  readonly samples: number
  /** Samples taken, from the beginning of the first clip. */
  position = 0
  #clip = 0
  /** Within the clip. */
  #at = 0

  constructor(clips: readonly LoadedClip[]) {
    this.#clips = clips
    this.samples = clips.reduce((sum, { samples }) => sum + samples, 0)
  }

  /** To where a list of the same lengths had come. */
  seek(position: number): void {
    this.position = Math.min(position, this.samples)
    this.#clip = 0
    this.#at = this.position
    while (this.#clip < this.#clips.length && this.#at >= this.#clips[this.#clip]!.samples) {
      this.#at -= this.#clips[this.#clip++]!.samples
    }
  }

  /** The next samples into `packet` from octet `start` to its end, silence where the list is over. */
  fill(packet: Buffer, start: number, silence: number): void {
    let at = start
    while (at < packet.length && this.#clip < this.#clips.length) {
      const clip = this.#clips[this.#clip]!
      const count = Math.min(packet.length - at, clip.samples - this.#at)
      if (clip.octets === null) packet.fill(silence, at, at + count)
      else clip.octets.copy(packet, at, this.#at, this.#at + count)
      at += count
      this.#at += count
      this.position += count
      if (this.#at < clip.samples) return
      this.#clip++
      this.#at = 0
    }
    if (at < packet.length) packet.fill(silence, at)
  }
}
