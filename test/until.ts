/** Asking over and over until an answer fits, for tests. */
import { setTimeout as pause } from 'node:timers/promises'

const BETWEEN_MS = 20

/** What comes of asking until it is so; the time limit of the test ends it. */
export async function until<T>(ask: () => Promise<T>, isSo: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (isSo(answer)) return answer
    await pause(BETWEEN_MS)
  }
}
