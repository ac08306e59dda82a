/** What goes wrong in a run, and when, as its plan says. */
import type { Fault } from './plan.js'
import type { WireConnection } from './wire.js'
import type { World } from './world.js'

const CLOG_STEP_MS = 300

export class Faults {
  readonly #world: World
  readonly #clogged = new Set<WireConnection>()
  #isOver = false

  constructor(world: World) {
    this.#world = world
  }

  plan(): void {
    const { time, plan, driver } = this.#world
    for (const fault of plan.faults) time.after(fault.atMs, () => this.#isOver || this.#happen(fault))
    for (const action of plan.actions) {
      time.after(action.atMs, () => this.#isOver || this.#world.guarded(() => driver.act(action)))
    }
  }

  /** From now on nothing goes wrong. */
  end(): void {
    const { smscs, sink, store } = this.#world
    this.#isOver = true
    for (const smsc of smscs) smsc.behave()
    for (const connection of this.#clogged) connection.unclog()
    sink.behave()
    store.behave()
  }

  #happen({ kind, forMs }: Fault): void {
    const world = this.#world
    const { time, random, smscs, sink, store } = world
    world.note(kind, forMs)
    if (kind === 'crash') world.kill(false)
    else if (kind === 'stop') world.stop()
    else if (kind === 'freeze' && world.life !== null) world.life.frozenUntilMs = time.nowMs + forMs
    else if (kind === 'clog') this.#clog(forMs)
    else if (kind === 'cut') this.#cut()
    else if (kind === 'storeFails') store.fail()
    else if (kind === 'storeSlow') {
      store.slow(forMs)
      time.after(2 * forMs, () => store.slow(0))
    } else if (kind === 'carrierDown') smscs[random.below(smscs.length)]!.goDown(forMs)
    else if (kind === 'webhooksDown') sink.goDown(forMs)
  }

  #connections(): WireConnection[] {
    return this.#world.smscs.flatMap((smsc) => smsc.connections())
  }

  #cut(): void {
    const open = this.#connections()
    if (open.length > 0) open[this.#world.random.below(open.length)]!.cut('connection reset')
  }

  /** Stops the links one by one, and lets them go on in another order. */
  #clog(forMs: number): void {
    const { time, random } = this.#world
    const links = this.#connections()
    for (const [index, link] of links.entries()) {
      time.after(index * CLOG_STEP_MS * random.next(), () => {
        if (this.#isOver) return
        link.clog()
        this.#clogged.add(link)
        time.after(forMs * (0.5 + random.next()), () => {
          link.unclog()
          this.#clogged.delete(link)
        })
      })
    }
  }
}
