/**
 * What can go wrong around an engine that lives: wires, carriers, the sink, the disk, the client's connection. Each trouble is
 * begun, lasts, and is ended so that everything is as it was.
 */
import type { Random } from '../../src/engine/base/random.js'
import type { Cut } from './chaos-proxy.js'
import type { SinkMode } from './sink.js'
import type { Stand } from './stand.js'

export interface Trouble {
  kind: string
  /** As in `Stand.noteFault`. */
  on: string
  begin(): Promise<void> | void
  end(): Promise<void> | void
  /** The longest that it lasts. */
  mostMs: number
}

/** The disk under an engine, where there is one that can be slowed: test/disk-faults.ts. */
export interface SlowableDisk {
  set(values: { syncDelayUs: number }): void
}

const CUTS: readonly Cut[] = ['fin', 'rst', 'half', 'torn']
/** Shares of submits, see src/smpp/simulator/faults.ts. */
const MANNERS = [
  'throttle=0.2',
  'throttle=0.05:0x14',
  'drop=0.01',
  'noresp=0.02',
  'dupresp=0.2',
  'nack=0.05',
  'early=0.6',
  'reject=0.03',
  'reject=0.1:0x08',
  'throttle=0.1,noresp=0.01,early=0.3,dupresp=0.1',
] as const
const MODES: readonly SinkMode[] = ['dead', 'slow', 'hang', '500', '429', '410']

type Maker = (stand: Stand, random: Random) => Trouble

const nothing = (): void => {}

function anyOf<T>(random: Random, list: readonly T[]): T {
  return list[random.below(list.length)]!
}

/** The name of a carrier. */
function carrierOf({ carriers }: Stand, random: Random): string {
  return anyOf(random, carriers.names)
}

const wireWeather: Maker = (stand, random) => {
  const on = anyOf(random, [...stand.carriers.names, 'sink', 'http'])
  const wire = stand.wires[on]!
  const end = () => wire.calm()
  switch (random.below(3)) {
    case 0: {
      const delayMs = 20 + random.below(280)
      return { kind: `delay ${delayMs} ms`, on, begin: () => wire.set({ delayMs }), end, mostMs: 3_000 }
    }
    case 1:
      return { kind: 'pieces', on, begin: () => wire.set({ pieces: true }), end, mostMs: 3_000 }
    default: {
      const stalled = anyOf(random, ['up', 'down', 'both'] as const)
      return { kind: `stalled ${stalled}`, on, begin: () => wire.set({ stalled }), end, mostMs: 4_500 }
    }
  }
}

const cut: Maker = (stand, random) => {
  const on = anyOf(random, [...stand.carriers.names, ...stand.carriers.names, 'sink', 'http'])
  const how = anyOf(random, CUTS)
  const begin = (): void => {
    stand.wires[on]!.cut(how)
  }
  return { kind: `cut ${how}`, on, begin, end: nothing, mostMs: 300 }
}

const manners: Maker = (stand, random) => {
  const on = carrierOf(stand, random)
  const faults = anyOf(random, MANNERS)
  return {
    kind: faults,
    on,
    begin: () => stand.carriers.setFaults(on, faults),
    end: () => stand.carriers.setFaults(on, stand.faultsOf(on)),
    mostMs: 4_000,
  }
}

/** What it does not read then, such as our answers to its receipts, it has to ask for anew: it begins its sessions again after. */
const silence: Maker = (stand, random) => {
  const on = carrierOf(stand, random)
  const { carriers } = stand
  const end = async (): Promise<void> => {
    await carriers.order(on, 'unmute')
    await carriers.order(on, 'drop')
  }
  return { kind: 'mute', on, begin: () => carriers.order(on, 'mute'), end, mostMs: 5_000 }
}

const slowAnswers: Maker = (stand, random) => {
  const on = carrierOf(stand, random)
  const ms = 50 + random.below(800)
  const { carriers } = stand
  return {
    kind: `answers after ${ms} ms`,
    on,
    begin: () => carriers.setLatency(on, ms),
    end: () => carriers.setLatency(on, stand.latencyMs),
    mostMs: 3_000,
  }
}

const leave: Maker = (stand, random) => {
  const on = carrierOf(stand, random)
  const what = anyOf(random, ['drop', 'unbind'] as const)
  return { kind: what, on, begin: () => stand.carriers.order(on, what), end: nothing, mostMs: 300 }
}

const freeze: Maker = ({ carriers }) => {
  return { kind: 'SIGSTOP', on: 'carriers', begin: () => carriers.freeze(), end: () => carriers.thaw(), mostMs: 5_000 }
}

const sink: Maker = (stand, random) => {
  const mode = anyOf(random, MODES)
  const begin = (): void => {
    stand.sink.mode = mode
  }
  const end = (): void => {
    stand.sink.mode = 'ok'
  }
  return { kind: mode, on: 'sink', begin, end, mostMs: 4_000 }
}

function slowDisk(disk: SlowableDisk): Maker {
  return (_stand, random) => {
    const ms = 5 + random.below(300)
    const begin = () => disk.set({ syncDelayUs: ms * 1_000 })
    return { kind: `sync after ${ms} ms`, on: 'disk', begin, end: () => disk.set({ syncDelayUs: 0 }), mostMs: 3_000 }
  }
}

/** Draws troubles, the frequent ones more often. */
export class Troubles {
  readonly #makers: Maker[]
  readonly #stand: Stand

  constructor(stand: Stand, disk: SlowableDisk | null) {
    this.#stand = stand
    const usual = [
      wireWeather,
      wireWeather,
      wireWeather,
      cut,
      cut,
      manners,
      manners,
      manners,
      silence,
      slowAnswers,
      leave,
      freeze,
    ]
    this.#makers = [...usual, sink, sink, ...(disk === null ? [] : [slowDisk(disk)])]
  }

  draw(random: Random): Trouble {
    return anyOf(random, this.#makers)(this.#stand, random)
  }
}
