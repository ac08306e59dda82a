/** The wire that misbehaves in the torture: what it breaks off stays broken off. */
import type { Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import t from 'tap'
import { ChaosPipe } from '../proof/torture/chaos-pipe.js'
import { Random } from '../src/engine/base/random.js'
import { seed } from './seed.js'

t.test('nothing follows the part of a chunk that a connection was torn in, however late it ends', async (t) => {
  const [from, to] = [new PassThrough(), new PassThrough()]
  let torn = 0
  const pipe = new ChaosPipe({
    from: from as unknown as Socket,
    to: to as unknown as Socket,
    random: new Random(seed),
    direction: 'up',
    torn: () => torn++,
  })
  pipe.tearNext()
  from.emit('data', Buffer.from('a'.repeat(50)))
  // Before its end: the next read of the same turn, and another trouble on the same wire.
  from.emit('data', Buffer.from('b'.repeat(50)))
  pipe.set({ delayMs: 0, pieces: false, stalled: 'none' })
  await new Promise((resolve) => setImmediate(resolve))
  t.equal(torn, 1)
  const passed = String(to.read() ?? '')
  t.match(passed, /^a{0,49}$/, passed)
})
