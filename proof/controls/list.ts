/** The controls: each promise of reliability.md is broken at least once. */
import type { Check, Control } from './control.js'

const SEED = '20261122'

/** A scenario of scenarios.ts. */
function scenario(name: string, promise: string): Check {
  return { program: 'proof/controls/scenarios', args: [SEED, name], finds: `${promise} is broken` }
}

/** One test of the project's own. */
function test(program: string, only: string): Check {
  return { program: `test/${program}.test`, only, finds: only }
}

export const controls: readonly Control[] = [
  {
    name: 'answer-before-commit',
    promise: 'P1',
    breaks: 'a message is acknowledged while its commit is still under way',
    patches: [
      {
        file: 'engine/messages/group-commit',
        before: 'await this.#deps.append(appendsOf(batch), batch.notes)',
        after: 'void this.#deps.append(appendsOf(batch), batch.notes)',
      },
    ],
    check: scenario('power', 'P1'),
  },
  {
    name: 'no-sync',
    promise: 'P1',
    breaks: 'the store does not wait for the disk',
    patches: [
      {
        file: 'engine/store/open-root',
        before: 'overlappingSync: false,',
        after: 'overlappingSync: false, noSync: true,',
      },
    ],
    check: scenario('power', 'P1'),
  },
  {
    name: 'slot-without-cap',
    promise: 'P2',
    breaks: 'a slot is free as soon as it is answered, however many answers are not durable',
    patches: [{ file: 'smpp/bind', before: 'window + cap - inFlight - this.#unsettled', after: 'window - inFlight' }],
    check: scenario('repeats', 'P2'),
  },
  {
    name: 'key-beside-the-work',
    promise: 'P3',
    breaks: 'the answer of an Idempotency-Key is stored after the messages, not with them',
    patches: [{ file: 'engine/accounts/kept-answers', before: '(running === null)', after: '(running !== undefined)' }],
    check: scenario('keys', 'P3'),
  },
  {
    name: 'no-order',
    promise: 'P4',
    breaks: 'a message does not wait for the one before it to the same number',
    patches: [
      {
        file: 'engine/schedule/key-order',
        before: 'holder === ref',
        after: 'holder >= 0',
      },
    ],
    check: test('dispatch-failover', 'messages to one number stay in order whatever is throttled'),
  },
  {
    name: 'receipt-before-commit',
    promise: 'P5',
    breaks: 'a receipt is answered with ESME_ROK before it is durable',
    patches: [
      {
        file: 'engine/dispatch/outcomes',
        before: 'ledger.acknowledge({ channel, bind: entry.bind, session',
        after:
          'void ((ack) => carriers[channel].channel.acknowledge(ack.bind, ack.session, ack.sequence, true))({ bind: entry.bind, session',
      },
    ],
    check: scenario('receipts', 'P5'),
  },
  {
    name: 'orphans-dropped',
    promise: 'P5',
    breaks: 'a receipt that matches nothing is thrown away',
    patches: [
      {
        file: 'engine/dispatch/receipts',
        before: 'this.#ledger.commit.orphans.push(this.#orphans.add(this.#keys(from, viewOf(entry)), orphan))',
        after: 'void orphan',
      },
    ],
    check: test('dispatch-loop', 'a receipt that matches nothing is durable before it is acknowledged'),
  },
  {
    name: 'burst-of-a-second',
    promise: 'P6',
    breaks: 'the limiter is a token bucket with a burst of R',
    patches: [
      { file: 'engine/base/rate', before: 'const BURST_MS = 5', after: 'const BURST_MS = 1000' },
      { file: 'engine/base/rate', before: 'const CREDIT_MS = 150', after: 'const CREDIT_MS = 1000' },
      {
        file: 'engine/base/rate',
        before: 'const room = this.#cap - this.#sum',
        after: 'const room = 2 * this.#cap - this.#sum',
      },
    ],
    check: scenario('seconds', 'P6'),
  },
  {
    name: 'foreign-messages',
    promise: 'P7',
    breaks: 'a message is shown to whoever knows its id',
    patches: [
      {
        file: 'engine/messages/message-reader',
        before: 'const isForeign = reader === null || (account !== null && reader.account !== account)',
        after: 'const isForeign = reader === null',
      },
    ],
    check: test('engine-jobs', 'a foreign job or message is answered exactly as an unknown one'),
  },
  {
    name: 'opt-out-at-intake-alone',
    promise: 'P8',
    breaks: 'the number is not looked up again just before the message is written',
    patches: [
      {
        file: 'engine/dispatch/sender',
        before: 'if (this.#suppressions !== null && this.#isSuppressed(this.#suppressions, body, place)) {',
        after: 'if (body === null) {',
      },
    ],
    check: scenario('opt-outs', 'P8'),
  },
  {
    name: 'laxest-zone',
    promise: 'P9',
    breaks: 'of the zones that a recipient may be in, one that is open is enough',
    patches: [
      {
        file: 'engine/schedule/recipient-hours',
        before: 'states.every((state) => state.isOpen)',
        after: 'states.some((state) => state.isOpen)',
      },
    ],
    check: test('recipient-hours', 'hours that several zones share'),
  },
  {
    name: 'checksum-unread',
    promise: 'P10',
    breaks: 'a record is sent whatever its checksum says',
    patches: [
      {
        file: 'engine/store/block',
        before: 'return crc32c(bytes, at + 4, end) === bytes.readUInt32LE(at) ? at : -1',
        after: 'return at',
      },
    ],
    check: test('dispatch-loop', 'a damaged record fails with its own reason and costs no other message'),
  },
  {
    name: 'never-congested',
    promise: 'P11',
    breaks: 'what a peer does not read piles up in memory',
    patches: [{ file: 'smpp/writer', before: 'return this.#unflushed >= UNFLUSHED_MAX', after: 'return false' }],
    check: test('smpp-channel', 'a peer that stops reading bounds what is written'),
  },
  {
    name: 'guard-by-lookup-alone',
    promise: 'SSRF',
    breaks: 'only addresses that a name resolves to are checked, never those that stand in the URL (security.md)',
    patches: [
      {
        file: 'http/webhook/receiver-url',
        before: 'return isPublicAddress(receiver.host) ? receiver : NOT_PUBLIC',
        after: 'return receiver',
      },
      {
        file: 'http/webhook/courier',
        before: 'if (!addresses.every((address) => this.#mayReach(address)))',
        after: 'if (!receiver.isLiteral && !addresses.every((address) => this.#mayReach(address)))',
      },
      {
        file: 'http/webhook/courier',
        before: 'return addresses.every((address) => this.#mayReach(address)) ? null : NOT_PUBLIC',
        after: 'return receiver.isLiteral || addresses.every((address) => this.#mayReach(address)) ? null : NOT_PUBLIC',
      },
    ],
    check: scenario('guard', 'SSRF'),
  },
]
