/**
 * Which port a call may have. Even ones (RFC 3550 §11; the odd one above it stays free, since no RTCP is spoken), one after
 * the other through the range, so that each is idle as long as can be; and none within 3 s of its last call, whose far end
 * may still be sending. Media thread.
 */
import type { MediaPlace } from './media.js'

const REST_MS = 3_000

/** Ports of one address. */
interface AddressPorts {
  used: Set<number>
  /** Port → when it may be used again, in that order. */
  resting: Map<number, number>
  /** Of each range, by its first port: where to look next. */
  next: Map<number, number>
}

export class PortPool {
  readonly #addresses = new Map<string, AddressPorts>()
  readonly #chance: () => number

  /** @param chance a number in [0, 1): where a range is begun. */
  constructor(chance: () => number) {
    this.#chance = chance
  }

  /** A port of the range to try next, taken until it is released; null: all are used or resting. */
  take({ address, from, to }: MediaPlace, nowMs: number): number | null {
    const ports = this.#portsOf(address, nowMs)
    const first = from + (from % 2)
    const count = Math.floor((to - first) / 2) + 1
    if (count < 1) return null
    const start = ports.next.get(from) ?? Math.floor(this.#chance() * count)
    for (let n = 0; n < count; n++) {
      const place = (start + n) % count
      const port = first + place * 2
      if (ports.used.has(port) || ports.resting.has(port)) continue
      ports.next.set(from, (place + 1) % count)
      ports.used.add(port)
      return port
    }
    return null
  }

  /** Takes a port that the system chose; false: it is odd, used, or resting. */
  claim(address: string, port: number, nowMs: number): boolean {
    const ports = this.#portsOf(address, nowMs)
    if (port % 2 !== 0 || ports.used.has(port) || ports.resting.has(port)) return false
    ports.used.add(port)
    return true
  }

  /** From now on it rests. */
  release(address: string, port: number, nowMs: number): void {
    const ports = this.#portsOf(address, nowMs)
    ports.used.delete(port)
    ports.resting.set(port, nowMs + REST_MS)
  }

  #portsOf(address: string, nowMs: number): AddressPorts {
    const ports = this.#addresses.get(address) ?? { used: new Set(), resting: new Map(), next: new Map() }
    this.#addresses.set(address, ports)
    for (const [port, untilMs] of ports.resting) {
      if (untilMs > nowMs) break
      ports.resting.delete(port)
    }
    return ports
  }
}
