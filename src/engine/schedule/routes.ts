/**
 * Which carriers of a route take messages now. Pure.
 *
 * Carriers of the lowest order that is up share what is sent by weight; those of a higher order take over when none of
 * these is up, and, where the route says so, what has waited too long for them.
 */
export interface RouteCarrier {
  id: string
  /** Lower is preferred. */
  order: number
  /** Share among carriers of the same order. */
  weight: number
}

/** A route as the dispatcher uses it. */
export interface RouteTerms {
  carriers: readonly RouteCarrier[]
  /** A message that waited so long for the preferred carriers may go by the next ones; 0: never. */
  failoverAfterMs: number
}

/** `avoided`: it works, and another carrier of the route is to be used where there is one. */
export type Standing = 'up' | 'avoided' | 'down'

/** Parts by which one carrier may be ahead of its share, for each unit of the smallest weight. */
const ROUNDS_AHEAD = 4

/** One carrier of a route. */
export class Outlet {
  readonly carrier: string
  readonly order: number
  /** Relative to the smallest weight of the route. */
  readonly weight: number
  /** Takes any message of the route now. */
  isOpen = false
  /** Takes messages that have waited so long, in ms; Infinity: none. */
  overflowAfterMs = Number.POSITIVE_INFINITY
  /** Parts taken since the carriers in use last changed. */
  taken = 0

  constructor(carrier: RouteCarrier, smallestWeight: number) {
    this.carrier = carrier.id
    this.order = carrier.order
    this.weight = carrier.weight / smallestWeight
  }
}

export class Route {
  readonly number: number
  readonly outlets: readonly Outlet[]
  readonly failoverAfterMs: number
  /** Several carriers share what is sent. */
  isShared = false

  constructor(number: number, terms: RouteTerms) {
    const smallest = Math.min(...terms.carriers.map(({ weight }) => weight))
    this.number = number
    this.outlets = terms.carriers.map((carrier) => new Outlet(carrier, smallest))
    this.failoverAfterMs = terms.failoverAfterMs
  }

  get hasOpen(): boolean {
    return this.outlets.some(({ isOpen }) => isOpen)
  }

  /** Opens and closes outlets as the carriers stand. True: something changed. */
  update(standing: (carrier: string) => Standing): boolean {
    const stands = this.outlets.map(({ carrier }) => standing(carrier))
    const wanted = stands.includes('up') ? 'up' : 'avoided'
    const best = Math.min(...this.outlets.filter((_, n) => stands[n] === wanted).map(({ order }) => order))
    let hasChanged = false
    this.outlets.forEach((outlet, n) => {
      const isOpen = stands[n] === wanted && outlet.order === best
      const overflowAfterMs = isOpen || stands[n] !== 'up' ? Number.POSITIVE_INFINITY : this.#overflowAfter(outlet)
      hasChanged ||= isOpen !== outlet.isOpen || overflowAfterMs !== outlet.overflowAfterMs
      outlet.isOpen = isOpen
      outlet.overflowAfterMs = overflowAfterMs
    })
    if (!hasChanged) return false
    this.isShared = this.outlets.filter(({ isOpen }) => isOpen).length > 1
    for (const outlet of this.outlets) outlet.taken = 0
    return true
  }

  /** The waiting time once for each order that comes before. */
  #overflowAfter(outlet: Outlet): number {
    if (this.failoverAfterMs === 0) return Number.POSITIVE_INFINITY
    const before = new Set(this.outlets.map(({ order }) => order).filter((order) => order < outlet.order))
    return before.size === 0 ? Number.POSITIVE_INFINITY : before.size * this.failoverAfterMs
  }

  /** Parts that an open outlet may take before the others have had their share. */
  allowance(outlet: Outlet): number {
    if (!this.isShared || !outlet.isOpen) return Number.POSITIVE_INFINITY
    let least = Number.POSITIVE_INFINITY
    for (const other of this.outlets) if (other.isOpen) least = Math.min(least, other.taken / other.weight)
    return Math.max(0, Math.ceil((least + ROUNDS_AHEAD) * outlet.weight - outlet.taken))
  }

  /**
   * The outlet for a message that some carriers have refused: in order of preference the first that is in use and has
   * not refused, else the first that has not; null: all have.
   */
  outletBeside(hasRefused: (carrier: string) => boolean, isUp: (carrier: string) => boolean): Outlet | null {
    const left = this.outlets.filter(({ carrier }) => !hasRefused(carrier)).sort((a, b) => a.order - b.order)
    return left.find(({ carrier }) => isUp(carrier)) ?? left[0] ?? null
  }
}
