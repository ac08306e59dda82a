/** The crash points by what reaches them, each group on a folder and an engine of its own. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import ssh2 from 'ssh2'
import { freePort } from '../../bench/processes.js'
import { Gateway } from '../../src/sip/simulator/gateway.js'
import { MailPeer } from '../../test/mail-peer.js'
import { speakerIn } from '../../test/voice-stand.js'
import { ADMIN_KEY } from '../torture/engine-under-test.js'
import type { Reach } from './crash-plan.js'
import { CrashStand } from './crash-stand.js'
import { EarlyReceipts, LeftUnderWay, Stopped } from './workloads/carrier-moments.js'
import { CompactedStores } from './workloads/compacted-stores.js'
import { DroppedFiles, UploadedFiles } from './workloads/dropped-files.js'
import { ErasedPeople } from './workloads/erased-people.js'
import { FileJobs } from './workloads/file-jobs.js'
import { CLOCK_AHEAD, ForgottenMessages } from './workloads/forgotten-messages.js'
import { InboundMessages, Stops } from './workloads/inbound-messages.js'
import { CanceledJobs, ChangedEvents, RecurringJobs } from './workloads/jobs-in-control.js'
import { Calls, Emails } from './workloads/other-channels.js'
import { SingleMessages } from './workloads/single-messages.js'
import { Imports, NewAccounts, Recordings, Suppressed } from './workloads/small-records.js'

export interface CrashGroup {
  stand: CrashStand
  reaches: Reach[]
  close(): Promise<void>
}

const HOST = '127.0.3.1'

/** Makes the group in a new folder of its own. */
export const CRASH_GROUPS = {
  /** What is accepted: files, messages, and everything else that is answered with 2xx. */
  accepting: async (folder: string): Promise<CrashGroup> => {
    const stand = await CrashStand.make({ folder })
    return { stand, reaches: acceptingReaches(stand), close: () => stand.close() }
  },
  /** From the claim of a block to the receipt. */
  sending: async (folder: string): Promise<CrashGroup> => {
    const stand = await CrashStand.make({ folder })
    return { stand, reaches: sendingReaches(stand), close: () => stand.close() }
  },
  /** What follows messages, and what is said back. */
  following: async (folder: string): Promise<CrashGroup> => {
    const stand = await CrashStand.make({ folder })
    return { stand, reaches: followingReaches(stand), close: () => stand.close() }
  },
  /** People are erased. */
  erasing: async (folder: string): Promise<CrashGroup> => {
    const stand = await CrashStand.make({ folder })
    return { stand, reaches: erasingReaches(stand), close: () => stand.close() }
  },
  /** The stores are written anew behind that. */
  compacting: async (folder: string): Promise<CrashGroup> => {
    const stand = await CrashStand.make({ folder })
    return { stand, reaches: compactingReaches(stand), close: () => stand.close() }
  },
  /** Texts and rows whose time is over. */
  forgetting: async (folder: string): Promise<CrashGroup> => {
    const stand = await CrashStand.make({ folder, preload: CLOCK_AHEAD })
    // Whoever checks the time of a signature takes nothing from an engine whose clock is months ahead.
    await stand.engine.start()
    await stand.client.ask('DELETE', '/v1/webhooks/main')
    await stand.engine.stop()
    return { stand, reaches: forgettingReaches(stand), close: () => stand.close() }
  },
  folders: foldersGroup,
  channels: channelsGroup,
}

function acceptingReaches(stand: CrashStand): Reach[] {
  const file = {
    'job-made': 3,
    'upload-written': 3,
    'upload-synced': 3,
    'upload-accepted': 3,
    'row-read': 100,
    'range-written': 3,
    'range-stored': 3,
    'duplicates-marked': 3,
    'job-reserved': 3,
    'job-released': 3,
  }
  return [
    { workload: new FileJobs(stand, 'file'), points: file },
    {
      workload: new SingleMessages(stand, 'single'),
      points: { 'messages-written': 20, 'messages-stored': 20, 'answer-kept': 20 },
    },
    { workload: new NewAccounts(stand), points: { 'account-made': 3 } },
    { workload: new Suppressed(stand), points: { 'opt-out-stored': 3 } },
    { workload: new Imports(stand), points: { 'contacts-written': 3, 'contacts-stored': 3 } },
    { workload: new Recordings(stand), points: { 'recording-kept': 3 } },
  ]
}

function sendingReaches(stand: CrashStand): Reach[] {
  const single = {
    'block-claimed': 20,
    'messages-authorised': 20,
    'commit-written': 50,
    'commit-stored': 50,
    'answers-owed': 20,
    'commit-released': 50,
    'submit-encoded': 100,
    'pdus-sent': 60,
    'response-recorded': 100,
    'receipt-read': 100,
    'states-written': 3,
    'log-truncated': 3,
  }
  return [
    { workload: new SingleMessages(stand, 'single'), points: single },
    { workload: new EarlyReceipts(stand, 'early'), points: { 'orphan-parked': 40, 'orphan-joined': 40 } },
    { workload: new LeftUnderWay(stand, 'under-way'), points: { 'unanswered-found': 10, 'blocks-recovered': 1 } },
    { workload: new Stopped(stand, 'stopped'), points: { 'stop-drained': 1, 'stop-stored': 1 } },
  ]
}

function followingReaches(stand: CrashStand): Reach[] {
  return [
    {
      workload: new SingleMessages(stand, 'single'),
      points: { 'fold-stored': 3, 'webhook-posted': 10, 'webhook-answered': 10, 'webhook-stored': 5 },
    },
    { workload: new InboundMessages(stand), points: { 'inbound-joined': 5, 'inbound-listed': 5 } },
    { workload: new Stops(stand), points: { 'opt-out-filtered': 5 } },
    { workload: new CanceledJobs(stand), points: { 'job-changed': 3, 'retry-made': 3 } },
    { workload: new RecurringJobs(stand), points: { 'run-made': 2 } },
    {
      workload: new ChangedEvents(stand),
      points: { 'event-announced': 3, 'event-cleared': 3, 'event-replaced': 5 },
    },
  ]
}

function erasingReaches(stand: CrashStand): Reach[] {
  const points = {
    'erasure-made': 2,
    'erasure-files': 2,
    'erasure-stored': 4,
    'erasure-traces': 2,
    'pages-filled': 6,
    'erasure-overwritten': 2,
    'erasure-done': 2,
  }
  return [{ workload: new ErasedPeople(stand), points }]
}

function compactingReaches(stand: CrashStand): Reach[] {
  // A passage for each of the three stores.
  const points = {
    'compaction-copied': 3,
    'compaction-synced': 3,
    'compaction-renamed': 3,
    'compaction-ended': 1,
  }
  return [{ workload: new CompactedStores(stand), points }]
}

function forgettingReaches(stand: CrashStand): Reach[] {
  const made = { messages: 0 }
  return [
    { workload: new ForgottenMessages(stand, 'texts', made), points: { 'texts-forgotten': 1 } },
    { workload: new ForgottenMessages(stand, 'rows', made), points: { 'rows-forgotten': 1, 'file-forgotten': 1 } },
  ]
}

/** The drop folder, and SFTP into it. */
async function foldersGroup(folder: string): Promise<CrashGroup> {
  const root = path.join(folder, 'drop')
  mkdirSync(root, { recursive: true })
  const port = await freePort()
  const { private: privateKey, public: line } = ssh2.utils.generateKeyPairSync('ed25519')
  const dropFolder = { root, settleMs: 100, scanMs: 300, sftp: { host: HOST, port } }
  const stand = await CrashStand.make({ folder, config: { dropFolder } })
  await stand.engine.start()
  const login = { username: 'acme-office', password: null, publicKeys: [line] }
  await stand.client.ask('POST', '/v1/accounts/acme/drop-credentials', { body: login, key: ADMIN_KEY })
  await stand.client.ask('PUT', '/v1/profiles/default', { body: { columns: { to: 'mobile', text: 'text' } } })
  await stand.engine.stop()
  const own = path.join(root, 'acme')
  const dropped = { 'drop-claimed': 3, 'drop-begun': 3, 'drop-job-made': 3, 'drop-placed': 3, 'drop-moved': 3 }
  const uploaded = { 'site-written': 3, 'site-synced': 3, 'site-renamed': 1 }
  const reaches: Reach[] = [
    { workload: new DroppedFiles(stand, own, 'dropped'), points: dropped },
    { workload: new UploadedFiles(stand, own, { port, username: login.username, privateKey }), points: uploaded },
  ]
  return { stand, reaches, close: () => stand.close() }
}

const MAX_CALLS = 4

/** Email by a real mail server, calls by a simulated gateway. */
async function channelsGroup(folder: string): Promise<CrashGroup> {
  mkdirSync(folder, { recursive: true })
  const peer = new MailPeer()
  const gateway = new Gateway({ host: HOST, port: 0, transport: 'udp', ringMs: 20 })
  const [mailPort, sipPort] = [await peer.listen(), await gateway.listen()]
  const from = 'Clinic <clinic@acme.example>'
  const relay = { id: 'relay', protocol: 'smtp', host: '127.0.0.1', port: mailPort, tls: 'none', from }
  const sip = { id: 'pbx', protocol: 'sip', host: HOST, port: sipPort, callerId: '+442071838750', localAddress: HOST }
  const [, program, script] = /\["([^"]+)", "([^"]+)"\]/.exec(speakerIn(folder))!
  const stand = await CrashStand.make({
    folder,
    carriers: [relay, { ...sip, maxCalls: MAX_CALLS, tailMs: 100, playDelayMs: 50 }],
    config: { speech: { command: [program, script] } },
  })
  const reaches: Reach[] = [
    { workload: new Emails(stand, peer), points: { 'email-taken': 10 } },
    { workload: new Calls(stand, gateway, MAX_CALLS), points: { 'call-dialled': 2, 'call-ended': 2 } },
  ]
  const close = async (): Promise<void> => {
    await stand.close()
    gateway.close()
    await peer.close()
  }
  return { stand, reaches, close }
}
