/** What single messages meet at the carrier: receipts before responses, answers that never came, the end of the engine. */
import { setTimeout as pause } from 'node:timers/promises'
import { SingleMessages } from './single-messages.js'

/** Between a submit and its response, and so between a receipt that comes early and its message. */
const EARLY_MS = 40
/** No answer comes while this engine lives. */
const SILENT_MS = 20_000
const LOOK_MS = 5
/** Of these so many are under way when the engine dies; a window holds twenty. */
const UNDER_WAY = 15

/** The receipt leaves before the response: it is parked, and joined when the response is there. */
export class EarlyReceipts extends SingleMessages {
  async before(): Promise<void> {
    this.stand.smsc.setFaults('early=1')
    this.stand.smsc.setLatency(EARLY_MS)
  }

  override async settle(): Promise<void> {
    this.stand.smsc.setFaults('')
    this.stand.smsc.setLatency(0)
    await super.settle()
  }
}

/** Starts find messages under way of a kill before. */
export class LeftUnderWay extends SingleMessages {
  async before(): Promise<void> {
    const { smsc, engine } = this.stand
    const { submits } = smsc.stats()
    await engine.start()
    smsc.setLatency(SILENT_MS)
    const asked = smsc.stats().submits
    while (smsc.stats().submits < asked + UNDER_WAY) {
      await this.step()
      await pause(LOOK_MS)
    }
    await engine.kill()
    smsc.setLatency(0)
    // One more death with messages in the window, though of no crash point.
    if (smsc.stats().submits > submits) this.stand.crashes++
  }
}

/** SIGTERM of an engine that has done its work. */
export class Stopped extends SingleMessages {
  override async step(): Promise<void> {
    const { engine, messages } = this.stand
    await super.step()
    await messages.untilDelivered()
    engine.signal('SIGTERM')
    await engine.exited
  }
}
