/** Every bound of the engine in one place, with the relations between them asserted at load. */
import assert from 'node:assert'

export const limits = {
  messagesPerBlock: 256,
  partsPerMessage: 32,
  partBytes: 254,
  /** SMPP message_payload in one submit_sm. */
  payloadBytes: 60_000,
  /** Subject, text, HTML and link of one email, as stored: with its address it fits a record. */
  mailBytes: 60_000,
  /** Play list of one call, as stored. */
  speechBytes: 32_768,
  /** Items of a play list, characters of all its texts, and the longest pause in it; greeting and closing aside. */
  speechItems: 50,
  speechCharacters: 2_000,
  speechPauseMs: 10_000,
  /** Of the greeting, and of the closing. */
  speechFrameCharacters: 1_000,
  /** A WAV file as it is uploaded. */
  recordingBytes: 10 << 20,
  /** Octets of a user data header that a message of 8-bit data brings. */
  userDataHeaderBytes: 64,
  blockBytes: 1 << 20,

  recordBytes: 64 * 1024,
  /** A row that has no end within so many octets ends the reading of its file. */
  endlessBytes: 4 << 20,
  fieldBytes: 16 * 1024,
  columns: 256,
  sniffBytes: 4 << 20,
  rangeBytes: 1 << 20,
  /** Ranges of one job that may be in work or queued at the pool at once. */
  rangesInWork: 8,
  /** From so many rows on, a larger share of numbers in scientific notation pauses a job for review. */
  reviewRowsMin: 1_000,
  scientificShare: 0.01,
  inlineRecipients: 10_000,
  pricesPerAccount: 10_000,
  messagesPerRequest: 1_000,
  suppressionsPerRequest: 10_000,
  /** Answers to STOP, START and HELP that one number gets from one account within a day. */
  optOutAnswersPerDay: 10,
  /** Rejected lines of an import that its answer names. */
  importErrors: 1_000,
  /** Of a file as it is read: a compressed one is measured unpacked. */
  uploadBytes: 64 * 1024 ** 3,
  /** A gzip file may unpack to so many times its size, and to so many bytes whatever its size. */
  gzipRatio: 100,
  gzipFreeBytes: 1 << 20,

  pduBytes: 64 * 1024,
  windowMax: 10_000,
  bindsMax: 200,
  carrierIdBytes: 255,
  /** Custom optional parameters of one submit, and octets of all their values together. */
  tlvs: 16,
  tlvBytes: 1024,

  outcomesPerCommit: 32_768,
  /** Claimed blocks with unsent messages, over all lanes of one dispatcher. */
  blocksClaimed: 256,
  /** Block states resident in the dispatcher; clean ones beyond it are dropped. */
  blockStatesResident: 1_024,
  receiptIndexHot: 1 << 19,
  orphansHot: 1 << 16,
  /** Conversations in memory, and how long after its lock one is still known. */
  talksHot: 1 << 18,
  talkKeptMs: 86_400_000,
  /** A receipt still finds a message that ended as `sent` so long ago. */
  lateReceiptSeconds: 7 * 86_400,

  /** Inbound messages whose parts are awaited, and messages that late or repeated parts are told by. */
  inboundGroups: 20_000,
  inboundRemembered: 20_000,
  /** Of one account. */
  inboundNumbers: 10_000,
  inboundKeywords: 1_000,
  /** 31 days. */
  lockSecondsMax: 2_678_400,
  /** Octets of inbound messages that one connection may have handed over without an answer. */
  inboundHeldBytes: 4 << 20,
  /** A carrier repeats what it saw no answer to within this time. */
  inboundDoubtMs: 600_000,

  /** Traces open at once, and PDUs that one of them may have waiting. */
  traces: 16,
  tracedPdus: 2_000,

  /** Contacts of one bulk request, and octets of its body. */
  contactsPerRequest: 10_000,
  contactListBytes: 16 << 20,
  /** Of one contact; its record is at most so many octets as stored. */
  contactAttributes: 256,
  contactTags: 100,
  contactBytes: 32 * 1024,
  attributeNameChars: 128,
  attributeValueChars: 2_048,
  tagChars: 64,
  consentChars: 1_024,
  emailChars: 254,
  companyChars: 256,
  /** Of one account. */
  attributeNames: 1_000,
  tagNames: 10_000,
  /** New numbers of an account that are kept as sorted runs before they are merged into the index. */
  freshNumbers: 131_072,
  /** Rejected rows that the view of an import shows. */
  importRejectsShown: 100,
  /** Conditions of an audience: all of them, one within another, and values of one `in`. */
  conditions: 200,
  conditionDepth: 10,
  conditionValues: 1_000,
  conditionValueChars: 1_024,
  audienceTags: 50,
  /** Contacts that one task of an audience looks at, and octets of the file that it makes of them. */
  audienceTaskContacts: 20_000,
  audienceTaskBytes: 1 << 20,

  /** Attempts of one message before it fails with RETRIES_EXHAUSTED. */
  attempts: 20,
  /** Times that a call comes back because no gateway could take it, some 22 hours altogether, before its message ends. */
  callReturns: 50,
  webhooksPerAccount: 50,
  /** URLs that the open jobs of an account may name as their callbackUrl. */
  callbacksPerAccount: 1_000,

  /** Requests of one HTTP connection that may wait for their answers. */
  pipelined: 64,
  /** Requests for health and metrics, and of the admin about what goes wrong, that are let in beside all others. */
  vitalRequests: 256,
  /** Octets of JSON bodies that are read or worked on at once; less where the heap is small: that share of it. */
  bodyBytesAtOnce: 24 << 20,
  bodyHeapShare: 1 / 16,
  /** Octets of answers that may wait to be read before reading is refused. */
  answerBytes: 32 << 20,
  /** Answers of any length under way at once. */
  downloads: 32,
  downloadsPerAccount: 8,
  /** An answer of which nothing is taken for so long is given up; sooner while too many octets wait. */
  readStallMs: 60_000,
  readStallScarceMs: 5_000,
  /** What comes behind an early answer is read on for so long, and of all together so many octets a second. */
  drainMs: 10_000,
  drainBytesPerSecond: 32 << 20,
  /** Octets that the main thread holds from which on garbage is collected, this often at most; and beyond which it takes less. */
  heapCollectBytes: 112 << 20,
  heapCollectMs: 1_000,
  heapScarceBytes: 176 << 20,
  /** Answers to GET that are made at once; the others wait, an account after the other. */
  readsAtOnce: 8,
  /** Of an upload or answer so much must pass in such a time. */
  transferMs: 600_000,
  transferBytesMin: 4_096,
  /** Milliseconds of making /metrics that may be spent at once, and in each second; who asks beyond it shares a text. */
  scrapeMs: 200,
  scrapeMsPerSecond: 100,

  /** Octets of messages that wait for their commit before more are refused. */
  commitQueueBytes: 32 << 20,
  /** Files that are being read at once. */
  jobsReading: 1_024,
  jobsReadingPerAccount: 512,
  /** Octets that the settings of open jobs take in memory, about. */
  openJobBytes: 96 << 20,
  openJobBytesPerAccount: 32 << 20,

  jobsPerPage: 200,
  idempotencyHours: 72,
  storeFreeRatio: 0.1,
} as const

assert(limits.messagesPerBlock <= 256, 'a place is one octet')
assert(limits.partsPerMessage <= 32, 'part bitmaps are 32 bits')
assert(limits.recordBytes < limits.rangeBytes, 'a range holds at least one record')
assert(limits.fieldBytes <= limits.recordBytes)
assert(limits.payloadBytes < limits.pduBytes)
assert(limits.mailBytes + limits.emailChars + 64 < 65_536, 'the length of a record is 16 bits')
assert(
  (limits.speechCharacters + 2 * limits.speechFrameCharacters) * 3 + 3 * limits.speechItems * 35 + 64 <
    limits.speechBytes,
  'greeting, message and closing fit a record',
)
assert(limits.contactListBytes < limits.uploadBytes)
assert(limits.attributeValueChars <= limits.fieldBytes, 'an attribute fits a field of the file of its audience')
assert(limits.bodyBytesAtOnce >= limits.contactListBytes, 'the largest body fits in')
assert(limits.heapCollectBytes < limits.heapScarceBytes)
assert(limits.jobsReadingPerAccount < limits.jobsReading && limits.openJobBytesPerAccount < limits.openJobBytes)
assert(limits.blocksClaimed < limits.blockStatesResident)
